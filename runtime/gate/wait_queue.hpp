// One worker's waiting requests: for each priority class, tenants take turns,
// and each tenant's requests keep their order.
//
// Turns are deficit round robin with debts: a tenant whose turn it is starts
// one request if it owes nothing; what that request will take (its expected
// service) is charged, and every further round pays back one mean service. So
// tenants share the upstream's time, not the number of requests, and one that
// asks for more waits longer, not the others.
//
// Tenants are told apart only while they wait, in a table of fixed size:
// set-associative as in CAKE (Høiland-Jørgensen et al. 2018), where eight of the
// same set must wait before two of them share turns.
//
// Thread safety: none; used on the worker's thread only. Ownership: the queue
// owns nothing, a GateWaiter is embedded in its request and unlinks itself
// when destroyed. No allocation, every step O(1) except expired() (O(n)).
// Bounds: tenants_max tenants in each class; beyond, strangers share turns.
// Source: Shreedhar and Varghese, Efficient Fair Queuing Using Deficit Round
// Robin, 1995.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "runtime/gate/permit.hpp"

namespace homeostat::gate {

class WaitQueue;
class GateWaiter;

/// The waiting requests of one tenant in one class.
struct TenantTurns {
  GateWaiter* head = nullptr;  ///< null: the place is free
  GateWaiter* tail = nullptr;
  TenantTurns* previous = nullptr;  ///< ring of those who wait
  TenantTurns* next = nullptr;
  std::uint64_t tenant = 0;
  Duration work{};    ///< expected service of all that wait
  Duration credit{};  ///< positive: may start one
};

/// A request that can wait. Derive from it (or embed it) in the request's own
/// object. Destroying it while it waits cancels the wait: no callback follows.
class GateWaiter {
 public:
  GateWaiter() noexcept = default;
  virtual ~GateWaiter() { cancel(); }
  GateWaiter(const GateWaiter&) = delete;
  GateWaiter& operator=(const GateWaiter&) = delete;

  /// Exactly one of the two is called after `Queued`, on the worker's thread,
  /// with the waiter already unlinked (it may be destroyed inside).
  virtual void on_admitted(Permit permit) = 0;
  virtual void on_rejected(const Rejection& rejection) = 0;

  [[nodiscard]] bool waiting() const noexcept { return owner_ != nullptr; }
  /// The client went away. Does nothing when not waiting.
  void cancel() noexcept;

 private:
  friend class WaitQueue;
  friend class WorkerGate;

  GateWaiter* previous_ = nullptr;
  GateWaiter* next_ = nullptr;
  WorkerGate* owner_ = nullptr;  ///< set while linked
  TenantTurns* turns_ = nullptr;
  std::uint64_t tenant_ = 0;
  EndpointId endpoint_ = 0;
  std::uint8_t class_ = 0;
  std::uint32_t weight_ = 1;
  CapSlot cap_;
  Duration work_{};  ///< expected service, as accounted in the shared sums
  Instant since_{};
  Instant expires_{};
  RejectReason expiry_reason_ = RejectReason::wait_expired;
};

class WaitQueue {
 public:
  /// Places for tenants in one class: sixteen sets of eight.
  static constexpr std::size_t tenants_max = 128;

  /// Returns whether its tenant did not wait before in this class.
  bool push_back(GateWaiter& waiter) noexcept;
  /// Returns whether it was its tenant's last.
  bool remove(GateWaiter& waiter) noexcept;
  /// Who is next in this class; null if nobody waits. `round` is what a tenant
  /// pays back in one round: the mean service time.
  [[nodiscard]] GateWaiter* next(std::size_t priority_class, Duration round) noexcept;
  /// It is being started: its tenant owes what it will take. Before remove().
  void charge(const GateWaiter& waiter) noexcept;

  /// What this tenant's waiting requests will take, or zero.
  [[nodiscard]] Duration work_of(std::size_t priority_class, std::uint64_t tenant) const noexcept;
  /// The newest waiter of a tenant of this class that asks for `work` or more even
  /// without it; else null. Finds one of the heaviest, not always the heaviest.
  [[nodiscard]] GateWaiter* newest_of_heavier(std::size_t priority_class,
                                              Duration work) const noexcept;
  /// The newest waiter of a heavy tenant of the lowest class below (numerically
  /// above) `priority_class`; null when there is none.
  [[nodiscard]] GateWaiter* least_below(std::size_t priority_class) const noexcept;
  /// Any waiter with expires_ <= now; null when there is none. `next` gets
  /// the earliest expiry among those that stay.
  [[nodiscard]] GateWaiter* expired(Instant now, Instant& next) const noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }

 private:
  static constexpr std::size_t ways = 8;
  struct Class {
    std::array<TenantTurns, tenants_max> places;
    TenantTurns* turn = nullptr;   ///< in the ring; null: nobody waits
    TenantTurns* heavy = nullptr;  ///< outgrew all others when it was last added to
  };

  /// Where this tenant waits, or would.
  [[nodiscard]] static std::size_t place_of(const Class& of, std::uint64_t tenant) noexcept;

  std::array<Class, rules::priority_class_count> classes_{};
  std::size_t size_ = 0;
};

}  // namespace homeostat::gate
