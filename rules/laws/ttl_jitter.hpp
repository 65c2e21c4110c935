// Responses stored together must not expire together.
//
//   lifetime' = lifetime - ratio x u x (lifetime - age), u in [0, 1) from the key
// Only ever shorter, never below the age, and always the same for one key, so
// that keys that were spread once stay spread.
// Pure; `hash` must be well mixed in its upper or lower half.
#pragma once

#include <cstdint>

#include "rules/engine/frame.hpp"

namespace homeostat::rules {

/// REQUIRES: 0 <= ratio < 1.
[[nodiscard]] Duration jittered_lifetime(Duration lifetime, Duration age, double ratio,
                                         std::uint64_t hash) noexcept;

}  // namespace homeostat::rules
