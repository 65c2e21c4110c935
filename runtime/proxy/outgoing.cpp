#include "runtime/proxy/outgoing.hpp"

namespace homeostat::proxy {

IoStatus Outgoing::flush(Stream& stream) noexcept {
  while (!empty()) {
    const IoResult result = stream.write({pieces_.data() + first_, count_ - first_});
    if (result.status != IoStatus::ok) return result.status;
    written_ += result.bytes;
    drop(result.bytes);
    // A short write filled the socket (epoll(7)): asking again would only say so.
    if (!empty()) return IoStatus::would_block;
  }
  clear();
  return IoStatus::ok;
}

void Outgoing::drop(std::size_t bytes) noexcept {
  while (bytes > 0) {
    iovec& piece = pieces_[first_];
    if (bytes < piece.iov_len) {
      piece.iov_base = static_cast<char*>(piece.iov_base) + bytes;
      piece.iov_len -= bytes;
      return;
    }
    bytes -= piece.iov_len;
    ++first_;
  }
}

}  // namespace homeostat::proxy
