// The state and phases behind ConcurrencyLimit; see limit_law.cpp for the law.
//
// Internal to rules/laws. Thread safety: none; one owner. Units: seconds and
// concurrent requests unless a chrono type says otherwise.
#pragma once

#include <algorithm>
#include <string>

#include "rules/laws/concurrency_limit.hpp"
#include "rules/laws/drop_guard.hpp"
#include "rules/laws/latency_baseline.hpp"
#include "rules/laws/limit_probe.hpp"
#include "rules/laws/window_merge.hpp"

namespace homeostat::rules {

/// A window above this share: the limit is what holds requests back.
inline constexpr double limited_share_min = 0.5;
/// With fewer samples nothing is decided; after window_give_up seconds they
/// are thrown away, because they no longer describe one situation.
inline constexpr std::uint64_t samples_least = 10;
inline constexpr double window_give_up = 30;
inline constexpr double probe_interval_first = 10;
inline constexpr Duration probe_gap_min = std::chrono::seconds(1);
inline constexpr double slow_start_growth = 1.6;
/// A reference for growth must not include a ramp of demand.
inline constexpr double fully_limited = 0.9;
inline constexpr double fall = 0.7, fall_least = 3;  ///< against the last seconds: probe

/// Bounds of the wanted queue inside the upstream: a and b of the law.
[[nodiscard]] inline double queue_low(double in_flight) { return std::max(1.0, 0.1 * in_flight); }
[[nodiscard]] inline double queue_high(double in_flight) { return std::max(2.5, 0.25 * in_flight); }

/// Where the steady law settles: the knee and the middle of the wanted queue.
[[nodiscard]] inline double limit_at(double knee) { return knee + std::max(1.75, 0.175 * knee); }

class LimitLaw {
 public:
  explicit LimitLaw(LimitBounds given);
  void update(const LimitWindow& window);
  [[nodiscard]] double limit_in_force() const noexcept;
  [[nodiscard]] const std::string& reason() const noexcept { return reason_; }
  [[nodiscard]] double queue() const noexcept { return queue_; }
  [[nodiscard]] bool queueing() const noexcept { return queueing_; }

 private:
  enum class Phase : std::uint8_t { slow_start, steady, probing };

  void set_limit(double value) { limit_ = std::clamp(value, bounds_.min, bounds_.max); }
  [[nodiscard]] Congestion judge_window();
  void explain(const char* what, double queue, double in_flight);
  [[nodiscard]] double samples_wanted() const { return std::clamp(100 * cv_square_, 50.0, 400.0); }
  /// False when something else (a ceiling, the connection pool) holds in
  /// flight well below the limit: growing it would only be felt later.
  [[nodiscard]] bool limit_in_use() const { return merged_.in_flight() >= 0.75 * limit_ - 1; }
  [[nodiscard]] bool react_to_drops(const LimitWindow& window);
  void watch_served(const LimitWindow& window);
  void doubt_cut(bool limited);

  // limit_slow_start.cpp
  void enter_slow_start();
  void slow_start_step(bool frozen);
  [[nodiscard]] bool slow_start_window_full();
  void remember_first(const LimitWindow& window);
  void watch_guess(const LimitWindow& window);
  [[nodiscard]] double swamp_samples_least() const;
  [[nodiscard]] bool baseline_unproven() const;
  [[nodiscard]] bool first_tells() const;
  [[nodiscard]] bool swamped() const;
  [[nodiscard]] bool judge_growth(const EndpointRates& rates);
  void settle_at_knee(const EndpointRates& saturated);

  // limit_observing.cpp
  void observe(const LimitWindow& window);

  // limit_law.cpp: steady
  [[nodiscard]] bool steady_window_full();
  void learn_from_light_load(double in_flight);
  void steady_step(bool frozen);
  enum class Throughput : std::uint8_t { usual, surged, starved };
  [[nodiscard]] Throughput watch_throughput();
  [[nodiscard]] bool surged(double work) const;
  void leave_steady(Throughput seen);
  [[nodiscard]] bool fell() const {
    return limit_ < fall * fall_reference_ && fall_reference_ - limit_ > fall_least;
  }
  void limited_step(const Congestion& congestion, double in_flight, bool frozen);
  void unlimited_step(const Congestion& congestion, double in_flight);
  void grow(double queue, double in_flight, bool frozen);

  // limit_probing.cpp
  [[nodiscard]] bool probe_due() const;
  [[nodiscard]] double probe_limit(double from, double depth) const;
  void watch_critical(const LimitWindow& window);
  void start_probe(bool urgent);
  void finish_probe(bool measured);
  [[nodiscard]] double knee_by_light_load() const;
  [[nodiscard]] double knee_by_first() const;
  [[nodiscard]] double knee_if_smaller() const;
  [[nodiscard]] bool as_fast_as_first(const WindowMerge& seen) const;
  void settle_as_expected();
  void accept_baseline(const WindowMerge& seen);
  void end_doubt();

  LimitBounds bounds_;
  double limit_;
  Phase phase_ = Phase::slow_start;
  WindowMerge merged_;
  LatencyBaseline baseline_;
  WindowMerge first_;  ///< the very first samples, before a queue can have grown
  LatencyBaseline first_baseline_;
  WindowMerge guess_;             ///< while the first limit, a guess, holds requests back
  bool learnt_at_limit_ = false;  ///< the baseline: it may hold a queue
  double light_samples_ = 0;      ///< the baseline was learnt from at light load, and ...
  double light_in_flight_ = 0;    ///< ... what was in flight then, their mean
  DropGuard drops_;
  LimitProbe probe_;
  Instant now_{};
  bool started_ = false;
  std::string reason_ = "start: initial limit";

  // slow start: what the last proven limit achieved
  double proven_limit_ = 0;
  EndpointRates proven_rates_;
  int failures_ = 0, successes_ = 0;
  bool starved_entry_ = false;  ///< entered because throughput had been higher before
  Instant slow_start_failed_{};
  Duration slow_start_pause_{};  ///< after the last failure; doubles, reset by a success

  // steady
  int quiet_windows_ = 0, doubtful_windows_ = 0;
  EndpointRates limited_rates_;  ///< of the last window at the limit
  double limited_in_flight_ = 0;
  WindowMerge throughput_;    ///< limited windows since throughput was last looked at
  EndpointRates best_rates_;  ///< highest throughput at the limit, fading
  double best_limit_ = 0, best_trust_ = 0;
  EndpointRates usual_rates_;  ///< mean throughput at the limit over the last seconds
  double usual_seconds_ = 0;   ///< of evidence behind it
  double latency_ = 0, cv_square_ = 1;
  double limited_for_ = 0;         ///< seconds at the limit; what is not counts against them
  double served_now_ = 0;          ///< busy servers, mean of the last second, without drops
  double served_ = 0;              ///< most of them lately
  double limit_before_drops_ = 0;  ///< > 0: cut since, and nobody was held back by it
  double queue_ = 0;
  bool queueing_ = false;

  // probing
  double critical_in_flight_ = 0;  ///< places of critical requests, mean of the last second
  Instant baseline_at_{}, probe_started_{}, probe_ended_{};
  bool baseline_aged_ = true, probed_ = false;
  double expected_knee_ = 0;  ///< > 0: the probe asks whether this is the knee
  double knee_ = 0;           ///< busy servers at saturation as proven by a probe; 0 = not yet
  double probe_interval_ = probe_interval_first;
  bool urgent_ = false;            ///< the probe was started because the limit fell
  double fall_reference_ = 0;      ///< highest recent limit, forgotten over fall_memory
  double limit_before_doubt_ = 0;  ///< > 0: the probe was started without overload
  int chain_ = 0;
};

}  // namespace homeostat::rules
