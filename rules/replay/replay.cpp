#include "rules/replay/replay.hpp"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "rules/engine/adaptive_level.hpp"
#include "rules/engine/emergency.hpp"
#include "rules/engine/rule_runtime.hpp"
#include "rules/expr/expression.hpp"
#include "rules/replay/recorded_frames.hpp"

namespace homeostat::rules {
namespace {

/// Steps of a condition that counts as one.
constexpr double condition_usual = 256;

/// The agent's own: fewer answers in ten seconds say nothing.
constexpr double success_requests_min = 20;
constexpr double success_window = 10;

RuleSet without_trials(RuleSet rules) {
  for (Rule& rule : rules.rules) {
    rule.effect.reset();
    rule.rollout = 1;
  }
  return rules;
}

bool has_trial(const Rule& rule) { return rule.effect.has_value() || rule.rollout < 1; }

Level start_level(LevelSetting setting) {
  if (setting == LevelSetting::conservative) return Level::conservative;
  return setting == LevelSetting::aggressive ? Level::aggressive : Level::balanced;
}

class Replay {
 public:
  Replay(const Recording& recording, const RuleSet& rules, const ReplayOptions& options)
      : options_(options),
        engine_(without_trials(rules), start_level(options.level)),
        adaptive_(start_level(options.level)),
        selectors_(engine_.selectors()),
        frames_(recording, selectors_) {
    std::tie(result_.from, result_.to) = recording.span();
    for (const Rule& rule : rules.rules) {
      result_.rules.push_back({rule.name, 0, 0, reads_missing(rule, recording)});
      result_.effects_not_replayed = result_.effects_not_replayed || has_trial(rule);
    }
  }

  ReplayResult run() {
    const auto step = std::max<std::int64_t>(1, options_.step.count());
    const double length = result_.to - result_.from;
    for (std::int64_t offset = 0; static_cast<double>(offset) <= length; offset += step) {
      const bool cancelled = options_.cancelled != nullptr && options_.cancelled->load();
      result_.truncated = cancelled || result_.ticks >= ReplayResult::ticks_max;
      if (result_.truncated) break;
      // What the last tick finds has no time left to be in force.
      const double left = length - static_cast<double>(offset);
      tick(result_.from + static_cast<double>(offset), std::min(left, static_cast<double>(step)));
    }
    return std::move(result_);
  }

 private:
  static bool reads_missing(const Rule& rule, const Recording& recording) {
    const auto recorded = [&](SignalId id) {
      return std::any_of(recording.series().begin(), recording.series().end(),
                         [id](const RecordedSeries& series) { return series.signal == id; });
    };
    const auto selected = [&](const Selector& wanted) {
      return std::any_of(
          recording.series().begin(), recording.series().end(), [&](const RecordedSeries& series) {
            return series.signal == SignalId::count_ && selects(wanted, series.selector);
          });
    };
    const auto complete = [&](const std::shared_ptr<const Expression>& expression) {
      return !expression ||
             (std::all_of(expression->signals().begin(), expression->signals().end(), recorded) &&
              std::all_of(expression->selectors().begin(), expression->selectors().end(),
                          selected));
    };
    return !complete(rule.when) || !complete(rule.until);
  }

  void tick(double at, double step) {
    ++result_.ticks;
    // Any epoch does; a day on, so that nothing reaches before it.
    const Instant now{std::chrono::hours(24) +
                      std::chrono::seconds(static_cast<std::int64_t>(at - result_.from))};
    const Frame& frame = frames_.advance(at, now);
    if (options_.level == LevelSetting::adaptive) follow_load(frame, at);
    const TickResult& tick = engine_.tick(frame, frames_.labelled());
    for (const Transition& transition : tick.transitions) note(transition, at);
    count_active(tick, step);
    emergency(frame, tick, at, step);
  }

  void follow_load(const Frame& frame, double at) {
    const auto move = adaptive_.update(pressure_of(frame.global, frames_.worst_burn()), frame.now);
    if (!move) return;
    engine_.set_level(move->to);
    add({at, "level", std::string(to_string(move->from)), std::string(to_string(move->to)),
         move->reason});
  }

  void note(const Transition& transition, double at) {
    std::string subject = transition.rule;
    if (!transition.endpoint_name.empty()) subject += " " + transition.endpoint_name;
    if (transition.dry_run) subject += " (dry run)";
    const bool fires = transition.to == RuleState::firing && transition.from != RuleState::holding;
    if (fires) ++row(transition.rule).activations;
    acting_[transition.rule] += is_active(transition.to) ? 1U : 0U;
    acting_[transition.rule] -= is_active(transition.from) ? 1U : 0U;
    add({at, std::move(subject), std::string(to_string(transition.from)),
         std::string(to_string(transition.to)), transition.reason});
  }

  void count_active(const TickResult& tick, double step) {
    for (ReplayedRule& rule : result_.rules) {
      if (acting_[rule.name] > 0) rule.active_seconds += step;
    }
    if (tick.outcome.throttle_to < 1) result_.throttled_seconds += step;
  }

  void emergency(const Frame& frame, const TickResult& tick, double at, double step) {
    const auto value = [&](SignalId id) { return frame[id].usable() ? frame[id].value : 0.0; };
    EmergencyInput input;
    input.now = frame.now;
    input.rule_demands = tick.outcome.emergency;
    input.memory_utilization = value(SignalId::memory_utilization);
    input.memory_full_pressure = value(SignalId::memory_full_pressure);
    const bool few = frame[SignalId::traffic_rate].usable() &&
                     value(SignalId::traffic_rate) * success_window < success_requests_min;
    if (frame[SignalId::upstream_error_ratio].usable() && !few) {
      input.success_ratio = 1 - value(SignalId::upstream_error_ratio);
    }
    input.critical_reject_ratio = value(SignalId::admission_critical_reject_ratio);
    if (emergency_.active()) result_.emergency_seconds += step;
    const EmergencyEvent event = emergency_.update(input);
    if (event == EmergencyEvent::none) return;
    const bool entered = event == EmergencyEvent::entered;
    if (entered) ++result_.emergencies;
    add({at, "emergency", entered ? "off" : "on", entered ? "on" : "off", emergency_.reason()});
  }

  ReplayedRule& row(std::string_view name) {
    return *std::find_if(result_.rules.begin(), result_.rules.end(),
                         [&](const ReplayedRule& rule) { return rule.name == name; });
  }

  void add(ReplayEvent event) {
    ++result_.events_total;
    bytes_ += event.subject.size() + event.reason.size();
    const bool room = result_.events.size() < ReplayResult::events_max &&
                      bytes_ <= ReplayResult::events_bytes_max;
    if (room) result_.events.push_back(std::move(event));
  }

  ReplayOptions options_;
  Engine engine_;
  AdaptiveLevel adaptive_;
  Emergency emergency_;
  std::vector<Selector> selectors_;
  RecordedFrames frames_;
  ReplayResult result_;
  /// Instances of each rule that are firing or holding, dry runs too.
  std::unordered_map<std::string, std::size_t> acting_;
  std::size_t bytes_ = 0;  ///< of all events' texts
};

}  // namespace

ReplayNeeds needs_of(const Recording& recording, const RuleSet& rules, std::chrono::seconds step) {
  const auto [from, to] = recording.span();
  const double ticks = std::floor((to - from) / static_cast<double>(step.count())) + 1;
  ReplayNeeds needs;
  needs.endpoints = endpoints_of(recording).size();
  double conditions = 0;
  for (const Rule& rule : rules.rules) {
    const std::size_t states = rule.scope == Scope::endpoint ? needs.endpoints : 1;
    const std::size_t work = rule.when->work() + (rule.until ? rule.until->work() : 0);
    needs.states += states;
    conditions +=
        std::max(1.0, static_cast<double>(work) / condition_usual) * static_cast<double>(states);
  }
  // A tick without any still reads every series, for all that read it, and keeps every
  // endpoint's history.
  std::size_t reads = recording.series().size() + 2 * needs.endpoints;
  for (const auto& readers : readers_of(recording, selectors_of(rules))) reads += readers.size();
  needs.evaluations = ticks * std::max(conditions, static_cast<double>(reads) / 8);
  return needs;
}

ReplayResult replay(const Recording& recording, const RuleSet& rules,
                    const ReplayOptions& options) {
  return Replay(recording, rules, options).run();
}

}  // namespace homeostat::rules
