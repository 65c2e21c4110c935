#include "tests/support/socket.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <thread>

namespace homeostat::test {
namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

sockaddr_un unix_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  return address;
}

template <class Address>
const sockaddr* generic(const Address& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

std::uint16_t port_of(int descriptor) {
  sockaddr_in actual{};
  socklen_t size = sizeof actual;
  ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&actual), &size);
  return ntohs(actual.sin_port);
}

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

Socket::Socket(int descriptor) : descriptor_(descriptor) {
  if (descriptor_ < 0) return;
  const timeval patience{socket_patience.count(), 0};
  ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(descriptor_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  const int on = 1;
  ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

Socket& Socket::operator=(Socket&& other) noexcept {
  if (this != &other) {
    close();
    descriptor_ = std::exchange(other.descriptor_, -1);
  }
  return *this;
}

bool Socket::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

Socket::Received Socket::receive(std::string& into, std::size_t most) {
  const std::size_t before = into.size();
  into.resize(before + most);
  ssize_t count = 0;
  do {
    count = ::recv(descriptor_, into.data() + before, most, 0);
  } while (count < 0 && errno == EINTR);
  const int error = errno;
  into.resize(before + (count > 0 ? static_cast<std::size_t>(count) : 0));
  if (count > 0) return Received::bytes;
  if (count == 0) return Received::end;
  return error == EAGAIN || error == EWOULDBLOCK ? Received::timeout : Received::reset;
}

void Socket::shut_down_sending() { ::shutdown(descriptor_, SHUT_WR); }
void Socket::shut_down() { ::shutdown(descriptor_, SHUT_RDWR); }

void Socket::reset() {
  if (descriptor_ < 0) return;
  const linger hard{1, 0};
  ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  close();
}

void Socket::close() {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

void Socket::limit_receive_buffer(int bytes) {
  ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
}

Socket connect_tcp(std::uint16_t port, int receive_buffer) {
  Socket socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (receive_buffer > 0) socket.limit_receive_buffer(receive_buffer);
  const sockaddr_in address = loopback(port);
  if (::connect(socket.descriptor(), generic(address), sizeof address) != 0) return {};
  return socket;
}

Socket connect_unix(const std::string& path) {
  Socket socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_un address = unix_address(path);
  if (::connect(socket.descriptor(), generic(address), sizeof address) != 0) return {};
  return socket;
}

ListeningSocket::ListeningSocket(const std::string& unix_path, std::uint16_t port) {
  const bool local = !unix_path.empty();
  descriptor_ = ::socket(local ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor_ < 0) fail("socket");
  const int on = 1;
  ::setsockopt(descriptor_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  int bound = 0;
  if (local) {
    const sockaddr_un address = unix_address(unix_path);
    bound = ::bind(descriptor_, generic(address), sizeof address);
  } else {
    const sockaddr_in address = loopback(port);
    bound = ::bind(descriptor_, generic(address), sizeof address);
  }
  if (bound != 0 || ::listen(descriptor_, 512) != 0) fail("listen");
  if (local) return;
  port_ = port_of(descriptor_);
}

ListeningSocket::~ListeningSocket() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Socket ListeningSocket::accept() {
  for (;;) {
    const int descriptor = ::accept4(descriptor_, nullptr, nullptr, SOCK_CLOEXEC);
    if (descriptor >= 0) return Socket(descriptor);
    if (errno == EMFILE || errno == ENFILE) {
      // A test that uses up its descriptors gives some back: the connection waits.
      pollfd ended{descriptor_, 0, 0};
      if (::poll(&ended, 1, 0) > 0) return {};  // shut down meanwhile
      std::this_thread::yield();
      continue;
    }
    if (errno != EINTR && errno != ECONNABORTED) return {};
  }
}

UnansweringPort::UnansweringPort() : descriptor_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  if (descriptor_ < 0) fail("socket");
  const sockaddr_in any = loopback(0);
  // A queue of length n takes n + 1 connections on Linux.
  if (::bind(descriptor_, generic(any), sizeof any) != 0 || ::listen(descriptor_, 0) != 0) {
    fail("listen");
  }
  port_ = port_of(descriptor_);
  const sockaddr_in address = loopback(port_);
  // On loopback a connection is there at once, or its first packet was dropped.
  for (int dropped = 0; dropped < 2;) {
    queued_.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const int socket = queued_.back().descriptor();
    static_cast<void>(::connect(socket, generic(address), sizeof address));
    pollfd connected{socket, POLLOUT, 0};
    if (::poll(&connected, 1, 0) == 0) ++dropped;
  }
}

UnansweringPort::~UnansweringPort() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

HeldPort::HeldPort(std::uint16_t port)
    : descriptor_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  if (descriptor_ < 0) fail("socket");
  const int on = 1;
  ::setsockopt(descriptor_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const sockaddr_in address = loopback(port);
  if (::bind(descriptor_, generic(address), sizeof address) != 0) {
    const int error = errno;
    ::close(descriptor_);
    errno = error;
    fail("bind");
  }
  port_ = port_of(descriptor_);
}

HeldPort::~HeldPort() { ::close(descriptor_); }

void ListeningSocket::shut_down() { ::shutdown(descriptor_, SHUT_RDWR); }

}  // namespace homeostat::test
