// Slow start: grow by half per window while throughput proves that there is
// no queue yet. A cold or suddenly larger upstream is filled within a second,
// and unlike latency, throughput cannot be misread when the service changes.
#include "rules/laws/limit_law.hpp"

namespace homeostat::rules {

namespace {

constexpr double growth_followed = 0.5;  // share of the growth throughput must show
constexpr double growth_ignored = 0.2;   // less: no second look needed, ...
constexpr double ramp_negligible = 1;    // ... if the window is this long (seconds)
constexpr Duration pause_min = std::chrono::seconds(1), pause_max = std::chrono::seconds(16);
constexpr double window_min = 0.1, window_max = 2, window_slowest = 8;  // seconds
constexpr std::uint64_t samples_full = 160;                             // throughput known to 8 %
constexpr double limited_for_min = 1.5;  // seconds at the limit before a probe may cost anything
constexpr std::uint64_t first_samples = 5;
// Against the first answers: growth of what is in flight that tells, and the share of it that
// throughput shows where nothing waits.
constexpr double growth_to_tell = 0.5, growth_seen = 0.35;
constexpr double swamp_queue = 0.5;  // share of in flight
constexpr double swamped_services = 4, swamped_latencies = 2;
constexpr double swamp_samples = 0.2;  // of samples_wanted()
// Seconds at the limit, times the CV^2 of latencies: shorter is a burst, or a few long ones.
constexpr double swamped_for_min = 0.3, swamp_cv_square_max = 5;

double swamped_for(double cv_square) {
  return swamped_for_min * std::clamp(cv_square, 1.0, swamp_cv_square_max);
}

}  // namespace

void LimitLaw::enter_slow_start() {
  phase_ = Phase::slow_start;
  proven_limit_ = 0;
  failures_ = successes_ = 0;
  starved_entry_ = false;
  quiet_windows_ = 0;
  usual_seconds_ = 0;
  throughput_.clear();
  merged_.clear();
  guess_.clear();
}

bool LimitLaw::slow_start_window_full() {
  const double latencies = std::clamp(3 * merged_.latency_mean(), window_min, window_slowest);
  if (merged_.seconds() < latencies) return false;
  // A second look goes on counting, so that it is not as noisy as the first.
  const std::uint64_t full = samples_full * (1 + static_cast<std::uint64_t>(failures_));
  if (merged_.samples() < full &&
      merged_.seconds() < (1 + failures_) * std::max(window_max, latencies)) {
    return false;
  }
  if (merged_.samples() >= samples_least) return true;
  if (merged_.seconds() >= window_give_up) merged_.clear();
  return false;
}

/// Before anything is known of the upstream, its first answers are the best there is:
/// they were sent to an idle one. Few of them, because a small upstream queues soon. Short
/// requests end first, so that this is too low.
void LimitLaw::remember_first(const LimitWindow& window) {
  if (first_baseline_.known()) return;
  first_.add(window);
  if (first_.samples() >= first_samples) first_baseline_.replace(first_);
}

double LimitLaw::swamp_samples_least() const { return swamp_samples * samples_wanted(); }

void LimitLaw::watch_guess(const LimitWindow& window) {
  // Windows of long ago hold what was before the queue grew.
  const double memory =
      2 * std::max(swamped_for(cv_square_), swamped_latencies * guess_.latency_mean());
  const bool old = guess_.seconds() >= memory &&
                   static_cast<double>(guess_.samples()) >= 2 * swamp_samples_least();
  if (limited_for_ <= 0 || old) guess_.clear();
  if (limited_for_ > 0) guess_.add(window);
}

/// It may hold a queue: no light load has told what the service is, and no probe or growth.
bool LimitLaw::baseline_unproven() const { return !baseline_.known() || learnt_at_limit_; }

/// Whether a latency above that of the first answers is a queue. They may be the short ones that
/// ended first: then throughput followed the requests in flight since.
bool LimitLaw::first_tells() const {
  if (guess_.seconds() < swamped_latencies * guess_.latency_mean()) return false;
  const double gained = guess_.in_flight() / std::max(first_.in_flight(), 1.0) - 1;
  if (gained < growth_to_tell) return true;
  const double before = static_cast<double>(first_.samples()) / first_.seconds();
  const double after = static_cast<double>(guess_.samples()) / guess_.seconds();
  return after < before * (1 + growth_seen * gained);
}

/// A limit that nothing has proven is a guess. Where most of what it lets through seems to
/// wait inside the upstream, clients give up before a growth that fails has said so.
bool LimitLaw::swamped() const {
  if (probed_ || proven_limit_ > 0) return false;
  if (static_cast<double>(guess_.samples()) < swamp_samples_least()) return false;
  const Congestion seen = (baseline_unproven() ? first_baseline_ : baseline_).judge(guess_);
  const double service = guess_.latency_mean() / std::max(seen.ratio, 1.0);
  const double least =
      std::max(swamped_for(std::max(cv_square_, seen.cv_square)), swamped_services * service);
  if (guess_.seconds() < least) return false;
  // Less than under light load was served: it stood still, which says nothing of its size.
  const bool stood_still = baseline_.work_rate(rates_of(guess_)) < light_in_flight_;
  if (baseline_unproven() ? !first_tells() : stood_still) return false;
  const double in_flight = guess_.in_flight();
  return seen.queue >= std::max(swamp_queue * in_flight, queue_high(in_flight));
}

void LimitLaw::slow_start_step(bool frozen) {
  const bool probe_now = swamped();
  if (!probe_now && !slow_start_window_full()) return;
  if (probe_now) {
    merged_ = guess_;
    learnt_at_limit_ = baseline_unproven();
    if (learnt_at_limit_) baseline_ = first_baseline_;
  }
  const Congestion congestion = judge_window();
  const EndpointRates rates = rates_of(merged_);
  if (probe_now) {
    limited_rates_ = rates;
    limited_in_flight_ = merged_.in_flight();
    chain_ = 0;
    return start_probe(false);
  }
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
  limited_in_flight_ = merged_.in_flight();
  if (unproven && congestion.queue >= queue_high(merged_.in_flight()) &&
      limited_for_ >= limited_for_min) {
    chain_ = 0;  // queueing already: growing would only show it again
    return start_probe(false);
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
  set_limit(std::max(limit_ * slow_start_growth, limit_ + 1));
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
    learnt_at_limit_ = false;
    baseline_at_ = now_;
    baseline_aged_ = false;
    return true;
  }
  reason_ = "hold: throughput does not follow the limit";
  const bool clearly =
      merged_.seconds() >= ramp_negligible && after < before * (1 + growth_ignored * gained);
  if (++failures_ < 2 && !clearly) return false;
  merged_.clear();
  set_limit(proven_limit_);
  slow_start_failed_ = now_;
  slow_start_pause_ = std::clamp(2 * slow_start_pause_, pause_min, pause_max);
  limited_rates_ = proven_rates_;
  if (successes_ >= 1) {
    settle_at_knee(rates);
  } else if (knee_ > 0) {  // it was only an attempt; the next probe comes when it is due
    phase_ = Phase::steady;
    if (starved_entry_) best_trust_ = 0;  // the higher throughput is not there any more
  } else {
    chain_ = 0;
    start_probe(false);
  }
  return false;
}

/// Growth that throughput followed proved the baseline, and the step too many
/// showed what the upstream does at most: together they give the knee.
void LimitLaw::settle_at_knee(const EndpointRates& saturated) {
  phase_ = Phase::steady;
  knee_ = std::max(baseline_.work_rate(saturated), 1.0);
  set_limit(std::clamp(limit_at(knee_), limit_, slow_start_growth * limit_));
  fall_reference_ = limit_;
}

}  // namespace homeostat::rules
