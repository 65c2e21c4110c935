// Sliding windows of 10 s, 1 min and 5 min made of slices.
//
// WindowTimeline is shared by all endpoints and knows which slices exist and
// what time they really cover, so that a late or early tick does not falsify a
// rate. EndpointWindows holds one endpoint's slices.
//
// Counts, rates and ratios are exact at every collection. Quantiles of the two
// long windows are computed again when the number of requests has changed by
// 5 % or after half a slice to a slice (5 s, 30 s), because adding up five
// minutes of buckets for every endpoint each second would cost more than all
// the rest of the telemetry.
//
// Thread safety: none; the collector owns them. Time is passed in.
// Memory: a slice is 80 bytes plus 4 bytes per latency bucket in use. A quiet
// endpoint needs about 3 KiB, a busy one 10 to 50 KiB; Telemetry bounds the sum.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "runtime/ports/clock.hpp"
#include "runtime/ports/signals.hpp"
#include "runtime/telemetry/histogram.hpp"

namespace homeostat::telemetry {

/// What happened since the previous collection.
struct TrafficDelta {
  std::uint64_t offered = 0;   ///< all requests
  std::uint64_t answered = 0;  ///< without rejected ones
  std::uint64_t failed = 0;
  std::uint64_t cache_served = 0;   ///< hit, stale, collapsed
  std::uint64_t cache_lookups = 0;  ///< cache_served, miss, revalidated
  std::uint64_t response_bytes = 0;
  std::uint64_t latency_nanoseconds = 0;
  std::vector<BucketCount> latency;  ///< sorted by bucket

  [[nodiscard]] bool empty() const noexcept { return offered == 0 && latency.empty(); }
};

enum class Window : std::uint8_t { seconds_10, minute_1, minutes_5 };
inline constexpr std::size_t window_count = 3;

struct WindowShape {
  std::size_t slices;
  Duration width;
};
inline constexpr std::array<WindowShape, window_count> window_shapes = {{
    {10, std::chrono::seconds(1)},
    {12, std::chrono::seconds(5)},
    {10, std::chrono::seconds(30)},
}};
inline constexpr std::size_t slices_max = 12;

/// Slice numbers count from the steady clock's epoch; a slice covers
/// (number * width, (number + 1) * width].
class WindowTimeline {
 public:
  explicit WindowTimeline(Instant start);
  /// Opens the slices that hold what happened up to `now`. Going back in time
  /// is ignored.
  void advance(Instant now);
  /// The slice new data goes to.
  [[nodiscard]] std::int64_t current(Window window) const noexcept;
  /// The oldest slice that still belongs to the window.
  [[nodiscard]] std::int64_t oldest(Window window) const noexcept;
  /// Time really covered by the window's slices, > 0 after an advance.
  [[nodiscard]] Duration covered(Window window) const noexcept;
  [[nodiscard]] Instant last() const noexcept { return last_; }

 private:
  void open_slices(Instant now);

  struct Mark {
    std::int64_t number = -1;
    Instant since{};
  };
  std::array<std::array<Mark, slices_max>, window_count> marks_{};
  std::array<std::int64_t, window_count> current_{};
  Instant last_;
};

class EndpointWindows {
 public:
  /// `stagger` spreads the endpoints' quantile computations over time.
  explicit EndpointWindows(std::size_t stagger = 0) : stagger_(stagger % stagger_steps) {}

  /// REQUIRES: the timeline was advanced to the delta's collection.
  void add(const WindowTimeline& timeline, const TrafficDelta& delta);
  /// `scratch` is overwritten.
  [[nodiscard]] WindowFigures figures(const WindowTimeline& timeline, Window window,
                                      HistogramCounts& scratch);
  [[nodiscard]] std::size_t bytes() const noexcept;

 private:
  struct Slice {
    std::int64_t number = -1;
    std::uint64_t offered = 0, answered = 0, failed = 0, cache_served = 0, cache_lookups = 0,
                  response_bytes = 0, latency_nanoseconds = 0;
    SparseCounts latency;
  };
  Slice& open(const WindowTimeline& timeline, std::size_t window);
  struct Quantiles {
    Instant at{};
    std::uint64_t answered = 0;  // then
    std::array<double, 3> values{};
  };
  [[nodiscard]] bool is_current(const WindowTimeline& timeline, Window window,
                                std::uint64_t answered) const noexcept;
  [[nodiscard]] static WindowFigures summarize(const Slice& sum, double seconds,
                                               const std::array<double, 3>& quantiles);

  static constexpr std::size_t stagger_steps = 8;
  std::array<Quantiles, window_count> quantiles_{};
  std::size_t stagger_;
  std::array<std::array<Slice, slices_max>, window_count> slices_{};
};

}  // namespace homeostat::telemetry
