// One worker's waiting requests: an intrusive FIFO per priority class.
//
// Thread safety: none; used on the worker's thread only. Ownership: the queue
// owns nothing, a GateWaiter is embedded in its request and unlinks itself
// when destroyed. No allocation, every step O(1) except sweep (O(n)).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "runtime/gate/permit.hpp"

namespace homeostat::gate {

class WaitQueue;

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
  EndpointId endpoint_ = 0;
  std::uint8_t class_ = 0;
  Duration work_{};  ///< expected service, as accounted in the shared sums
  Instant since_{};
  Instant expires_{};
  RejectReason expiry_reason_ = RejectReason::wait_expired;
};

class WaitQueue {
 public:
  void push_back(GateWaiter& waiter) noexcept;
  void remove(GateWaiter& waiter) noexcept;
  [[nodiscard]] GateWaiter* front(std::size_t priority_class) const noexcept {
    return lists_[priority_class].head;
  }
  /// The newest waiter of the lowest class below (numerically above)
  /// `priority_class`; nullptr when there is none.
  [[nodiscard]] GateWaiter* least_below(std::size_t priority_class) const noexcept;
  /// Any waiter with expires_ <= now; nullptr when there is none. `next` gets
  /// the earliest expiry among those that stay.
  [[nodiscard]] GateWaiter* expired(Instant now, Instant& next) const noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }

 private:
  struct List {
    GateWaiter* head = nullptr;
    GateWaiter* tail = nullptr;
  };
  std::array<List, rules::priority_class_count> lists_{};
  std::size_t size_ = 0;
};

}  // namespace homeostat::gate
