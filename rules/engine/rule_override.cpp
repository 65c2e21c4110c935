#include "rules/engine/rule_override.hpp"

namespace homeostat::rules {
namespace {

template <class T>
void take(const std::optional<T>& given, T& field) {
  if (given) field = *given;
}

}  // namespace

Rule with(Rule rule, const RuleChoice& choice) {
  const RuleOverride& terms = choice.terms;
  take(choice.enabled, rule.enabled);
  take(terms.level, rule.level);
  take(terms.for_, rule.for_);
  take(terms.hold, rule.hold);
  take(terms.cooldown, rule.cooldown);
  take(terms.no_data, rule.no_data);
  take(terms.priority, rule.priority);
  take(terms.dry_run, rule.dry_run);
  take(terms.every_level, rule.every_level);
  return rule;
}

void copy_terms(const Rule& from, Rule& to) {
  to.enabled = from.enabled;
  to.level = from.level;
  to.for_ = from.for_;
  to.hold = from.hold;
  to.cooldown = from.cooldown;
  to.no_data = from.no_data;
  to.priority = from.priority;
  to.dry_run = from.dry_run;
  to.every_level = from.every_level;
}

}  // namespace homeostat::rules
