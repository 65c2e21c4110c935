#include "runtime/telemetry/worker_telemetry.hpp"

#include <exception>
#include <new>

namespace homeostat::telemetry {
namespace {

std::uint64_t to_nanoseconds(Duration duration) noexcept {
  const auto count = std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count();
  return count < 0 ? 0 : static_cast<std::uint64_t>(count);
}

std::size_t status_class(std::uint16_t status) noexcept {
  return status >= 100 && status < 600 ? status / 100U : 0;
}

void advance(std::atomic<std::uint64_t>& records) noexcept {
  records.store(records.load(std::memory_order_relaxed) + 1, std::memory_order_release);
}

/// Whether the response shows that the path exists. A 4xx says nothing: that is
/// what scanners get. A 5xx counts only if the application itself sent it.
bool shows_endpoint(const RequestRecord& record) noexcept {
  if (record.rejected || record.target.empty()) return false;
  if (record.status >= 100 && record.status < 400) return true;
  if (record.upstream_timeout) return true;
  return record.status >= 500 && record.upstream_latency.has_value() && !record.upstream_error;
}

}  // namespace

std::string_view to_string(CacheResult result) noexcept {
  switch (result) {
    case CacheResult::none: return "none";
    case CacheResult::hit: return "hit";
    case CacheResult::stale: return "stale";
    case CacheResult::collapsed: return "collapsed";
    case CacheResult::revalidated: return "revalidated";
    case CacheResult::miss: return "miss";
    case CacheResult::uncacheable: return "uncacheable";
    case CacheResult::bypass: return "bypass";
    case CacheResult::shared: return "shared";
  }
  return "unknown";
}

WorkerTelemetry::WorkerTelemetry(EndpointTable& table)
    : table_(table),
      cache_(table),
      slots_(
          std::make_unique<std::atomic<EndpointSlot*>[]>(table.id_space() * slots_per_endpoint)) {}

WorkerTelemetry::~WorkerTelemetry() {
  for (std::size_t i = 0; i < table_.id_space() * slots_per_endpoint; ++i)
    delete slots_[i].load(std::memory_order_relaxed);
}

EndpointSlot* WorkerTelemetry::allocate(EndpointId id) noexcept {
  auto* slot = new (std::nothrow) EndpointSlot;
  if (slot != nullptr) slots_[id].store(slot, std::memory_order_release);
  return slot;
}

void WorkerTelemetry::release_slot(EndpointId id) noexcept {
  for (const Arm arm : {Arm::none, Arm::treated, Arm::control}) {
    delete slots_[arm_slot(id, arm, table_.id_space())].exchange(nullptr,
                                                                 std::memory_order_acq_rel);
  }
}

EndpointId WorkerTelemetry::learn(const RequestRecord& record) noexcept {
  if (!shows_endpoint(record)) return other_endpoint;
  const EndpointId known = cache_.find(record.method, record.target);
  if (known != other_endpoint) return known;
  if (table_.full()) {
    overflows_.add(1);
    return other_endpoint;
  }
  try {
    return cache_.translate(table_.learn(record.method, record.target));
  } catch (const std::exception&) {  // out of memory: count it as other
    return other_endpoint;
  }
}

EndpointId WorkerTelemetry::answered(std::string_view method, std::string_view target,
                                     std::uint16_t status) noexcept {
  // record() counts what finds no room.
  if (table_.full()) return cache_.find(method, target);
  RequestRecord record;
  record.method = method;
  record.target = target;
  record.status = status;
  record.upstream_latency = Duration::zero();
  return learn(record);
}

void WorkerTelemetry::record(const RequestRecord& record) noexcept {
  finished_.add(1);
  const EndpointId id = record.endpoint == other_endpoint || record.endpoint >= table_.id_space()
                            ? learn(record)
                            : cache_.translate(record.endpoint);
  count(id, record);
  if (record.arm != Arm::none) [[unlikely]]
    count(arm_slot(id, record.arm, table_.id_space()), record);
  if (record.used_upstream()) record_upstream(record);
}

void WorkerTelemetry::count(EndpointId id, const RequestRecord& record) noexcept {
  EndpointSlot* slot = slots_[id].load(std::memory_order_relaxed);
  if (slot == nullptr) [[unlikely]] {
    slot = allocate(id);
    if (slot == nullptr) return;
  }
  slot->status[status_class(record.status)].add(1);
  slot->cache[static_cast<std::size_t>(record.cache)].add(1);
  if (record.request_bytes != 0) slot->request_bytes.add(record.request_bytes);
  slot->response_bytes.add(record.response_bytes);
  if (record.rejected) [[unlikely]] {
    slot->rejected.add(1);
  } else {
    const std::uint64_t latency = to_nanoseconds(record.latency);
    slot->latency_nanoseconds.add(latency);
    slot->latency.record(latency);
    if (record.failed()) slot->failed.add(1);
  }
  if (record.client_abort) slot->client_aborts.add(1);
  if (record.upstream_error) slot->upstream_errors.add(1);
  if (record.upstream_timeout) slot->upstream_timeouts.add(1);
  advance(slot->records);
}

void WorkerTelemetry::record_upstream(const RequestRecord& record) noexcept {
  // A 5xx of the upstream's own counts as its failure, also when the client got
  // a stale response instead (upstream_error is set then).
  const bool failed = record.upstream_error || record.upstream_timeout || record.failed();
  if (failed) upstream_.failed.add(1);
  if (record.upstream_latency) {
    const std::uint64_t latency = to_nanoseconds(*record.upstream_latency);
    upstream_.latency_nanoseconds.add(latency);
    upstream_.latency.record(latency);
  }
  advance(upstream_.records);
}

std::uint64_t WorkerTelemetry::in_flight() const noexcept {
  const std::uint64_t finished = finished_.get();
  const std::uint64_t started = started_.get();
  return started > finished ? started - finished : 0;
}

std::uint64_t WorkerTelemetry::connections() const noexcept {
  const std::uint64_t closed = closed_.get();
  const std::uint64_t opened = opened_.get();
  return opened > closed ? opened - closed : 0;
}

}  // namespace homeostat::telemetry
