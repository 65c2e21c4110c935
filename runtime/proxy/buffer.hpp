// Fixed-size byte buffers lent by a per-worker pool, so that a connection
// holds memory only while it has bytes in flight.
//
// Thread safety: none; a pool and its buffers live on one worker.
// Bounds: the pool keeps at most `kept_max` free blocks of each size and gives
// the rest back to the allocator.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace homeostat::proxy {

class BufferPool;

/// A window [begin, end) of unread bytes inside a block. Move-only; gives its
/// block back on destruction.
class Buffer {
 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;
  ~Buffer() { reset(); }

  [[nodiscard]] explicit operator bool() const noexcept { return block_ != nullptr; }
  [[nodiscard]] std::string_view view() const noexcept {
    return {block_.get() + begin_, end_ - begin_};
  }
  [[nodiscard]] std::span<char> space() noexcept { return {block_.get() + end_, capacity_ - end_}; }
  [[nodiscard]] bool empty() const noexcept { return begin_ == end_; }
  [[nodiscard]] std::size_t size() const noexcept { return end_ - begin_; }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }

  void produced(std::size_t bytes) noexcept { end_ += bytes; }
  void consume(std::size_t bytes) noexcept { begin_ += bytes; }
  void clear() noexcept { begin_ = end_ = 0; }
  /// Moves the unread bytes to the front. Views into the buffer become stale.
  void compact() noexcept;
  /// REQUIRES: bytes.size() <= space().size().
  void append(std::string_view bytes) noexcept;
  void reset() noexcept;

 private:
  friend class BufferPool;
  BufferPool* pool_ = nullptr;
  std::unique_ptr<char[]> block_;
  std::size_t capacity_ = 0, begin_ = 0, end_ = 0;
};

class BufferPool {
 public:
  static constexpr std::size_t head_size = 4 * 1024;   ///< request heads, most of them
  static constexpr std::size_t body_size = 64 * 1024;  ///< body streaming
  static constexpr std::size_t kept_max = 64;          ///< free blocks kept of each size

  BufferPool() = default;
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

  [[nodiscard]] Buffer lend_head() { return lend(head_size); }
  [[nodiscard]] Buffer lend_body() { return lend(body_size); }
  /// A block of any size; sizes other than the two above are not kept.
  [[nodiscard]] Buffer lend(std::size_t capacity);
  /// Bytes of the blocks that are lent now.
  [[nodiscard]] std::size_t lent() const noexcept { return lent_; }

 private:
  friend class Buffer;
  using Blocks = std::vector<std::unique_ptr<char[]>>;
  [[nodiscard]] Blocks* kept(std::size_t capacity) noexcept;
  void take_back(std::unique_ptr<char[]> block, std::size_t capacity) noexcept;

  Blocks heads_, bodies_;
  std::size_t lent_ = 0;
};

}  // namespace homeostat::proxy
