// Slow start: grow by half per window while throughput proves that there is
// no queue yet. A cold or suddenly larger upstream is filled within a second,
// and unlike latency, throughput cannot be misread when the service changes.
#include "rules/laws/limit_law.hpp"

namespace homeostat::rules {

namespace {

constexpr double growth = 1.5;
constexpr double growth_followed = 0.5;  // share of the growth throughput must show
constexpr double growth_ignored = 0.2;   // less: no second look needed, ...
constexpr double ramp_negligible = 1;    // ... if the window is this long (seconds)
constexpr Duration pause_min = std::chrono::seconds(1), pause_max = std::chrono::seconds(16);
constexpr double window_min = 0.1, window_max = 2;  // seconds
constexpr std::uint64_t samples_full = 120;         // throughput known to 9 %
constexpr double fully_limited = 0.9;               // a reference must not include a ramp of demand
constexpr double limited_for_min = 1.5;  // seconds at the limit before a probe may cost anything

}  // namespace

void LimitLaw::enter_slow_start() {
  phase_ = Phase::slow_start;
  proven_limit_ = 0;
  failures_ = successes_ = 0;
  quiet_windows_ = 0;
  merged_.clear();
}

bool LimitLaw::slow_start_window_full() {
  const double latencies = std::clamp(3 * merged_.latency_mean(), window_min, window_max);
  if (merged_.seconds() < latencies) return false;
  if (merged_.samples() < samples_full && merged_.seconds() < window_max) return false;
  if (merged_.samples() >= samples_least) return true;
  if (merged_.seconds() >= window_give_up) merged_.clear();
  return false;
}

void LimitLaw::slow_start_step(bool frozen) {
  if (!slow_start_window_full()) return;
  const Congestion congestion = judge_window();
  const EndpointRates rates = rates_of(merged_);
  const bool in_use = limit_in_use();
  const bool unproven = proven_limit_ <= 0;
  if (merged_.limited() <= limited_share_min) {
    proven_limit_ = 0;
    unlimited_step(congestion, merged_.in_flight());
    return merged_.clear();
  }
  if (unproven && merged_.limited() < fully_limited) {
    reason_ = "hold: demand is reaching the limit";
    return merged_.clear();
  }
  baseline_.adopt_new(merged_, congestion.ratio);
  limited_rates_ = rates;
  if (unproven && congestion.queue >= queue_high(merged_.in_flight()) &&
      limited_for_ >= limited_for_min) {
    chain_ = 0;  // queueing already: growing would only show it again
    return start_probe();
  }
  if (!unproven && !judge_growth(rates)) return;
  merged_.clear();
  if (frozen || !in_use) {
    reason_ =
        frozen ? "hold: growth is frozen by resource pressure" : "hold: a ceiling below the limit";
    return;
  }
  failures_ = 0;
  proven_limit_ = limit_;
  proven_rates_ = rates;
  if (limit_ >= bounds_.max) {
    phase_ = Phase::steady;
    reason_ = "hold: at the configured maximum";
    return;
  }
  set_limit(std::max(limit_ * growth, limit_ + 1));
  reason_ = "slow start: throughput follows the limit";
}

/// Did throughput follow? If so, the latency seen is free of queueing and
/// becomes the baseline. If not, twice or clearly, the growth is taken back.
bool LimitLaw::judge_growth(const EndpointRates& rates) {
  const double before = baseline_.work_rate(proven_rates_);
  const double after = baseline_.work_rate(rates);
  const double gained = limit_ / proven_limit_ - 1;
  if (after >= before * (1 + growth_followed * gained)) {
    ++successes_;
    slow_start_pause_ = Duration::zero();
    baseline_.replace(merged_);
    baseline_at_ = now_;
    baseline_aged_ = false;
    return true;
  }
  reason_ = "hold: throughput does not follow the limit";
  const bool clearly =
      merged_.seconds() >= ramp_negligible && after < before * (1 + growth_ignored * gained);
  merged_.clear();
  if (++failures_ < 2 && !clearly) return false;
  set_limit(proven_limit_);
  slow_start_failed_ = now_;
  slow_start_pause_ = std::clamp(2 * slow_start_pause_, pause_min, pause_max);
  limited_rates_ = proven_rates_;
  if (successes_ >= 2) {
    settle_at_proven();
  } else {
    chain_ = 0;
    start_probe();
  }
  return false;
}

/// Two levels of growth followed by throughput are as good as a probe.
void LimitLaw::settle_at_proven() {
  phase_ = Phase::steady;
  knee_ = std::max(baseline_.work_rate(proven_rates_), 1.0);
  fall_since_ = now_;
  fall_reference_ = limit_;
}

}  // namespace homeostat::rules
