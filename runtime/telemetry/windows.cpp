#include "runtime/telemetry/windows.hpp"

#include <algorithm>

namespace homeostat::telemetry {
namespace {

constexpr double nanosecond = 1e-9;

std::int64_t number_at(Instant now, Duration width) noexcept {
  // What is collected at a slice's end happened before it, hence the 1 ns.
  return (now.time_since_epoch() - Duration(1)) / width;
}

std::size_t place(std::int64_t number, std::size_t slices) noexcept {
  return static_cast<std::size_t>(number) % slices;
}

}  // namespace

WindowTimeline::WindowTimeline(Instant start) : last_(start) { open_slices(start); }

void WindowTimeline::advance(Instant now) {
  if (now <= last_) return;
  open_slices(now);
  last_ = now;
}

void WindowTimeline::open_slices(Instant now) {
  for (std::size_t w = 0; w < window_count; ++w) {
    const std::int64_t number = number_at(now, window_shapes[w].width);
    Mark& mark = marks_[w][place(number, window_shapes[w].slices)];
    if (mark.number != number) mark = {number, last_};
    current_[w] = number;
  }
}

std::int64_t WindowTimeline::current(Window window) const noexcept {
  return current_[static_cast<std::size_t>(window)];
}

std::int64_t WindowTimeline::oldest(Window window) const noexcept {
  const auto w = static_cast<std::size_t>(window);
  return current_[w] - static_cast<std::int64_t>(window_shapes[w].slices) + 1;
}

Duration WindowTimeline::covered(Window window) const noexcept {
  Instant since = last_;
  for (const Mark& mark : marks_[static_cast<std::size_t>(window)]) {
    if (mark.number >= 0 && mark.number >= oldest(window)) since = std::min(since, mark.since);
  }
  return last_ - since;
}

EndpointWindows::Slice& EndpointWindows::open(const WindowTimeline& timeline, std::size_t window) {
  const std::int64_t number = timeline.current(static_cast<Window>(window));
  Slice& slice = slices_[window][place(number, window_shapes[window].slices)];
  if (slice.number != number) {
    SparseCounts storage = std::move(slice.latency);
    storage.clear();
    slice = Slice{};
    slice.number = number;
    slice.latency = std::move(storage);
  }
  return slice;
}

void EndpointWindows::add(const WindowTimeline& timeline, const TrafficDelta& delta) {
  for (std::size_t w = 0; w < window_count; ++w) {
    Slice& slice = open(timeline, w);
    slice.offered += delta.offered;
    slice.answered += delta.answered;
    slice.failed += delta.failed;
    slice.cache_served += delta.cache_served;
    slice.cache_lookups += delta.cache_lookups;
    slice.response_bytes += delta.response_bytes;
    slice.latency_nanoseconds += delta.latency_nanoseconds;
    slice.latency.add(delta.latency);
  }
}

bool EndpointWindows::is_current(const WindowTimeline& timeline, Window window,
                                 std::uint64_t answered) const noexcept {
  const auto w = static_cast<std::size_t>(window);
  const Quantiles& last = quantiles_[w];
  if (window == Window::seconds_10 || last.answered == 0) return false;
  const std::uint64_t change =
      answered > last.answered ? answered - last.answered : last.answered - answered;
  if (change * 20 > last.answered) return false;
  const Duration half = window_shapes[w].width / 2;
  const auto steps = static_cast<Duration::rep>(stagger_);
  return timeline.last() - last.at <
         half + half * steps / static_cast<Duration::rep>(stagger_steps);
}

WindowFigures EndpointWindows::figures(const WindowTimeline& timeline, Window window,
                                       HistogramCounts& scratch) {
  const auto w = static_cast<std::size_t>(window);
  const std::int64_t oldest = timeline.oldest(window);
  Slice sum;
  for (const Slice& slice : slices_[w]) {
    if (slice.number < 0 || slice.number < oldest) continue;
    sum.offered += slice.offered;
    sum.answered += slice.answered;
    sum.failed += slice.failed;
    sum.cache_served += slice.cache_served;
    sum.cache_lookups += slice.cache_lookups;
    sum.response_bytes += slice.response_bytes;
    sum.latency_nanoseconds += slice.latency_nanoseconds;
  }
  if (sum.answered > 0 && !is_current(timeline, window, sum.answered)) {
    scratch.clear();
    for (const Slice& slice : slices_[w]) {
      if (slice.number >= 0 && slice.number >= oldest) slice.latency.add_to(scratch);
    }
    quantiles_[w] = {timeline.last(), sum.answered, scratch.quantiles(std::array{0.5, 0.95, 0.99})};
  }
  const double seconds = std::chrono::duration<double>(timeline.covered(window)).count();
  return summarize(sum, seconds, quantiles_[w].values);
}

WindowFigures EndpointWindows::summarize(const Slice& sum, double seconds,
                                         const std::array<double, 3>& quantiles) {
  WindowFigures figures;
  figures.requests = sum.answered;
  if (seconds > 0) figures.rate = static_cast<double>(sum.offered) / seconds;
  if (sum.answered > 0) {
    const auto answered = static_cast<double>(sum.answered);
    figures.latency_avg = static_cast<double>(sum.latency_nanoseconds) * nanosecond / answered;
    figures.error_ratio = static_cast<double>(sum.failed) / answered;
    figures.response_bytes_avg = static_cast<double>(sum.response_bytes) / answered;
    figures.latency_p50 = quantiles[0];
    figures.latency_p95 = quantiles[1];
    figures.latency_p99 = quantiles[2];
  }
  figures.hit_ratio_known = sum.cache_lookups > 0;
  if (figures.hit_ratio_known) {
    figures.hit_ratio =
        static_cast<double>(sum.cache_served) / static_cast<double>(sum.cache_lookups);
  }
  return figures;
}

std::size_t EndpointWindows::bytes() const noexcept {
  std::size_t sum = sizeof(*this);
  for (const auto& window : slices_) {
    for (const Slice& slice : window) sum += slice.latency.bytes();
  }
  return sum;
}

}  // namespace homeostat::telemetry
