#include "runtime/proxy/upstream_connection.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "runtime/proxy/upstream_pool.hpp"

namespace homeostat::proxy {

bool is_local_failure(int error) noexcept {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM ||
         error == EADDRNOTAVAIL;
}

UpstreamConnection::~UpstreamConnection() { close(); }

void UpstreamConnection::close() noexcept {
  stream.close();
  if (std::exchange(counted_, false)) target_.drop_connection();
}

bool UpstreamConnection::connect(int& error) {
  const SocketAddress address = target_.next_address();
  const int descriptor = ::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) {
    error = errno;
    return false;
  }
  if (address.family() != AF_UNIX) {
    const int on = 1;
    ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  }
  // A full Unix backlog answers EAGAIN: report it like a refused connection.
  if (::connect(descriptor, address.get(), address.length) != 0 && errno != EINPROGRESS) {
    error = errno;
    ::close(descriptor);
    return false;
  }
  stream.assign(descriptor, address.family());
  if (!stream.is_open()) {
    error = ENOMEM;
    return false;
  }
  connecting_ = true;
  stream.arm_writable();
  return true;
}

void UpstreamConnection::on_readable() {
  if (user_ != nullptr) {
    if (!connecting_) user_->on_upstream_readable();
    return;
  }
  // An idle connection has nothing to say: it was closed, or it broke framing.
  pool_.discard(*this);
}

void UpstreamConnection::on_writable() {
  if (user_ == nullptr) return;
  if (connecting_) {
    connecting_ = false;
    user_->on_upstream_connected(stream.connect_error());
    return;
  }
  user_->on_upstream_writable();
}

void UpstreamConnection::on_deadline() {
  if (user_ != nullptr) {
    user_->on_upstream_deadline();
    return;
  }
  pool_.discard(*this);
}

}  // namespace homeostat::proxy
