#include "actors/rule_choices.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace homeostat::actors {

std::string describe(const RuleCommand& command) {
  const std::string subject = "rule " + command.rule + " ";
  if (const auto* terms = std::get_if<rules::RuleOverride>(&command.change)) {
    return subject + (terms->empty() ? "is as loaded again" : "overridden by command");
  }
  const auto& enabled = std::get<std::optional<bool>>(command.change);
  if (!enabled) return subject + "is switched as loaded again";
  return subject + (*enabled ? "enabled" : "disabled") + " by command";
}

std::optional<rules::Rule> RuleChoices::take(const RuleCommand& command,
                                             const rules::RuleSet& loaded) {
  const auto rule = std::ranges::find(loaded.rules, command.rule, &rules::Rule::name);
  if (rule == loaded.rules.end()) return std::nullopt;
  rules::RuleChoice& choice = choices_[command.rule];
  if (const auto* terms = std::get_if<rules::RuleOverride>(&command.change)) {
    choice.terms = *terms;
  } else {
    choice.enabled = std::get<std::optional<bool>>(command.change);
  }
  rules::Rule changed = rules::with(*rule, choice);
  if (choice.empty()) choices_.erase(command.rule);
  return changed;
}

void RuleChoices::forget_absent(const rules::RuleSet& loaded) {
  std::set<std::string> names;
  for (const rules::Rule& rule : loaded.rules) names.insert(rule.name);
  if (names == names_) return;
  names_ = std::move(names);
  const Choices before = std::exchange(absent_, {});
  for (auto it = choices_.begin(); it != choices_.end();) {
    const auto next = std::next(it);
    if (!names_.contains(it->first)) absent_.insert(choices_.extract(it));
    it = next;
  }
  for (const auto& [name, choice] : before) {
    if (names_.contains(name)) choices_.emplace(name, choice);
  }
}

rules::RuleSet RuleChoices::applied_to(rules::RuleSet loaded) const {
  for (rules::Rule& rule : loaded.rules) {
    const auto found = choices_.find(rule.name);
    if (found != choices_.end()) rule = rules::with(std::move(rule), found->second);
  }
  return loaded;
}

}  // namespace homeostat::actors
