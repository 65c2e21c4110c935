// The state machine of one rule, or of one rule at one endpoint.
//
// Only what is not quietly inactive has an Instance: an absent one means
// inactive with no cooldown running. Thread safety: none; pure in its inputs.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "rules/engine/engine.hpp"
#include "rules/engine/rule.hpp"
#include "rules/engine/trial.hpp"
#include "rules/expr/expression.hpp"
#include "rules/laws/relapse_hold.hpp"

namespace homeostat::rules {

struct Instance {
  RuleState state = RuleState::inactive;
  Instant since{};           ///< of the state
  Instant active_since{};    ///< of the activation; kept while holding
  Instant pending_clock{};   ///< `for` counts from here; moved on over gaps in the data
  Instant cooldown_until{};  ///< no firing before
  std::string reason;        ///< of the activation
  RelapseHold relapse;

  // Of the trial, for rules with one.
  /// Of this activation; null: none, or not yet. While inactive: one that was
  /// undecided, asleep with its evidence.
  std::unique_ptr<Trial> trial;
  std::optional<EndedTrial> last_effect;  ///< of an activation before
  Instant retry_at{};                     ///< undone before: no trial before this
  Instant remember_until{};               ///< all of this
  unsigned times_undone = 0;
};

[[nodiscard]] constexpr bool is_active(RuleState state) noexcept {
  return state == RuleState::firing || state == RuleState::holding;
}

/// A rule with the `until` in use.
struct CheckedRule {
  const Rule& rule;
  const Expression& until;
  bool may_start = true;  ///< false at an endpoint out of sight: what acts goes on, nothing begins
};

struct Step {
  RuleState from;
  RuleState to;
  std::string reason;
};

/// How long it stays after its reason is gone: what asks for emergency mode not as long.
[[nodiscard]] RelapseHold::Terms hold_terms(const Rule& rule) noexcept;

/// Whether `when` holds, with no_data applied; nothing means "as before".
[[nodiscard]] std::optional<bool> wanted(const Rule& rule, const Scene& scene);

/// Moves an instance on by one tick. `gap` is the time since the last tick.
/// Creates the instance when it leaves inactive and drops it when nothing is
/// left to remember.
[[nodiscard]] std::optional<Step> advance(const CheckedRule& checked,
                                          std::unique_ptr<Instance>& instance, const Scene& scene,
                                          Instant now, Duration gap);

/// Leaves at once, whatever the conditions say (disabled, level, reload).
/// Nothing if the instance was inactive. A cooldown starts as usual.
[[nodiscard]] std::optional<Step> force_out(const Rule& rule, std::unique_ptr<Instance>& instance,
                                            Instant now, std::string reason);

}  // namespace homeostat::rules
