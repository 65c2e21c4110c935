#include "rules/expr/signal.hpp"

#include <array>

namespace homeostat::rules {
namespace {

using enum SignalId;
constexpr auto global = SignalScope::global;
constexpr auto endpoint = SignalScope::endpoint;

// In the order of SignalId: the index is the identity.
constexpr std::array<SignalInfo, signal_count> catalogue{{
    {cpu_utilization, "cpu.utilization", Unit::ratio, global, "share of the usable CPUs in use"},
    {cpu_pressure, "cpu.pressure", Unit::ratio, global, "share of time some task waited for CPU"},
    {cpu_throttled, "cpu.throttled", Unit::ratio, global, "share of CFS periods throttled"},
    {memory_utilization, "memory.utilization", Unit::ratio, global, "working set over limit"},
    {memory_working_set, "memory.working_set", Unit::bytes, global, "memory not reclaimable"},
    {memory_pressure, "memory.pressure", Unit::ratio, global,
     "share of time some task waited for memory"},
    {memory_full_pressure, "memory.full_pressure", Unit::ratio, global,
     "share of time all tasks waited for memory"},
    {disk_utilization, "disk.utilization", Unit::ratio, global, "fullest configured mount"},
    {network_sent, "network.sent", Unit::rate, global, "bytes sent per second"},
    {network_received, "network.received", Unit::rate, global, "bytes received per second"},
    {agent_memory, "agent.memory", Unit::bytes, global, "resident bytes of the agent itself"},
    {traffic_rate, "traffic.rate", Unit::rate, global, "requests per second, all endpoints"},
    {traffic_error_ratio, "traffic.error_ratio", Unit::ratio, global,
     "5xx share of all answers, own rejections excluded"},
    {traffic_latency_avg, "traffic.latency_avg", Unit::duration, global, "mean latency"},
    {traffic_latency_p50, "traffic.latency_p50", Unit::duration, global, "median latency"},
    {traffic_latency_p95, "traffic.latency_p95", Unit::duration, global, "95th percentile latency"},
    {traffic_latency_p99, "traffic.latency_p99", Unit::duration, global, "99th percentile latency"},
    {cache_hit_ratio, "cache.hit_ratio", Unit::ratio, global, "hits over cacheable lookups"},
    {cache_utilization, "cache.utilization", Unit::ratio, global, "used over configured bytes"},
    {admission_in_flight, "admission.in_flight", Unit::number, global,
     "requests at the upstream, time average"},
    {admission_limit, "admission.limit", Unit::number, global, "admission limit in force"},
    {admission_queue_wait, "admission.queue_wait", Unit::duration, global,
     "95th percentile wait for admission"},
    {admission_reject_ratio, "admission.reject_ratio", Unit::ratio, global,
     "share of requests rejected for overload, last 10 s at most"},
    {admission_critical_reject_ratio, "admission.critical_reject_ratio", Unit::ratio, global,
     "the same of the critical class"},
    {upstream_error_ratio, "upstream.error_ratio", Unit::ratio, global,
     "failed share of upstream calls"},
    {upstream_latency_p95, "upstream.latency_p95", Unit::duration, global,
     "95th percentile latency of upstream calls"},
    {redis_connected, "redis.connected", Unit::number, global, "1 while the shared tier answers"},
    {redis_latency_p95, "redis.latency_p95", Unit::duration, global,
     "95th percentile of the shared tier's answers to reads"},
    {redis_hit_ratio, "redis.hit_ratio", Unit::ratio, global, "hits over answered reads"},
    {redis_memory, "redis.memory", Unit::ratio, global, "used memory over maxmemory"},
    {endpoint_rate, "endpoint.rate", Unit::rate, endpoint, "requests per second"},
    {endpoint_error_ratio, "endpoint.error_ratio", Unit::ratio, endpoint, "5xx share of answers"},
    {endpoint_latency_avg, "endpoint.latency_avg", Unit::duration, endpoint, "mean latency"},
    {endpoint_latency_p50, "endpoint.latency_p50", Unit::duration, endpoint, "median latency"},
    {endpoint_latency_p95, "endpoint.latency_p95", Unit::duration, endpoint,
     "95th percentile latency"},
    {endpoint_latency_p99, "endpoint.latency_p99", Unit::duration, endpoint,
     "99th percentile latency"},
    {endpoint_hit_ratio, "endpoint.hit_ratio", Unit::ratio, endpoint, "cache hit ratio"},
    {endpoint_response_size, "endpoint.response_size", Unit::bytes, endpoint, "mean body bytes"},
}};

constexpr bool in_order() {
  for (std::size_t i = 0; i < signal_count; ++i) {
    if (static_cast<std::size_t>(catalogue[i].id) != i) return false;
  }
  return true;
}
static_assert(in_order(), "the catalogue must list every signal in the order of SignalId");

}  // namespace

const SignalInfo& signal_info(SignalId id) noexcept {
  return catalogue[static_cast<std::size_t>(id)];
}

std::optional<SignalId> find_signal(std::string_view name) noexcept {
  for (const SignalInfo& info : catalogue) {
    if (info.name == name) return info.id;
  }
  return std::nullopt;
}

}  // namespace homeostat::rules
