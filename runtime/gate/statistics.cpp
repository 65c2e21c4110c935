#include "runtime/gate/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace homeostat::gate {

namespace {

constexpr double wait_unit = 100e-6;

std::uint64_t nanoseconds(Duration duration) noexcept {
  const auto count = std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count();
  return count > 0 ? static_cast<std::uint64_t>(count) : 0;
}

void store_min(std::atomic<std::uint64_t>& minimum, std::uint64_t value) noexcept {
  std::uint64_t seen = minimum.load(std::memory_order_relaxed);
  while (value < seen && !minimum.compare_exchange_weak(seen, value)) {
  }
}

template <class Counters>
std::uint64_t sum_of(const Counters& counters) noexcept {
  std::uint64_t sum = 0;
  for (const std::uint64_t value : counters) sum += value;
  return sum;
}

template <class Counters, class Values>
void read_all(const Counters& counters, Values& values) noexcept {
  for (std::size_t index = 0; index < values.size(); ++index) {
    values[index] = counters[index].load(std::memory_order_relaxed);
  }
}

/// The writer is inside for nanoseconds; if it was descheduled there, give up
/// after this many looks and keep the torn pair out of the window.
constexpr int read_attempts = 1000;

}  // namespace

std::size_t wait_bucket(Duration wait) noexcept {
  const double units = std::chrono::duration<double>(wait).count() / wait_unit;
  if (units <= 1) return 0;
  const double index = std::ceil(4 * std::log2(units) - 1e-9);
  return std::min(wait_buckets - 1, static_cast<std::size_t>(index));
}

double wait_bucket_bound(std::size_t bucket) noexcept {
  return wait_unit * std::exp2(static_cast<double>(bucket) / 4);
}

std::uint64_t GateTotals::admitted_total() const noexcept { return sum_of(admitted); }

std::uint64_t GateTotals::rejected_total() const noexcept {
  std::uint64_t sum = 0;
  for (const ByClass& classes : rejected) sum += sum_of(classes);
  return sum;
}

std::uint64_t GateTotals::overload_total() const noexcept {
  std::uint64_t sum = 0;
  for (std::size_t index = 0; index < rejected.size(); ++index) {
    if (of_overload(static_cast<RejectReason>(index))) sum += sum_of(rejected[index]);
  }
  return sum;
}

std::uint64_t GateTotals::overload_of(std::uint8_t priority_class) const noexcept {
  std::uint64_t sum = 0;
  for (std::size_t index = 0; index < rejected.size(); ++index) {
    if (of_overload(static_cast<RejectReason>(index))) sum += rejected[index][priority_class];
  }
  return sum;
}

void GateTotals::add(const GateTotals& other) noexcept {
  for (std::size_t index = 0; index < admitted.size(); ++index) {
    admitted[index] += other.admitted[index];
    for (std::size_t reason = 0; reason < reject_reason_count; ++reason) {
      rejected[reason][index] += other.rejected[reason][index];
      would_reject[reason][index] += other.would_reject[reason][index];
    }
  }
  queued += other.queued;
  abandoned += other.abandoned;
  dropped += other.dropped;
}

WorkerStatistics::WorkerStatistics(std::size_t endpoints)
    : endpoints_(std::max<std::size_t>(endpoints, 1)) {}

void WorkerStatistics::on_arrival(bool limited) noexcept {
  if (limited) bump(limited_);
  bump(arrivals_);
}

// Stores inside the sequence are releases: each carries the odd sequence
// number with it, so a reader that sees any of them also sees the writer inside.
void WorkerStatistics::move_in_flight(Instant now, std::int64_t slots) noexcept {
  const std::uint64_t at = nanoseconds(now.time_since_epoch());
  const std::uint64_t before = changed_at_.load(std::memory_order_relaxed);
  const std::uint64_t count = in_flight_.load(std::memory_order_relaxed);
  enter();
  if (at > before) {
    const double area = static_cast<double>(count) * static_cast<double>(at - before) * 1e-9;
    integral_.store(integral_.load(std::memory_order_relaxed) + area, std::memory_order_release);
    changed_at_.store(at, std::memory_order_release);
  }
  in_flight_.store(count + static_cast<std::uint64_t>(slots), std::memory_order_release);
  leave();
}

void WorkerStatistics::on_admitted(std::uint8_t priority_class, std::uint32_t slots,
                                   Instant now) noexcept {
  bump(admitted_[priority_class]);
  bump(slots_admitted_, slots);
  if (priority_class == rules::critical_class) bump(critical_slots_admitted_, slots);
  move_in_flight(now, slots);
}

void WorkerStatistics::on_released(std::uint32_t slots, Instant now) noexcept {
  move_in_flight(now, -static_cast<std::int64_t>(slots));
}

WorkerStatistics::Endpoint& WorkerStatistics::cell_of(EndpointId endpoint) noexcept {
  const std::size_t index = endpoint < endpoints_.size() ? endpoint : 0;
  if (index >= endpoints_used_.load(std::memory_order_relaxed)) {
    endpoints_used_.store(index + 1, std::memory_order_release);
  }
  return endpoints_[index];
}

void WorkerStatistics::on_drop(EndpointId endpoint, std::uint32_t slots) noexcept {
  bump(dropped_);
  bump(cell_of(endpoint).dropped, slots);
}

void WorkerStatistics::on_sample(EndpointId endpoint, Duration latency,
                                 std::uint32_t slots) noexcept {
  Endpoint& cell = cell_of(endpoint);
  const std::uint64_t spent = nanoseconds(latency);
  const double seconds = static_cast<double>(spent) * 1e-9;
  enter();
  bump(cell.nanoseconds, spent * slots);
  cell.square_sum.store(cell.square_sum.load(std::memory_order_relaxed) + seconds * seconds * slots,
                        std::memory_order_release);
  bump(cell.count, slots);
  leave();
  store_min(cell.min_nanoseconds, spent);
}

void WorkerStatistics::on_rejected(RejectReason reason, std::uint8_t priority_class,
                                   bool shadow) noexcept {
  auto& table = shadow ? would_reject_ : rejected_;
  bump(table[static_cast<std::size_t>(reason)][priority_class]);
}

void WorkerStatistics::on_turned_away(Duration work) noexcept {
  const double seconds = std::chrono::duration<double>(work).count();
  turned_away_.store(turned_away_.load(std::memory_order_relaxed) + seconds,
                     std::memory_order_relaxed);
}

GateTotals WorkerStatistics::totals() const noexcept {
  GateTotals totals;
  read_all(admitted_, totals.admitted);
  for (std::size_t reason = 0; reason < reject_reason_count; ++reason) {
    read_all(rejected_[reason], totals.rejected[reason]);
    read_all(would_reject_[reason], totals.would_reject[reason]);
  }
  totals.queued = queued_.load(std::memory_order_relaxed);
  totals.abandoned = abandoned_.load(std::memory_order_relaxed);
  totals.dropped = dropped_.load(std::memory_order_relaxed);
  return totals;
}

StatisticsReader::StatisticsReader(std::size_t workers, std::size_t endpoints, Instant start)
    : previous_(workers), merged_(std::max<std::size_t>(endpoints, 1)), last_(start) {
  for (Previous& previous : previous_) previous.endpoints.resize(merged_.size());
  for (std::size_t index = 0; index < merged_.size(); ++index) {
    merged_[index].endpoint = static_cast<EndpointId>(index);
  }
}

void StatisticsReader::collect_samples(const WorkerStatistics& worker, std::size_t index,
                                       Sums& old) {
  const WorkerStatistics::Endpoint& cell = worker.endpoints_[index];
  for (int attempt = 0; attempt < read_attempts; ++attempt) {
    const std::uint64_t before = worker.sequence_.load(std::memory_order_acquire);
    Sums fresh = old;
    fresh.count = cell.count.load(std::memory_order_acquire);
    fresh.nanoseconds = cell.nanoseconds.load(std::memory_order_acquire);
    fresh.square_sum = cell.square_sum.load(std::memory_order_acquire);
    if (before % 2 != 0 || worker.sequence_.load(std::memory_order_acquire) != before) continue;
    rules::EndpointSamples& samples = merged_[index];
    const std::uint64_t lowest = cell.min_nanoseconds.exchange(~std::uint64_t{0});
    const double low = static_cast<double>(lowest) * 1e-9;
    if (lowest != ~std::uint64_t{0}) {
      samples.latency_min = samples.count == 0 ? low : std::min(samples.latency_min, low);
    }
    samples.count += fresh.count - old.count;
    samples.latency_sum += static_cast<double>(fresh.nanoseconds - old.nanoseconds) * 1e-9;
    samples.latency_square_sum += fresh.square_sum - old.square_sum;
    old = fresh;
    return;
  }
}

void StatisticsReader::collect_endpoints(const WorkerStatistics& worker, Previous& previous) {
  const std::size_t used = worker.endpoints_used_.load(std::memory_order_acquire);
  for (std::size_t index = 0; index < used; ++index) {
    const WorkerStatistics::Endpoint& cell = worker.endpoints_[index];
    Sums& old = previous.endpoints[index];
    const std::uint64_t dropped = cell.dropped.load(std::memory_order_relaxed);
    merged_[index].dropped += dropped - old.dropped;
    old.dropped = dropped;
    if (cell.count.load(std::memory_order_relaxed) != old.count) {
      collect_samples(worker, index, old);
    }
  }
}

double StatisticsReader::integral_until(const WorkerStatistics& worker, Instant now) {
  const std::uint64_t at = nanoseconds(now.time_since_epoch());
  double integral = 0;
  for (int attempt = 0; attempt < read_attempts; ++attempt) {
    const std::uint64_t before = worker.sequence_.load(std::memory_order_acquire);
    integral = worker.integral_.load(std::memory_order_acquire);
    const std::uint64_t changed = worker.changed_at_.load(std::memory_order_acquire);
    const std::uint64_t count = worker.in_flight_.load(std::memory_order_acquire);
    if (before % 2 != 0 || worker.sequence_.load(std::memory_order_acquire) != before) continue;
    if (at <= changed) return integral;
    return integral + static_cast<double>(count) * static_cast<double>(at - changed) * 1e-9;
  }
  return integral;
}

double StatisticsReader::take_wait_p95(const std::vector<const WorkerStatistics*>& workers) {
  std::array<std::uint64_t, wait_buckets> fresh{};
  std::uint64_t total = 0;
  for (std::size_t index = 0; index < workers.size(); ++index) {
    for (std::size_t bucket = 0; bucket < wait_buckets; ++bucket) {
      const std::uint64_t count = workers[index]->waits_[bucket].load(std::memory_order_relaxed);
      fresh[bucket] += count - previous_[index].waits[bucket];
      total += count - previous_[index].waits[bucket];
      previous_[index].waits[bucket] = count;
    }
  }
  if (total == 0) return 0;
  const auto rank = static_cast<std::uint64_t>(std::ceil(0.95 * static_cast<double>(total)));
  std::uint64_t seen = 0;
  for (std::size_t bucket = 0; bucket < wait_buckets; ++bucket) {
    seen += fresh[bucket];
    if (seen >= rank) return wait_bucket_bound(bucket);
  }
  return wait_bucket_bound(wait_buckets - 1);
}

namespace {

/// What a counter has grown by since `previous`, which is brought up to it.
std::uint64_t advance(std::uint64_t& previous, const std::atomic<std::uint64_t>& counter) noexcept {
  const std::uint64_t total = counter.load(std::memory_order_acquire);
  return total - std::exchange(previous, total);
}

}  // namespace

GateFigures StatisticsReader::collect(const std::vector<const WorkerStatistics*>& workers,
                                      Instant now, bool limited_now) {
  for (rules::EndpointSamples& samples : merged_) {
    samples = rules::EndpointSamples{.endpoint = samples.endpoint};
  }
  GateFigures figures;
  std::uint64_t arrivals = 0, limited = 0, critical = 0, slots = 0, critical_slots = 0;
  double area = 0;
  turned_away_ = 0;
  for (std::size_t index = 0; index < workers.size(); ++index) {
    const WorkerStatistics& worker = *workers[index];
    Previous& previous = previous_[index];
    collect_endpoints(worker, previous);
    const double integral = integral_until(worker, now);
    area += integral - previous.integral;
    previous.integral = integral;
    const double turned_away = worker.turned_away_.load(std::memory_order_relaxed);
    turned_away_ += turned_away - previous.turned_away;
    previous.turned_away = turned_away;
    // Limited before arrivals: the share can then only be read low, never above 1.
    limited += advance(previous.limited, worker.limited_);
    arrivals += advance(previous.arrivals, worker.arrivals_);
    critical_slots += advance(previous.critical_slots, worker.critical_slots_admitted_);
    slots += advance(previous.slots, worker.slots_admitted_);
    const GateTotals totals = worker.totals();
    figures.admitted += totals.admitted_total() - previous.totals.admitted_total();
    critical +=
        totals.admitted[rules::critical_class] - previous.totals.admitted[rules::critical_class];
    figures.rejected += totals.overload_total() - previous.totals.overload_total();
    figures.critical_rejected += totals.overload_of(rules::critical_class) -
                                 previous.totals.overload_of(rules::critical_class);
    figures.queued += totals.queued - previous.totals.queued;
    previous.totals = totals;
  }
  figures.queue_wait_p95 = take_wait_p95(workers);
  rules::LimitWindow& window = figures.window;
  window.now = now;
  window.length = now - last_;
  last_ = now;
  const double seconds = std::chrono::duration<double>(window.length).count();
  window.in_flight_mean = seconds > 0 ? std::max(area, 0.0) / seconds : 0;
  window.limited_share = limited_now ? 1 : 0;
  if (arrivals > 0) {
    const double share = static_cast<double>(limited) / static_cast<double>(arrivals);
    window.limited_share = std::min(share, 1.0);
  }
  figures.critical_admitted = critical;
  if (slots > 0) {
    const double share = static_cast<double>(critical_slots) / static_cast<double>(slots);
    window.critical_share = std::min(share, 1.0);
  }
  for (const rules::EndpointSamples& samples : merged_) {
    if (samples.count + samples.dropped > 0) window.endpoints.push_back(samples);
  }
  return figures;
}

}  // namespace homeostat::gate
