#include "runtime/proxy/listener.hpp"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "config/settings/address_text.hpp"
#include "runtime/proxy/socket_file.hpp"
#include "runtime/proxy/upstream_target.hpp"
#include "runtime/proxy/worker.hpp"

namespace homeostat::proxy {
namespace {

constexpr std::chrono::milliseconds retry_after{100};
constexpr std::chrono::minutes warning_period{1};

std::string numeric_host(const sockaddr_storage& storage) {
  char text[INET6_ADDRSTRLEN] = {};
  if (storage.ss_family == AF_INET) {
    const auto* address = reinterpret_cast<const sockaddr_in*>(&storage);
    ::inet_ntop(AF_INET, &address->sin_addr, text, sizeof text);
  } else if (storage.ss_family == AF_INET6) {
    const auto* address = reinterpret_cast<const sockaddr_in6*>(&storage);
    if (IN6_IS_ADDR_V4MAPPED(&address->sin6_addr)) {
      ::inet_ntop(AF_INET, &address->sin6_addr.s6_addr[12], text, sizeof text);
    } else {
      ::inet_ntop(AF_INET6, &address->sin6_addr, text, sizeof text);
    }
  }
  return text;
}

std::uint16_t port_of(const sockaddr_storage& storage) {
  if (storage.ss_family == AF_INET) {
    return ntohs(reinterpret_cast<const sockaddr_in*>(&storage)->sin_port);
  }
  if (storage.ss_family == AF_INET6) {
    return ntohs(reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_port);
  }
  return 0;
}

bool switch_on(int descriptor, int level, int option) noexcept {
  const int on = 1;
  return ::setsockopt(descriptor, level, option, &on, sizeof on) == 0;
}

/// Binds and listens. Without SO_REUSEPORT one of the two fails if anybody else
/// listens; SO_REUSEADDR only lets connections of the past be.
bool occupy(int descriptor, const SocketAddress& address) noexcept {
  return ::bind(descriptor, address.get(), address.length) == 0 &&
         ::listen(descriptor, listen_backlog) == 0;
}

bool listen_tcp(int descriptor, const SocketAddress& address, bool every_interface,
                ListenerRank rank) {
  if (!switch_on(descriptor, SOL_SOCKET, SO_REUSEADDR)) return false;
  if (address.family() == AF_INET6 && every_interface) {
    const int off = 0;
    ::setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  }
  if (rank == ListenerRank::first) {
    // Set afterwards: it lets our own further sockets join, which set it before.
    return occupy(descriptor, address) && switch_on(descriptor, SOL_SOCKET, SO_REUSEPORT);
  }
  return switch_on(descriptor, SOL_SOCKET, SO_REUSEPORT) && occupy(descriptor, address);
}

int listen_on(const SocketAddress& address, const config::Address& wanted, ListenerRank rank) {
  const int descriptor = ::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return -1;
  const bool listening = address.family() == AF_UNIX
                             ? listen_unix(descriptor, address, wanted.unix_path)
                             : listen_tcp(descriptor, address, wanted.host.empty(), rank);
  if (listening) return descriptor;
  const int error = errno;
  ::close(descriptor);
  errno = error;
  return -1;
}

/// From now on no handshake begins, so that nobody connects between the last accept and
/// the close, only to be reset: a newcomer's SYN is dropped, the one it sends a second later
/// is refused. What the kernel does not offer (Unix sockets have none) is done without.
void ignore_newcomers(int descriptor) noexcept {
  constexpr std::uint32_t flags_offset = 13;  // RFC 9293 section 3.1
  constexpr std::uint32_t syn = 0x02;
  constexpr std::uint32_t ack = 0x10;
  constexpr std::uint32_t whole = 0xffffffff;
  std::array<sock_filter, 5> program{{BPF_STMT(BPF_LD | BPF_B | BPF_ABS, flags_offset),
                                      BPF_STMT(BPF_ALU | BPF_AND | BPF_K, syn | ack),
                                      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, syn, 0, 1),
                                      BPF_STMT(BPF_RET | BPF_K, 0),
                                      BPF_STMT(BPF_RET | BPF_K, whole)}};
  const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  ::setsockopt(descriptor, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter);
}

std::string refusal(const config::Address& address, int error) {
  std::string text = "cannot listen on " + config::to_string(address) + ": " + std::strerror(error);
  if (error != EADDRINUSE) return text;
  return text + (is_other_file(address.unix_path)
                     ? "; the file there is not a socket"
                     : "; another process, perhaps another homeostat, serves there");
}

}  // namespace

int open_listener(const config::Address& address, ListenerRank rank, config::Address& bound,
                  std::string& error) {
  std::vector<SocketAddress> addresses = resolve(address, true, error);
  if (addresses.empty()) return -1;
  // An empty host means every interface: one IPv6 socket serves both families.
  for (SocketAddress& one : addresses) {
    if (address.host.empty() && one.family() == AF_INET6) std::swap(addresses.front(), one);
  }
  for (const SocketAddress& one : addresses) {
    const int descriptor = listen_on(one, address, rank);
    if (descriptor < 0) {
      const int reason = errno;
      error = refusal(address, reason);
      if (reason == EADDRINUSE) return -1;  // the name's other address would hide that
      continue;
    }
    bound = address;
    sockaddr_storage actual{};
    socklen_t length = sizeof actual;
    if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&actual), &length) == 0 &&
        actual.ss_family != AF_UNIX) {
      bound.port = port_of(actual);
    }
    return descriptor;
  }
  return -1;
}

Listener::Listener(Worker& worker, int descriptor)
    : worker_(worker), descriptor_(worker.context(), descriptor), retry_(worker.context()) {}

void Listener::start() { wait(); }

void Listener::close() {
  boost::system::error_code ignored;
  retry_.cancel();
  if (descriptor_.is_open()) descriptor_.close(ignored);
}

void Listener::wait() {
  descriptor_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                         [this](boost::system::error_code error) {
                           if (!error) accept();
                         });
}

void Listener::note_failure(int error) {
  worker_.counters().accept_failures.fetch_add(1, std::memory_order_relaxed);
  const Instant now = worker_.now();
  if (warned_ && now - *warned_ < warning_period) return;
  warned_ = now;
  spdlog::warn("cannot accept clients for the moment: {}; open connections are served on",
               std::strerror(error));
}

void Listener::pause() {
  retry_.expires_after(retry_after);
  retry_.async_wait([this](boost::system::error_code error) {
    if (!error) wait();
  });
}

/// 0 if there may be another one, else errno.
int Listener::accept_one() {
  sockaddr_storage peer{};
  socklen_t length = sizeof peer;
  const int client = ::accept4(descriptor_.native_handle(), reinterpret_cast<sockaddr*>(&peer),
                               &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (client < 0) return errno == EINTR || errno == ECONNABORTED ? 0 : errno;
  worker_.accepted(client, peer.ss_family == 0 ? AF_UNIX : peer.ss_family, numeric_host(peer));
  return 0;
}

void Listener::accept() {
  for (int i = 0; i < accepts_per_event; ++i) {
    const int error = accept_one();
    if (error == 0) continue;
    if (error == EAGAIN || error == EWOULDBLOCK) break;
    note_failure(error);
    pause();  // out of descriptors or memory: let some connections end first
    return;
  }
  wait();
}

void Listener::drain() {
  if (!descriptor_.is_open()) return;
  ignore_newcomers(descriptor_.native_handle());
  for (int i = 0; i < listen_backlog && accept_one() == 0; ++i) {
  }
  close();
}

}  // namespace homeostat::proxy
