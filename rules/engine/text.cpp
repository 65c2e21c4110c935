#include "rules/engine/text.hpp"

namespace homeostat::rules {
namespace {

std::string_view to_string(NoData no_data) {
  switch (no_data) {
    case NoData::hold: return "hold";
    case NoData::clear: return "clear";
    case NoData::fire: return "fire";
  }
  return "?";
}

/// Of the condition itself: a default `until` is shown with its macros written out.
constexpr std::size_t condition_bytes_max = 500;

std::string values_and(const Expression& expression, const Scene& scene, const char* what) {
  std::string text = expression.explain_values(scene);
  if (!text.empty()) text += ' ';
  return text.append("(")
      .append(what)
      .append(" ")
      .append(shortened(expression.text(), condition_bytes_max))
      .append(")");
}

}  // namespace

std::string format_duration(Duration duration) {
  return format_value(std::chrono::duration<double>(duration).count(), Unit::duration);
}

std::string explain_step(const Rule& rule, const Expression& until, const Scene& scene,
                         const StepCause& cause) {
  const auto [from, to, hold, no_data] = cause;
  std::string text;
  const bool leaving_for_good = to == RuleState::inactive && from == RuleState::holding;
  if (to == RuleState::pending) {
    text = values_and(*rule.when, scene, "threshold");
    if (rule.for_ > Duration::zero()) text += ", fires after " + format_duration(rule.for_);
  } else if (to == RuleState::firing) {
    text = values_and(*rule.when, scene, "threshold");
    if (from == RuleState::holding) {
      text += " again while holding";
    } else if (rule.for_ > Duration::zero()) {
      text += " for " + format_duration(rule.for_);
    }
  } else if (from == RuleState::pending) {
    text = values_and(*rule.when, scene, "no longer");
  } else {
    text = values_and(until, scene, "until");
    if (to == RuleState::holding) text += ", holds for " + format_duration(hold);
    if (to == RuleState::holding && hold > rule.hold) {
      text += ", longer than its " + format_duration(rule.hold) + " because it had to come back";
    }
    if (leaving_for_good) text += " held for " + format_duration(hold);
  }
  if (no_data) text.append(", no data (no_data: ").append(to_string(rule.no_data)).append(")");
  return text;
}

}  // namespace homeostat::rules
