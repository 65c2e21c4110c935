// The law, in three phases.
//
// slow_start  L grows by 0.6 per window as long as throughput follows by at
//             least half of the growth. What the step too many still gained is
//             the upstream's most: with the baseline just proven it gives the
//             knee, and the limit. No step followed at all: back, and probe if
//             the knee was never known.
// steady      windowed Vegas (Brakmo and Peterson 1995; Netflix
//             concurrency-limits) on q = sum(latency - baseline) / T, the
//             requests queueing inside the upstream by Little's law:
//               q < a            grow     a = max(1, 0.1 n)
//               a <= q < b       creep    b = max(2.5, 0.25 n)
//               q >= b           shrink towards the middle of [a, b]
//             only when the limit is what holds requests back.
//             Where light load came before, its baseline gives the knee at once.
// probing     see limit_probe.hpp. Keeps the baseline honest under unending
//             overload, where Vegas otherwise drifts.
//
// Latency alone cannot tell a queue from a slower service, nor a baseline that
// is too low from either. Five questions are therefore put to throughput:
//   a long queue although the limit did not rise      -> probe before shrinking
//   a limit that has fallen by 30 % in the last 15 s  -> probe
//   less throughput than a higher limit had lately    -> slow start
//   more throughput than usual at the limit           -> slow start
//   a service that a probe found slower, not queueing -> slow start
//
// In shadow none of this can be had: see limit_observing.cpp.
//
// Sampling: windows of 0.25 to 1 s, longer for services of more than 200 ms;
// clamp(100 CV^2, 50, 400) samples, where CV^2 is remembered, because a window
// without one of the rare long requests knows nothing of them.
// Bounds: limits in [min, max]; a window is at most 12 s, a probe half a minute.
#include "rules/laws/limit_law.hpp"

#include <cmath>
#include <cstdio>

namespace homeostat::rules {

namespace {

// What counts as overload: at the limit for three quarters of the time.
constexpr double unlimited_weight = 3, limited_for_most = 2;              // seconds
constexpr double window_min = 0.25, window_max = 1, window_slowest = 12;  // seconds
constexpr double window_latencies = 5;  // a slow service needs longer windows for the same samples
constexpr double deep_shrink = 0.2, deep_shrink_min = 2;  // of the limit: ask a probe first
constexpr double doubt_queue = 0.75;                      // share of in flight that seems to queue
constexpr int doubt_windows = 3;
constexpr double light_memory = 400;  // samples
constexpr int quiet_windows_to_slow_start = 3;
constexpr double light_limited = 0.1;                       // share of the first window
constexpr double light_unproven = 0.5;                      // of the limit in flight
constexpr double fall_memory = 15;                          // seconds
constexpr double cv_fade = 0.05;                            // per window
constexpr double starved_share = 0.7, starved_limit = 0.8;  // of the best that was seen
constexpr double best_memory = 30;                          // seconds
constexpr double throughput_window = 1;                     // seconds
constexpr double usual_memory = 10, usual_least = 2;        // seconds
constexpr double surge_least = 0.12, surge_errors = 3.5;    // above usual
constexpr double drop_factor = 0.9, drop_most = 0.7, drop_floor = 0.5;
constexpr double served_mean = 1, served_memory = 60;  // seconds

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

/// What was served well when nothing was dropped, in servers that it kept busy.
void LimitLaw::watch_served(const LimitWindow& window) {
  const double length = std::chrono::duration<double>(window.length).count();
  double work = 0;
  for (const EndpointSamples& endpoint : window.endpoints) {
    work += static_cast<double>(endpoint.count) * baseline_.of(endpoint.endpoint);
  }
  served_now_ += std::min(1.0, length / served_mean) * (work / length - served_now_);
  served_ = std::max(served_now_, served_ * std::max(0.0, 1 - length / served_memory));
}

/// Drops that end while the limit holds nobody back did not end because of it.
void LimitLaw::doubt_cut(bool limited) {
  if (limit_before_drops_ <= 0) return;
  if (!limited && drops_.complaint()) return;
  if (!limited) {
    set_limit(std::max(limit_, limit_before_drops_));
    fall_reference_ = limit_;
    reason_ = "set: refusals ended whatever the limit, it comes back";
  }
  limit_before_drops_ = 0;
}

bool LimitLaw::react_to_drops(const LimitWindow& window) {
  // A probe lowers the number of answers itself: a steady number of drops would
  // then look like more of them. It is over soon, and the limit is low anyway.
  if (phase_ == Phase::probing) return false;
  const bool excessive = drops_.update(window, baseline_);
  const bool limited = window.limited_share > limited_share_min;
  if (!drops_.complaint()) watch_served(window);
  doubt_cut(limited);
  if (!excessive) return false;
  // Far below the knee and without a queue nobody is overloaded, whatever is
  // answered: that is a defect, or a part that is shut.
  const bool idle = knee_ > 0 && window.in_flight_mean < knee_ / 2 && !queueing_ && !limited;
  if (idle) return false;
  if (!limited && limit_before_drops_ <= 0) limit_before_drops_ = limit_;
  // At most 30 % at once: an upstream that refuses everything has next to
  // nothing in flight, and that says nothing about its capacity. Nor does it ever
  // say that there is less than half of what was there, or than what was served
  // just before: as long as cheap refusals come beside good answers, a lower
  // limit would turn the good ones away.
  const double in_flight = std::max(window.in_flight_mean, 1.0);
  const double cut = std::max(drop_factor * std::min(limit_, in_flight), drop_most * limit_);
  set_limit(std::min(limit_, std::max(cut, knee_ > 0 ? drop_floor * knee_ : served_)));
  probe_.stop();
  limit_before_doubt_ = 0;
  fall_reference_ = limit_;
  enter_slow_start();  // once it answers again, throughput decides how far
  reason_ = "shrink: upstream refuses or times out";
  return true;
}

void LimitLaw::update(const LimitWindow& window) {
  now_ = window.now;
  if (!started_) {
    started_ = true;
    slow_start_failed_ = baseline_at_ = probe_ended_ = now_;
  }
  if (window.length <= Duration::zero()) return;
  if (window.observing) return observe(window);
  if (react_to_drops(window)) return;
  watch_critical(window);
  const double length = std::chrono::duration<double>(window.length).count();
  const bool limited = window.limited_share > limited_share_min;
  limited_for_ += limited ? length : -unlimited_weight * length;
  limited_for_ = std::clamp(limited_for_, 0.0, limited_for_most);
  if (phase_ == Phase::probing) {
    const LimitProbe::State state = probe_.update(window);
    if (!probe_.active()) finish_probe(state == LimitProbe::State::done);
    return;
  }
  remember_first(window);
  merged_.add(window);
  if (phase_ == Phase::slow_start) {
    watch_guess(window);
    slow_start_step(window.freeze_growth);
  } else {
    steady_step(window.freeze_growth);
  }
}

Congestion LimitLaw::judge_window() {
  if (!baseline_.known()) {
    baseline_.replace(merged_);
    learnt_at_limit_ = merged_.limited() > light_limited;
  } else {
    learnt_at_limit_ = learnt_at_limit_ && merged_.limited() > limited_share_min;
  }
  const Congestion congestion = baseline_.judge(merged_);
  latency_ = merged_.latency_mean();
  // A window without one of the rare long requests knows nothing of them.
  const double fading = cv_square_ + cv_fade * (congestion.cv_square - cv_square_);
  cv_square_ = std::max(congestion.cv_square, fading);
  queue_ = congestion.queue;
  queueing_ = queue_ >= queue_low(merged_.in_flight());
  return congestion;
}

bool LimitLaw::steady_window_full() {
  const bool full = static_cast<double>(merged_.samples()) >= samples_wanted();
  const double longest =
      std::clamp(window_latencies * merged_.latency_mean(), window_max, window_slowest);
  if (merged_.seconds() < window_min || (!full && merged_.seconds() < longest)) return false;
  if (merged_.samples() >= samples_least) return true;
  if (merged_.seconds() >= window_give_up) merged_.clear();
  return false;
}

void LimitLaw::steady_step(bool frozen) {
  if (!steady_window_full()) return;
  const Congestion congestion = judge_window();
  baseline_.adopt_new(merged_, congestion.ratio);
  const double in_flight = merged_.in_flight();
  if (merged_.limited() > limited_share_min) {
    limited_rates_ = rates_of(merged_);
    limited_in_flight_ = in_flight;
    const Throughput seen = watch_throughput();
    if (!frozen && seen != Throughput::usual) {
      return leave_steady(seen);
    }
    limited_step(congestion, in_flight, frozen);
  } else {
    unlimited_step(congestion, in_flight);
  }
  if (phase_ == Phase::steady && probe_due()) {
    chain_ = 0;
    start_probe(fell());
  }
  const double forgotten = std::min(1.0, merged_.seconds() / fall_memory);
  fall_reference_ = std::max(limit_, fall_reference_ + forgotten * (limit_ - fall_reference_));
  merged_.clear();
}

void LimitLaw::leave_steady(Throughput seen) {
  // What rose is what the present limit achieves, unless a ceiling or the demand held it back:
  // then slow start's first step need not wait to see it again.
  const bool proven = seen == Throughput::surged && limit_in_use() &&
                      merged_.limited() >= fully_limited && limit_ < bounds_.max;
  enter_slow_start();
  starved_entry_ = seen == Throughput::starved;
  reason_ = starved_entry_ ? "slow start: throughput was higher with more requests"
                           : "slow start: throughput rose at the limit";
  if (!proven) return;
  proven_limit_ = limit_;
  proven_rates_ = limited_rates_;
  set_limit(std::max(slow_start_growth * limit_, limit_ + 1));
}

/// Latency is blind to two things that throughput at the limit shows.
///
/// More than usual: at an unchanged limit the upstream can only do more if its
/// queue went, so it got larger; a baseline that is a little too low hides that
/// from the queue's estimate, but not from a comparison with itself.
///
/// Less than a higher limit had: a baseline that is too low looks like a queue
/// and starves the upstream; a smaller upstream looks the same. Slow start tries:
/// it goes on only where throughput follows, and takes its step back where not.
LimitLaw::Throughput LimitLaw::watch_throughput() {
  throughput_.add(merged_);
  const double seconds = throughput_.seconds();
  const EndpointRates rates = rates_of(throughput_);
  const double work = baseline_.work_rate(rates);
  if (surged(work)) return Throughput::surged;
  if (seconds < throughput_window ||
      static_cast<double>(throughput_.samples()) < samples_wanted()) {
    return Throughput::usual;
  }
  const double known = std::min(usual_seconds_, usual_memory - seconds);
  if (usual_seconds_ <= 0) usual_rates_.clear();
  blend(usual_rates_, rates, seconds / (known + seconds));
  usual_seconds_ += seconds;
  best_trust_ *= std::max(0.0, 1 - seconds / best_memory);
  throughput_.clear();
  const double best = best_trust_ * baseline_.work_rate(best_rates_);
  if (work >= best) {
    best_rates_ = rates;
    best_limit_ = limit_;
    best_trust_ = 1;
    return Throughput::usual;
  }
  const bool less = work < starved_share * best && limit_ < starved_limit * best_limit_;
  const bool may_leap = now_ - slow_start_failed_ >= slow_start_pause_;
  return less && may_leap ? Throughput::starved : Throughput::usual;
}

bool LimitLaw::surged(double work) const {
  if (usual_seconds_ < usual_least || throughput_.samples() < samples_least) return false;
  const double usual = baseline_.work_rate(usual_rates_);
  const auto samples = static_cast<double>(throughput_.samples());
  const double usual_samples = samples / throughput_.seconds() * usual_seconds_;
  const double error = std::sqrt(cv_square_ * (1 / samples + 1 / usual_samples));
  return work > usual * (1 + std::max(surge_least, surge_errors * error));
}

void LimitLaw::limited_step(const Congestion& congestion, double in_flight, bool frozen) {
  const double low = queue_low(in_flight);
  const double high = queue_high(in_flight);
  const double queue = congestion.queue;
  if (queue < low) return grow(queue, in_flight, frozen);
  // One window in between may be noise and does not undo what several said.
  quiet_windows_ = queue < (low + high) / 2 ? std::max(quiet_windows_ - 1, 0) : 0;
  if (queue < high) {
    if (!frozen && limit_in_use()) set_limit(limit_ + std::max(0.25, 0.01 * limit_));
    return explain("creep", queue, in_flight);
  }
  // What a baseline of few samples may be wrong by is no evidence of a queue.
  const double sure = queue - congestion.doubt;
  if (sure < high) return explain("hold", queue, in_flight);
  const double excess = 0.8 * (sure - (low + high) / 2);
  const double step = std::clamp(excess, 0.5, std::max(0.5, 0.3 * limit_));
  // The limit did not rise, yet a long queue is there: fewer servers or a
  // slower service? Latency looks the same for both; a probe tells them apart
  // and costs no more than the shrink.
  const bool deep = step > std::max(deep_shrink_min, deep_shrink * limit_);
  if (deep && now_ - probe_ended_ >= probe_gap_min && knee_ > 0) {
    chain_ = 0;
    return start_probe(true);
  }
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

/// A lower latency is always nearer to the truth. A higher one is only when the
/// load is light: against an unproven limit it may just be the queue of a small
/// upstream.
void LimitLaw::learn_from_light_load(double in_flight) {
  const bool light = knee_ > 0
                         ? in_flight <= knee_ / 2
                         : in_flight <= light_unproven * limit_ && queue_ < queue_high(in_flight);
  if (light) {
    baseline_.average(merged_, light_memory);
    const auto samples = static_cast<double>(merged_.samples());
    light_samples_ = std::min(light_samples_ + samples, light_memory);
    light_in_flight_ += samples / light_samples_ * (in_flight - light_in_flight_);
  } else {
    baseline_.lower(merged_, 0.3);
  }
}

void LimitLaw::unlimited_step(const Congestion& congestion, double in_flight) {
  quiet_windows_ = 0;
  reason_ = "hold: demand is below the limit";
  baseline_.adopt_new(merged_, congestion.ratio);
  learn_from_light_load(in_flight);
  const bool long_queue = congestion.queue >= std::max(2.5, doubt_queue * in_flight);
  doubtful_windows_ = long_queue && in_flight >= limit_ / 2 ? doubtful_windows_ + 1 : 0;
  const bool probe_soon =
      probed_ && now_ - probe_ended_ < std::chrono::duration<double>(probe_interval_);
  if (doubtful_windows_ >= doubt_windows && !probe_soon) {
    // Latency has quadrupled although the limit holds nothing back: either the
    // limit is far too high or the service got slower. A probe from the
    // present in-flight tells; if it was the service, the limit comes back.
    doubtful_windows_ = 0;
    limit_before_doubt_ = limit_;
    limited_rates_ = rates_of(merged_);
    latency_ = merged_.latency_mean();
    set_limit(std::min(limit_, in_flight));
    chain_ = 0;
    start_probe(false);
  } else if (congestion.queue >= queue_high(in_flight)) {
    set_limit(std::min(limit_, std::max(bounds_.initial, 1.25 * in_flight + 5)));
  }
}

}  // namespace homeostat::rules
