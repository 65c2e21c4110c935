// How often the data plane's threads allocate, for the promise that serving a stored
// response does not.
//
// Replaces operator new of the program it is linked into.
// Thread safety: may be called from any thread.
#pragma once

#include <cstddef>

namespace homeostat::test {

/// Calls of operator new so far by all living threads whose name starts with "worker-".
[[nodiscard]] std::size_t worker_allocations();

}  // namespace homeostat::test
