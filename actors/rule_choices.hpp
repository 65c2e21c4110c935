// What operators said about single rules at run time: switched on or off, other
// times, another level. Kept apart from the rules as loaded, so that both a reload
// and a restarted rule engine can apply it again, and an end of it gives back what
// the file says.
//
// Plain value. Thread safety: none. Bounds: one choice per loaded rule.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>

#include "rules/engine/rule_override.hpp"

namespace homeostat::actors {

struct RuleCommand {
  std::string rule;
  /// Switched on or off (unset: as loaded), or other terms (empty: as loaded).
  std::variant<std::optional<bool>, rules::RuleOverride> change;
};

/// For the log.
[[nodiscard]] std::string describe(const RuleCommand& command);

class RuleChoices {
 public:
  /// The rule as it is to be applied from now on; nothing, and no change, if the set
  /// has no rule of that name.
  [[nodiscard]] std::optional<rules::Rule> take(const RuleCommand& command,
                                                const rules::RuleSet& loaded);
  /// A rule that is gone, and comes back one day, starts as its file says.
  void forget_absent(const rules::RuleSet& loaded);
  [[nodiscard]] rules::RuleSet applied_to(rules::RuleSet loaded) const;
  [[nodiscard]] const std::map<std::string, rules::RuleChoice>& all() const noexcept {
    return choices_;
  }

 private:
  std::map<std::string, rules::RuleChoice> choices_;
};

}  // namespace homeostat::actors
