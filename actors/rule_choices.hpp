// What operators said about single rules at run time: switched on or off, other
// times, another level. Kept apart from the rules as loaded, so that both a reload
// and a restarted rule engine can apply it again, and an end of it gives back what
// the file says.
//
// Plain value. Thread safety: none. Bounds: one choice per rule of the newest set and of that
// before it.
#pragma once

#include <map>
#include <optional>
#include <set>
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
  /// A set is loaded. What was said about a rule that it lacks is kept for the set after it, so
  /// that taking a mistaken reload back brings it back as well; then it is forgotten, and the rule
  /// starts as its file says should it ever return.
  void forget_absent(const rules::RuleSet& loaded);
  [[nodiscard]] rules::RuleSet applied_to(rules::RuleSet loaded) const;
  [[nodiscard]] const std::map<std::string, rules::RuleChoice>& all() const noexcept {
    return choices_;
  }

 private:
  using Choices = std::map<std::string, rules::RuleChoice>;
  Choices choices_;
  Choices absent_;               ///< of rules that went with the newest set
  std::set<std::string> names_;  ///< of the newest set
};

}  // namespace homeostat::actors
