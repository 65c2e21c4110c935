// The gate as one worker sees it: ask for a permit, wait, be woken.
//
// Thread safety: every method on the worker's own thread, except wake() and
// statistics() (any thread). Callbacks of waiters run on that thread, inside
// admit(), a release, the timer or a posted wake-up; nested calls are safe,
// the outermost one does the work.
// Ownership: lives inside Gate; the Gate must outlive every Permit and waiter
// and the run of the worker's io_context. Cost: an immediate admission or a
// rejection is a handful of atomic operations, without lock or allocation.
#pragma once

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <optional>
#include <variant>

#include "runtime/gate/permit.hpp"
#include "runtime/gate/shared_gate.hpp"
#include "runtime/gate/statistics.hpp"
#include "runtime/gate/wait_queue.hpp"

namespace homeostat::gate {

class Gate;

struct GateRequest {
  EndpointId endpoint = 0;
  std::uint8_t priority_class = 2;  ///< 0 critical .. 3 low; larger counts as 3
  Instant now{};
  std::optional<Instant> deadline;  ///< the client's or the route's, if there is one
  std::uint64_t tenant = 0;         ///< who takes turns with others; 0: nobody in particular
  std::uint32_t weight = 1;         ///< slots of the limit it takes; at least 1
  ConcurrencyCap cap{};
  bool stream = false;  ///< stands aside from the start (admission.streams)
};

/// The waiter is linked; one of its callbacks follows unless it is cancelled.
struct Queued {};

using Admission = std::variant<Permit, Queued, Rejection>;

class WorkerGate {
 public:
  WorkerGate(Gate& gate, unsigned index, std::size_t endpoints);
  WorkerGate(const WorkerGate&) = delete;
  WorkerGate& operator=(const WorkerGate&) = delete;
  ~WorkerGate();

  /// Binds to the worker's executor. Once, before the first admit().
  void attach(boost::asio::any_io_executor executor);

  /// `waiter` is only linked when the answer is Queued. REQUIRES: it is not
  /// waiting already. The Permit may be issued after a wait of zero length.
  [[nodiscard]] Admission admit(const GateRequest& request, GateWaiter& waiter) noexcept;

  /// The same question before anything was made for the request: a rejection if
  /// admit() would give one at once (it is counted), else nothing happened.
  [[nodiscard]] std::optional<Rejection> refuse(const GateRequest& request) noexcept;

  /// Counts a request that a rate limit refused, or would refuse in shadow mode,
  /// and its limit.
  void rate_limited(LimitCounters& limit, std::uint8_t priority_class, bool shadow) noexcept;
  /// Counts a request whose deadline passed in shadow mode.
  void deadline_passed(std::uint8_t priority_class) noexcept {
    statistics_.on_rejected(RejectReason::deadline, rules::clamp_class(priority_class), true);
  }
  /// Counts a request that the upstream's breaker refused.
  void upstream_refused(RejectReason reason, std::uint8_t priority_class) noexcept {
    statistics_.on_rejected(reason, rules::clamp_class(priority_class), false);
  }
  /// What a request is told for which there is no place aside. Counts it.
  [[nodiscard]] Rejection streams_full(std::uint8_t priority_class) noexcept {
    return reject(RejectReason::streams_full, rules::clamp_class(priority_class));
  }
  /// For how long it may be the upstream's turn after the head until what it sends is
  /// taken for a stream: a second, or ten times what its endpoint's heads take.
  [[nodiscard]] Duration stream_after(EndpointId endpoint) const noexcept;
  /// Somebody waits for a slot, on whatever worker.
  [[nodiscard]] bool others_wait() const noexcept { return shared_.queue_length() > 0; }
  /// In [0, 1), for spreading clients in time.
  [[nodiscard]] double random_unit() noexcept;

  /// Rejects all waiters (reason shutdown) and everything that arrives later;
  /// lets go of the executor's timer. Requests already admitted run on.
  /// REQUIRES: before the worker's io_context is destroyed.
  void drain() noexcept;

  /// Rejects waiters whose time is over. The timer calls it.
  void expire(Instant now) noexcept;

  [[nodiscard]] std::size_t waiting() const noexcept { return queue_.size(); }

  /// Any thread: makes the worker look for free slots soon.
  void wake() noexcept;
  /// Any thread: makes the worker turn away who waits in the lowest class, while more
  /// wait than may.
  void shorten() noexcept;
  [[nodiscard]] const WorkerStatistics& statistics() const noexcept { return statistics_; }

 private:
  friend class Permit;
  friend class GateWaiter;

  /// The slots a request was given, and what else it holds.
  struct Holding {
    std::uint32_t slots = 1;
    CapSlot place;
  };
  [[nodiscard]] Permit issue(EndpointId endpoint, std::uint8_t priority_class, Holding holding,
                             Instant now) noexcept;
  [[nodiscard]] Rejection reject(RejectReason reason, std::uint8_t priority_class) noexcept;
  [[nodiscard]] Rejection refuse_for(RejectReason reason, const GateRequest& request,
                                     std::uint8_t priority_class) noexcept;
  void count_arrival(std::uint32_t weight) noexcept;
  [[nodiscard]] bool in_force(const ConcurrencyCap& cap) const noexcept {
    return cap && !cap.shadow && shared_.mode() != config::LoopMode::shadow;
  }
  [[nodiscard]] std::optional<CapSlot> take_place(const GateRequest& request,
                                                  std::uint8_t priority_class) noexcept;
  [[nodiscard]] std::optional<RejectReason> refusal(const GateRequest& request,
                                                    std::uint8_t priority_class) const noexcept;
  [[nodiscard]] Admission admit_aside(const GateRequest& request, std::uint8_t priority_class,
                                      CapSlot place) noexcept;
  [[nodiscard]] Permit admit_unlimited(const GateRequest& request, CapSlot place) noexcept;
  [[nodiscard]] rules::QueueView view(const GateRequest& request,
                                      std::uint8_t priority_class) const noexcept;
  [[nodiscard]] Duration work_of(const GateRequest& request) const noexcept;
  [[nodiscard]] Duration work_before(const GateRequest& request,
                                     std::uint8_t priority_class) const noexcept;
  [[nodiscard]] Admission enqueue(const GateRequest& request, std::uint8_t priority_class,
                                  CapSlot place, GateWaiter& waiter) noexcept;
  void unlink(GateWaiter& waiter) noexcept;
  void abandon(GateWaiter& waiter) noexcept;
  void release(std::uint32_t slots) noexcept;
  [[nodiscard]] bool take_aside() noexcept;
  void leave_aside() noexcept;
  [[nodiscard]] std::uint32_t take_again(std::uint32_t weight) noexcept;
  void take_always(std::uint32_t slots) noexcept;
  void pump(Instant now) noexcept;
  void turn_away_surplus() noexcept;
  [[nodiscard]] bool pump_one(Instant now) noexcept;
  [[nodiscard]] SharedGate::Claim claim_of(const GateWaiter& waiter) const noexcept {
    return {index_, waiter.class_, waiter.weight_};
  }
  void grant(GateWaiter& waiter, std::uint32_t slots, Instant now) noexcept;
  void turn_away(GateWaiter& waiter, RejectReason reason) noexcept;
  [[nodiscard]] GateWaiter* gives_way_to(const GateRequest& request,
                                         std::uint8_t priority_class) const noexcept;
  [[nodiscard]] bool make_room(const GateRequest& request, std::uint8_t priority_class) noexcept;
  void arm(Instant at) noexcept;

  Gate& gate_;
  SharedGate& shared_;
  const unsigned index_;
  WorkerStatistics statistics_;
  WaitQueue queue_;
  boost::asio::any_io_executor executor_;
  std::optional<boost::asio::steady_timer> timer_;
  Instant armed_for_ = Instant::max();
  GateWaiter* arriving_ = nullptr;  ///< inside admit(): gets its permit as a return value
  Permit arriving_permit_;
  std::optional<Rejection> arriving_rejection_;
  GateWaiter* claiming_ = nullptr;  ///< saves up slots, if the shared claim is this worker's
  unsigned local_grants_ = 0;       ///< since a slot was last passed on
  bool pumping_ = false;
  bool pump_again_ = false;
  bool draining_ = false;
  std::uint64_t random_state_;
  std::atomic<bool> wake_posted_{false};
  std::atomic<bool> shorten_asked_{false};
};

}  // namespace homeostat::gate
