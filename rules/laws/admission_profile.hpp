// What the optimization level means for admission: how long requests may wait,
// and from what CPU utilisation on the limit no longer grows.
//
// A careful level turns away sooner, so that what is answered is answered soon;
// a bold one lets bursts wait, so that fewer are turned away. Each budget has two
// parts, a time and a number of service times, and the greater counts; both are
// scaled by the level, or it would mean nothing to a slow application.
//
// Pure constants. Thread safety: none needed. Units: durations; CPU as 0..1.
#pragma once

#include <chrono>
#include <optional>

#include "rules/engine/frame.hpp"
#include "rules/engine/rule.hpp"

namespace homeostat::rules {

/// The default is that of Level::balanced.
struct AdmissionProfile {
  Duration max_wait = std::chrono::milliseconds(100);      ///< QueueBounds::max_wait
  int burst_services = 2;                                  ///< QueueBounds::burst_services
  Duration standing_wait = std::chrono::milliseconds(20);  ///< QueueBounds::standing_wait
  double cpu_freeze = 0.85;                                ///< PressureBounds::cpu_freeze
  bool operator==(const AdmissionProfile&) const = default;
};

[[nodiscard]] constexpr AdmissionProfile admission_profile(Level level) noexcept {
  using std::chrono::milliseconds;
  switch (level) {
    case Level::conservative: return {milliseconds(50), 1, milliseconds(10), 0.75};
    case Level::aggressive: return {milliseconds(200), 4, milliseconds(50), 0.92};
    case Level::balanced: break;
  }
  return {};
}

/// `max_wait`: the operator's own, if he gives one; then it counts at every level.
template <class Wait>
[[nodiscard]] constexpr AdmissionProfile admission_profile(
    Level level, const std::optional<Wait>& max_wait) noexcept {
  AdmissionProfile profile = admission_profile(level);
  if (max_wait) {
    profile.max_wait = *max_wait;
    profile.burst_services = AdmissionProfile{}.burst_services;
  }
  return profile;
}

}  // namespace homeostat::rules
