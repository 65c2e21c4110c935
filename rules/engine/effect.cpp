#include "rules/engine/effect.hpp"

#include "rules/expr/expression.hpp"

namespace homeostat::rules {

std::optional<bool> larger_is_better(SignalId signal) noexcept {
  switch (signal) {
    case SignalId::cache_hit_ratio:
    case SignalId::redis_hit_ratio:
    case SignalId::endpoint_hit_ratio: return true;
    case SignalId::network_sent:
    case SignalId::network_received:
    case SignalId::traffic_rate:
    case SignalId::endpoint_rate:
    case SignalId::admission_limit:
    case SignalId::admission_in_flight:
    case SignalId::cache_utilization:
    case SignalId::redis_connected:
    case SignalId::redis_memory:
    case SignalId::count_: return std::nullopt;
    default: return false;
  }
}

std::string_view to_string(TrialDesign design) noexcept {
  return design == TrialDesign::concurrent ? "concurrent" : "alternating";
}

std::string_view to_string(TrialVerdict verdict) noexcept {
  switch (verdict) {
    case TrialVerdict::waiting: return "waiting";
    case TrialVerdict::running: return "running";
    case TrialVerdict::useful: return "useful";
    case TrialVerdict::harmful: return "harmful";
    case TrialVerdict::unproven: return "unproven";
  }
  return "?";
}

std::string describe(const TrialReport& report) {
  if (report.samples == 0) return "nothing compared yet";
  const auto percent = [](double value) { return format_value(value, Unit::ratio); };
  const char* points = report.relative ? "" : " points";
  std::string text = report.improvement >= 0 ? percent(report.improvement) + points + " better"
                                             : percent(-report.improvement) + points + " worse";
  text += " (";
  if (report.low && report.high)
    text += percent(*report.low) + " to " + percent(*report.high) + ", ";
  return text + "confidence " + percent(report.confidence) + ", " + std::to_string(report.samples) +
         " comparisons)";
}

}  // namespace homeostat::rules
