// What an operator sets on a loaded rule while the agent runs: some of its terms,
// that is, what can change without another condition or action.
//
// Plain values. Thread safety: pure functions. Units: as in Rule.
#pragma once

#include <optional>
#include <string>

#include "rules/engine/rule.hpp"

namespace homeostat::rules {

/// Unset: as loaded.
struct RuleOverride {
  std::optional<Level> level;
  std::optional<Duration> for_, hold, cooldown;
  std::optional<NoData> no_data;
  std::optional<int> priority;
  std::optional<bool> dry_run, every_level;

  [[nodiscard]] bool empty() const noexcept { return *this == RuleOverride{}; }
  bool operator==(const RuleOverride&) const = default;
};

/// Everything an operator has said about one rule.
struct RuleChoice {
  std::optional<bool> enabled;  ///< unset: as loaded
  RuleOverride terms;

  [[nodiscard]] bool empty() const noexcept { return !enabled && terms.empty(); }
  bool operator==(const RuleChoice&) const = default;
};

/// The loaded rule as it is to be applied.
[[nodiscard]] Rule with(Rule rule, const RuleChoice& choice);
/// Copies what a choice can change.
void copy_terms(const Rule& from, Rule& to);

}  // namespace homeostat::rules
