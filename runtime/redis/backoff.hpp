// Waits between attempts: doubling from `min` to `max`, each between a half and the whole of it
// (equal jitter), so that a fleet which lost a server at once does not come back at once.
//
// Thread safety: none. Source of the random numbers: Knuth, MMIX.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "runtime/ports/clock.hpp"

namespace homeostat::redis {

class Backoff {
 public:
  Backoff(Duration min, Duration max, std::uint64_t seed) noexcept
      : min_(min), max_(max), random_(seed | 1U) {}

  /// Before the next attempt; the first after reset() is `min`.
  [[nodiscard]] Duration next() noexcept {
    wait_ = std::clamp(2 * wait_, min_, max_);
    return jittered(wait_);
  }
  void reset() noexcept { wait_ = {}; }
  [[nodiscard]] Duration jittered(Duration wait) noexcept {
    random_ = random_ * 6364136223846793005ULL + 1442695040888963407ULL;
    const double unit = static_cast<double>(random_ >> 11U) * 0x1.0p-53;
    return std::chrono::duration_cast<Duration>(wait * (0.5 + unit / 2));
  }

 private:
  Duration min_, max_, wait_{};
  std::uint64_t random_;
};

}  // namespace homeostat::redis
