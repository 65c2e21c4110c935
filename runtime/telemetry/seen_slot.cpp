#include "runtime/telemetry/seen_slot.hpp"

namespace homeostat::telemetry {
namespace {

void take(const WorkerCounter& counter, std::uint64_t& seen, std::uint64_t& into) noexcept {
  const std::uint64_t now = counter.get();
  into += now - seen;
  seen = now;
}

}  // namespace

void SeenHistogram::read(const LatencyHistogram& histogram, std::size_t block, Block& sums) {
  const LatencyHistogram::Block* source = histogram.block(block);
  if (source == nullptr) return;
  auto& seen = blocks[block];
  if (!seen) seen = std::make_unique<Block>();
  for (std::size_t i = 0; i < source->size(); ++i) {
    const std::uint32_t now = (*source)[i].load(std::memory_order_relaxed);
    sums[i] += now - (*seen)[i];  // modulo 2^32: right across a wrap
    (*seen)[i] = now;
  }
}

void SeenSlot::read_counters(const EndpointSlot& slot, TrafficTotals& into) {
  for (std::size_t i = 0; i < status_class_count; ++i)
    take(slot.status[i], totals.status[i], into.status[i]);
  for (std::size_t i = 0; i < cache_result_count; ++i)
    take(slot.cache[i], totals.cache[i], into.cache[i]);
  take(slot.failed, totals.failed, into.failed);
  take(slot.rejected, totals.rejected, into.rejected);
  take(slot.upstream_errors, totals.upstream_errors, into.upstream_errors);
  take(slot.upstream_timeouts, totals.upstream_timeouts, into.upstream_timeouts);
  take(slot.client_aborts, totals.client_aborts, into.client_aborts);
  take(slot.request_bytes, totals.request_bytes, into.request_bytes);
  take(slot.response_bytes, totals.response_bytes, into.response_bytes);
  take(slot.latency_nanoseconds, totals.latency.nanoseconds, into.latency.nanoseconds);
}

}  // namespace homeostat::telemetry
