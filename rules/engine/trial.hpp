// One activation of a rule as an experiment: how much of the traffic gets the
// action, what is compared with what, and what follows.
//
// Concurrent. Each request is treated with probability `share`, by chance. The
// signal of the treated is compared with that of the others over the same
// seconds, so that load, time of day and the tendency of extreme values to fall
// back by themselves hit both alike. Ten seconds make a comparison where both
// sides then have enough requests, else a minute; no second belongs to two, however
// seldom the figures come.
//
// Alternating, where an action cannot be divided by request. Pairs of phases,
// one with the action and one without, in an order drawn for each pair
// (switchback experiment: Bojinov, Simchi-Levi, Zhao, "Design and analysis of
// switchback experiments", Management Science 69, 2023). A phase counts by the
// value at its end, if that reaches back to `lead` after its beginning at most: by then
// what the phase before left is gone. A value that is older or reaches further back, such as
// latencies of an endpoint with fewer than 20 requests in ten seconds, which are those of
// a minute, holds both phases and says nothing. Random order within short pairs is
// what guards against trend and season: both hit either phase as often.
//
// Verdicts by rules/laws/effect_test, at each pair. Useful: a share below 1
// doubles every widen_every while the comparison goes on as a second test, which
// may still find harm. Without a goal a trial only widens, by time.
//
// Pauses. While another rule's action decides the actuator there is nothing to
// compare, but `within` goes on: what cannot be shown in that time is unproven.
// When its activation ends an undecided trial sleeps, and goes on with all its
// evidence in the next one: harm that short activations do adds up.
//
// Pure: time comes in, chance comes from `seed`. Thread safety: none.
#pragma once

#include <cstdint>
#include <optional>

#include "rules/engine/effect.hpp"
#include "rules/engine/frame.hpp"
#include "rules/laws/effect_test.hpp"

namespace homeostat::rules {

/// The rule's side of a trial.
struct TrialPlan {
  std::optional<EffectGoal> goal;  ///< nothing: only widens
  TrialDesign design = TrialDesign::concurrent;
  double share = 1;  ///< to begin with
};

class Trial {
 public:
  /// Until an action that began is in force everywhere.
  static constexpr std::chrono::seconds settle{10};
  static constexpr std::chrono::seconds phase{20};  ///< of alternating trials
  static constexpr std::chrono::seconds lead{5};    ///< of a phase, that does not count
  static constexpr std::chrono::seconds widen_every{30};
  /// The least `within` in which a verdict can be reached at all: as many
  /// comparisons as the test asks for, each as short as it can be.
  [[nodiscard]] static constexpr std::chrono::seconds within_min(TrialDesign design) noexcept {
    constexpr auto comparisons = static_cast<int>(EffectTestBounds{}.samples_min);
    return design == TrialDesign::concurrent ? settle + comparisons * ArmValues::span_short
                                             : comparisons * 2 * phase;
  }
  /// The same of a concurrent trial where ten seconds hold too few requests.
  static constexpr std::chrono::seconds within_min_of_minutes =
      settle + static_cast<int>(EffectTestBounds{}.samples_min) * ArmValues::span_long;

  Trial(const TrialPlan& plan, std::uint64_t seed, Instant now);

  /// Takes in a tick in which the action was in force, as far as share() said.
  /// `values` are the signals of the rule's scope, `arms` the two sides'.
  /// True if the verdict changed.
  bool observe(Instant now, const SignalValues& values, const ArmValues* arms);
  /// The same for a tick that cannot be compared with any other.
  bool pause(Instant now);
  /// Its activation has ended; the next one begins. What is between does not count.
  void sleep() noexcept { paused_ = true; }
  void wake(Instant now) noexcept { last_ = now; }

  /// Of the requests that get the action now; an alternating trial has 0 or 1.
  [[nodiscard]] double share() const noexcept;
  [[nodiscard]] bool undone() const noexcept;
  [[nodiscard]] bool has_goal() const noexcept { return plan_.goal.has_value(); }
  [[nodiscard]] TrialVerdict verdict() const noexcept { return verdict_; }
  /// Divides or alternates what happens at its place, unless it is paused, so
  /// that nothing else should be tried there.
  [[nodiscard]] bool needs_place() const noexcept;
  [[nodiscard]] bool paused() const noexcept { return paused_; }
  [[nodiscard]] bool occupies() const noexcept { return needs_place() && !paused_; }
  /// Its two sides are to be told apart by request.
  [[nodiscard]] bool measures() const noexcept;
  /// Turns the action on and off, to compare.
  [[nodiscard]] bool alternates() const noexcept;
  [[nodiscard]] TrialReport report() const;

 private:
  [[nodiscard]] bool comparing() const noexcept { return plan_.goal && needs_place(); }
  void spend(Instant now) noexcept;
  bool expire();
  void start_over(Instant now) noexcept;
  bool compare(double treated, double control);
  bool observe_arms(const ArmValues* arms);
  bool observe_phase(Instant now, const SignalValues& values);
  bool finish(TrialVerdict verdict);
  void draw_order();
  void widen(Instant now);
  [[nodiscard]] bool on_now() const noexcept { return first_on_ == (phase_ == 0); }

  TrialPlan plan_;
  double share_;
  std::uint64_t random_;
  Instant last_;
  Duration spent_{};
  Instant compared_to_;  ///< of concurrent trials: later seconds are still to be compared
  Instant next_sample_;  ///< of alternating trials
  Instant widened_at_;
  EffectTest test_, after_;  ///< until the verdict, and while widening
  TrialVerdict verdict_ = TrialVerdict::running;
  bool paused_ = false;
  int phase_ = 0;  ///< of the pair
  bool first_on_ = true;
  std::optional<double> first_value_;  ///< of the pair's first phase
};

}  // namespace homeostat::rules
