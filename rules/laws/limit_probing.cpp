// Down-probes: when to start one, and what its outcome means.
#include <cmath>

#include "rules/laws/limit_law.hpp"

namespace homeostat::rules {

namespace {

// The first probe knows nothing and looks deep; later ones cost less.
constexpr double probe_depth = 0.6, first_probe_depth = 0.35;
constexpr double critical_room = 1.25, critical_depth = 0.75, critical_memory = 1;  // s
constexpr double throughput_kept = 0.87, first_throughput_kept = 0.8;  // share of before
// Of samples_wanted(). While nothing is known of the limit, soon beats exact; where a knee is
// expected the probe idles no server, and a wrong verdict would cost for as long as an interval.
constexpr double probe_samples = 1, first_probe_samples = 0.4;
constexpr double light_samples_least = 20, light_share_most = 0.75;  // of the knee in flight
constexpr double telling_depth = 0.75;
constexpr double adopted_margin = 1.05;
constexpr int probe_chain_max = 6;
constexpr double probe_interval_max = 40;        // seconds
constexpr double probe_interval_refining = 2.5;  // after the first one; then doubling
constexpr double probe_rest = 40;  // times its own length: a probe costs at most 1 % of throughput
constexpr double limited_for_min = 1.5;  // seconds at the limit before a probe may cost anything

double seconds_between(Instant earlier, Instant later) {
  return std::chrono::duration<double>(later - earlier).count();
}

}  // namespace

bool LimitLaw::probe_due() const {
  if (merged_.limited() <= limited_share_min) return false;
  if (probed_ && now_ - probe_ended_ < probe_gap_min) return false;
  if (fell()) return true;
  if (limited_for_ < limited_for_min) return false;
  const double cost = probe_rest * seconds_between(probe_started_, probe_ended_);
  const double interval = std::max(probe_interval_ * std::clamp(cv_square_, 1.0, 5.0), cost);
  return baseline_aged_ || seconds_between(baseline_at_, now_) >= interval;
}

void LimitLaw::watch_critical(const LimitWindow& window) {
  const double seen = window.critical_share * window.in_flight_mean;
  const double length = std::chrono::duration<double>(window.length).count();
  critical_in_flight_ += std::min(1.0, length / critical_memory) * (seen - critical_in_flight_);
}

/// A probe may cost the other classes; critical requests keep their places, as long as
/// what is left below `from` still shows whether throughput falls.
double LimitLaw::probe_limit(double from, double depth) const {
  const double critical =
      critical_in_flight_ > 0 ? std::ceil(critical_room * critical_in_flight_ + 1) : 0;
  const double wanted = std::max(depth * from, std::min(critical, critical_depth * from));
  return std::max(bounds_.min, std::floor(wanted));
}

void LimitLaw::start_probe(bool urgent) {
  if (limit_ < bounds_.min + 0.5) {  // nothing below to compare with: what is seen is the baseline
    baseline_.correct(merged_, 3);
    baseline_at_ = probe_ended_ = now_;
    baseline_aged_ = false;
    phase_ = Phase::steady;
    end_doubt();
    return;
  }
  phase_ = Phase::probing;
  const bool first = knee_ <= 0;
  // In doubt nobody is held back yet: a deep probe would reject for nothing. Nor is a
  // second one of a chain deep: what the first found is near the knee already.
  const bool deep = first && limit_before_doubt_ <= 0 && chain_ == 0;
  expected_knee_ = 0;
  if (deep) expected_knee_ = knee_by_light_load();
  if (deep && expected_knee_ <= 0) expected_knee_ = knee_by_first();
  if (!first && urgent && chain_ == 0) expected_knee_ = knee_if_smaller();
  const double depth = deep ? first_probe_depth : probe_depth;
  urgent_ = !first && urgent;
  const double samples = first && expected_knee_ <= 0 ? first_probe_samples : probe_samples;
  // A limit above the knee by design (small upstreams) is not worth probing at.
  const double from = first || urgent_ ? limit_ : std::min(limit_, 1.25 * knee_);
  double limit = probe_limit(from, depth);
  if (expected_knee_ > 0) {
    limit = std::max(bounds_.min, std::floor(std::min(limit_at(expected_knee_), from)));
  }
  probe_.start(limit, latency_, samples * samples_wanted());
  probe_started_ = now_;
  reason_ = "probe: is throughput kept with fewer requests";
}

/// Little's law: what light load showed to be the service, times what saturation shows to be
/// the most, is the knee. 0 where the load was not light beside that.
double LimitLaw::knee_by_light_load() const {
  if (learnt_at_limit_ || light_samples_ < light_samples_least) return 0;
  const double knee = baseline_.work_rate(limited_rates_);
  return light_in_flight_ <= light_share_most * knee ? knee : 0;
}

/// The same by the very first answers, which need not be of all endpoints: the others are taken
/// to be like them.
double LimitLaw::knee_by_first() const {
  if (!baseline_unproven()) return 0;
  double all = 0, known = 0;
  for (const EndpointRate& one : limited_rates_) {
    all += one.rate;
    if (first_baseline_.of(one.endpoint) > 0) known += one.rate;
  }
  if (known <= 0) return 0;
  const double knee = first_baseline_.work_rate(limited_rates_) * all / known;
  return limit_at(knee) <= telling_depth * limit_ ? knee : 0;
}

/// The same for an upstream that seems to have lost servers. Where its service only got slower,
/// throughput falls at the limit that this gives. 0 where that would be too near to tell.
double LimitLaw::knee_if_smaller() const {
  const double knee = baseline_.work_rate(limited_rates_);
  return limit_at(knee) <= telling_depth * limit_ ? knee : 0;
}

void LimitLaw::settle_as_expected() {
  knee_ = std::max(expected_knee_, 1.0);
  set_limit(limit_at(knee_));
  fall_reference_ = limit_;
  baseline_at_ = now_;
  baseline_aged_ = false;
  best_trust_ = 0;  // a higher throughput is not there any more
  reason_ = "set: knee by the known latency, throughput was kept";
}

void LimitLaw::finish_probe(bool measured) {
  phase_ = Phase::steady;
  probe_ended_ = now_;
  probed_ = true;
  merged_.clear();
  const WindowMerge& seen = probe_.measured();
  if (!measured || seen.samples() == 0) {
    baseline_at_ = now_;  // try again an interval later
    end_doubt();
    reason_ = "hold: the probe saw too few requests";
    return;
  }
  const double before = baseline_.work_rate(limited_rates_);
  const double during = baseline_.work_rate(rates_of(seen));
  const bool demand = seen.limited() > limited_share_min;
  const bool deep = knee_ <= 0 && limit_before_doubt_ <= 0;
  const double kept = deep && expected_knee_ <= 0 ? first_throughput_kept : throughput_kept;
  if (demand && probe_.limit() > bounds_.min && during >= kept * before) {
    // Throughput did not fall: the limit was above the knee.
    baseline_.lower(seen, 1);
    limit_before_doubt_ = 0;
    set_limit(adopted_margin * probe_.limit());
    latency_ = seen.latency_mean();
    probe_interval_ = probe_interval_first;
    reason_ = "shrink: throughput was kept with fewer requests";
    // The first answers may have queued: what they led to is probed further.
    if (expected_knee_ > 0 && !baseline_unproven()) return settle_as_expected();
    if (knee_ <= 0 && as_fast_as_first(seen)) {
      limited_rates_ = rates_of(seen);
      return accept_baseline(seen);
    }
    if ((knee_ <= 0 || urgent_) && ++chain_ < probe_chain_max) start_probe(urgent_);
    return;
  }
  accept_baseline(seen);
}

/// Nothing waits any more, against the very first answers, as long as those came before the
/// limit was reached: going lower would only cost.
bool LimitLaw::as_fast_as_first(const WindowMerge& seen) const {
  return first_baseline_.known() && first_.limited() <= limited_share_min &&
         first_baseline_.judge(seen).queue < queue_low(seen.in_flight());
}

void LimitLaw::accept_baseline(const WindowMerge& seen) {
  const bool first = knee_ <= 0;
  BaselineShift shift;
  if (first) {
    baseline_.replace(seen);
    learnt_at_limit_ = false;
  } else {
    shift = baseline_.correct(seen, urgent_ ? 2 : 3);
  }
  baseline_at_ = now_;
  baseline_aged_ = false;
  const bool settled = !first && !shift.significant && chain_ == 0;
  probe_interval_ =
      settled ? std::min(2 * probe_interval_, probe_interval_max) : probe_interval_first;
  if (first) probe_interval_ = probe_interval_refining;
  // At saturation work_rate = busy servers: the knee itself.
  knee_ = std::max(baseline_.work_rate(limited_rates_), 1.0);
  reason_ = "hold: baseline refreshed by a probe";
  const double settled_limit = limit_at(knee_);
  if (urgent_) {
    // No queue before the probe either: the limit had fallen below the knee.
    const bool starved = limited_in_flight_ - knee_ < queue_low(limited_in_flight_);
    set_limit(starved ? std::max(settled_limit, fall_reference_) : settled_limit);
    if (!starved && chain_ > 0) best_trust_ = 0;  // what there was is no longer there
    reason_ = starved ? "set: service got slower, the limit comes back"
                      : "set: knee found again by a probe";
  } else if (first || (shift.significant && shift.ratio > 1)) {
    set_limit(first ? settled_limit : std::max(limit_, settled_limit));
    reason_ = first ? "set: knee found by a probe" : "set: service got slower, baseline corrected";
  }
  end_doubt();
  fall_reference_ = limit_;
  // What looked like a queue was a slower service: more requests may well fit.
  if (!first && shift.significant && shift.ratio > 1 && chain_ == 0) enter_slow_start();
}

/// A probe that was started without overload must leave no trace in the limit
/// unless it proved that the limit was too high.
void LimitLaw::end_doubt() {
  if (limit_before_doubt_ > 0) set_limit(limit_before_doubt_);
  limit_before_doubt_ = 0;
}

}  // namespace homeostat::rules
