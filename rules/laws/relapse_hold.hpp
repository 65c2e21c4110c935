// How long something that was switched on stays on after its reason is gone,
// so that a cure which removes its own reason does not swing.
//
// Law. A rule that throttles at high CPU ends the high CPU, waits out its hold,
// leaves, and has to come back at once: the load was there all the time. Coming
// back within `relapse_within` of leaving (or within the hold in force, if that
// is longer) proves that it left too early: the next hold is twice as long, up
// to `hold_max`, and never shorter than its own. Staying away for that long
// resets it. The same law as the patience of AdaptiveLevel.
//
// So whatever the load does, a hold of 1 min or more begins at most seven times
// in any hour, instead of with every end.
//
// Pure: time comes in. Thread safety: none; one owner. Memory: constant.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

namespace homeostat::rules {

class RelapseHold {
 public:
  using Instant = std::chrono::steady_clock::time_point;
  using Duration = std::chrono::steady_clock::duration;
  static constexpr Duration relapse_within = std::chrono::minutes(10);
  static constexpr Duration hold_max = std::chrono::minutes(20);

  /// It is switched on. `own`: the hold that it was given.
  void begin(Instant now, Duration own) noexcept {
    const bool relapse = remembers(now, own);
    left_at_.reset();
    if (!relapse) {
      factor_ = 1;
    } else if (own * factor_ < hold_max) {
      factor_ *= 2;
    }
  }
  /// It left by itself.
  void end(Instant now) noexcept { left_at_ = now; }
  /// It was taken out for another reason, which says nothing.
  void reset() noexcept { *this = RelapseHold(); }

  /// The hold in force.
  [[nodiscard]] Duration hold(Duration own) const noexcept {
    return std::max(own, std::min(hold_max, own * factor_));
  }
  /// Whether coming back now would count as a relapse.
  [[nodiscard]] bool remembers(Instant now, Duration own) const noexcept {
    return left_at_ && own > Duration::zero() &&
           now - *left_at_ <= std::max(relapse_within, hold(own));
  }

 private:
  int factor_ = 1;  ///< bounded: doubles only while own * factor is below hold_max
  std::optional<Instant> left_at_;
};

}  // namespace homeostat::rules
