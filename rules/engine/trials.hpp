// The trials of a rule set: which may compare now, and what they see.
//
// At one endpoint, and among the global rules, only one trial divides or
// alternates at a time; others wait, their action not yet in force, because two
// at once could not tell whose effect it is. A trial that another rule's action
// keeps from comparing does not hold its place meanwhile.
//
// Thread safety: none; used by one engine. Memory: one Trial (300 bytes) per
// activation of a rule with a trial.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "rules/engine/endpoint_slots.hpp"
#include "rules/engine/engine.hpp"
#include "rules/engine/instance.hpp"
#include "rules/engine/rule.hpp"

namespace homeostat::rules {

/// Whether activations of a rule are trials.
[[nodiscard]] constexpr bool has_trial(const Rule& rule) noexcept {
  return rule.effect.has_value() || rule.rollout < 1;
}
[[nodiscard]] TrialPlan plan_of(const Rule& rule);

/// One activation that takes part in this tick's trials.
struct TrialSeat {
  const Rule* rule = nullptr;
  Instance* instance = nullptr;
  const EndpointSlot* slot = nullptr;  ///< null: global
  bool paused = false;                 ///< another rule's action decides, or spoils the control

  /// Where it compares; null: everywhere, also for rules of endpoints that throttle.
  [[nodiscard]] const EndpointSlot* place() const noexcept;
};

class Trials {
 public:
  /// Forgets the seats of the last tick.
  void begin_tick();
  /// Notes that a trial is at this place, if it is. REQUIRES: an instance.
  void occupy(const TrialSeat& seat);
  /// Whether the seat's action is in force now, wholly or for a share; begins
  /// its trial if it may. `began` is set when it did.
  [[nodiscard]] bool admits(const TrialSeat& seat, Instant now, bool& began);
  /// Observes or pauses; returns what changed.
  [[nodiscard]] std::optional<TrialStep> observe(const TrialSeat& seat, const SignalValues& global,
                                                 Instant now);

 private:
  [[nodiscard]] bool occupied(const EndpointSlot* place) const;
  /// Whether a trial that is paused must stay so for another one's sake.
  [[nodiscard]] bool blocked(const TrialSeat& seat) const;
  std::vector<const EndpointSlot*> busy_;  ///< null for the global place
};

/// Of an instance of a rule with trials: what to show.
[[nodiscard]] std::optional<TrialReport> trial_report(const Rule& rule, const Instance& instance);
[[nodiscard]] TrialStep trial_step(const TrialSeat& seat);

}  // namespace homeostat::rules
