// What one worker counts. The proxy calls `request_started` once per request,
// `endpoint` when the head is parsed, and `record` exactly once at the end.
//
// Thread safety: one writer (the worker's thread); the collector reads with
// relaxed loads. The hot path does a dozen relaxed loads and stores into memory
// that only this worker writes; it allocates when an endpoint is first seen.
// Ownership: owned by Telemetry, which outlives the workers.
// Memory: 32 KiB of lookup cache, plus 300 bytes and 1 to 2 KiB of histogram
// for each endpoint seen by this worker (4.5 KiB at most), and as much again for
// each side of a trial at an endpoint.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "runtime/ports/clock.hpp"
#include "runtime/ports/policy.hpp"
#include "runtime/telemetry/endpoint_table.hpp"
#include "runtime/telemetry/histogram.hpp"

namespace homeostat::telemetry {

/// What the cache did for a request.
enum class CacheResult : std::uint8_t {
  none,         ///< the request never reached the cache (rejected, malformed, tunnel)
  hit,          ///< fresh, from the cache
  stale,        ///< served stale (while revalidating, on error, in emergency)
  collapsed,    ///< waited for another request's fill
  revalidated,  ///< the origin confirmed the stored response (304)
  miss,         ///< fetched and stored
  uncacheable,  ///< fetched; the response may not be stored
  bypass,       ///< by rule, method or request directive
  shared,       ///< fresh, from the tier that the fleet shares
};
inline constexpr std::size_t cache_result_count = 9;
[[nodiscard]] std::string_view to_string(CacheResult result) noexcept;

struct RequestRecord {
  EndpointId endpoint = other_endpoint;      ///< from WorkerTelemetry::endpoint
  Arm arm = Arm::none;                       ///< of a trial at the endpoint
  std::string_view method;                   ///< with `target` only used to learn an
  std::string_view target;                   ///< endpoint; may be empty
  Duration latency{};                        ///< head received to last byte handed over
  std::optional<Duration> upstream_latency;  ///< dispatch to response head, or to giving up on it
  std::uint64_t request_bytes = 0;           ///< body
  std::uint64_t response_bytes = 0;          ///< body, as sent
  std::uint16_t status = 0;                  ///< sent to the client; 0 = none was sent
  CacheResult cache = CacheResult::none;
  bool rejected = false;          ///< by admission: excluded from latency and error ratio
  bool upstream_error = false;    ///< could not be reached, broke the protocol or died mid-body
  bool upstream_timeout = false;  ///< no head, or a stalled body
  bool client_abort = false;      ///< the client left before the end
  bool truncated = false;         ///< head sent, then the body could not be completed

  /// Counted in the error ratio: a 5xx that the gate did not produce, or a
  /// response cut short by the upstream.
  [[nodiscard]] bool failed() const noexcept { return !rejected && (status >= 500 || truncated); }
  [[nodiscard]] bool used_upstream() const noexcept {
    return upstream_latency.has_value() || upstream_error || upstream_timeout;
  }
};

/// A counter with one writer: no read-modify-write instruction is needed.
class WorkerCounter {
 public:
  void add(std::uint64_t by) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t get() const noexcept {
    return value_.load(std::memory_order_relaxed);
  }

 private:
  std::atomic<std::uint64_t> value_{0};
};

inline constexpr std::size_t status_class_count = 6;  ///< none, 1xx .. 5xx

/// One worker's totals of one endpoint. Only ever grows.
struct EndpointSlot {
  std::atomic<std::uint64_t> records{0};  ///< stored last with release order
  std::array<WorkerCounter, status_class_count> status;
  std::array<WorkerCounter, cache_result_count> cache;
  WorkerCounter failed, rejected, upstream_errors, upstream_timeouts, client_aborts;
  WorkerCounter request_bytes, response_bytes, latency_nanoseconds;
  LatencyHistogram latency;  ///< without rejected requests
};

/// One worker's totals of all requests that were sent upstream.
struct UpstreamSlot {
  std::atomic<std::uint64_t> records{0};
  WorkerCounter failed, latency_nanoseconds;
  LatencyHistogram latency;
};

class WorkerTelemetry {
 public:
  explicit WorkerTelemetry(EndpointTable& table);
  ~WorkerTelemetry();
  WorkerTelemetry(const WorkerTelemetry&) = delete;
  WorkerTelemetry& operator=(const WorkerTelemetry&) = delete;

  // -- worker's thread ------------------------------------------------------
  /// `other` until the endpoint is known.
  [[nodiscard]] EndpointId endpoint(std::string_view method, std::string_view target) noexcept {
    return cache_.find(method, target);
  }
  /// The endpoint of a request that was `other` when it came, once the application has answered it
  /// with this status: known from here on, if that shows that it exists and there is room.
  [[nodiscard]] EndpointId answered(std::string_view method, std::string_view target,
                                    std::uint16_t status) noexcept;
  void request_started() noexcept { started_.add(1); }
  void record(const RequestRecord& record) noexcept;
  void connection_opened() noexcept { opened_.add(1); }
  void connection_closed() noexcept { closed_.add(1); }

  // -- collector ------------------------------------------------------------
  [[nodiscard]] const EndpointSlot* slot(EndpointId id) const noexcept {
    return slots_[id].load(std::memory_order_acquire);
  }
  [[nodiscard]] const UpstreamSlot& upstream() const noexcept { return upstream_; }
  [[nodiscard]] std::uint64_t in_flight() const noexcept;
  [[nodiscard]] std::uint64_t connections() const noexcept;
  [[nodiscard]] std::uint64_t connections_total() const noexcept { return opened_.get(); }
  /// Requests of existing endpoints counted as `other` because the table is full.
  [[nodiscard]] std::uint64_t overflows() const noexcept { return overflows_.get(); }
  [[nodiscard]] std::uint64_t adopted_generation() const noexcept { return cache_.adopted(); }
  /// Frees the slot of a retired endpoint.
  /// REQUIRES: adopted_generation() >= the generation of its retirement.
  void release_slot(EndpointId id) noexcept;

  /// Where the requests of one side of a trial are counted a second time: slots
  /// of their own after those of all endpoints.
  [[nodiscard]] static EndpointId arm_slot(EndpointId id, Arm arm, std::size_t id_space) noexcept {
    return static_cast<EndpointId>(static_cast<std::size_t>(arm) * id_space + id);
  }
  static constexpr std::size_t slots_per_endpoint = 3;

 private:
  void count(EndpointId slot, const RequestRecord& record) noexcept;
  EndpointSlot* allocate(EndpointId id) noexcept;
  EndpointId learn(const RequestRecord& record) noexcept;
  void record_upstream(const RequestRecord& record) noexcept;

  EndpointTable& table_;
  EndpointCache cache_;
  std::unique_ptr<std::atomic<EndpointSlot*>[]> slots_;
  UpstreamSlot upstream_;
  WorkerCounter started_, finished_, opened_, closed_, overflows_;
};

}  // namespace homeostat::telemetry
