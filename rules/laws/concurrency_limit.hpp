// The admission limit: how many requests may be at the upstream at once.
//
// Interface only says samples in, limit out; the law behind it may be replaced
// without touching the gate or the actors. First law: windowed Vegas on
// per-endpoint normalised latency with throughput-validated growth and
// down-probes; docs/control_loops.md tells the story, the formulas stand beside the
// code, and `make sim-table` shows what comes of it. While a probe runs, the returned
// limit is lower than limit() would be without it: the queue in front absorbs the difference.
//
// Pure: time comes in with the window. Thread safety: none; one owner.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "rules/engine/frame.hpp"

namespace homeostat::rules {

/// What one endpoint's completed upstream calls looked like in a window.
/// Only samples with the verdict success are summed; ignored ones (streams,
/// upgrades, health checks, client aborts) are not here, dropped ones are counted.
struct EndpointSamples {
  EndpointId endpoint = 0;
  std::uint64_t count = 0;
  double latency_sum = 0;         ///< seconds, dispatch to response head
  double latency_square_sum = 0;  ///< seconds squared
  double latency_min = 0;         ///< seconds
  std::uint64_t dropped = 0;      ///< upstream 503, timeout, reset, refused; not in `count`
};

/// Totals of the gate since the last window.
struct LimitWindow {
  Instant now{};
  Duration length{};
  double in_flight_mean = 0;   ///< time average
  double limited_share = 0;    ///< share of the time at the limit or with a queue
  double critical_share = 0;   ///< of the requests admitted, those of the critical class
  bool freeze_growth = false;  ///< CPU or memory pressure: do not raise the limit
  bool observing = false;      ///< shadow: the limit holds nobody back
  std::vector<EndpointSamples> endpoints;
};

struct LimitBounds {
  double initial = 20;
  double min = 1;
  double max = 1000;
};

struct LimitDecision {
  double limit = 0;
  std::string reason;     ///< phase and figures: "grow: queue 0.4, wanted 1.2 to 3.0"
  double queue = 0;       ///< requests queueing inside the upstream, last judged window
  bool queueing = false;  ///< at least the wanted queue: the upstream is the bottleneck
};

class ConcurrencyLimit {
 public:
  explicit ConcurrencyLimit(LimitBounds bounds);
  ~ConcurrencyLimit();
  ConcurrencyLimit(ConcurrencyLimit&&) noexcept;
  ConcurrencyLimit& operator=(ConcurrencyLimit&&) noexcept;

  /// Feeds one window (100..1000 ms) and returns the limit for the next.
  /// Windows with too few samples are merged with the following ones.
  LimitDecision update(const LimitWindow& window);
  [[nodiscard]] double limit() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace homeostat::rules
