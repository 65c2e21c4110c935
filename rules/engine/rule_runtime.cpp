#include "rules/engine/rule_runtime.hpp"

#include <algorithm>
#include <stdexcept>
#include <string_view>
#include <unordered_set>

#include "rules/expr/expression.hpp"
#include "rules/expr/labelled_signals.hpp"

namespace homeostat::rules {
namespace {

constexpr double default_margin = 0.1;

}  // namespace

std::vector<Selector> selectors_of(const RuleSet& set) {
  std::vector<Selector> all;
  const auto add = [&all](const Expression* expression) {
    if (expression == nullptr) return;
    for (const Selector& selector : expression->selectors()) {
      if (all.size() < LabelledSignals::signals_max &&
          std::ranges::find(all, selector) == all.end())
        all.push_back(selector);
    }
  };
  for (const Rule& rule : set.rules) {
    add(rule.when.get());
    add(rule.until.get());
  }
  return all;
}

bool reads_injected(const Expression& expression, const Scene& scene) {
  return std::ranges::any_of(expression.signals(), [&scene](SignalId id) {
    const SignalValues* values =
        signal_info(id).scope == SignalScope::endpoint ? scene.endpoint : scene.global;
    return values != nullptr &&
           (*values)[static_cast<std::size_t>(id)].quality == Quality::injected;
  });
}

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
