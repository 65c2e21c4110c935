// The law, in three phases.
//
// slow_start  L grows by half per window as long as throughput follows by at
//             least half of the growth; twice not: back, and probe.
// steady      windowed Vegas (Brakmo and Peterson 1995; Netflix
//             concurrency-limits) on q = sum(latency - baseline) / T, the
//             requests queueing inside the upstream by Little's law:
//               q < a            grow     a = max(1, 0.1 n)
//               a <= q < b       creep    b = max(2.5, 0.25 n)
//               q >= b           shrink towards the middle of [a, b]
//             only when the limit is what holds requests back.
// probing     see limit_probe.hpp. Keeps the baseline honest under unending
//             overload, where Vegas otherwise drifts.
#include "rules/laws/limit_law.hpp"

#include <cmath>
#include <cstdio>

namespace homeostat::rules {

namespace {

constexpr double window_min = 0.25, window_max = 1;  // seconds
constexpr int quiet_windows_to_slow_start = 3;
constexpr double light_unproven = 2;  // in flight
constexpr Duration fall_window = std::chrono::seconds(2);

}  // namespace

LimitLaw::LimitLaw(LimitBounds given) : bounds_(given), limit_(given.initial) {
  bounds_.min = std::max(bounds_.min, 1.0);
  bounds_.max = std::max(bounds_.max, bounds_.min);
  set_limit(given.initial);
  fall_reference_ = limit_;
}

double LimitLaw::limit_in_force() const noexcept {
  return phase_ == Phase::probing ? std::min(probe_.limit(), limit_) : limit_;
}

void LimitLaw::explain(const char* what, double queue, double in_flight) {
  char text[128];
  std::snprintf(text, sizeof text, "%s: queue %.1f, wanted %.1f to %.1f", what, queue,
                queue_low(in_flight), queue_high(in_flight));
  reason_ = text;
}

bool LimitLaw::react_to_drops(const LimitWindow& window) {
  std::uint64_t succeeded = 0;
  for (const EndpointSamples& endpoint : window.endpoints) succeeded += endpoint.count;
  if (!drops_.update(window.now, window.dropped, succeeded)) return false;
  // At most 30 % at once: an upstream that refuses everything has next to
  // nothing in flight, and that says nothing about its capacity.
  const double wanted = 0.9 * std::min(limit_, std::max(window.in_flight_mean, 1.0));
  set_limit(std::max(wanted, 0.7 * limit_));
  probe_.stop();
  limit_before_doubt_ = 0;
  fall_since_ = now_;
  fall_reference_ = limit_;
  enter_slow_start();  // once it answers again, throughput decides how far
  reason_ = "shrink: upstream refuses or times out";
  return true;
}

void LimitLaw::update(const LimitWindow& window) {
  now_ = window.now;
  if (!started_) {
    started_ = true;
    slow_start_failed_ = baseline_at_ = probe_ended_ = fall_since_ = now_;
  }
  if (window.length <= Duration::zero() || react_to_drops(window)) return;
  const double length = std::chrono::duration<double>(window.length).count();
  limited_for_ = window.limited_share > limited_share_min ? limited_for_ + length : 0;
  if (phase_ == Phase::probing) {
    const LimitProbe::State state = probe_.update(window);
    if (!probe_.active()) finish_probe(state == LimitProbe::State::done);
    return;
  }
  merged_.add(window);
  if (phase_ == Phase::slow_start) {
    slow_start_step(window.freeze_growth);
  } else {
    steady_step(window.freeze_growth);
  }
}

Congestion LimitLaw::judge_window() {
  if (!baseline_.known()) baseline_.replace(merged_);
  const Congestion congestion = baseline_.judge(merged_);
  latency_ = merged_.latency_mean();
  cv_square_ = congestion.cv_square;
  queue_ = congestion.queue;
  queueing_ = queue_ >= queue_low(merged_.in_flight());
  return congestion;
}

void LimitLaw::steady_step(bool frozen) {
  const bool full = static_cast<double>(merged_.samples()) >= samples_wanted();
  if (merged_.seconds() < window_min || (!full && merged_.seconds() < window_max)) return;
  if (merged_.samples() < samples_least) {
    if (merged_.seconds() >= window_give_up) merged_.clear();
    return;
  }
  const Congestion congestion = judge_window();
  baseline_.adopt_new(merged_, congestion.ratio);
  const double in_flight = merged_.in_flight();
  if (merged_.limited() > limited_share_min) {
    limited_rates_ = rates_of(merged_);
    limited_step(congestion, in_flight, frozen);
  } else {
    unlimited_step(congestion, in_flight);
  }
  if (phase_ == Phase::steady && probe_due()) {
    chain_ = 0;
    start_probe();
  }
  merged_.clear();
  if (now_ - fall_since_ >= fall_window) {
    fall_since_ = now_;
    fall_reference_ = limit_;
  }
}

void LimitLaw::limited_step(const Congestion& congestion, double in_flight, bool frozen) {
  const double low = queue_low(in_flight);
  const double high = queue_high(in_flight);
  const double queue = congestion.queue;
  if (queue < low) return grow(queue, in_flight, frozen);
  quiet_windows_ = 0;
  if (queue < high) {
    if (!frozen && limit_in_use()) set_limit(limit_ + std::max(0.25, 0.01 * limit_));
    return explain("creep", queue, in_flight);
  }
  // What a baseline of few samples may be wrong by is no evidence of a queue.
  const double sure = queue - congestion.doubt;
  if (sure < high) return explain("hold", queue, in_flight);
  const double excess = 0.8 * (sure - (low + high) / 2);
  const double step = std::clamp(excess, 0.5, std::max(0.5, 0.3 * limit_));
  set_limit(std::min(limit_, 1.1 * in_flight) - step);
  explain("shrink", queue, in_flight);
}

void LimitLaw::grow(double queue, double in_flight, bool frozen) {
  if (frozen || !limit_in_use()) {
    reason_ =
        frozen ? "hold: growth is frozen by resource pressure" : "hold: a ceiling below the limit";
    return;
  }
  ++quiet_windows_;
  const bool may_leap = now_ - slow_start_failed_ >= slow_start_pause_;
  if (quiet_windows_ >= quiet_windows_to_slow_start && may_leap) {
    // The upstream got faster or larger: let throughput decide how far.
    enter_slow_start();
    reason_ = "slow start: no queue at the limit";
    return;
  }
  const double step = quiet_windows_ >= quiet_windows_to_slow_start ? 0.1 : 0.05;
  set_limit(limit_ + std::max(1.0, step * limit_));
  explain("grow", queue, in_flight);
}

void LimitLaw::unlimited_step(const Congestion& congestion, double in_flight) {
  quiet_windows_ = 0;
  reason_ = "hold: demand is below the limit";
  // A lower latency is always nearer to the truth. A higher one is only when
  // the load is light: against an unproven limit it may just be the queue of
  // a small upstream.
  const bool light = in_flight <= (knee_ > 0 ? knee_ / 2 : light_unproven);
  baseline_.adopt_new(merged_, congestion.ratio);
  if (light) {
    baseline_.move(merged_, 0.3);
  } else {
    baseline_.lower(merged_, 0.3);
  }
  const bool probe_soon =
      probed_ && now_ - probe_ended_ < std::chrono::duration<double>(probe_interval_);
  if (congestion.queue >= std::max(2.5, 0.75 * in_flight) && !probe_soon) {
    // Latency has quadrupled although the limit holds nothing back: either the
    // limit is far too high or the service got slower. A probe from the
    // present in-flight tells; if it was the service, the limit comes back.
    limit_before_doubt_ = limit_;
    limited_rates_ = rates_of(merged_);
    latency_ = merged_.latency_mean();
    set_limit(std::min(limit_, in_flight));
    chain_ = 0;
    start_probe();
  } else if (congestion.queue >= queue_high(in_flight)) {
    set_limit(std::min(limit_, std::max(bounds_.initial, 1.25 * in_flight + 5)));
  }
}

}  // namespace homeostat::rules
