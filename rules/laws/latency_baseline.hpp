// What each endpoint's upstream latency is when nothing queues in front of it.
//
// One baseline per endpoint, so that a change of the request mix does not look
// like queueing (a single baseline reads a slower mix as a longer queue).
//
// Thread safety: none; one owner. Units: seconds. Bounded by the endpoint ids
// of WindowMerge.
#pragma once

#include <vector>

#include "rules/laws/window_merge.hpp"

namespace homeostat::rules {

/// A window seen through the baselines.
struct Congestion {
  double ratio = 1;      ///< r = sum(latency) / sum(baseline), >= 0
  double queue = 0;      ///< requests queueing in the upstream, by Little's law
  double doubt = 0;      ///< standard error of `queue` from baselines known by few samples
  double cv_square = 1;  ///< samples x squared relative standard error of the latency sum
};

/// How a probe compares with the baselines.
struct BaselineShift {
  double ratio = 1;          ///< measured / known, over all endpoints
  bool significant = false;  ///< beyond the asked number of standard errors
};

class LatencyBaseline {
 public:
  [[nodiscard]] bool known() const noexcept { return known_; }
  /// Baseline of an endpoint in seconds; 0 = unknown.
  [[nodiscard]] double of(EndpointId endpoint) const noexcept;

  /// REQUIRES: window.samples() > 0. Endpoints without a baseline do not count.
  [[nodiscard]] Congestion judge(const WindowMerge& window) const;
  /// Cost-weighted throughput: busy upstream servers needed for these rates.
  [[nodiscard]] double work_rate(const EndpointRates& rates) const;

  /// The measured means are the truth (throughput proved that nothing queued).
  void replace(const WindowMerge& window);
  /// Endpoints with fewer than 30 samples so far: running mean of the first
  /// ones, divided by the ratio of the known endpoints.
  void adopt_new(const WindowMerge& window, double ratio);
  /// Running mean over about the last `memory` samples of each endpoint.
  void average(const WindowMerge& window, double memory);
  /// Moves by `weight` towards those means that are lower beyond doubt (two
  /// standard errors); following every low reading would end below the truth.
  void lower(const WindowMerge& window, double weight);
  /// After a probe below the knee: jumps where the difference is beyond
  /// `errors` standard errors, averages by evidence otherwise (0.3 at least).
  BaselineShift correct(const WindowMerge& window, double errors);

 private:
  struct Entry {
    double seconds = 0;
    double evidence = 0;  ///< samples behind it, forgetting old ones
    void learn(double mean, double count, bool anew) noexcept;
  };
  Entry& entry(EndpointId endpoint);

  std::vector<Entry> base_;
  bool known_ = false;
};

}  // namespace homeostat::rules
