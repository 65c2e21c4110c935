#include "runtime/proxy/stream.hpp"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstring>
#include <utility>

namespace homeostat::proxy {
namespace {

using boost::asio::detail::reactor;

IoResult failure(int error) noexcept {
  if (error == EAGAIN || error == EWOULDBLOCK) return {IoStatus::would_block, 0, 0};
  return {IoStatus::error, 0, error};
}

/// Bytes (or the end, as 1) still waiting after a read; -1 if the kernel did not say.
int rest_of(msghdr& message) noexcept {
  for (cmsghdr* one = CMSG_FIRSTHDR(&message); one != nullptr; one = CMSG_NXTHDR(&message, one)) {
    if (one->cmsg_level != SOL_TCP || one->cmsg_type != TCP_INQ) continue;
    int rest = 0;
    std::memcpy(&rest, CMSG_DATA(one), sizeof rest);
    return rest;
  }
  return -1;
}

}  // namespace

// -- waiting ----------------------------------------------------------------------

Stream::Wait::Wait(Stream& stream, Callback callback)
    : reactor_op({}, &Wait::perform, &Wait::complete), stream_(stream), callback_(callback) {}

void Stream::Wait::arm(int kind, bool look_again) {
  keep_ = Ref<StreamOwner>(&stream_.owner_);
  ec_ = {};
  arming_ = kind == reactor::write_op;
  stream_.reactor_.start_op(kind, stream_.descriptor_, stream_.registration_, this, false,
                            !look_again);
  arming_ = false;
}

/// Called on an event, and at arming when an event came while nobody waited. A
/// write event from before the socket was full says nothing: only the next does.
boost::asio::detail::reactor_op::status Stream::Wait::perform(reactor_op* base) {
  return static_cast<Wait*>(base)->arming_ ? not_done : done_and_exhausted;
}

void Stream::Wait::complete(void* scheduler, Operation* base, const boost::system::error_code&,
                            std::size_t) {
  auto* self = static_cast<Wait*>(base);
  Stream& stream = self->stream_;
  const Ref<StreamOwner> owner = std::move(self->keep_);
  // Without a scheduler the loop is being destroyed; the owner may go with it.
  if (scheduler == nullptr || self->ec_ || !stream.is_open()) return;
  if (self == &stream.read_wait_) stream.drained_ = false;
  ((*owner).*self->callback_)();
}

void Stream::arm_read(bool look_again) {
  if (!is_open()) return;
  if (!read_wait_.armed()) {
    events_only_ = false;
    read_wait_.arm(reactor::read_op, look_again);
    return;
  }
  if (!look_again || !std::exchange(events_only_, false)) return;
  // An armed wait cannot be made to look again: what is there is reported beside it.
  boost::asio::post(static_cast<boost::asio::io_context&>(reactor_.context()),
                    [this, keep = Ref<StreamOwner>(&owner_)] {
                      if (is_open()) keep->on_readable();
                    });
}

void Stream::arm_next_event() {
  if (!is_open()) return;
  // Also of a wait that is armed already: what is there has just been left where it is.
  events_only_ = true;
  if (!read_wait_.armed()) read_wait_.arm(reactor::read_op, false);
}

void Stream::arm_writable() {
  if (write_wait_.armed() || !is_open()) return;
  const bool first = !writes_watched_;
  writes_watched_ = true;
  write_wait_.arm(reactor::write_op, first);
}

// -- the socket -------------------------------------------------------------------

Stream::Stream(StreamOwner& owner, const Executor& executor)
    : owner_(owner),
      reactor_(boost::asio::use_service<reactor>(executor.context())),
      read_wait_(*this, &StreamOwner::on_readable),
      write_wait_(*this, &StreamOwner::on_writable) {}

void Stream::assign(int descriptor, int family) {
  close();
  reactor_.init_task();
  if (reactor_.register_descriptor(descriptor, registration_) != 0) {
    // Out of memory or of epoll watches: a stream that is not open gets no
    // callbacks, and its owner goes away with its last reference.
    reactor_.cleanup_descriptor_data(registration_);
    ::close(descriptor);
    return;
  }
  descriptor_ = descriptor;
  drained_ = writes_watched_ = false;
  const int on = 1;
  tells_rest_ =
      family != AF_UNIX && ::setsockopt(descriptor, IPPROTO_TCP, TCP_INQ, &on, sizeof on) == 0;
}

IoResult Stream::read(std::span<char> into) noexcept {
  if (drained_) return {IoStatus::would_block, 0, 0};
  iovec piece{into.data(), into.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  for (;;) {
    message.msg_control = tells_rest_ ? control : nullptr;
    message.msg_controllen = tells_rest_ ? sizeof control : 0;
    const ssize_t count = ::recvmsg(descriptor_, &message, 0);
    if (count > 0) {
      drained_ = tells_rest_ && rest_of(message) == 0;
      return {IoStatus::ok, static_cast<std::size_t>(count), 0};
    }
    if (count == 0) return {IoStatus::end, 0, 0};
    if (errno == EINTR) continue;
    const IoResult result = failure(errno);
    drained_ = result.status == IoStatus::would_block;
    return result;
  }
}

IoResult Stream::write(std::span<const iovec> pieces) noexcept {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(pieces.data());  // the C interface is not const-correct
  message.msg_iovlen = pieces.size();
  for (;;) {
    const ssize_t count = pieces.size() == 1 ? ::send(descriptor_, pieces.front().iov_base,
                                                      pieces.front().iov_len, MSG_NOSIGNAL)
                                             : ::sendmsg(descriptor_, &message, MSG_NOSIGNAL);
    if (count >= 0) {
      bytes_written_ += static_cast<std::uint64_t>(count);
      return {IoStatus::ok, static_cast<std::size_t>(count), 0};
    }
    if (errno == EINTR) continue;
    const IoResult result = failure(errno);
    if (result.status == IoStatus::error) drained_ = false;  // reading will say it too
    return result;
  }
}

std::uint64_t Stream::bytes_taken() noexcept {
  int queued = 0;  // a Unix socket's count includes overhead: close enough for a rate
  if (::ioctl(descriptor(), SIOCOUTQ, &queued) != 0) queued = 0;
  const auto kept = static_cast<std::uint64_t>(queued);
  return bytes_written_ > kept ? bytes_written_ - kept : 0;
}

IoStatus Stream::peek() noexcept {
  char byte = 0;
  for (;;) {
    const ssize_t count = ::recv(descriptor_, &byte, 1, MSG_PEEK);
    if (count < 0 && errno == EINTR) continue;
    const IoStatus status = count > 0    ? IoStatus::ok
                            : count == 0 ? IoStatus::end
                                         : failure(errno).status;
    drained_ = status == IoStatus::would_block;
    return status;
  }
}

bool Stream::peer_ended() const noexcept {
  pollfd one{descriptor_, POLLRDHUP, 0};
  return ::poll(&one, 1, 0) > 0;  // an error and a reset are reported unasked
}

int Stream::connect_error() noexcept {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(descriptor_, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
  return error;
}

void Stream::shutdown_send() noexcept {
  if (is_open()) ::shutdown(descriptor_, SHUT_WR);
}

void Stream::abort() noexcept {
  if (!is_open()) return;
  const linger reset{1, 0};
  ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  close();
}

void Stream::close() noexcept {
  if (!is_open()) return;
  reactor_.deregister_descriptor(descriptor_, registration_, true);
  ::close(descriptor_);
  descriptor_ = -1;
  reactor_.cleanup_descriptor_data(registration_);
}

}  // namespace homeostat::proxy
