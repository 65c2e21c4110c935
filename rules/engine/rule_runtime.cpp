#include "rules/engine/rule_runtime.hpp"

#include <stdexcept>
#include <string_view>
#include <unordered_set>

namespace homeostat::rules {
namespace {

constexpr double default_margin = 0.1;

}  // namespace

bool Pulse::due(Instant now, std::chrono::seconds every) {
  if (next_ && now < *next_) return false;
  // `every: 0` means once per activation.
  next_ = every > std::chrono::seconds::zero() ? now + every : Instant::max();
  return true;
}

RuleRuntime make_runtime(const Rule& rule) {
  RuleRuntime runtime;
  runtime.until = rule.until ? rule.until : rule.when->negated_with_margin(default_margin);
  if (rule.scope == Scope::global) runtime.instances.resize(1);
  runtime.pulses.resize(rule.then.size());
  return runtime;
}

void require_valid(const RuleSet& rules) {
  if (rules.rules.size() > rules_max) {
    throw std::invalid_argument("more than " + std::to_string(rules_max) + " rules");
  }
  std::unordered_set<std::string_view> names;
  for (const Rule& rule : rules.rules) {
    if (!rule.when) throw std::invalid_argument("rule '" + rule.name + "' has no condition");
    if (!names.insert(rule.name).second) {
      throw std::invalid_argument("two rules are named '" + rule.name + "'");
    }
  }
}

}  // namespace homeostat::rules
