// Shadow: the limit holds nobody back, so nothing can be learned by moving it.
// A probe would never come down, slow start would see throughput that ignores
// it, and a queue would not end whatever the limit: every step of the other
// phases would lead somewhere by accident.
//
// What is left is to look on. Requests in flight without a queue are carried: the
// limit is at least as many. Once they queue, Little's law gives the knee from the
// throughput and the baseline, busy servers = sum(rate x baseline), and the limit
// is what the law would settle at there. It is as good as the baseline, which here
// comes from light load alone: an upstream that was never seen below its knee
// looks larger than it is.
#include "rules/laws/limit_law.hpp"

namespace homeostat::rules {

void LimitLaw::observe(const LimitWindow& window) {
  if (phase_ != Phase::steady) {
    probe_.stop();
    end_doubt();
    phase_ = Phase::steady;
    merged_.clear();
  }
  merged_.add(window);
  if (!steady_window_full()) return;
  const Congestion congestion = judge_window();
  const double in_flight = merged_.in_flight();
  const double high = queue_high(in_flight);
  baseline_.adopt_new(merged_, congestion.ratio);
  if (congestion.queue - congestion.doubt >= high) {
    limited_rates_ = rates_of(merged_);
    knee_ = std::max(baseline_.work_rate(limited_rates_), 1.0);
    set_limit(limit_at(knee_));
    explain("set: knee by throughput", congestion.queue, in_flight);
  } else if (congestion.queue < queue_low(in_flight)) {
    learn_from_light_load(in_flight);
    if (in_flight > limit_) {
      set_limit(in_flight);
      explain("set: carried without a queue", congestion.queue, in_flight);
    } else {
      reason_ = "hold: demand is below the limit";
    }
  } else {
    explain("hold", congestion.queue, in_flight);
  }
  fall_reference_ = limit_;
  merged_.clear();
}

}  // namespace homeostat::rules
