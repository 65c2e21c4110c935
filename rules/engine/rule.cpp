#include "rules/engine/rule.hpp"

#include "rules/engine/rule_definition.hpp"
#include "rules/expr/expression.hpp"

namespace homeostat::rules {
namespace {

template <class... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};
template <class... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

std::string seconds(std::chrono::seconds value) {
  return format_value(static_cast<double>(value.count()), Unit::duration);
}

std::string ratio(double value) { return format_value(value, Unit::ratio); }

std::string describe_release(const ReleaseMemory& action) {
  std::string text;
  const auto add = [&text](const std::string& piece) {
    if (!text.empty()) text += ", ";
    text += piece;
  };
  if (action.expired) add("expired");
  if (action.shrink_cache_to < 1) add("shrink cache to " + ratio(action.shrink_cache_to));
  if (action.allocator) add("allocator");
  if (action.hook) add("hook");
  if (action.every > std::chrono::seconds::zero()) add("every " + seconds(action.every));
  return "(" + text + ")";
}

bool same_text(const std::shared_ptr<const Expression>& a,
               const std::shared_ptr<const Expression>& b) {
  if (!a || !b) return !a && !b;
  return a->canonical() == b->canonical();
}

}  // namespace

std::string_view action_name(const Action& action) noexcept {
  return std::visit(Overloaded{[](const ScaleTtl&) { return "scale_ttl"; },
                               [](const Compress&) { return "compress"; },
                               [](const Throttle&) { return "throttle"; },
                               [](const ReleaseMemory&) { return "release_memory"; },
                               [](const EnterEmergency&) { return "emergency"; },
                               [](const RaiseAlert&) { return "alert"; }},
                    action);
}

bool divides_by_request(const Action& action) noexcept {
  const auto* lifetime = std::get_if<ScaleTtl>(&action);
  return std::holds_alternative<Compress>(action) || (lifetime != nullptr && lifetime->by > 1);
}

bool can_alternate(const Action& action) noexcept {
  return std::holds_alternative<ScaleTtl>(action) || std::holds_alternative<Compress>(action) ||
         std::holds_alternative<Throttle>(action);
}

std::string describe(const Action& action) {
  const std::string details =
      std::visit(Overloaded{[](const ScaleTtl& a) {
                              return "(by " + format_value(a.by, Unit::number) + ", max " +
                                     seconds(a.max) + ")";
                            },
                            [](const Compress& a) {
                              if (!a.enabled) return std::string("(off)");
                              std::string text = "(on";
                              if (a.level != 0) text += ", level " + std::to_string(a.level);
                              if (a.algorithm != Coding::identity) {
                                text += ", " + std::string(coding_name(a.algorithm));
                              }
                              return text + ")";
                            },
                            [](const Throttle& a) { return "(to " + ratio(a.to) + ")"; },
                            [](const ReleaseMemory& a) { return describe_release(a); },
                            [](const EnterEmergency&) { return std::string(); },
                            [](const RaiseAlert& a) {
                              return "(" + std::string(to_string(a.severity)) +
                                     (a.summary.empty() ? "" : ", \"" + a.summary + "\"") + ")";
                            }},
                 action);
  return std::string(action_name(action)) + details;
}

std::string_view to_string(Level level) noexcept {
  switch (level) {
    case Level::conservative: return "conservative";
    case Level::balanced: return "balanced";
    case Level::aggressive: return "aggressive";
  }
  return "?";
}

std::string_view to_string(LevelSetting level) noexcept {
  switch (level) {
    case LevelSetting::conservative: return "conservative";
    case LevelSetting::balanced: return "balanced";
    case LevelSetting::aggressive: return "aggressive";
    case LevelSetting::adaptive: return "adaptive";
  }
  return "?";
}

std::string_view to_string(Scope scope) noexcept {
  return scope == Scope::endpoint ? "endpoint" : "global";
}

std::string_view to_string(Severity severity) noexcept {
  switch (severity) {
    case Severity::info: return "info";
    case Severity::warning: return "warning";
    case Severity::critical: return "critical";
  }
  return "?";
}

std::optional<LevelSetting> parse_level(std::string_view text) noexcept {
  for (const auto level : {LevelSetting::conservative, LevelSetting::balanced,
                           LevelSetting::aggressive, LevelSetting::adaptive}) {
    if (to_string(level) == text) return level;
  }
  return std::nullopt;
}

bool same_definition(const Rule& a, const Rule& b) {
  return a.name == b.name && a.level == b.level && a.scope == b.scope &&
         same_text(a.when, b.when) && same_text(a.until, b.until) && a.for_ == b.for_ &&
         a.hold == b.hold && a.cooldown == b.cooldown && a.no_data == b.no_data &&
         a.priority == b.priority && a.dry_run == b.dry_run && a.every_level == b.every_level &&
         a.rollout == b.rollout && a.effect == b.effect && a.then == b.then;
}

}  // namespace homeostat::rules
