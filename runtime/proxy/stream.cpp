#include "runtime/proxy/stream.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>

namespace homeostat::proxy {
namespace {

IoResult failure(int error) noexcept {
  if (error == EAGAIN || error == EWOULDBLOCK) return {IoStatus::would_block, 0, 0};
  return {IoStatus::error, 0, error};
}

}  // namespace

void Stream::assign(int descriptor, int family) {
  socket_.assign(boost::asio::generic::stream_protocol(family, 0), descriptor);
  boost::system::error_code ignored;
  socket_.native_non_blocking(true, ignored);
}

IoResult Stream::read(std::span<char> into) noexcept {
  for (;;) {
    const ssize_t count = ::recv(descriptor(), into.data(), into.size(), 0);
    if (count > 0) return {IoStatus::ok, static_cast<std::size_t>(count), 0};
    if (count == 0) return {IoStatus::end, 0, 0};
    if (errno != EINTR) return failure(errno);
  }
}

IoResult Stream::write(std::span<const iovec> pieces) noexcept {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(pieces.data());  // the C interface is not const-correct
  message.msg_iovlen = pieces.size();
  for (;;) {
    const ssize_t count = ::sendmsg(descriptor(), &message, MSG_NOSIGNAL);
    if (count >= 0) return {IoStatus::ok, static_cast<std::size_t>(count), 0};
    if (errno != EINTR) return failure(errno);
  }
}

IoStatus Stream::peek() noexcept {
  char byte = 0;
  for (;;) {
    const ssize_t count = ::recv(descriptor(), &byte, 1, MSG_PEEK);
    if (count > 0) return IoStatus::ok;
    if (count == 0) return IoStatus::end;
    if (errno != EINTR) return failure(errno).status;
  }
}

int Stream::connect_error() noexcept {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(descriptor(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
  return error;
}

void Stream::arm_readable() {
  if (read_armed_ || !socket_.is_open()) return;
  read_armed_ = true;
  socket_.async_wait(boost::asio::socket_base::wait_read,
                     [this, owner = Ref<StreamOwner>(&owner_)](boost::system::error_code error) {
                       read_armed_ = false;
                       if (error != boost::asio::error::operation_aborted && socket_.is_open()) {
                         owner->on_readable();
                       }
                     });
}

void Stream::arm_writable() {
  if (write_armed_ || !socket_.is_open()) return;
  write_armed_ = true;
  socket_.async_wait(boost::asio::socket_base::wait_write,
                     [this, owner = Ref<StreamOwner>(&owner_)](boost::system::error_code error) {
                       write_armed_ = false;
                       if (error != boost::asio::error::operation_aborted && socket_.is_open()) {
                         owner->on_writable();
                       }
                     });
}

void Stream::shutdown_send() noexcept {
  if (socket_.is_open()) ::shutdown(descriptor(), SHUT_WR);
}

void Stream::abort() noexcept {
  if (!socket_.is_open()) return;
  const linger reset{1, 0};
  ::setsockopt(descriptor(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  close();
}

void Stream::close() noexcept {
  boost::system::error_code ignored;
  if (socket_.is_open()) socket_.close(ignored);
}

}  // namespace homeostat::proxy
