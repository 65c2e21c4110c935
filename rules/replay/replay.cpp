#include "rules/replay/replay.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include "rules/engine/adaptive_level.hpp"
#include "rules/engine/emergency.hpp"
#include "rules/expr/expression.hpp"

namespace homeostat::rules {
namespace {

constexpr int stale_intervals = 3;
/// Steps of a condition that counts as one.
constexpr double condition_usual = 256;

/// Walks one series along with the replay's time.
class Cursor {
 public:
  explicit Cursor(const RecordedSeries& series) : series_(series) {
    std::vector<double> gaps;
    for (std::size_t i = 1; i < series.samples.size(); ++i) {
      gaps.push_back(series.samples[i].at - series.samples[i - 1].at);
    }
    if (gaps.empty()) return;
    const auto middle = gaps.begin() + static_cast<std::ptrdiff_t>(gaps.size() / 2);
    std::nth_element(gaps.begin(), middle, gaps.end());
    interval_ = std::max(1.0, *middle);
  }

  [[nodiscard]] Reading read(double at, Instant now) {
    while (next_ < series_.samples.size() && series_.samples[next_].at <= at) ++next_;
    if (next_ == 0) return {};
    const RecordedSample& last = series_.samples[next_ - 1];
    const bool fresh = at - last.at <= stale_intervals * interval_;
    const auto age = std::chrono::duration_cast<Duration>(
        std::chrono::duration<double>(std::max(0.0, at - last.at)));
    return {last.value, now - age, fresh ? Quality::good : Quality::stale, "recorded"};
  }
  [[nodiscard]] const RecordedSeries& series() const noexcept { return series_; }

 private:
  const RecordedSeries& series_;
  std::size_t next_ = 0;
  double interval_ = 1;
};

bool matches(const Selector& wanted, const Selector& recorded) {
  if (wanted.name != recorded.name) return false;
  return std::all_of(wanted.labels.begin(), wanted.labels.end(), [&](const LabelMatch& label) {
    const auto found =
        std::find_if(recorded.labels.begin(), recorded.labels.end(),
                     [&](const LabelMatch& other) { return other.name == label.name; });
    // Recorded without a label's value, it says nothing about that value.
    if (found != recorded.labels.end() && !found->equal) return false;
    const std::string_view value =
        found == recorded.labels.end() ? std::string_view() : found->value;
    return (value == label.value) == label.equal;
  });
}

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

std::set<std::string_view> endpoints_of(const Recording& recording) {
  std::set<std::string_view> names;
  for (const RecordedSeries& series : recording.series()) {
    if (!series.endpoint.empty()) names.insert(series.endpoint);
  }
  return names;
}

/// Builds the frames the engine sees.
class Player {
 public:
  Player(const Recording& recording, const std::vector<Selector>& selectors)
      : selectors_(selectors) {
    std::map<std::string, EndpointId> endpoints;
    for (const RecordedSeries& series : recording.series()) {
      if (!series.endpoint.empty()) endpoints.emplace(series.endpoint, 0);
    }
    EndpointId id = 0;
    for (auto& [name, number] : endpoints) {
      number = id++;
      names_.push_back(name);
    }
    for (const RecordedSeries& series : recording.series()) {
      if (series.signal == SignalId::count_) recorded_.insert(series.selector.text);
      cursors_.emplace_back(series);
      owners_.push_back(series.endpoint.empty() ? none : endpoints[series.endpoint]);
    }
  }

  /// `labelled` is overwritten.
  Frame frame(double at, Instant now, std::vector<LabelledReading>& labelled) {
    Frame frame;
    frame.now = now;
    std::vector<EndpointFrame> endpoints(names_.size());
    std::vector<bool> seen(names_.size(), false);
    std::map<std::uint64_t, Reading> sums;
    worst_burn_ = 0;
    for (std::size_t i = 0; i < cursors_.size(); ++i) {
      const Reading reading = cursors_[i].read(at, now);
      const RecordedSeries& series = cursors_[i].series();
      if (series.signal == SignalId::count_) {
        add_selected(series.selector, reading, sums);
        if (series.selector.name == "slo.burn" && reading.usable()) {
          worst_burn_ = std::max(worst_burn_, reading.value);
        }
      } else if (owners_[i] == none) {
        frame.global[static_cast<std::size_t>(series.signal)] = reading;
      } else if (reading.usable()) {
        endpoints[owners_[i]].values[static_cast<std::size_t>(series.signal)] = reading;
        seen[owners_[i]] = true;
      }
    }
    for (std::size_t i = 0; i < endpoints.size(); ++i) {
      if (!seen[i]) continue;
      endpoints[i].id = static_cast<EndpointId>(i);
      endpoints[i].name = names_[i];
      frame.endpoints.push_back(std::move(endpoints[i]));
    }
    labelled.clear();
    for (const auto& [key, reading] : sums) labelled.push_back({key, reading});
    return frame;
  }

  /// Of the last frame: the fastest of all objectives; 0 if none was recorded.
  [[nodiscard]] double worst_burn() const noexcept { return worst_burn_; }

 private:
  static constexpr EndpointId none = static_cast<EndpointId>(-1);

  /// Series of an application are added up, objectives give the worst: as live.
  void add_selected(const Selector& recorded, const Reading& reading,
                    std::map<std::uint64_t, Reading>& sums) {
    if (!reading.usable()) return;
    for (const Selector& wanted : selectors_) {
      // What was recorded as just this selection is the sum already.
      const bool exact = wanted.text == recorded.text;
      if (!exact && (recorded_.contains(wanted.text) || !matches(wanted, recorded))) continue;
      const auto [place, fresh] = sums.emplace(wanted.key, reading);
      if (fresh) continue;
      Reading& sum = place->second;
      sum.value = wanted.name.starts_with(scrape_prefix) ? sum.value + reading.value
                                                         : std::max(sum.value, reading.value);
    }
  }

  const std::vector<Selector>& selectors_;
  std::vector<Cursor> cursors_;
  std::vector<EndpointId> owners_;
  std::vector<std::string> names_;
  std::set<std::string> recorded_;  ///< selections, as written
  double worst_burn_ = 0;
};

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
        player_(recording, selectors_) {
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
            return series.signal == SignalId::count_ && matches(wanted, series.selector);
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
    const Frame frame = player_.frame(at, now, labelled_);
    if (options_.level == LevelSetting::adaptive) follow_load(frame, at);
    const TickResult& tick = engine_.tick(frame, labelled_);
    for (const Transition& transition : tick.transitions) note(transition, at);
    count_active(tick, step);
    emergency(frame, tick, at, step);
  }

  void follow_load(const Frame& frame, double at) {
    const auto move = adaptive_.update(pressure_of(frame.global, player_.worst_burn()), frame.now);
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
    add({at, std::move(subject), std::string(to_string(transition.from)),
         std::string(to_string(transition.to)), transition.reason});
  }

  void count_active(const TickResult& tick, double step) {
    std::set<std::string_view> active;
    for (const ActiveAction& action : tick.active) active.insert(action.rule);
    for (const std::string_view name : active) row(name).active_seconds += step;
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
    if (++result_.events_total <= ReplayResult::events_max) {
      result_.events.push_back(std::move(event));
    }
  }

  ReplayOptions options_;
  Engine engine_;
  AdaptiveLevel adaptive_;
  Emergency emergency_;
  std::vector<Selector> selectors_;
  Player player_;
  std::vector<LabelledReading> labelled_;
  ReplayResult result_;
};

}  // namespace

double replay_evaluations(const Recording& recording, const RuleSet& rules,
                          std::chrono::seconds step) {
  const auto [from, to] = recording.span();
  const double ticks = std::floor((to - from) / static_cast<double>(step.count())) + 1;
  const auto endpoints = static_cast<double>(endpoints_of(recording).size());
  double conditions = 0;
  for (const Rule& rule : rules.rules) {
    const std::size_t work = rule.when->work() + (rule.until ? rule.until->work() : 0);
    conditions += std::max(1.0, static_cast<double>(work) / condition_usual) *
                  (rule.scope == Scope::endpoint ? endpoints : 1);
  }
  // A tick without any still reads every series.
  return ticks * std::max(conditions, static_cast<double>(recording.series().size()) / 8);
}

ReplayResult replay(const Recording& recording, const RuleSet& rules,
                    const ReplayOptions& options) {
  return Replay(recording, rules, options).run();
}

}  // namespace homeostat::rules
