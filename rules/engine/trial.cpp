#include "rules/engine/trial.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace homeostat::rules {
namespace {

/// SplitMix64 (Steele, Lea, Flood 2014): one draw.
std::uint64_t draw(std::uint64_t& state) noexcept {
  state += 0x9e3779b97f4a7c15ULL;
  std::uint64_t z = state;
  z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27U)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31U);
}

/// Ratios differ by so much; everything else by so many times.
bool is_relative(SignalId signal) { return signal_info(signal).unit != Unit::ratio; }

}  // namespace

Trial::Trial(const TrialPlan& plan, std::uint64_t seed, Instant now)
    : plan_(plan),
      share_(plan.share),
      random_(seed),
      last_(now),
      compared_to_(now + settle),
      next_sample_(now + phase),
      widened_at_(now) {
  draw_order();
}

void Trial::draw_order() { first_on_ = (draw(random_) & 1U) == 0; }

double Trial::share() const noexcept {
  if (undone()) return 0;
  if (alternates() && !paused_) return on_now() ? 1 : 0;
  return share_;
}

bool Trial::alternates() const noexcept {
  return plan_.design == TrialDesign::alternating && plan_.goal &&
         verdict_ == TrialVerdict::running;
}

bool Trial::undone() const noexcept {
  return verdict_ == TrialVerdict::harmful ||
         (verdict_ == TrialVerdict::unproven && plan_.goal && !plan_.goal->keep_unproven);
}

bool Trial::needs_place() const noexcept {
  if (undone()) return false;
  if (plan_.goal && verdict_ == TrialVerdict::running) return true;
  return plan_.design == TrialDesign::concurrent && share_ < 1;
}

bool Trial::measures() const noexcept {
  return plan_.goal && plan_.design == TrialDesign::concurrent && share_ < 1 && occupies();
}

bool Trial::finish(TrialVerdict verdict) {
  if (verdict_ == verdict) return false;
  verdict_ = verdict;
  widened_at_ = last_;
  return true;
}

bool Trial::compare(double treated, double control) {
  const SignalId signal = plan_.goal->improve;
  double better = larger_is_better(signal).value_or(false) ? treated - control : control - treated;
  if (is_relative(signal)) {
    if (treated <= 0 || control <= 0) return false;
    better = std::log(control / treated);
  }
  if (verdict_ != TrialVerdict::running) {
    return after_.add(better) == EffectVerdict::worse && finish(TrialVerdict::harmful);
  }
  switch (test_.add(better)) {
    case EffectVerdict::better: return finish(TrialVerdict::useful);
    case EffectVerdict::worse: return finish(TrialVerdict::harmful);
    case EffectVerdict::undecided: return false;
  }
  return false;
}

/// By the time the values were taken, not by that of the tick: figures that come seldom
/// are shown by many ticks, and would be taken for as many comparisons.
bool Trial::observe_arms(const ArmValues* arms) {
  if (arms == nullptr || !arms->enough() || arms->at - compared_to_ < arms->span) return false;
  compared_to_ = arms->at;
  const auto treated = arms->treated.value(plan_.goal->improve);
  const auto control = arms->control.value(plan_.goal->improve);
  return treated && control && compare(*treated, *control);
}

bool Trial::observe_phase(Instant now, const SignalValues& values) {
  if (now < next_sample_) return false;
  const Instant began = std::exchange(next_sample_, now + phase) - phase;
  const Reading& reading = values[static_cast<std::size_t>(plan_.goal->improve)];
  const bool of_phase = reading.at - reading.span >= began + lead;
  const std::optional<double> value = of_phase && reading.usable() && std::isfinite(reading.value)
                                          ? std::optional(reading.value)
                                          : std::nullopt;
  if (phase_ == 0) {
    first_value_ = value;
    phase_ = 1;
    return false;
  }
  bool changed = false;
  if (value && first_value_) {
    changed = first_on_ ? compare(*first_value_, *value) : compare(*value, *first_value_);
  }
  phase_ = 0;
  draw_order();
  return changed;
}

void Trial::widen(Instant now) {
  const bool may = plan_.goal ? verdict_ == TrialVerdict::useful ||
                                    (verdict_ == TrialVerdict::unproven && !undone())
                              : true;
  if (!may || share_ >= 1 || now - widened_at_ < widen_every) return;
  share_ = std::min(1.0, share_ * 2);
  widened_at_ = now;
}

void Trial::spend(Instant now) noexcept {
  spent_ += now - last_;
  last_ = now;
}

bool Trial::expire() {
  if (!plan_.goal || verdict_ != TrialVerdict::running || spent_ < plan_.goal->within) return false;
  return finish(TrialVerdict::unproven);
}

/// What was in force for a part of the window must not be compared.
void Trial::start_over(Instant now) noexcept {
  phase_ = 0;
  compared_to_ = now + settle;
  next_sample_ = now + phase;
}

bool Trial::observe(Instant now, const SignalValues& values, const ArmValues* arms) {
  spend(now);
  if (std::exchange(paused_, false)) start_over(now);
  bool changed = false;
  if (comparing()) {
    changed =
        plan_.design == TrialDesign::concurrent ? observe_arms(arms) : observe_phase(now, values);
  }
  if (expire()) changed = true;
  widen(now);
  return changed;
}

bool Trial::pause(Instant now) {
  widened_at_ += now - last_;
  spend(now);
  paused_ = true;
  return expire();
}

TrialReport Trial::report() const {
  TrialReport report;
  report.design = plan_.design;
  report.verdict = plan_.goal ? verdict_ : TrialVerdict::running;
  if (paused_ && report.verdict == TrialVerdict::running) report.verdict = TrialVerdict::waiting;
  report.undone = undone();
  report.share = share();
  if (!plan_.goal) return report;
  report.signal = plan_.goal->improve;
  report.relative = is_relative(report.signal);
  const EffectEstimate estimate =
      verdict_ == TrialVerdict::harmful && after_.verdict() == EffectVerdict::worse
          ? after_.estimate()
          : test_.estimate();
  // Of a logarithm of control over treated: the share that is saved.
  const auto shown = [&report](double value) {
    return report.relative ? 1 - std::exp(-value) : value;
  };
  report.samples = estimate.samples;
  report.improvement = shown(estimate.mean);
  if (std::isfinite(estimate.low)) report.low = shown(estimate.low);
  if (std::isfinite(estimate.high)) report.high = shown(estimate.high);
  report.confidence = estimate.confidence;
  return report;
}

}  // namespace homeostat::rules
