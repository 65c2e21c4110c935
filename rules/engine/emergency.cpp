#include "rules/engine/emergency.hpp"

#include <algorithm>
#include <vector>

#include "rules/engine/text.hpp"
#include "rules/expr/expression.hpp"

namespace homeostat::rules {
namespace {

std::string percent(double value) { return format_value(value, Unit::ratio); }

std::string compared(const char* name, const std::string& value, const char* sign,
                     const std::string& threshold) {
  return std::string(name) + " = " + value + " (" + sign + " " + threshold + ")";
}

/// The signals beyond their entry thresholds, as text. Comparisons with NaN
/// are false, so that an unknown value is no signal.
std::vector<std::string> signals_of(const EmergencyInput& input, const EmergencyBounds& bounds) {
  std::vector<std::string> found;
  const auto at_least = [&found](const char* name, double value, double high) {
    if (value >= high) found.push_back(compared(name, percent(value), ">=", percent(high)));
  };
  at_least("memory.utilization", input.memory_utilization, bounds.memory_high);
  at_least("memory.full_pressure", input.memory_full_pressure, bounds.memory_full_pressure_high);
  if (input.success_ratio < bounds.success_low) {
    found.push_back(compared("upstream success ratio", percent(input.success_ratio), "<",
                             percent(bounds.success_low)));
  }
  if (input.queue_standing >= bounds.queue_standing_long) {
    found.push_back(compared("admission queue standing for", format_duration(input.queue_standing),
                             ">=", format_duration(bounds.queue_standing_long)));
  }
  at_least("admission.critical_reject_ratio", input.critical_reject_ratio,
           bounds.critical_reject_high);
  return found;
}

std::string joined(const std::vector<std::string>& pieces) {
  std::string text;
  for (const std::string& piece : pieces) {
    if (!text.empty()) text += ", ";
    text += piece;
  }
  return text;
}

}  // namespace

EmergencyEvent Emergency::update(const EmergencyInput& input) {
  if (input.operator_demands) by_operator_ = true;
  return active_ ? try_leave(input) : try_enter(input);
}

std::string Emergency::fatal_signal(const EmergencyInput& input) const {
  if (input.operator_demands) {
    return input.operator_reason.empty() ? "panic switch"
                                         : "panic switch: " + input.operator_reason;
  }
  if (input.rule_demands) {
    return input.rule_reason.empty() ? "demanded by a rule" : "demanded by " + input.rule_reason;
  }
  if (input.memory_utilization >= bounds_.memory_fatal) {
    return compared("memory.utilization", percent(input.memory_utilization), "fatal from",
                    percent(bounds_.memory_fatal));
  }
  return {};
}

EmergencyEvent Emergency::enter(Instant now, std::string reason) {
  active_ = true;
  since_ = danger_at_ = now;
  reason_ = std::move(reason);
  suspect_since_.reset();
  clean_since_.reset();
  return EmergencyEvent::entered;
}

EmergencyEvent Emergency::try_enter(const EmergencyInput& input) {
  std::string fatal = fatal_signal(input);
  if (!fatal.empty()) return enter(input.now, std::move(fatal));
  const std::vector<std::string> signals = signals_of(input, bounds_);
  if (signals.size() < 2) {
    suspect_since_.reset();
    return EmergencyEvent::none;
  }
  if (!suspect_since_) suspect_since_ = input.now;
  if (input.now - *suspect_since_ < bounds_.enter_after) return EmergencyEvent::none;
  return enter(input.now, joined(signals) + " for " + format_duration(bounds_.enter_after));
}

bool Emergency::all_clear(const EmergencyInput& input) const {
  // Negated, so that NaN (unknown) counts as no signal here, too.
  return !input.operator_demands && !input.rule_demands &&
         !(input.memory_utilization >= bounds_.memory_leave) &&
         !(input.memory_full_pressure >= bounds_.memory_full_pressure_leave) &&
         !(input.success_ratio < bounds_.success_leave) &&
         input.queue_standing < bounds_.queue_standing_leave &&
         !(input.critical_reject_ratio >= bounds_.critical_reject_leave);
}

EmergencyEvent Emergency::try_leave(const EmergencyInput& input) {
  const bool danger = !fatal_signal(input).empty() || !signals_of(input, bounds_).empty();
  if (danger) danger_at_ = input.now;
  const Duration linger = std::max(bounds_.linger_max, bounds_.leave_after);
  const bool clear = all_clear(input), lingered = input.now - danger_at_ >= linger;
  if (!clear && !lingered) {
    if (!input.operator_demands) by_operator_ = false;  // from now on like any other
    clean_since_.reset();
    return EmergencyEvent::none;
  }
  if (!clean_since_) clean_since_ = input.now;
  if (!by_operator_ && clear && input.now - *clean_since_ < bounds_.leave_after) {
    return EmergencyEvent::none;
  }
  active_ = false;
  since_ = input.now;
  if (by_operator_) {
    reason_ = "the panic switch was let go, and there is no signal";
  } else if (clear) {
    reason_ = "no signal for " + format_duration(bounds_.leave_after);
  } else {
    reason_ = "no signal beyond its entry threshold for " + format_duration(linger);
  }
  by_operator_ = false;
  clean_since_.reset();
  return EmergencyEvent::left;
}

}  // namespace homeostat::rules
