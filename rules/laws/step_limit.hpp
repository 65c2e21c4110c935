// Lets a value go down at once and up in small steps, so that what was held back
// does not come all at the same moment.
//
// For ceilings: lower is safer. Tightening waits for nothing (the asymmetry of the
// Kubernetes HPA); loosening moves by at most `per_second`, measured by the time
// that really passed.
//
// Pure: time comes in. Thread safety: none; one owner.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

#include "rules/engine/frame.hpp"

namespace homeostat::rules {

class StepLimit {
 public:
  /// REQUIRES: per_second > 0.
  StepLimit(double start, double per_second) : value_(start), per_second_(per_second) {}

  /// What should be in force now. REQUIRES: `now` does not go backwards.
  double towards(double wanted, Instant now) noexcept {
    const double seconds = std::chrono::duration<double>(now - last_.value_or(now)).count();
    last_ = now;
    value_ = wanted <= value_ ? wanted : std::min(wanted, value_ + seconds * per_second_);
    return value_;
  }
  [[nodiscard]] double value() const noexcept { return value_; }

 private:
  double value_;
  double per_second_;
  std::optional<Instant> last_;
};

}  // namespace homeostat::rules
