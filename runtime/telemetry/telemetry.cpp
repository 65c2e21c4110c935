#include "runtime/telemetry/telemetry.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "runtime/telemetry/telemetry_state.hpp"

namespace homeostat::telemetry {
namespace {

std::uint64_t sum_of(const TrafficTotals& totals,
                     std::initializer_list<CacheResult> results) noexcept {
  std::uint64_t sum = 0;
  for (const CacheResult result : results) sum += totals.cache[static_cast<std::size_t>(result)];
  return sum;
}

void fill_delta(TrafficDelta& delta, const TrafficTotals& added) {
  delta.offered = added.requests();
  // Not offered - rejected: a record that is half written while we read would
  // leave an answered request without a latency behind.
  for (const BucketCount& item : delta.latency) delta.answered += item.count;
  delta.failed = added.failed;
  delta.cache_served = sum_of(
      added, {CacheResult::hit, CacheResult::stale, CacheResult::collapsed, CacheResult::shared});
  delta.cache_lookups =
      delta.cache_served + sum_of(added, {CacheResult::miss, CacheResult::revalidated});
  delta.response_bytes = added.response_bytes;
  delta.latency_nanoseconds = added.latency.nanoseconds;
}

void add_scalars(TrafficDelta& to, const TrafficDelta& from) {
  to.offered += from.offered;
  to.answered += from.answered;
  to.failed += from.failed;
  to.cache_served += from.cache_served;
  to.cache_lookups += from.cache_lookups;
  to.response_bytes += from.response_bytes;
  to.latency_nanoseconds += from.latency_nanoseconds;
}

/// Moves the gathered counts into the sorted form that windows take.
void take_counts(HistogramCounts& counts, TrafficDelta& delta) {
  delta.latency.clear();
  for (std::size_t i = 0; i < LatencyBuckets::count && counts.total() > 0; ++i) {
    if (counts.at(i) == 0) continue;
    delta.latency.push_back(
        {static_cast<std::uint16_t>(i), static_cast<std::uint32_t>(counts.at(i))});
  }
  counts.clear();
}

}  // namespace

Telemetry::Telemetry(const config::EndpointSettings& settings, unsigned workers, const Clock& clock,
                     std::size_t window_bytes, std::vector<config::ObjectiveSettings> objectives)
    : clock_(clock),
      window_bytes_limit_(window_bytes),
      table_(settings),
      timeline_(clock.now()),
      states_(table_.id_space()),
      upstream_(std::make_unique<Upstream>()),
      objectives_(std::move(objectives)),
      scratch_(std::make_unique<HistogramCounts>()),
      all_counts_(std::make_unique<HistogramCounts>()) {
  if (workers == 0) throw std::invalid_argument("telemetry needs at least one worker");
  for (unsigned i = 0; i < workers; ++i) {
    workers_.push_back(std::make_unique<WorkerTelemetry>(table_));
    seen_.emplace_back(table_.id_space() * WorkerTelemetry::slots_per_endpoint);
  }
  upstream_->seen.resize(workers);
}

Telemetry::~Telemetry() = default;

Telemetry::State& Telemetry::state(EndpointId id) {
  auto& state = states_[id];
  if (!state) {
    state = std::make_unique<State>();
    state->name = table_.name(id);
  }
  return *state;
}

// Adds what the workers counted for `id` since the last time; false: nothing.
bool Telemetry::drain_slots(EndpointId id, TrafficTotals& totals, TrafficDelta& delta) {
  std::vector<std::pair<const EndpointSlot*, SeenSlot*>> changed;
  for (std::size_t w = 0; w < workers_.size(); ++w) {
    const EndpointSlot* slot = workers_[w]->slot(id);
    if (slot == nullptr) continue;
    auto& seen = seen_[w][id];
    if (!seen) seen = std::make_unique<SeenSlot>();
    const std::uint64_t records = slot->records.load(std::memory_order_acquire);
    if (records == seen->records) continue;
    seen->records = records;
    seen->read_counters(*slot, totals);
    changed.emplace_back(slot, seen.get());
  }
  if (changed.empty()) return false;
  read_histograms(delta.latency, [&changed](std::size_t block, SeenHistogram::Block& sums) {
    for (const auto& [slot, seen] : changed) seen->latency.read(slot->latency, block, sums);
  });
  totals.latency.add(delta.latency);
  fill_delta(delta, totals);
  return true;
}

void Telemetry::drain_endpoint(EndpointId id, EndpointId into, Instant now) {
  TrafficTotals added;
  TrafficDelta delta;
  if (!drain_slots(id, added, delta)) return;
  State& target = state(into);
  target.totals.add(added);
  target.last_seen = now;
  if (!target.windows) target.windows = std::make_unique<EndpointWindows>(into);
  target.windows->add(timeline_, delta);
  objectives_.add(into, target.name, delta);
  totals_.add(added);
  add_scalars(all_delta_, delta);
  for (const BucketCount& item : delta.latency) all_counts_->add(item.bucket, item.count);
}

void Telemetry::drain_arms(EndpointId id, Instant now) {
  for (const Arm arm : {Arm::treated, Arm::control}) {
    const EndpointId slot = WorkerTelemetry::arm_slot(id, arm, table_.id_space());
    TrafficTotals added;
    TrafficDelta delta;
    if (!drain_slots(slot, added, delta)) continue;
    State& target = state(id);
    target.arms_seen = now;
    if (!target.arms) target.arms = std::make_unique<std::array<EndpointWindows, 2>>();
    (*target.arms)[arm == Arm::treated ? 0 : 1].add(timeline_, delta);
  }
}

void Telemetry::drain_upstream() {
  TrafficDelta delta;
  bool changed = false;
  for (std::size_t w = 0; w < workers_.size(); ++w) {
    const UpstreamSlot& slot = workers_[w]->upstream();
    Upstream::Seen& seen = upstream_->seen[w];
    const std::uint64_t records = slot.records.load(std::memory_order_acquire);
    changed = changed || records != seen.records;
    delta.offered += records - std::exchange(seen.records, records);
    const std::uint64_t failed = slot.failed.get(), nanoseconds = slot.latency_nanoseconds.get();
    delta.failed += failed - std::exchange(seen.failed, failed);
    delta.latency_nanoseconds += nanoseconds - std::exchange(seen.nanoseconds, nanoseconds);
  }
  if (!changed) return;
  delta.answered = delta.offered;
  read_histograms(delta.latency, [this](std::size_t block, SeenHistogram::Block& sums) {
    for (std::size_t w = 0; w < workers_.size(); ++w) {
      upstream_->seen[w].latency.read(workers_[w]->upstream().latency, block, sums);
    }
  });
  upstream_->requests += delta.offered;
  upstream_->failed += delta.failed;
  upstream_->latency.add(delta.latency);
  upstream_->latency.nanoseconds += delta.latency_nanoseconds;
  upstream_->windows.add(timeline_, delta);
}

// An id that retired hands its totals on; its window history ends.
void Telemetry::follow_retirements() {
  for (const RetiredEndpoint& item : table_.retired(retired_.size())) {
    retired_.push_back(item);
    slots_to_free_.push_back(item);
    if (!states_[item.id]) continue;
    const EndpointId into = table_.successor(item.id);
    State& heir = state(into);
    heir.totals.add(states_[item.id]->totals);
    heir.last_seen = std::max(heir.last_seen, states_[item.id]->last_seen);
    states_[item.id].reset();
  }
}

// A worker that has adopted a table without the id writes to its slot no more.
// This runs after a drain, but the drain may have been before the worker's last
// write, so each slot is drained once more here.
void Telemetry::release_slots() {
  std::erase_if(slots_to_free_, [this](const RetiredEndpoint& item) {
    for (std::size_t w = 0; w < workers_.size(); ++w) {
      if (workers_[w]->slot(item.id) == nullptr) continue;
      if (workers_[w]->adopted_generation() < item.generation) return false;
    }
    drain_endpoint(item.id, table_.successor(item.id), timeline_.last());
    for (std::size_t w = 0; w < workers_.size(); ++w) {
      workers_[w]->release_slot(item.id);
      for (const Arm arm : {Arm::none, Arm::treated, Arm::control}) {
        seen_[w][WorkerTelemetry::arm_slot(item.id, arm, table_.id_space())].reset();
      }
    }
    return true;
  });
}

void Telemetry::drain(Instant now) {
  timeline_.advance(now);
  follow_retirements();
  all_delta_ = TrafficDelta{};
  const auto given = static_cast<EndpointId>(table_.given());
  for (EndpointId id = 0; id < given; ++id) {
    bool used = false;
    for (std::size_t w = 0; w < workers_.size() && !used; ++w)
      used = workers_[w]->slot(id) != nullptr;
    if (!used) continue;
    const EndpointId into = table_.successor(id);
    drain_endpoint(id, into, now);
    if (into == id) drain_arms(id, now);
  }
  release_slots();
  if (all_delta_.offered > 0) {
    take_counts(*all_counts_, all_delta_);
    all_.add(timeline_, all_delta_);
  }
  drain_upstream();
  release_windows(now);
}

void Telemetry::release_windows(Instant now) {
  std::size_t bytes = 0;
  std::vector<State*> holders;
  for (auto& state : states_) {
    if (state && state->arms && now - state->arms_seen > arms_idle_max) state->arms.reset();
    if (!state || !state->windows) continue;
    if (now - state->last_seen > window_idle_max) {
      state->windows.reset();
      continue;
    }
    bytes += state->windows->bytes();
    holders.push_back(state.get());
  }
  if (bytes <= window_bytes_limit_) return;
  std::sort(holders.begin(), holders.end(), [](const State* a, const State* b) {
    return a->totals.requests() < b->totals.requests();
  });
  for (State* holder : holders) {
    if (bytes <= window_bytes_limit_) break;
    bytes -= holder->windows->bytes();
    holder->windows.reset();
  }
}

EndpointFigures Telemetry::endpoint_figures(EndpointId id) {
  const State& from = *states_[id];
  EndpointFigures figures;
  figures.id = id;
  figures.method = from.name.method;
  figures.route = from.name.route;
  figures.requests_total = from.totals.requests();
  figures.errors_total = from.totals.failed;
  figures.last_seen = from.last_seen;
  if (from.windows) {
    figures.last_10s = from.windows->figures(timeline_, Window::seconds_10, *scratch_);
    figures.last_1m = from.windows->figures(timeline_, Window::minute_1, *scratch_);
    figures.last_5m = from.windows->figures(timeline_, Window::minutes_5, *scratch_);
  }
  if (from.arms) {
    const auto both = [&](Window window) {
      return std::array{(*from.arms)[0].figures(timeline_, window, *scratch_),
                        (*from.arms)[1].figures(timeline_, window, *scratch_)};
    };
    figures.arms = EndpointFigures::Arms{both(Window::seconds_10), both(Window::minute_1)};
  }
  return figures;
}

TrafficFigures Telemetry::collect(Instant now) {
  const std::lock_guard lock(mutex_);
  drain(now);
  TrafficFigures figures;
  figures.at = now;
  figures.objectives = objectives_.figures();
  for (EndpointId id = 0; id < states_.size(); ++id) {
    if (states_[id]) figures.endpoints.push_back(endpoint_figures(id));
  }
  figures.all_10s = all_.figures(timeline_, Window::seconds_10, *scratch_);
  figures.all_1m = all_.figures(timeline_, Window::minute_1, *scratch_);
  figures.all_5m = all_.figures(timeline_, Window::minutes_5, *scratch_);
  const WindowFigures upstream =
      upstream_->windows.figures(timeline_, Window::seconds_10, *scratch_);
  figures.upstream_known = upstream.requests > 0;
  figures.upstream_requests = upstream.requests;
  figures.upstream_error_ratio = upstream.error_ratio;
  figures.upstream_latency_p95 = upstream.latency_p95;
  return figures;
}

TrafficTotals Telemetry::totals() {
  const std::lock_guard lock(mutex_);
  drain(clock_.now());
  return totals_;
}

std::uint64_t Telemetry::in_flight() const noexcept {
  std::uint64_t sum = 0;
  for (const auto& worker : workers_) sum += worker->in_flight();
  return sum;
}

std::uint64_t Telemetry::connections() const noexcept {
  std::uint64_t sum = 0;
  for (const auto& worker : workers_) sum += worker->connections();
  return sum;
}

std::size_t Telemetry::window_bytes() const {
  const std::lock_guard lock(mutex_);
  std::size_t sum = 0;
  for (const auto& state : states_) {
    if (state && state->windows) sum += state->windows->bytes();
  }
  return sum;
}

}  // namespace homeostat::telemetry
