#include "runtime/sense/allocator.hpp"

#include <malloc.h>

#include "runtime/sense/memory.hpp"

namespace homeostat::sense {

std::size_t release_free_pages() {
  const auto before = resident_bytes("/", "self");
  ::malloc_trim(0);
  const auto after = resident_bytes("/", "self");
  return before && after && *before > *after ? *before - *after : 0;
}

}  // namespace homeostat::sense
