#include "rules/engine/trials.hpp"

#include <algorithm>
#include <functional>

namespace homeostat::rules {
namespace {

/// Differs by rule, endpoint and activation, and is the same in a repetition.
std::uint64_t seed_of(const TrialSeat& seat, Instant now) {
  std::uint64_t seed = 1469598103934665603ULL;  // FNV-1a
  const auto mix = [&seed](std::string_view text) {
    for (const char c : text) seed = (seed ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  };
  mix(seat.rule->name);
  if (seat.slot != nullptr) mix(seat.slot->name);
  return seed ^ static_cast<std::uint64_t>(now.time_since_epoch().count());
}

/// Twice as long after each time, a day at most.
void distrust(Instance& instance, const EffectGoal& goal, Instant now) {
  constexpr unsigned doublings_max = 10;
  const Duration wait = std::min<Duration>(
      effect_retry_max, goal.retry * (1U << std::min(instance.times_undone, doublings_max)));
  ++instance.times_undone;
  instance.retry_at = now + wait;
  instance.remember_until = instance.retry_at + wait;
}

}  // namespace

TrialPlan plan_of(const Rule& rule) {
  TrialPlan plan;
  plan.goal = rule.effect;
  plan.share = rule.rollout;
  plan.design = rule.rollout < 1 ? TrialDesign::concurrent : TrialDesign::alternating;
  return plan;
}

void Trials::begin_tick() { busy_.clear(); }

const EndpointSlot* TrialSeat::place() const noexcept {
  const bool everywhere =
      std::any_of(rule->then.begin(), rule->then.end(),
                  [](const Action& action) { return std::holds_alternative<Throttle>(action); });
  return everywhere ? nullptr : slot;
}

void Trials::occupy(const TrialSeat& seat) {
  const Instance& instance = *seat.instance;
  if (is_active(instance.state) && instance.trial && instance.trial->occupies()) {
    busy_.push_back(seat.place());
  }
}

bool Trials::occupied(const EndpointSlot* place) const {
  return std::find(busy_.begin(), busy_.end(), place) != busy_.end();
}

bool Trials::blocked(const TrialSeat& seat) const {
  const Trial& trial = *seat.instance->trial;
  return trial.paused() && trial.needs_place() && occupied(seat.place());
}

bool Trials::admits(const TrialSeat& seat, Instant now, bool& began) {
  Instance& instance = *seat.instance;
  const bool may_begin = !instance.trial || instance.trial->undone();
  if (may_begin) {
    if (now < instance.retry_at || occupied(seat.place())) return false;
    instance.trial = std::make_unique<Trial>(plan_of(*seat.rule), seed_of(seat, now), now);
    began = true;
    occupy(seat);
  } else if (blocked(seat)) {
    return false;
  }
  return instance.trial->share() > 0;
}

std::optional<TrialStep> Trials::observe(const TrialSeat& seat, const SignalValues& global,
                                         Instant now) {
  Instance& instance = *seat.instance;
  if (!instance.trial || instance.trial->undone()) return std::nullopt;
  const bool paused = seat.paused || blocked(seat);
  const bool of_endpoint =
      seat.rule->effect && signal_info(seat.rule->effect->improve).scope == SignalScope::endpoint;
  const SignalValues& values = of_endpoint && seat.slot != nullptr ? seat.slot->values : global;
  const ArmValues* arms = seat.slot != nullptr && seat.slot->arms ? &*seat.slot->arms : nullptr;
  const bool was_paused = instance.trial->paused();
  const bool changed =
      paused ? instance.trial->pause(now) : instance.trial->observe(now, values, arms);
  if (was_paused && !paused) occupy(seat);
  if (!changed) return std::nullopt;
  if (instance.trial->undone()) distrust(instance, *seat.rule->effect, now);
  if (instance.trial->verdict() == TrialVerdict::useful) instance.times_undone = 0;
  return trial_step(seat);
}

std::optional<TrialReport> trial_report(const Rule& rule, const Instance& instance) {
  if (!has_trial(rule)) return std::nullopt;
  if (instance.trial) return instance.trial->report();
  TrialReport report;
  report.verdict = TrialVerdict::waiting;
  report.design = plan_of(rule).design;
  if (rule.effect) report.signal = rule.effect->improve;
  report.share = 0;
  return report;
}

TrialStep trial_step(const TrialSeat& seat) {
  return {seat.rule->name, seat.slot != nullptr ? seat.slot->name : std::string(),
          *trial_report(*seat.rule, *seat.instance)};
}

}  // namespace homeostat::rules
