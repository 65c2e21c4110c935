// The rule engine's decisions without its actor: readings and commands in, one
// Step out per tick. The actor beside it only moves messages.
//
// Modes. on: decisions take effect. shadow: rules, emergency and level are
// computed, logged and reported, but the directive and the policy stay at their
// defaults. off: nothing is evaluated; signals are still reported. The panic
// switch acts in every mode: it is an operator's own demand, not a decision.
//
// Restart. A new loop starts with fresh rule states and without emergency, and says so of what
// was in force; totals, recent transitions and the adaptive level carry on from the last published
// report. The same holds when the mode changes.
//
// Pure: time comes in. Thread safety: none; owned by the rule engine. Bounds:
// ControlReport::recent_max transitions, log_lines_max log lines per tick.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "actors/dependencies.hpp"
#include "actors/event_diary.hpp"
#include "actors/hourly_count.hpp"
#include "actors/messages.hpp"
#include "actors/signal_board.hpp"
#include "rules/engine/adaptive_level.hpp"
#include "rules/engine/adaptive_waits.hpp"
#include "rules/engine/emergency.hpp"
#include "rules/engine/engine.hpp"

namespace homeostat::actors {

struct LogLine {
  LogLevel level = LogLevel::info;
  std::string text;
};

/// A rule, at an endpoint unless that is empty, in texts.
[[nodiscard]] std::string subject(const std::string& rule, const std::string& endpoint);

class ControlLoop {
 public:
  static constexpr std::size_t log_lines_max = 50;  ///< transitions logged per tick
  /// Upstream calls below which no success ratio is concluded.
  static constexpr std::uint64_t success_samples_min = 20;

  /// Everything one tick leads to.
  struct Step {
    Shared<Directive> directive;
    ModePolicy mode;
    Shared<ControlReport> report;
    std::vector<LogLine> log;
    std::vector<Event> events;
  };

  ControlLoop(Shared<config::Settings> settings, const OperatorState& operator_state,
              const ControlReport& last);

  void reload(Shared<config::Settings> settings);
  void set_level(const LevelCommand& command);
  void change_rule(const RuleCommand& command);
  void inject(const InjectCommand& command, Instant now);
  void set_health(Shared<Health> health) { health_ = std::move(health); }

  template <class Readings>
  void receive(Shared<Readings> readings) {
    signals_.receive(std::move(readings));
  }

  /// REQUIRES: now does not go backwards.
  [[nodiscard]] Step tick(Instant now, WallTime wall);

  [[nodiscard]] Duration interval() const { return settings_->optimization.interval; }
  /// The labelled signals that the rules in force read.
  [[nodiscard]] const std::vector<rules::Selector>& selectors() const noexcept {
    return engine_.selectors();
  }

 private:
  /// One tick's intermediate results, so that no function needs many arguments.
  struct Now {
    Instant at{};
    WallTime wall{};
    rules::Frame frame;
    std::vector<rules::LabelledReading> labelled;
    const rules::TickResult* result;  ///< of the engine, until its next tick; never null
  };

  [[nodiscard]] config::LoopMode mode() const noexcept;
  void start_over(rules::RuleSet rules, config::LoopMode before);
  void tell_owed(const Now& now);
  void report_selected(ControlReport& report, const Now& now) const;
  void apply_level(const std::string& cause);
  void follow_load(const Now& now);
  void follow_promises(const Now& now);
  void update_emergency(const Now& now);
  [[nodiscard]] rules::EmergencyInput emergency_input(const Now& now) const;
  /// Emergency mode is in force, not only computed.
  [[nodiscard]] bool emergency_acts() const noexcept;
  /// What is held by the panic switch alone names the switch.
  [[nodiscard]] std::string emergency_reason() const;
  void note_emergency(const Now& now, rules::EmergencyEvent event, bool acted);
  void note_transitions(const Now& now);
  void note_events(const Now& now);
  void note_trials(const Now& now);
  void note_transition(const TransitionRecord& record, std::size_t& logged);
  [[nodiscard]] Shared<Directive> build_directive(const Now& now) const;
  [[nodiscard]] std::vector<Alert> demanded_alerts(const Now& now) const;
  [[nodiscard]] Shared<ControlReport> build_report(const Now& now);
  void report_rules(ControlReport& report, const Now& now);
  void report_history(ControlReport& report, const Now& now);
  void log(LogLevel level, std::string text) { pending_log_.push_back({level, std::move(text)}); }

  Shared<config::Settings> settings_;
  rules::LevelSetting level_;
  std::string level_reason_;
  bool level_by_command_ = false;
  std::optional<std::string> panic_;  ///< emergency by command, and why
  RuleChoices choices_;
  rules::Engine engine_;
  rules::AdaptiveLevel adaptive_;
  rules::AdaptiveWaits waits_;
  rules::Emergency emergency_;
  SignalBoard signals_;
  Shared<Health> health_;

  bool emergency_injected_ = false;
  bool emergency_acted_ = false;  ///< in the last tick
  WallTime emergency_wall_{};
  double emergency_seconds_ = 0;
  std::uint64_t emergencies_ = 0;
  std::uint64_t triggers_ = 0;
  TransitionCounts transitions_;
  std::array<std::uint64_t, rules::trial_verdict_count> verdicts_{};
  HourlyCount triggers_last_hour_;
  std::vector<TransitionRecord> recent_;
  EventDiary::Injected injected_activations_;
  std::optional<Instant> last_tick_;
  Shared<rules::HistorySnapshot> history_;  ///< last copied for reports
  std::vector<LogLine> pending_log_;
  /// Told with the next tick: that an emergency has ended, and what left, without a signal.
  std::optional<std::string> emergency_ended_;
  std::vector<rules::Transition> left_;
  bool owed_in_shadow_ = false;
  EventDiary diary_;
  rules::Level told_level_;  ///< by the last level event
};

}  // namespace homeostat::actors
