// Per-endpoint traffic figures: owns the endpoint table and the workers' slots,
// and turns their totals into windows (collect) and into metric families.
//
// Definitions: `requests` counts answered requests, so it is 0 when all were
// rejected and the latencies of that window mean nothing; `rate` counts all
// offered ones. Rejected requests are in neither latency nor error ratio.
// hit_ratio = (hit + stale + collapsed) / (those + miss + revalidated).
//
// Thread safety: worker(i) belongs to worker i; collect, families and totals
// may be called from any thread and take a mutex that no worker ever takes.
// Errors: none after construction.
// Memory: see worker_telemetry.hpp for each worker, twice its slots again for
// the collector's last-seen copies, and at most window_bytes_max for windows:
// beyond it, and after 10 min of silence, the quietest endpoints' windows are
// released and begin anew at their next request. An idle agent needs 100 KiB
// plus 80 KiB per worker.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "config/settings/monitor.hpp"
#include "runtime/ports/clock.hpp"
#include "runtime/ports/signals.hpp"
#include "runtime/telemetry/endpoint_table.hpp"
#include "runtime/telemetry/objectives.hpp"
#include "runtime/telemetry/windows.hpp"
#include "runtime/telemetry/worker_telemetry.hpp"

namespace prometheus {
struct MetricFamily;
}

namespace homeostat::telemetry {

/// Upper bounds of the exported histograms, in seconds. A request is counted
/// below a bound when the middle of its log-linear bucket is: within 1.6 %.
inline constexpr std::array<double, 15> duration_bounds = {
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30};

/// A cumulative histogram for export.
struct DurationTotals {
  std::array<std::uint64_t, duration_bounds.size() + 1> buckets{};  ///< not cumulative; last = +Inf
  std::uint64_t nanoseconds = 0;
  void add(const std::vector<BucketCount>& counts) noexcept;
  void add(const DurationTotals& other) noexcept;
};

/// Everything counted for one endpoint (or all) since the start.
struct TrafficTotals {
  std::array<std::uint64_t, status_class_count> status{};
  std::array<std::uint64_t, cache_result_count> cache{};
  std::uint64_t failed = 0, rejected = 0, upstream_errors = 0, upstream_timeouts = 0,
                client_aborts = 0, request_bytes = 0, response_bytes = 0;
  DurationTotals latency;
  [[nodiscard]] std::uint64_t requests() const noexcept;
  void add(const TrafficTotals& other) noexcept;
};

struct SeenSlot;

class Telemetry final : public TrafficSource {
 public:
  static constexpr std::size_t window_bytes_max = std::size_t{16} * 1024 * 1024;
  static constexpr Duration window_idle_max = std::chrono::minutes(10);
  static constexpr Duration arms_idle_max = std::chrono::minutes(1);  ///< after a trial

  /// REQUIRES: workers >= 1. `clock` must outlive the Telemetry.
  Telemetry(const config::EndpointSettings& settings, unsigned workers, const Clock& clock,
            std::size_t window_bytes = window_bytes_max,
            std::vector<config::ObjectiveSettings> objectives = {});
  ~Telemetry() override;

  [[nodiscard]] WorkerTelemetry& worker(std::size_t index) { return *workers_.at(index); }
  [[nodiscard]] std::size_t workers() const noexcept { return workers_.size(); }
  [[nodiscard]] EndpointTable& endpoints() noexcept { return table_; }
  [[nodiscard]] const EndpointTable& endpoints() const noexcept { return table_; }

  TrafficFigures collect(Instant now) override;

  /// Appends homeostat_* families, drained to this moment.
  void families(std::vector<prometheus::MetricFamily>& out);
  /// Totals of all endpoints, drained to this moment.
  [[nodiscard]] TrafficTotals totals();
  [[nodiscard]] std::uint64_t in_flight() const noexcept;
  [[nodiscard]] std::uint64_t connections() const noexcept;
  /// Bytes held by windows now; at most window_bytes_max after a collection.
  [[nodiscard]] std::size_t window_bytes() const;

 private:
  struct State;     // one endpoint's totals and windows
  struct Upstream;  // the same of all upstream requests

  void drain(Instant now);
  void drain_endpoint(EndpointId id, EndpointId into, Instant now);
  void drain_arms(EndpointId id, Instant now);
  [[nodiscard]] bool drain_slots(EndpointId id, TrafficTotals& totals, TrafficDelta& delta);
  void drain_upstream();
  void follow_retirements();
  void release_slots();
  void release_windows(Instant now);
  State& state(EndpointId id);
  [[nodiscard]] EndpointFigures endpoint_figures(EndpointId id);
  void add_route_families(std::vector<prometheus::MetricFamily>& out) const;
  void add_total_families(std::vector<prometheus::MetricFamily>& out) const;
  void add_agent_families(std::vector<prometheus::MetricFamily>& out) const;

  const Clock& clock_;
  const std::size_t window_bytes_limit_;
  EndpointTable table_;
  std::vector<std::unique_ptr<WorkerTelemetry>> workers_;
  mutable std::mutex mutex_;  // guards all below
  WindowTimeline timeline_;
  std::vector<std::unique_ptr<State>> states_;                // by EndpointId
  std::vector<std::vector<std::unique_ptr<SeenSlot>>> seen_;  // last read: [worker][EndpointId]
  std::unique_ptr<Upstream> upstream_;
  TrafficTotals totals_;
  Objectives objectives_;
  EndpointWindows all_;
  std::vector<RetiredEndpoint> retired_;        // all so far
  std::vector<RetiredEndpoint> slots_to_free_;  // retired, but some worker may still write
  TrafficDelta all_delta_;                      // being gathered by drain
  std::unique_ptr<HistogramCounts> scratch_, all_counts_;
};

}  // namespace homeostat::telemetry
