// Admission control for the upstream: one concurrency limit over all workers,
// short bounded waiting by priority, rejection on arrival.
//
// Usage: construct with the number of workers; each worker attaches its
// executor, asks worker(i).admit() for every request that must go upstream
// (cache hits never come here) and ends the Permit. The throttler calls
// collect() every 100..250 ms, feeds rules::ConcurrencyLimit and publishes an
// AdmissionPolicy, which a worker (or anyone) hands to apply().
//
// Modes: on; shadow = admits all, counts what it would have rejected
// (totals().would_reject); off = admits all, only counts. With `off` and
// `shadow` nobody waits.
//
// Thread safety: apply(), limit(), in_flight(), totals() from any thread;
// collect() from one thread at a time; worker(i) belongs to worker i.
// Bounds: settings.queue_max waiters over all workers (approximate by at most
// one per worker when several arrive at the same instant); waits as
// queue_bounds() says, by level or settings.max_wait.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <vector>

#include "config/settings/admission.hpp"
#include "rules/laws/standing_demand.hpp"
#include "runtime/gate/bucket_table.hpp"
#include "runtime/gate/named_limits.hpp"
#include "runtime/gate/permit.hpp"
#include "runtime/gate/shared_gate.hpp"
#include "runtime/gate/statistics.hpp"
#include "runtime/gate/wait_queue.hpp"
#include "runtime/gate/worker_gate.hpp"
#include "runtime/ports/clock.hpp"
#include "runtime/ports/policy.hpp"
#include "runtime/ports/signals.hpp"

namespace homeostat::gate {

class Gate final : public GateSource {
 public:
  static constexpr std::size_t default_endpoints = 512;

  /// `endpoints` = capacity of per-endpoint statistics; ids beyond share id 0.
  Gate(const config::AdmissionSettings& settings, unsigned workers, const Clock& clock,
       std::size_t endpoints = default_endpoints);
  ~Gate() override;
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  /// REQUIRES: index < workers.
  [[nodiscard]] WorkerGate& worker(unsigned index) noexcept { return *workers_[index]; }
  [[nodiscard]] unsigned workers() const noexcept { return static_cast<unsigned>(workers_.size()); }

  /// Cheap and idempotent; call it whenever the Policy changed.
  void apply(const AdmissionPolicy& policy) noexcept;
  /// How many connections there may be to the upstream, all targets together: never
  /// more slots than that, less those that streams hold.
  void bound_connections(std::size_t connections) noexcept;

  [[nodiscard]] config::LoopMode mode() const noexcept { return shared_.mode(); }
  [[nodiscard]] double limit() const noexcept { return shared_.limit(); }
  /// In force for who arrives now; who waits keeps what was in force when he came.
  [[nodiscard]] const rules::QueueBounds& queue_bounds() const noexcept { return shared_.bounds(); }
  [[nodiscard]] std::size_t in_flight() const noexcept;
  [[nodiscard]] std::size_t queue_length() const noexcept { return shared_.queue_length(); }
  /// At the upstream without a slot: streams, tunnels, and who waits for his client.
  [[nodiscard]] std::size_t aside() const noexcept {
    return static_cast<std::size_t>(std::max<std::int64_t>(shared_.aside(), 0));
  }
  [[nodiscard]] GateTotals totals() const;

  [[nodiscard]] GateFigures collect(Instant now) override;

  // What limits with a name need; all workers share it. Any thread.
  [[nodiscard]] BucketTable& buckets() noexcept { return buckets_; }
  [[nodiscard]] const BucketTable& buckets() const noexcept { return buckets_; }
  [[nodiscard]] NamedLimits& rate_limits() noexcept { return rate_limits_; }
  [[nodiscard]] const NamedLimits& rate_limits() const noexcept { return rate_limits_; }
  [[nodiscard]] NamedLimits& caps() noexcept { return caps_; }
  [[nodiscard]] const NamedLimits& caps() const noexcept { return caps_; }
  [[nodiscard]] NamedLimits& page_limits() noexcept { return page_limits_; }
  [[nodiscard]] const NamedLimits& page_limits() const noexcept { return page_limits_; }

 private:
  friend class WorkerGate;

  /// Wakes a worker where somebody of this class waits, not `asking` itself.
  /// False when there is none.
  bool wake_one(std::uint8_t priority_class, unsigned asking) noexcept;
  void offer_room() noexcept;
  void wake(unsigned worker) noexcept { workers_[worker]->wake(); }
  /// The queue is longer than may be: asks the worker where the lowest class below
  /// `priority_class` waits to send one away.
  void shorten_queue(std::uint8_t priority_class) noexcept;

  const Clock& clock_;
  SharedGate shared_;
  BucketTable buckets_;
  NamedLimits rate_limits_, caps_, page_limits_;
  std::vector<std::unique_ptr<WorkerGate>> workers_;
  std::vector<const WorkerStatistics*> statistics_;
  StatisticsReader reader_;
  rules::StandingDemand demand_;
  std::atomic<unsigned> wake_cursor_{0};
};

}  // namespace homeostat::gate
