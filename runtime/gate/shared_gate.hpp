// The state all workers share: one counter of requests at the upstream, the
// limit, and how many wait where.
//
// Slots: as many as the limit says, and never more than there are connections to the
// upstream that no stream holds: a permit without a connection would be worth nothing.
//
// Thread safety: all methods from any thread, lock-free. The counters that
// decide who must be woken use sequential consistency; see worker_gate.cpp for
// the argument that no wake-up is lost.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <vector>

#include "config/settings/admission.hpp"
#include "rules/laws/admission_queue.hpp"
#include "rules/laws/concurrency_limit.hpp"
#include "runtime/ports/clock.hpp"
#include "runtime/ports/policy.hpp"

namespace homeostat::gate {

inline constexpr std::size_t cache_line = 64;

class SharedGate {
 public:
  SharedGate(const config::AdmissionSettings& settings, unsigned workers, std::size_t endpoints);

  void apply(const AdmissionPolicy& policy) noexcept;
  /// Connections that may be opened to all targets together.
  void bound_connections(std::size_t connections) noexcept;
  /// The limit in force.
  [[nodiscard]] double limit() const noexcept {
    return std::min(limit_.load(), static_cast<double>(free_connections()));
  }
  [[nodiscard]] std::uint8_t shed_class_from() const noexcept {
    return shed_class_from_.load(std::memory_order_relaxed);
  }

  /// Takes `weight` slots, or all there are if it weighs more, if that many are
  /// free; returns how many were taken. Never exceeds the limit.
  [[nodiscard]] std::uint32_t try_acquire(std::uint32_t weight) noexcept;
  /// Takes slots whatever the limit (off and shadow); returns the count before.
  std::int64_t acquire_always(std::uint32_t slots) noexcept { return in_flight_.fetch_add(slots); }
  /// For a request that has been at the upstream before: it may take what a quarter
  /// of the slots (itself at least) is above the limit. Returns how many, or 0.
  [[nodiscard]] std::uint32_t try_acquire_again(std::uint32_t weight) noexcept;
  void release(std::uint32_t slots) noexcept { in_flight_.fetch_sub(slots); }
  [[nodiscard]] std::int64_t in_flight() const noexcept { return in_flight_.load(); }

  /// Counts one more that is at the upstream without a slot, unless there are as many
  /// as may be: admission.streams_max, and three quarters of the connections.
  [[nodiscard]] bool try_aside() noexcept;
  void aside_always() noexcept { aside_.fetch_add(1); }
  void aside_left() noexcept { aside_.fetch_sub(1); }
  [[nodiscard]] std::int64_t aside() const noexcept { return aside_.load(); }

  [[nodiscard]] bool has_room(std::uint32_t weight = 1) const noexcept {
    const std::int64_t slots = this->slots();
    return in_flight_.load() + std::min<std::int64_t>(weight, slots) <= slots;
  }

  void waiter_joined(unsigned worker, std::uint8_t priority_class, Duration work,
                     Instant now) noexcept;
  void waiter_left(unsigned worker, std::uint8_t priority_class, Duration work) noexcept;
  /// Tenants that wait in a class, each worker's counted for itself.
  void tenant_came(std::uint8_t priority_class) noexcept { tenants_[priority_class].fetch_add(1); }
  void tenant_left(std::uint8_t priority_class) noexcept { tenants_[priority_class].fetch_sub(1); }
  [[nodiscard]] std::uint32_t tenants(std::uint8_t priority_class) const noexcept {
    return tenants_[priority_class].load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::size_t queue_length() const noexcept { return length_.load(); }
  /// Waiters of this class and better ones.
  [[nodiscard]] std::size_t length_at_or_above(std::uint8_t priority_class) const noexcept {
    std::size_t sum = 0;
    for (std::size_t index = 0; index <= priority_class; ++index) sum += waiting_[index].load();
    return sum;
  }
  [[nodiscard]] bool waits_at_or_above(std::uint8_t priority_class) const noexcept;
  /// Waiters of better classes than this one.
  [[nodiscard]] bool waits_above(std::uint8_t priority_class) const noexcept {
    return priority_class > 0 && waits_at_or_above(static_cast<std::uint8_t>(priority_class - 1));
  }
  /// Nobody of a lower class than this one waits anywhere.
  [[nodiscard]] bool lowest_waiting(std::uint8_t priority_class) const noexcept {
    return length_at_or_above(rules::priority_class_count - 1) ==
           length_at_or_above(priority_class);
  }
  [[nodiscard]] bool waits_on(unsigned worker, std::uint8_t priority_class) const noexcept {
    return workers_[worker].waiting[priority_class].load() > 0;
  }
  [[nodiscard]] bool waits_elsewhere(unsigned worker, std::uint8_t priority_class) const noexcept {
    return waiting_[priority_class].load() > workers_[worker].waiting[priority_class].load();
  }
  /// For how long anybody has been waiting.
  [[nodiscard]] Duration standing(Instant now) const noexcept;
  /// Requests that keep the upstream busy when demand stands (rules/laws/standing_demand.hpp).
  [[nodiscard]] std::uint32_t queue_needed() const noexcept {
    return queue_needed_.load(std::memory_order_relaxed);
  }
  void set_queue_needed(std::uint32_t requests) noexcept {
    queue_needed_.store(requests, std::memory_order_relaxed);
  }
  /// Work of the classes up to and including this one.
  [[nodiscard]] Duration work_ahead(std::uint8_t priority_class) const noexcept;
  /// Work that waits in this class.
  [[nodiscard]] Duration work_in(std::uint8_t priority_class) const noexcept {
    return Duration(std::max<std::int64_t>(work_[priority_class].load(), 0));
  }

  /// What goes before an arrival of this class that has `ahead` before it by rank.
  [[nodiscard]] rules::TurnAhead turn_ahead(std::uint8_t priority_class,
                                            Duration ahead) const noexcept {
    return rules::turn_ahead(ahead, waiting_[priority_class].load(std::memory_order_relaxed),
                             credits_[priority_class].load(std::memory_order_relaxed),
                             service_mean());
  }

  [[nodiscard]] std::optional<rules::ClassChoice> next_class() const noexcept;
  void granted(rules::ClassChoice choice) noexcept;
  /// Its floor share could not be used: it keeps what it is owed but one credit, so that a
  /// grant by rank comes before it is asked again.
  void passed_over(std::uint8_t priority_class) noexcept {
    credits_[priority_class].store(rules::floor_credits - 1, std::memory_order_relaxed);
  }

  /// A waiting request that needs several slots and saves them up: until it has as many,
  /// no other of its class or a lower one takes any, on whatever worker.
  struct Claim {
    unsigned worker = 0;
    std::uint8_t priority_class = 0;
    std::uint32_t weight = 1;
  };
  [[nodiscard]] std::optional<Claim> claim() const noexcept;
  /// Makes this the claim; false if there is one already of the same or a better class.
  [[nodiscard]] bool take_claim(const Claim& claim) noexcept;
  /// Does nothing if it was replaced meanwhile.
  void drop_claim(const Claim& claim) noexcept;

  /// Expected upstream time of an endpoint; the overall mean when unknown.
  [[nodiscard]] Duration service_of(EndpointId endpoint) const noexcept;
  [[nodiscard]] Duration service_mean() const noexcept;
  /// The least service_of() has been for the last one to two minutes: what the endpoint
  /// takes where little queues inside the upstream. Zero when unknown.
  [[nodiscard]] Duration unloaded_service_of(EndpointId endpoint) const noexcept;
  /// Called by the collector with each window's samples.
  void learn_service(const std::vector<rules::EndpointSamples>& samples) noexcept;

  /// Those of the level in force. A request keeps what it was given on arrival.
  [[nodiscard]] const rules::QueueBounds& bounds() const noexcept {
    return bounds_[level_.load(std::memory_order_relaxed)];
  }
  [[nodiscard]] config::LoopMode mode() const noexcept { return mode_; }
  [[nodiscard]] std::chrono::seconds retry_after_min() const noexcept { return retry_after_min_; }

 private:
  void learn_unloaded() noexcept;
  [[nodiscard]] std::int64_t free_connections() const noexcept {
    return std::max<std::int64_t>(connections_.load() - aside_.load(), 1);
  }
  [[nodiscard]] std::int64_t slots() const noexcept {
    return std::min(limit_slots_.load(), free_connections());
  }

  using ByClass = std::array<std::atomic<std::uint32_t>, rules::priority_class_count>;
  struct alignas(cache_line) PerWorker {
    ByClass waiting{};
  };

  const config::LoopMode mode_;
  const std::array<rules::QueueBounds, 3> bounds_;  ///< by rules::Level
  const std::chrono::seconds retry_after_min_;
  const double limit_initial_, limit_min_, limit_max_;
  const std::int64_t streams_max_;

  alignas(cache_line) std::atomic<std::int64_t> in_flight_{0};
  alignas(cache_line) std::atomic<std::int64_t> limit_slots_{1};  ///< the limit, rounded
  std::atomic<std::int64_t> connections_{std::numeric_limits<std::int64_t>::max()};
  std::atomic<std::int64_t> aside_{0};  ///< at the upstream without a slot
  std::atomic<double> limit_{1};
  std::atomic<std::uint8_t> shed_class_from_{255};
  std::atomic<std::uint8_t> level_{0};  ///< rules::Level
  std::atomic<std::uint32_t> queue_needed_{0};
  std::atomic<std::int64_t> service_mean_{0};  ///< nanoseconds; 0 = unknown
  std::vector<std::atomic<std::int64_t>> service_;
  /// Minima of service_ over this period and the one before; 0 = none. The collector's
  /// are written, the others read.
  struct LeastService {
    std::int64_t now = 0, before = 0;
  };
  std::vector<LeastService> least_;
  std::vector<std::atomic<std::int64_t>> unloaded_;
  unsigned learnt_windows_ = 0;

  alignas(cache_line) std::atomic<std::size_t> length_{0};
  std::atomic<Duration::rep> not_empty_since_{0};
  ByClass waiting_{};
  ByClass tenants_{};
  ByClass credits_{};
  std::array<std::atomic<std::int64_t>, rules::priority_class_count> work_{};
  std::vector<PerWorker> workers_;
  std::atomic<std::uint64_t> claim_{0};  ///< packed; 0: none
};

}  // namespace homeostat::gate
