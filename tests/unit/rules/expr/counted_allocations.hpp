// Counts what this thread allocates, to prove that evaluation allocates nothing.
#pragma once

#include <cstddef>

namespace homeostat::rules::testing {

/// Calls of operator new by this thread so far.
[[nodiscard]] std::size_t allocations() noexcept;

}  // namespace homeostat::rules::testing
