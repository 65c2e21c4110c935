// How well an endpoint does, as one number for sorting and for people.
//
//   score = 0.5 * min(1, 1 s / p95)                 latency against the 1 s target
//         + 0.3 * max(0, 1 - error_ratio / 0.05)    errors; 5 % and more give 0
//         + 0.2 * hit_ratio                         cache
//
// Range 0 (worst) to 1. Where the hit ratio is not known (nothing cacheable)
// its weight is shared out: the first two terms are divided by 0.8. It orders
// endpoints and does not steer anything.
//
// Pure. Thread safety: any thread.
#pragma once

#include "runtime/ports/signals.hpp"

namespace homeostat::admin {

[[nodiscard]] double optimization_score(const WindowFigures& figures) noexcept;

}  // namespace homeostat::admin
