// What one worker counts about its upstream calls, and how the collector
// turns the workers' running totals into one window.
//
// Thread safety: WorkerStatistics has one writer (its worker) and one reader
// at a time (StatisticsReader, any thread). The pairs that must be read
// together are guarded by a sequence number (seqlock): the writer never waits,
// the reader retries. Totals only grow; the reader keeps the last ones and
// subtracts. Bounded: endpoint ids at or beyond `endpoints` count as id 0.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "runtime/gate/permit.hpp"
#include "runtime/ports/signals.hpp"

namespace homeostat::gate {

/// Queue waits: bucket i holds waits up to 100 us x 2^(i/4); the last one
/// everything longer (about 5.5 s). At most 19 % relative error.
inline constexpr std::size_t wait_buckets = 64;
[[nodiscard]] std::size_t wait_bucket(Duration wait) noexcept;
[[nodiscard]] double wait_bucket_bound(std::size_t bucket) noexcept;  ///< seconds

/// Event counts of one worker or, summed, of all. All since the start.
struct GateTotals {
  using ByClass = std::array<std::uint64_t, rules::priority_class_count>;
  ByClass admitted{};                                       ///< with or without a wait
  std::array<ByClass, reject_reason_count> rejected{};      ///< [reason][class]
  std::array<ByClass, reject_reason_count> would_reject{};  ///< shadow mode; admitted in fact
  std::uint64_t queued = 0;                                 ///< had to wait (shadow: would have)
  std::uint64_t abandoned = 0;                              ///< cancelled while waiting
  std::uint64_t dropped = 0;                                ///< Permit::drop

  [[nodiscard]] std::uint64_t admitted_total() const noexcept;
  [[nodiscard]] std::uint64_t rejected_total() const noexcept;
  /// Rejections that show overload (of_overload); those of one class alone.
  [[nodiscard]] std::uint64_t overload_total() const noexcept;
  [[nodiscard]] std::uint64_t overload_of(std::uint8_t priority_class) const noexcept;
  void add(const GateTotals& other) noexcept;
};

class WorkerStatistics {
 public:
  explicit WorkerStatistics(std::size_t endpoints);

  // Writer side: the worker's thread only.
  void on_arrival(bool limited) noexcept;
  void on_admitted(std::uint8_t priority_class, std::uint32_t slots, Instant now) noexcept;
  void on_released(std::uint32_t slots, Instant now) noexcept;
  /// Taken again by a request that was admitted before.
  void on_returned(std::uint32_t slots, Instant now) noexcept { move_in_flight(now, slots); }
  /// Counts for each of its slots: the limit, what is in flight and what is done in a
  /// window are told in the same unit.
  void on_sample(EndpointId endpoint, Duration latency, std::uint32_t slots) noexcept;
  /// Counts for each of its slots, as a sample does.
  void on_drop(EndpointId endpoint, std::uint32_t slots) noexcept;
  void on_queued() noexcept { bump(queued_); }
  void on_abandoned() noexcept { bump(abandoned_); }
  void on_rejected(RejectReason reason, std::uint8_t priority_class, bool shadow) noexcept;
  /// A request of this expected service was rejected because it would have
  /// waited, or had waited, too long.
  void on_turned_away(Duration work) noexcept;
  void on_left_queue(Duration wait) noexcept { bump(waits_[wait_bucket(wait)]); }

  /// Any thread.
  [[nodiscard]] GateTotals totals() const noexcept;

 private:
  friend class StatisticsReader;
  using Counter = std::atomic<std::uint64_t>;

  /// Single writer: load and store beat a locked add.
  static void bump(Counter& counter, std::uint64_t by = 1) noexcept {
    counter.store(counter.load(std::memory_order_relaxed) + by, std::memory_order_release);
  }

  struct Endpoint {
    Counter count{0};
    Counter nanoseconds{0};
    std::atomic<double> square_sum{0};                   ///< seconds squared
    mutable Counter min_nanoseconds{~std::uint64_t{0}};  ///< taken (exchanged) by the reader
    Counter dropped{0};
  };
  /// The endpoint's place; it is known from now on.
  [[nodiscard]] Endpoint& cell_of(EndpointId endpoint) noexcept;

  Counter sequence_{0};              ///< odd while the writer is inside
  Counter in_flight_{0};             ///< slots taken
  Counter changed_at_{0};            ///< nanoseconds of the monotonic clock
  std::atomic<double> integral_{0};  ///< in-flight x seconds up to changed_at_
  std::vector<Endpoint> endpoints_;
  std::atomic<std::size_t> endpoints_used_{0};

  Counter arrivals_{0}, limited_{0}, dropped_{0}, queued_{0}, abandoned_{0};
  std::atomic<double> turned_away_{0};  ///< service seconds
  std::array<Counter, rules::priority_class_count> admitted_{};
  Counter slots_admitted_{0}, critical_slots_admitted_{0};
  std::array<std::array<Counter, rules::priority_class_count>, reject_reason_count> rejected_{};
  std::array<std::array<Counter, rules::priority_class_count>, reject_reason_count> would_reject_{};
  std::array<Counter, wait_buckets> waits_{};

  void enter() noexcept {
    sequence_.store(sequence_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  void leave() noexcept {
    sequence_.store(sequence_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }
  void move_in_flight(Instant now, std::int64_t slots) noexcept;
};

/// Turns totals into windows. Thread safety: one caller at a time.
class StatisticsReader {
 public:
  StatisticsReader(std::size_t workers, std::size_t endpoints, Instant start);

  /// Closes the window that began with the previous call. Fills everything in
  /// GateFigures except queue_length and queue_standing.
  /// `limited_now` stands for the window's share when nobody arrived in it.
  [[nodiscard]] GateFigures collect(const std::vector<const WorkerStatistics*>& workers,
                                    Instant now, bool limited_now);
  /// Service seconds turned away in the window last closed.
  [[nodiscard]] double turned_away() const noexcept { return turned_away_; }

 private:
  struct Sums {
    std::uint64_t count = 0, nanoseconds = 0, dropped = 0;
    double square_sum = 0;
  };
  struct Previous {
    std::vector<Sums> endpoints;
    std::array<std::uint64_t, wait_buckets> waits{};
    GateTotals totals;
    std::uint64_t arrivals = 0, limited = 0, slots = 0, critical_slots = 0;
    double integral = 0, turned_away = 0;
  };

  void collect_endpoints(const WorkerStatistics& worker, Previous& previous);
  void collect_samples(const WorkerStatistics& worker, std::size_t index, Sums& old);
  [[nodiscard]] static double integral_until(const WorkerStatistics& worker, Instant now);
  [[nodiscard]] double take_wait_p95(const std::vector<const WorkerStatistics*>& workers);

  std::vector<Previous> previous_;
  std::vector<rules::EndpointSamples> merged_;
  double turned_away_ = 0;
  Instant last_;
};

}  // namespace homeostat::gate
