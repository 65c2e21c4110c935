// The closed catalogue of signals a rule may name, with the unit of each.
//
// Thread safety: immutable data, safe from any thread. No allocation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace homeostat::rules {

/// The unit of an expression or signal. Durations are held in seconds, sizes
/// in bytes, ratios as 0..1 (100 % = 1.0).
enum class Unit : std::uint8_t { number, ratio, duration, bytes, rate, boolean };

[[nodiscard]] std::string_view to_string(Unit unit) noexcept;

/// Whether a signal describes the whole agent or one endpoint.
enum class SignalScope : std::uint8_t { global, endpoint };

enum class SignalId : std::uint8_t {
  // -- global ---------------------------------------------------------------
  cpu_utilization,       ///< ratio of the usable CPUs of the scope in use
  cpu_pressure,          ///< PSI cpu some, share of wall time
  cpu_throttled,         ///< share of CFS periods throttled
  memory_utilization,    ///< working set / limit
  memory_working_set,    ///< bytes
  memory_pressure,       ///< PSI memory some, share of wall time
  memory_full_pressure,  ///< PSI memory full: the last interval, at most avg10
  disk_utilization,      ///< fullest configured mount
  network_sent,          ///< bytes per second (unit rate)
  network_received,      ///< bytes per second (unit rate)
  agent_memory,          ///< own resident bytes
  traffic_rate,          ///< requests per second, all endpoints
  traffic_error_ratio,   ///< 5xx share of all answers, rejections excluded
  traffic_latency_avg,
  traffic_latency_p50,
  traffic_latency_p95,
  traffic_latency_p99,
  cache_hit_ratio,
  cache_utilization,     ///< used / configured bytes
  admission_in_flight,   ///< number, time average
  admission_limit,       ///< number
  admission_queue_wait,  ///< duration, p95 of the last window
  admission_reject_ratio,
  admission_critical_reject_ratio,  ///< of the critical class alone
  upstream_error_ratio,
  upstream_latency_p95,
  redis_connected,    ///< 1 while the shared tier answers, else 0; missing without a tier
  redis_latency_p95,  ///< duration, of answered reads
  redis_hit_ratio,    ///< of answered reads
  redis_memory,       ///< used / maxmemory; missing where Redis has no bound
  // -- per endpoint ---------------------------------------------------------
  endpoint_rate,
  endpoint_error_ratio,
  endpoint_latency_avg,
  endpoint_latency_p50,
  endpoint_latency_p95,
  endpoint_latency_p99,
  endpoint_hit_ratio,
  endpoint_response_size,  ///< mean body bytes
  count_
};

inline constexpr std::size_t signal_count = static_cast<std::size_t>(SignalId::count_);

struct SignalInfo {
  SignalId id;
  std::string_view name;  ///< as written in rules, e.g. "endpoint.latency_p95"
  Unit unit;
  SignalScope scope;
  std::string_view help;
};

/// REQUIRES: id < SignalId::count_.
[[nodiscard]] const SignalInfo& signal_info(SignalId id) noexcept;

/// Looks a signal up by its dotted name.
[[nodiscard]] std::optional<SignalId> find_signal(std::string_view name) noexcept;

}  // namespace homeostat::rules
