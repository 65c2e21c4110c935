// What a piece of memory really costs: what the allocator reserved for it and
// its own header, not what was asked for.
//
// Thread safety: none needed. REQUIRES: the start of a live heap allocation.
#pragma once

#include <malloc.h>

#include <cstddef>
#include <string>

namespace homeostat::cache {

[[nodiscard]] inline std::size_t allocated_bytes(const void* memory) noexcept {
  constexpr std::size_t header = sizeof(std::size_t);
  return memory != nullptr ? malloc_usable_size(const_cast<void*>(memory)) + header : 0;
}

/// Zero for a text that is kept inside the string itself.
[[nodiscard]] inline std::size_t allocated_bytes(const std::string& text) noexcept {
  const std::size_t inside = std::string().capacity();
  return text.capacity() > inside ? allocated_bytes(static_cast<const void*>(text.data())) : 0;
}

}  // namespace homeostat::cache
