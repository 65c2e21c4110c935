// A sum of events that forgets: what happened `window` ago weighs 1/e.
//
// One number instead of a ring of buckets, and right at any instant it is asked
// at: events that were counted since the last time are taken as spread evenly
// over the time between.
// Pure; thread safety: none needed. Units: std::chrono.
#pragma once

#include "rules/engine/frame.hpp"

namespace homeostat::rules {

class FadingSum {
 public:
  /// `fresh` events came in the time `passed` since the last call.
  void add(double fresh, Duration passed, Duration window) noexcept;
  void clear() noexcept { sum_ = 0; }
  [[nodiscard]] double value() const noexcept { return sum_; }

 private:
  double sum_ = 0;
};

}  // namespace homeostat::rules
