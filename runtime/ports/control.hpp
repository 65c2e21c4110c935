// The control plane as the admin listener, log and metrics see it: a report
// that is republished every tick, and commands.
//
// Thread safety: ControlReport is immutable once published; ControlBoard may be
// used from any thread; ControlCommands' methods only enqueue.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "rules/engine/engine.hpp"
#include "rules/engine/rule_override.hpp"
#include "rules/history/snapshot.hpp"
#include "rules/laws/admission_profile.hpp"
#include "runtime/ports/actuators.hpp"
#include "runtime/ports/clock.hpp"
#include "runtime/ports/signals.hpp"

namespace homeostat {

struct ActorHealth {
  std::string name;
  std::uint64_t restarts = 0;
  bool alive = true;
  std::string last_error;
};

/// A transition with the wall time at which it happened.
struct TransitionRecord {
  rules::Transition transition;
  WallTime at{};
  bool shadow = false;  ///< computed only: optimization.mode was shadow
};

struct ActiveOptimization {
  rules::ActiveAction action;
  WallTime enabled_at{};
  bool injected = false;  ///< an injected signal took part when its rule fired
};

/// A labelled signal that some rule reads: scrape.* and slo.*.
struct SelectedSignal {
  std::string name;  ///< with its labels, as the rule language writes it
  rules::Reading reading;
};

/// One objective and how fast its error budget is being spent.
struct ObjectiveReport {
  ObjectiveFigures figures;
  double burn = 0;       ///< over 1 h and 5 min, the smaller
  double burn_slow = 0;  ///< over 6 h and 30 min, the smaller
};

/// Change of every global signal over trend_window, by SignalId.
using SignalTrends = std::array<std::optional<double>, rules::first_endpoint_signal>;
inline constexpr std::chrono::minutes trend_window{10};

/// How often the rules in force came to each RuleState, by rule.
using TransitionCounts = std::map<std::string, std::array<std::uint64_t, rules::rule_state_count>>;

struct ControlReport {
  WallTime at{};
  Instant at_steady{};
  /// optimization.mode: on, shadow (what is listed is computed only, and not in force) or off.
  std::string mode = "on";
  rules::LevelSetting level = rules::LevelSetting::balanced;
  rules::Level effective_level = rules::Level::balanced;
  std::string level_reason;  ///< why the effective level is what it is
  bool emergency = false;
  std::string emergency_reason;
  WallTime emergency_since{};
  double emergency_seconds_total = 0;
  std::uint64_t emergencies_total = 0;
  rules::SignalValues signals{};
  SignalTrends trends;
  std::vector<SelectedSignal> selected;
  std::shared_ptr<const rules::HistorySnapshot> history;  ///< renewed every 10 s; may be null
  std::size_t history_bytes = 0;                          ///< of the endpoints' histories
  std::uint64_t history_refused = 0;                      ///< levels that got no memory
  std::vector<ObjectiveReport> objectives;
  std::vector<ActiveOptimization> active;
  std::vector<rules::RuleStatus> rules;
  std::map<std::string, rules::RuleChoice> rule_choices;  ///< by command, by rule
  std::size_t rules_total = 0, rules_enabled = 0;
  std::uint64_t triggers_total = 0, triggers_last_hour = 0;
  TransitionCounts transitions;
  /// By TrialVerdict: trials that began (running) and those that came to one.
  std::array<std::uint64_t, rules::trial_verdict_count> trial_verdicts{};
  std::vector<TransitionRecord> recent;  ///< newest last, at most recent_max
  std::shared_ptr<const TrafficFigures> traffic;
  double admission_limit = 0;
  std::string admission_reason;
  rules::AdmissionProfile admission_profile;  ///< in force
  std::vector<ActorHealth> actors;
  std::vector<std::string> injected;  ///< signals under injection now
  static constexpr std::size_t recent_max = 200;
};

/// Share of the time since the start, which is `up` ago, spent in emergency mode.
[[nodiscard]] inline double emergency_share(const ControlReport& report, Duration up) noexcept {
  const double seconds = std::chrono::duration<double>(up).count();
  return seconds > 0 ? std::min(1.0, report.emergency_seconds_total / seconds) : 0.0;
}

/// Holds the newest report. Never null: starts with a default report.
class ControlBoard {
 public:
  void publish(std::shared_ptr<const ControlReport> report) {
    const std::lock_guard lock(mutex_);
    report_ = std::move(report);
  }
  [[nodiscard]] std::shared_ptr<const ControlReport> current() const {
    const std::lock_guard lock(mutex_);
    return report_;
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const ControlReport> report_ = std::make_shared<const ControlReport>();
};

/// Operator commands towards the actors. All return at once.
class ControlCommands {
 public:
  virtual ~ControlCommands() = default;
  /// Ends an emergency that was forced, too.
  virtual void set_level(rules::LevelSetting level, const std::string& reason) = 0;
  /// The panic switch: emergency mode until it is let go; then as the signals say.
  virtual void force_emergency(bool on, const std::string& reason) = 0;
  /// Unset: as the rule file says. Survives reloads, until the rule is gone from the files.
  virtual void set_rule_enabled(const std::string& rule, std::optional<bool> enabled) = 0;
  /// Replaces an earlier override; an empty one ends it. Lasts as a switch does.
  virtual void override_rule(const std::string& rule, const rules::RuleOverride& terms) = 0;
  virtual void reload_rules(rules::RuleSet rules) = 0;
  /// Overrides a signal for a while; shown as injected everywhere.
  virtual void inject(rules::SignalId signal, double value, Duration for_) = 0;
};

}  // namespace homeostat
