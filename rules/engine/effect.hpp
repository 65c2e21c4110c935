// What a rule promises of its actions, and what became of the promise.
//
// Plain values. Thread safety: none needed.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "rules/engine/frame.hpp"
#include "rules/expr/signal.hpp"

namespace homeostat::rules {

/// `effect` of a rule: a signal that should get better.
struct EffectGoal {
  SignalId improve = SignalId::endpoint_latency_p95;
  Duration within = std::chrono::minutes(15);  ///< to prove it
  /// What happens to an action that has proven nothing in that time. A harmful
  /// one is always undone.
  bool keep_unproven = false;
  /// After an action was undone its rule does not act again for this long,
  /// twice as long each time, a day at most.
  Duration retry = std::chrono::hours(1);
  bool operator==(const EffectGoal&) const = default;
};
inline constexpr std::chrono::hours effect_retry_max{24};
/// After an activation has ended, what its trial had found is kept for this long.
inline constexpr std::chrono::hours effect_remember{24};

enum class TrialDesign : std::uint8_t {
  concurrent,   ///< some requests get the action, the others at the same time do not
  alternating,  ///< on and off in turns of random order
};

enum class TrialVerdict : std::uint8_t {
  waiting,   ///< for another trial at the same place, or for another rule's action
  running,   ///< nothing proven yet
  useful,    ///< better than without it: kept, and widened to everyone
  harmful,   ///< worse than without it: undone
  unproven,  ///< time is up: undone or kept, as the rule says
};
inline constexpr std::size_t trial_verdict_count = 5;

/// Where a trial stands.
struct TrialReport {
  SignalId signal = SignalId::endpoint_latency_p95;
  TrialDesign design = TrialDesign::concurrent;
  TrialVerdict verdict = TrialVerdict::running;
  bool undone = false;
  double share = 1;         ///< of the requests that get the action now
  std::size_t samples = 0;  ///< pairs compared
  /// How much better the signal is with the action than without: a share of
  /// the value without it (durations, bytes), or a difference (ratios).
  double improvement = 0;
  std::optional<double> low, high;  ///< confidence interval, once there is one
  double confidence = 0;            ///< that there is any effect
  bool relative = true;             ///< `improvement` is a share of the value
};

/// What had become of a trial when its activation ended.
struct EndedTrial {
  TrialReport report;
  Instant at{};
};

/// Whether a larger value of a signal is better, or a smaller one. Nothing for
/// signals that are neither, such as a rate of requests.
[[nodiscard]] std::optional<bool> larger_is_better(SignalId signal) noexcept;

[[nodiscard]] std::string_view to_string(TrialDesign design) noexcept;
[[nodiscard]] std::string_view to_string(TrialVerdict verdict) noexcept;

/// "23.1% better (12.0% to 32.5%, confidence 99.8%, 14 comparisons)".
[[nodiscard]] std::string describe(const TrialReport& report);

}  // namespace homeostat::rules
