// A piece of body memory: one allocation, a fixed capacity, shared by the fill
// that writes it, the readers that send it and the object that keeps it.
//
// Thread safety: one writer appends; bytes below a size that was published
// under the fill's lock (or through an Object) never change and may be read by
// anyone who holds a reference.
#pragma once

#include <cstddef>
#include <new>
#include <string_view>
#include <vector>

#include "runtime/cache/ref.hpp"

namespace homeostat::cache {

class Block;
using BlockPtr = Ref<Block>;

class Block final : public RefCounted<Block> {
 public:
  [[nodiscard]] static BlockPtr allocate(std::size_t capacity) {
    void* memory = ::operator new(sizeof(Block) + capacity);
    return BlockPtr(new (memory) Block(capacity));
  }
  static void operator delete(void* memory) { ::operator delete(memory); }

  [[nodiscard]] char* data() noexcept { return reinterpret_cast<char*>(this + 1); }
  [[nodiscard]] const char* data() const noexcept {
    return reinterpret_cast<const char*>(this + 1);
  }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }

 private:
  static void* operator new(std::size_t, void* memory) noexcept { return memory; }
  static void operator delete(void*, void*) noexcept {}
  explicit Block(std::size_t capacity) noexcept : capacity_(capacity) {}

  std::size_t capacity_;
};

/// The first `size` bytes of a block.
struct BodyPart {
  BlockPtr block;
  std::size_t size = 0;

  [[nodiscard]] std::string_view view() const noexcept { return {block->data(), size}; }
};

using Body = std::vector<BodyPart>;

}  // namespace homeostat::cache
