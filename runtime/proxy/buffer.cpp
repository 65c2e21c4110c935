#include "runtime/proxy/buffer.hpp"

#include <cstdlib>
#include <utility>

namespace homeostat::proxy {

Buffer::Buffer(Buffer&& other) noexcept { *this = std::move(other); }

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  if (this == &other) return *this;
  reset();
  pool_ = std::exchange(other.pool_, nullptr);
  block_ = std::move(other.block_);
  capacity_ = std::exchange(other.capacity_, 0);
  begin_ = std::exchange(other.begin_, 0);
  end_ = std::exchange(other.end_, 0);
  return *this;
}

void Buffer::compact() noexcept {
  if (begin_ == 0) return;
  if (end_ > begin_) std::memmove(block_.get(), block_.get() + begin_, size());
  end_ -= begin_;
  begin_ = 0;
}

void Buffer::append(std::string_view bytes) noexcept {
  if (bytes.size() > capacity_ - end_)
    std::abort();             // a caller's error must not become an overflow
  if (bytes.empty()) return;  // its data() may be null, which memcpy does not take
  std::memcpy(block_.get() + end_, bytes.data(), bytes.size());
  end_ += bytes.size();
}

void Buffer::reset() noexcept {
  if (block_ != nullptr && pool_ != nullptr) pool_->take_back(std::move(block_), capacity_);
  block_.reset();
  pool_ = nullptr;
  capacity_ = begin_ = end_ = 0;
}

Buffer BufferPool::lend(std::size_t capacity) {
  Buffer buffer;
  buffer.pool_ = this;
  buffer.capacity_ = capacity;
  lent_ += capacity;
  Blocks* blocks = kept(capacity);
  if (blocks != nullptr && !blocks->empty()) {
    buffer.block_ = std::move(blocks->back());
    blocks->pop_back();
  } else {
    buffer.block_ = std::make_unique_for_overwrite<char[]>(capacity);
  }
  return buffer;
}

BufferPool::Blocks* BufferPool::kept(std::size_t capacity) noexcept {
  if (capacity == head_size) return &heads_;
  if (capacity == body_size) return &bodies_;
  return nullptr;
}

void BufferPool::take_back(std::unique_ptr<char[]> block, std::size_t capacity) noexcept {
  lent_ -= capacity;
  Blocks* blocks = kept(capacity);
  if (blocks != nullptr && blocks->size() < kept_max) {
    if (blocks->capacity() == 0) blocks->reserve(kept_max);
    blocks->push_back(std::move(block));
  }
}

}  // namespace homeostat::proxy
