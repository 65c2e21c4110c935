#include "runtime/admin/rule_override_json.hpp"

#include <boost/json/object.hpp>
#include <chrono>
#include <string>

namespace homeostat::admin {

namespace json = boost::json;

namespace {

const char* text_of(rules::NoData no_data) {
  switch (no_data) {
    case rules::NoData::hold: return "hold";
    case rules::NoData::clear: return "clear";
    case rules::NoData::fire: return "fire";
  }
  return "hold";
}

/// Exactly, in the largest unit that divides it: sent again it says the same.
std::string text_of(rules::Duration duration) {
  using Count = std::chrono::nanoseconds::rep;
  struct Step {
    Count nanoseconds;
    const char* unit;
  };
  static constexpr Step steps[] = {
      {3'600'000'000'000, "h"}, {60'000'000'000, "m"}, {1'000'000'000, "s"},
      {1'000'000, "ms"},        {1'000, "us"},         {1, "ns"}};
  const Count count = std::chrono::nanoseconds(duration).count();
  for (const Step& step : steps) {
    if (count != 0 && count % step.nanoseconds == 0) {
      return std::to_string(count / step.nanoseconds) + step.unit;
    }
  }
  return "0s";
}

}  // namespace

json::value override_json(const rules::RuleOverride& terms) {
  if (terms.empty()) return nullptr;
  json::object out;
  if (terms.level) out["level"] = rules::to_string(*terms.level);
  if (terms.every_level) out["every_level"] = *terms.every_level;
  if (terms.for_) out["for"] = text_of(*terms.for_);
  if (terms.hold) out["hold"] = text_of(*terms.hold);
  if (terms.cooldown) out["cooldown"] = text_of(*terms.cooldown);
  if (terms.no_data) out["no_data"] = text_of(*terms.no_data);
  if (terms.priority) out["priority"] = *terms.priority;
  if (terms.dry_run) out["dry_run"] = *terms.dry_run;
  return out;
}

}  // namespace homeostat::admin
