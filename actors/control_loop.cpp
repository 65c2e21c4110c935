#include "actors/control_loop.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <variant>

#include "config/settings/words.hpp"
#include "rules/history/window_function.hpp"

namespace homeostat::actors {
namespace {

using config::LoopMode;
using rules::RuleState;
using rules::SignalId;

constexpr Duration history_copy_every = std::chrono::seconds(10);

rules::Level fixed_level(rules::LevelSetting setting) {
  switch (setting) {
    case rules::LevelSetting::conservative: return rules::Level::conservative;
    case rules::LevelSetting::aggressive: return rules::Level::aggressive;
    case rules::LevelSetting::balanced:
    case rules::LevelSetting::adaptive: break;
  }
  return rules::Level::balanced;
}

/// An adaptive level goes on from where it was, if it was reported.
rules::Level start_level(rules::LevelSetting setting, const ControlReport& last) {
  const bool goes_on = setting == rules::LevelSetting::adaptive && setting == last.level &&
                       last.at_steady != Instant{};
  return goes_on ? last.effective_level : fixed_level(setting);
}

constexpr const char* shadow_prefix = "shadow: ";
constexpr const char* started_anew = "the rule engine was started anew";
constexpr const char* mode_changed = "optimization.mode was changed";

rules::Emergency emergency_of(const config::Settings& settings) {
  return rules::Emergency({.leave_after = settings.optimization.emergency_leave_after});
}

}  // namespace

std::string subject(const std::string& rule, const std::string& endpoint) {
  return endpoint.empty() ? rule : rule + " " + endpoint;
}

ControlLoop::ControlLoop(Shared<config::Settings> settings, const OperatorState& operator_state,
                         const ControlReport& last)
    : settings_(std::move(settings)),
      level_(operator_state.level.value_or(settings_->optimization.level)),
      level_reason_(operator_state.level ? "set by command" : "configuration"),
      level_by_command_(operator_state.level.has_value()),
      panic_(operator_state.panic),
      choices_(operator_state.rules),
      engine_(choices_.applied_to(settings_->optimization.rules), start_level(level_, last),
              settings_->monitor.history_memory),
      adaptive_(engine_.level()),
      emergency_(emergency_of(*settings_)),
      emergency_seconds_(last.emergency_seconds_total),
      emergencies_(last.emergencies_total),
      triggers_(last.triggers_total),
      transitions_(last.transitions),
      verdicts_(last.trial_verdicts),
      recent_(last.recent),
      told_level_(engine_.level()) {
  for (const TransitionRecord& record : recent_) {
    const rules::Transition& transition = record.transition;
    const bool activation = transition.to == RuleState::firing &&
                            transition.from != RuleState::holding && !transition.dry_run;
    if (activation) triggers_last_hour_.add(transition.at, 1);
  }
  if (last.emergency && !panic_) {
    emergency_ended_ = started_anew;
    owed_in_shadow_ = last.emergency_reason.starts_with(shadow_prefix);
  }
  if (mode() == LoopMode::on) diary_.resume(last.active);
}

LoopMode ControlLoop::mode() const noexcept {
  return settings_->optimization.enabled ? settings_->optimization.mode : LoopMode::off;
}

void ControlLoop::apply_level(const std::string& cause) {
  if (level_ != rules::LevelSetting::adaptive) engine_.set_level(fixed_level(level_));
  adaptive_ = rules::AdaptiveLevel(engine_.level());
  waits_ = {};
  level_reason_ = cause;
  log(LogLevel::info,
      fmt::format("optimization level is {} ({})", rules::to_string(level_), cause));
}

void ControlLoop::reload(Shared<config::Settings> settings) {
  const LoopMode before = mode();
  settings_ = std::move(settings);
  choices_.forget_absent(settings_->optimization.rules);
  std::erase_if(transitions_, [this](const auto& counted) {
    return std::ranges::find(settings_->optimization.rules.rules, counted.first,
                             &rules::Rule::name) == settings_->optimization.rules.rules.end();
  });
  rules::RuleSet rules = choices_.applied_to(settings_->optimization.rules);
  if (mode() != before) {
    start_over(std::move(rules), before);
  } else {
    engine_.reload(std::move(rules));
    emergency_.set_leave_after(settings_->optimization.emergency_leave_after);
  }
  if (!level_by_command_ && level_ != settings_->optimization.level) {
    level_ = settings_->optimization.level;
    apply_level("configuration");
  }
  log(LogLevel::info, fmt::format("{} rules in force", settings_->optimization.rules.rules.size()));
}

/// States gathered in another mode are not evidence for this one.
void ControlLoop::start_over(rules::RuleSet rules, LoopMode before) {
  owed_in_shadow_ = before == LoopMode::shadow;
  for (const rules::RuleStatus& row : engine_.status()) {
    if (row.state == RuleState::inactive) continue;
    left_.push_back({row.rule, row.endpoint, row.endpoint_name, row.state, RuleState::inactive,
                     Instant{}, mode_changed, row.dry_run});
  }
  engine_.restart(std::move(rules));
  if (!panic_) {
    if (emergency_.active()) emergency_ended_ = mode_changed;
    emergency_ = emergency_of(*settings_);
    emergency_injected_ = emergency_acted_ = false;
  }
  injected_activations_.clear();
}

void ControlLoop::tell_owed(const Now& now) {
  if (emergency_ended_) {
    log(LogLevel::warning, fmt::format("emergency mode left: {}", *emergency_ended_));
    diary_.emergency(false, *emergency_ended_, owed_in_shadow_, false, now.wall);
    emergency_ended_.reset();
  }
  std::size_t logged = 0;
  for (rules::Transition& transition : left_) {
    transition.at = now.at;
    note_transition({transition, now.wall, owed_in_shadow_}, logged);
  }
  diary_.transitions(left_, owed_in_shadow_, now.wall);
  left_.clear();
}

void ControlLoop::set_level(const LevelCommand& command) {
  if (const bool held = std::exchange(panic_, std::nullopt).has_value();
      held && command.emergency != true) {
    log(LogLevel::warning, fmt::format("panic switch let go: {}", command.reason));
  }
  if (command.emergency) {
    if (*command.emergency) panic_ = command.reason;
    return;
  }
  level_ = command.level;
  level_by_command_ = true;
  apply_level(command.reason.empty() ? "set by command" : command.reason);
}

void ControlLoop::change_rule(const RuleCommand& command) {
  const auto changed = choices_.take(command, settings_->optimization.rules);
  if (!changed || !engine_.adjust(*changed)) {
    log(LogLevel::warning, fmt::format("no rule named {}", command.rule));
    return;
  }
  log(LogLevel::info, describe(command));
}

void ControlLoop::inject(const InjectCommand& command, Instant now) {
  if (command.signal >= SignalId::count_) return;
  signals_.inject(command.signal, command.value, now, command.for_);
  log(LogLevel::warning,
      fmt::format("signal {} injected", rules::signal_info(command.signal).name));
}

void ControlLoop::follow_load(const Now& now) {
  if (level_ != rules::LevelSetting::adaptive) return;
  const auto move = adaptive_.update(
      rules::pressure_of(now.frame.global, signals_.objectives().worst_burn()), now.at);
  if (!move) return;
  engine_.set_level(move->to);
  level_reason_ = move->reason;
  log(LogLevel::info, fmt::format("adaptive level: {} -> {}: {}", rules::to_string(move->from),
                                  rules::to_string(move->to), move->reason));
}

void ControlLoop::follow_promises(const Now& now) {
  if (level_ != rules::LevelSetting::adaptive) return;
  const auto move = waits_.update(signals_.objectives().late_burn(), now.at);
  if (!move) return;
  log(LogLevel::info, fmt::format("adaptive waits: {} -> {}: {}", rules::to_string(move->from),
                                  rules::to_string(move->to), move->reason));
}

void ControlLoop::note_trials(const Now& now) {
  for (const rules::TrialStep& step : now.result->trials) {
    const rules::TrialReport& report = step.report;
    ++verdicts_[static_cast<std::size_t>(report.verdict)];
    const bool began = report.verdict == rules::TrialVerdict::running;
    log(began ? LogLevel::debug : LogLevel::info,
        fmt::format("rule {}: effect on {} is {}{}: {}", subject(step.rule, step.endpoint_name),
                    rules::signal_info(report.signal).name, rules::to_string(report.verdict),
                    report.undone ? ", undone" : "", rules::describe(report)));
  }
}

void ControlLoop::note_events(const Now& now) {
  static const std::vector<rules::ActiveAction> none;
  const bool shadow = mode() == LoopMode::shadow;
  if (told_level_ != engine_.level()) {
    const bool follows = level_ == rules::LevelSetting::adaptive;
    diary_.level(level_, std::exchange(told_level_, engine_.level()), engine_.level(),
                 level_reason_, {shadow, follows && signals_.any_injected()}, now.wall);
  }
  diary_.trials(now.result->trials, injected_activations_, shadow, now.wall);
  diary_.transitions(now.result->transitions, shadow, now.wall);
  const bool acts = mode() == LoopMode::on;
  diary_.actions(acts ? now.result->active : none, now.result->off_phases, injected_activations_,
                 now.wall);
}

void ControlLoop::note_transition(const TransitionRecord& record, std::size_t& logged) {
  const rules::Transition& transition = record.transition;
  recent_.push_back(record);
  ++transitions_[transition.rule].at(static_cast<std::size_t>(transition.to));
  const std::pair key{transition.rule, transition.endpoint_name};
  if (transition.to == RuleState::firing && transition.injected) injected_activations_.insert(key);
  if (transition.to == RuleState::inactive) injected_activations_.erase(key);
  if (++logged > log_lines_max) return;
  const bool notable = transition.to == RuleState::firing || transition.to == RuleState::inactive;
  log(notable ? LogLevel::info : LogLevel::debug,
      fmt::format("rule {}: {} -> {}: {}{}{}{}", subject(transition.rule, transition.endpoint_name),
                  rules::to_string(transition.from), rules::to_string(transition.to),
                  transition.reason, transition.dry_run ? " [dry run]" : "",
                  transition.injected ? " [injected]" : "", record.shadow ? " [shadow]" : ""));
}

void ControlLoop::note_transitions(const Now& now) {
  std::size_t logged = 0;
  for (const rules::Transition& transition : now.result->transitions) {
    note_transition({transition, now.wall, mode() == LoopMode::shadow}, logged);
  }
  if (logged > log_lines_max) {
    log(LogLevel::warning,
        fmt::format("{} further rule transitions in this tick not logged", logged - log_lines_max));
  }
  if (recent_.size() > ControlReport::recent_max) {
    recent_.erase(recent_.begin(),
                  recent_.end() - static_cast<std::ptrdiff_t>(ControlReport::recent_max));
  }
  triggers_ += now.result->triggers;
  triggers_last_hour_.add(now.at, now.result->triggers);
}

std::vector<Alert> ControlLoop::demanded_alerts(const Now& now) const {
  std::vector<Alert> alerts;
  if (emergency_acts()) {
    alerts.push_back({"HomeostatEmergency", rules::Severity::critical, "", "emergency mode",
                      emergency_reason(), emergency_injected_});
  }
  if (mode() != LoopMode::on) return alerts;
  for (const rules::ActiveAction& active : now.result->active) {
    const auto* raise = std::get_if<rules::RaiseAlert>(&active.action);
    if (raise == nullptr) continue;
    alerts.push_back({"HomeostatRule", raise->severity, subject(active.rule, active.endpoint_name),
                      raise->summary.empty() ? "rule " + active.rule + " fires" : raise->summary,
                      active.reason,
                      injected_activations_.contains({active.rule, active.endpoint_name})});
  }
  return alerts;
}

Shared<Directive> ControlLoop::build_directive(const Now& now) const {
  auto directive = std::make_shared<Directive>();
  directive->at = now.at;
  const rules::Reading& cpu = now.frame[SignalId::cpu_utilization];
  if (cpu.usable() && mode() == LoopMode::on) directive->cpu_utilization = cpu.value;
  const rules::Reading& memory = now.frame[SignalId::memory_utilization];
  if (memory.usable()) directive->memory_utilization = memory.value;
  if (mode() == LoopMode::on) {
    directive->outcome = now.result->outcome;
    const bool follows = level_ == rules::LevelSetting::adaptive;
    directive->waits = follows ? waits_.level() : engine_.level();
  }
  directive->emergency = emergency_acts();
  if (directive->emergency) directive->emergency_reason = emergency_reason();
  directive->alerts = demanded_alerts(now);
  return directive;
}

void ControlLoop::report_rules(ControlReport& report, const Now& now) {
  report.rules = engine_.status();
  report.rules_total = engine_.rules().rules.size();
  report.rule_choices = choices_.all();
  report.rules_enabled = static_cast<std::size_t>(
      std::ranges::count(engine_.rules().rules, true, &rules::Rule::enabled));
  report.active.reserve(now.result->active.size());
  for (const rules::ActiveAction& action : now.result->active) {
    const auto age = std::chrono::duration_cast<WallTime::duration>(now.at - action.since);
    report.active.push_back({action, now.wall - age,
                             injected_activations_.contains({action.rule, action.endpoint_name})});
  }
}

void ControlLoop::report_history(ControlReport& report, const Now& now) {
  const rules::WindowQuery trend{rules::WindowFunction::trend, trend_window};
  for (std::size_t i = 0; i < report.trends.size(); ++i) {
    const double change = rules::evaluate_window(engine_.history(), i, trend);
    if (std::isfinite(change)) report.trends[i] = change;
  }
  if (!history_ || now.at - history_->at >= history_copy_every) {
    history_ = std::make_shared<const rules::HistorySnapshot>(
        rules::snapshot_of(engine_.history(), now.at));
  }
  report.history = history_;
  report.history_bytes = engine_.history_budget().used();
  report.history_refused = engine_.history_budget().refused();
  report.objectives = signals_.objectives().report();
}

void ControlLoop::report_selected(ControlReport& report, const Now& now) const {
  for (const rules::Selector& selector : engine_.selectors()) {
    const auto found = std::ranges::find(now.labelled, selector.key, &rules::LabelledReading::key);
    if (found != now.labelled.end()) report.selected.push_back({selector.text, found->reading});
  }
}

Shared<ControlReport> ControlLoop::build_report(const Now& now) {
  auto report = std::make_shared<ControlReport>();
  report->at = now.wall;
  report->at_steady = now.at;
  report->mode = config::words::loop_mode[static_cast<std::size_t>(mode())];
  report->level = level_;
  report->effective_level = engine_.level();
  report->level_reason = level_reason_;
  report->emergency = emergency_.active();
  if (emergency_.active()) {
    report->emergency_reason = (emergency_acts() ? "" : shadow_prefix) + emergency_reason();
    report->emergency_since = emergency_wall_;
  }
  report->emergency_seconds_total = emergency_seconds_;
  report->emergencies_total = emergencies_;
  report->signals = now.frame.global;
  report_selected(*report, now);
  report_history(*report, now);
  report_rules(*report, now);
  report->triggers_total = triggers_;
  report->transitions = transitions_;
  report->trial_verdicts = verdicts_;
  report->triggers_last_hour = triggers_last_hour_.total(now.at);
  report->recent = recent_;
  report->traffic = signals_.traffic();
  if (const auto admission = signals_.admission()) {
    report->admission_limit = admission->limit;
    report->admission_reason = admission->reason;
    report->admission_profile = admission->profile;
  }
  if (health_) {
    for (const ChildHealth& child : health_->children) report->actors.push_back(child.health);
  }
  report->injected = signals_.injected();
  return report;
}

ControlLoop::Step ControlLoop::tick(Instant at, WallTime wall) {
  static const rules::TickResult nothing;
  Now now{at, wall, signals_.frame(at, settings_->monitor.interval), {}, &nothing};
  now.labelled = signals_.labelled(at, settings_->monitor.interval, engine_.selectors());
  tell_owed(now);
  follow_load(now);
  follow_promises(now);
  if (mode() == LoopMode::off) {
    engine_.observe(now.frame, now.labelled);
  } else {
    now.result = &engine_.tick(now.frame, now.labelled);
    note_transitions(now);
    note_trials(now);
  }
  update_emergency(now);
  note_events(now);
  last_tick_ = at;
  Step step;
  step.report = build_report(now);
  step.directive = build_directive(now);
  step.mode.emergency = step.directive->emergency;
  step.log = std::exchange(pending_log_, {});
  step.events = diary_.take();
  return step;
}

}  // namespace homeostat::actors
