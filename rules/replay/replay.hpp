// Runs a rule set over recorded signals in virtual time and says what would
// have happened: every transition, every move of the adaptive level, every
// emergency, and how long each rule would have acted.
//
// What a replay cannot show is what the actions would have changed: the
// signals stay as they were recorded. So there is nothing to compare for a trial
// either: `effect` and `rollout` are left out, and a rule in force acts in full.
//
// Pure and deterministic. Thread safety: none shared. Bounds: events_max
// events of events_bytes_max kept (all are counted), ticks_max ticks.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "rules/engine/engine.hpp"
#include "rules/replay/recording.hpp"

namespace homeostat::rules {

struct ReplayOptions {
  LevelSetting level = LevelSetting::balanced;
  std::chrono::seconds step{1};  ///< between two evaluations; at least 1
  /// Looked at in each tick: true ends the replay early. May be null.
  const std::atomic<bool>* cancelled = nullptr;
};

struct ReplayEvent {
  double at = 0;         ///< seconds since 1970
  std::string subject;   ///< rule, with its endpoint; "level"; "emergency"
  std::string from, to;  ///< states or levels
  std::string reason;
};

struct ReplayedRule {
  std::string name;
  std::uint64_t activations = 0;  ///< of all endpoints
  double active_seconds = 0;      ///< with an instance in force, or that would be but for dry_run
  bool missing = false;           ///< reads a signal that was not recorded
};

struct ReplayResult {
  static constexpr std::size_t events_max = 10'000;
  static constexpr std::size_t events_bytes_max = 4'194'304;  ///< of their texts
  static constexpr std::uint64_t ticks_max = 5'000'000;

  double from = 0, to = 0;  ///< seconds since 1970
  std::uint64_t ticks = 0;
  std::vector<ReplayEvent> events;  ///< the first, as far as the bounds go
  std::uint64_t events_total = 0;
  std::vector<ReplayedRule> rules;  ///< in the set's order
  std::uint64_t emergencies = 0;
  double emergency_seconds = 0;
  double throttled_seconds = 0;
  bool effects_not_replayed = false;  ///< some rule has `effect` or `rollout`
  bool truncated = false;             ///< ended before `to`: ticks_max, or cancelled
};

/// What a replay takes.
struct ReplayNeeds {
  /// Conditions to evaluate, ticks x rules x endpoints. A large condition counts as many small
  /// ones, and what each tick reads counts where that is more.
  double evaluations = 0;
  /// Of each rule, at each endpoint; some kilobytes each where all of them act.
  std::size_t states = 0;
  std::size_t endpoints = 0;
};
[[nodiscard]] ReplayNeeds needs_of(const Recording& recording, const RuleSet& rules,
                                   std::chrono::seconds step);

/// Emergency mode trusts the upstream's success ratio, as the agent does, only with 20
/// requests in 10 s, where traffic.rate was recorded; it does not know of a standing queue, which
/// is not recorded, and is left after the default of a minute. `adaptive` also follows slo.burn.
/// Times in force end with the recording.
/// A series counts as missing once its last sample is older than three of its
/// usual intervals (their median, at least a second).
[[nodiscard]] ReplayResult replay(const Recording& recording, const RuleSet& rules,
                                  const ReplayOptions& options);

/// Timeline and a table of the rules, for people.
[[nodiscard]] std::string describe(const ReplayResult& result);
/// Two rule sets over the same recording, rule by rule.
[[nodiscard]] std::string describe_difference(const ReplayResult& first,
                                              const ReplayResult& second);

}  // namespace homeostat::rules
