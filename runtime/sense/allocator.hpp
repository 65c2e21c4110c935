// Gives the allocator's free pages back to the system.
//
// Thread safety: any thread; takes the allocator's locks one arena at a time
// and may take some milliseconds, so never call it on a worker.
#pragma once

#include <cstddef>

namespace homeostat::sense {

/// Resident bytes given back; 0 when nothing was or when RSS cannot be read.
std::size_t release_free_pages();

}  // namespace homeostat::sense
