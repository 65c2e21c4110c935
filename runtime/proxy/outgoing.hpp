// Byte ranges on their way to a socket, in order.
//
// Borrows the memory: whoever adds a range keeps it alive until `empty()`.
// Thread safety: none.
#pragma once

#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <string_view>

#include "runtime/proxy/stream.hpp"

namespace homeostat::proxy {

class Outgoing {
 public:
  static constexpr std::size_t pieces_max = 64;

  /// REQUIRES: !full().
  void add(std::string_view bytes) noexcept {
    if (bytes.empty()) return;
    pieces_[count_++] = {const_cast<char*>(bytes.data()), bytes.size()};
  }
  [[nodiscard]] bool full() const noexcept { return count_ == pieces_max; }
  [[nodiscard]] std::size_t room() const noexcept { return pieces_max - count_; }
  [[nodiscard]] bool empty() const noexcept { return first_ == count_; }
  void clear() noexcept { first_ = count_ = 0; }

  /// Writes until done (ok), no room (would_block) or error.
  [[nodiscard]] IoStatus flush(Stream& stream) noexcept;
  [[nodiscard]] std::uint64_t written() const noexcept { return written_; }

 private:
  void drop(std::size_t bytes) noexcept;

  std::array<iovec, pieces_max> pieces_;
  std::size_t first_ = 0, count_ = 0;
  std::uint64_t written_ = 0;
};

}  // namespace homeostat::proxy
