#include "actors/event_diary.hpp"

#include <utility>

namespace homeostat::actors {
namespace {

EventValue text_or_null(const std::string& text) {
  return text.empty() ? EventValue() : EventValue(text);
}

std::string text(std::string_view view) { return std::string(view); }

}  // namespace

void EventDiary::left_out(const char* what, std::size_t count, WallTime at) {
  add(Event(what, at).with("left_out", static_cast<std::int64_t>(count)));
}

void EventDiary::transitions(const std::vector<rules::Transition>& transitions, bool shadow,
                             WallTime at) {
  std::size_t told = 0;
  for (const rules::Transition& transition : transitions) {
    if (++told > rule_events_max) continue;
    add(Event("rule", at)
            .with("rule", transition.rule)
            .with("endpoint", text_or_null(transition.endpoint_name))
            .with("from", text(rules::to_string(transition.from)))
            .with("to", text(rules::to_string(transition.to)))
            .with("reason", transition.reason)
            .with("dry_run", transition.dry_run)
            .with("injected", transition.injected)
            .with("shadow", shadow));
  }
  if (told > rule_events_max) left_out("rule", told - rule_events_max, at);
}

void EventDiary::action(const Key& key, const char* change, const std::string& reason,
                        bool injected, WallTime at) {
  if (++actions_told_ > rule_events_max) return;
  const auto& [rule, endpoint, what] = key;
  add(Event("action", at)
          .with("rule", rule)
          .with("endpoint", text_or_null(endpoint))
          .with("action", what)
          .with("change", std::string(change))
          .with("reason", text_or_null(reason))
          .with("injected", injected));
}

void EventDiary::resume(const std::vector<ActiveOptimization>& active) {
  for (const ActiveOptimization& record : active) {
    const rules::ActiveAction& action = record.action;
    acting_.try_emplace({action.rule, action.endpoint_name, rules::describe(action.action)},
                        Acting{action.overruled});
  }
}

void EventDiary::actions(const std::vector<rules::ActiveAction>& active,
                         const std::vector<Place>& off_phases, const Injected& injected,
                         WallTime at) {
  actions_told_ = 0;
  const std::set<Place> off(off_phases.begin(), off_phases.end());
  for (auto& [key, acting] : acting_) {
    acting.seen = off.contains({std::get<0>(key), std::get<1>(key)});
  }
  for (const rules::ActiveAction& entry : active) {
    Key key{entry.rule, entry.endpoint_name, rules::describe(entry.action)};
    const auto [found, fresh] = acting_.try_emplace(std::move(key), Acting{entry.overruled, true});
    Acting& acting = found->second;
    acting.seen = true;
    acting.injected = injected.contains({entry.rule, entry.endpoint_name});
    const char* change = nullptr;
    if (fresh) {
      change = entry.overruled ? "started_overruled" : "started";
    } else if (std::exchange(acting.overruled, entry.overruled) != entry.overruled) {
      change = entry.overruled ? "overruled" : "prevails";
    }
    if (change != nullptr) action(found->first, change, entry.reason, acting.injected, at);
  }
  for (auto it = acting_.begin(); it != acting_.end();) {
    if (it->second.seen) {
      ++it;
      continue;
    }
    action(it->first, "ended", {}, it->second.injected, at);
    it = acting_.erase(it);
  }
  if (actions_told_ > rule_events_max) left_out("action", actions_told_ - rule_events_max, at);
}

void EventDiary::trials(const std::vector<rules::TrialStep>& steps, const Injected& injected,
                        bool shadow, WallTime at) {
  std::size_t told = 0;
  for (const rules::TrialStep& step : steps) {
    if (++told > rule_events_max) continue;
    const rules::TrialReport& report = step.report;
    const auto optional = [](const std::optional<double>& value) {
      return value ? EventValue(*value) : EventValue();
    };
    add(Event("effect", at)
            .with("rule", step.rule)
            .with("endpoint", text_or_null(step.endpoint_name))
            .with("verdict", text(rules::to_string(report.verdict)))
            .with("undone", report.undone)
            .with("design", text(rules::to_string(report.design)))
            .with("signal", text(rules::signal_info(report.signal).name))
            .with("share", report.share)
            .with("improvement", report.samples > 0 ? EventValue(report.improvement) : EventValue())
            .with("low", optional(report.low))
            .with("high", optional(report.high))
            .with("confidence", report.confidence)
            .with("samples", static_cast<std::int64_t>(report.samples))
            .with("injected", injected.contains({step.rule, step.endpoint_name}))
            .with("shadow", shadow));
  }
  if (told > rule_events_max) left_out("effect", told - rule_events_max, at);
}

void EventDiary::level(rules::LevelSetting setting, rules::Level from, rules::Level to,
                       const std::string& reason, Marks marks, WallTime at) {
  add(Event("level", at)
          .with("setting", text(rules::to_string(setting)))
          .with("from", text(rules::to_string(from)))
          .with("to", text(rules::to_string(to)))
          .with("reason", reason)
          .with("injected", marks.injected)
          .with("shadow", marks.shadow));
}

void EventDiary::emergency(bool entered, const std::string& reason, bool shadow, bool injected,
                           WallTime at) {
  add(Event("emergency", at)
          .with("change", std::string(entered ? "entered" : "left"))
          .with("reason", reason)
          .with("injected", injected)
          .with("shadow", shadow));
}

}  // namespace homeostat::actors
