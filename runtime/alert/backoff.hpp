// Exponential back-off with jitter: the n-th failure in a row waits uniformly
// between half of and the whole ceiling min(max, 2^n * min), n = 1, 2, ...
// The first wait is thus at least `min`; the jitter keeps many agents that
// lost the same Alertmanager from returning in step.
//
// Pure. Thread safety: none; one owner.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>

namespace homeostat::alert {

class Backoff {
 public:
  /// REQUIRES: 0 < min <= max.
  Backoff(std::chrono::milliseconds min, std::chrono::milliseconds max, std::uint32_t seed)
      : min_(min), max_(max), random_(seed) {}

  /// The wait after one more failure.
  [[nodiscard]] std::chrono::milliseconds next() {
    const auto shift = std::min(++failures_, 20U);  // 2^20 * min is beyond any sensible max
    const auto ceiling = std::min<std::int64_t>(max_.count(), min_.count() << shift);
    const auto floor = std::max<std::int64_t>(std::min(min_.count(), ceiling), ceiling / 2);
    std::uniform_int_distribution<std::int64_t> wait(floor, ceiling);
    return std::chrono::milliseconds(wait(random_));
  }

  void reset() noexcept { failures_ = 0; }
  [[nodiscard]] unsigned failures() const noexcept { return failures_; }

 private:
  std::chrono::milliseconds min_;
  std::chrono::milliseconds max_;
  std::mt19937 random_;
  unsigned failures_ = 0;
};

}  // namespace homeostat::alert
