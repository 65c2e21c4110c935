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
// Emergency mode rejects requests of whole classes. While it does, nothing can tell a
// load that has gone from one that is kept away, and a hold that is too long turns clients
// away for nothing. What asks for it therefore gets at most `emergency_hold_max`, the
// scale-down stabilization of Kubernetes' horizontal pod autoscaler: at most twelve times in
// any hour, and over that soon after the load is.
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
  static constexpr Duration emergency_hold_max = std::chrono::minutes(5);

  /// The hold that it was given, and how far relapses may stretch it.
  struct Terms {
    Terms(Duration own_hold, Duration bound = hold_max) noexcept : own(own_hold), longest(bound) {}
    Duration own, longest;
  };

  /// It is switched on.
  void begin(Instant now, const Terms& terms) noexcept {
    const bool relapse = remembers(now, terms);
    left_at_.reset();
    if (!relapse) {
      factor_ = 1;
    } else if (terms.own * factor_ < terms.longest) {
      factor_ *= 2;
    }
  }
  /// It left by itself.
  void end(Instant now) noexcept { left_at_ = now; }
  /// It was taken out for another reason, which says nothing.
  void reset() noexcept { *this = RelapseHold(); }

  /// The hold in force.
  [[nodiscard]] Duration hold(const Terms& terms) const noexcept {
    return std::max(terms.own, std::min(terms.longest, terms.own * factor_));
  }
  /// Whether coming back now would count as a relapse.
  [[nodiscard]] bool remembers(Instant now, const Terms& terms) const noexcept {
    return left_at_ && terms.own > Duration::zero() &&
           now - *left_at_ <= std::max(relapse_within, hold(terms));
  }

 private:
  int factor_ = 1;  ///< bounded: doubles only while own * factor is below the longest
  std::optional<Instant> left_at_;
};

}  // namespace homeostat::rules
