// No wake-up is lost. Room for a waiter appears by a release, a raised limit
// or the departure of a better waiter; each is followed, on the same thread,
// by a look at the waiting counters (pump or wake_one). A waiter appears by
// waiter_joined, followed by a look at the slots (pump). All of these are
// sequentially consistent, so of a racing release and join at least one sees
// the other (Dekker's argument). Whoever sees both either grants, or wakes a
// worker that has the waiter; a posted wake-up clears its flag before it
// looks, so a wake-up that found the flag set is covered by the one pending.
// A woken worker that finds nothing to do for itself passes the room on.
//
// A request that weighs more than is free claims what becomes free (SharedGate::Claim):
// other workers then take nothing for their waiters of its class and lower ones, but
// wake its worker once there is enough. A claim is followed by another look at the
// slots, and a release by a look at the claim: the argument above holds for them too.
// A claim binds nobody of a better class than its own, and is made by rank only: a
// heavy request that is due by its floor share is served if it fits at once, else its
// class is passed over for one grant. Saved up for, it would stop the classes above it.
#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include "runtime/gate/gate.hpp"

namespace homeostat::gate {

namespace {

/// Expiries closer together than this share one timer shot.
constexpr Duration timer_grain = std::chrono::milliseconds(1);

/// A worker keeps freed slots for its own waiters this often before it passes
/// one on to another worker with waiters of the same class: a hand-over costs
/// a wake-up, keeping all would starve workers that have nothing in flight.
constexpr unsigned local_grants_max = 4;

}  // namespace

void WorkerGate::unlink(GateWaiter& waiter) noexcept {
  if (&waiter == claiming_) {
    claiming_ = nullptr;
    shared_.drop_claim(claim_of(waiter));
  }
  if (queue_.remove(waiter)) shared_.tenant_left(waiter.class_);
  waiter.owner_ = nullptr;
  shared_.waiter_left(index_, waiter.class_, waiter.work_);
}

void WorkerGate::grant(GateWaiter& waiter, std::uint32_t slots, Instant now) noexcept {
  queue_.charge(waiter);
  unlink(waiter);
  Permit permit = issue(waiter.endpoint_, waiter.class_, {slots, std::move(waiter.cap_)}, now);
  if (&waiter == arriving_) {
    arriving_ = nullptr;
    arriving_permit_ = std::move(permit);
    return;
  }
  statistics_.on_left_queue(now - waiter.since_);
  waiter.on_admitted(std::move(permit));
}

void WorkerGate::turn_away(GateWaiter& waiter, RejectReason reason) noexcept {
  unlink(waiter);
  waiter.cap_.reset();
  if (reason != RejectReason::shutdown) statistics_.on_turned_away(waiter.work_);
  const Rejection rejection = reject(reason, waiter.class_);
  if (&waiter == arriving_) {
    arriving_ = nullptr;
    arriving_rejection_ = rejection;
    return;
  }
  statistics_.on_left_queue(gate_.clock_.now() - waiter.since_);
  waiter.on_rejected(rejection);
}

void WorkerGate::abandon(GateWaiter& waiter) noexcept {
  if (&waiter == arriving_) arriving_ = nullptr;
  unlink(waiter);
  waiter.cap_.reset();
  statistics_.on_abandoned();
  // Others may have stood back for this one.
  if (shared_.queue_length() > 0) pump(gate_.clock_.now());
}

void WorkerGate::release(std::uint32_t slots) noexcept {
  const Instant now = gate_.clock_.now();
  statistics_.on_released(slots, now);
  shared_.release(slots);
  if (shared_.queue_length() > 0) pump(now);
}

/// The bound on those that stand aside is the operator's: only `on` enforces it.
bool WorkerGate::take_aside() noexcept {
  if (shared_.try_aside()) return true;
  if (shared_.mode() == config::LoopMode::on) return false;
  shared_.aside_always();
  return true;
}

/// Its connection may be the one that others lacked.
void WorkerGate::leave_aside() noexcept {
  shared_.aside_left();
  if (shared_.queue_length() > 0) pump(gate_.clock_.now());
}

std::uint32_t WorkerGate::take_again(std::uint32_t weight) noexcept {
  if (shared_.mode() != config::LoopMode::on) {
    take_always(weight);
    return weight;
  }
  const std::uint32_t taken = shared_.try_acquire_again(weight);
  if (taken > 0) statistics_.on_returned(taken, gate_.clock_.now());
  return taken;
}

void WorkerGate::take_always(std::uint32_t slots) noexcept {
  (void)shared_.acquire_always(slots);
  statistics_.on_returned(slots, gate_.clock_.now());
}

void WorkerGate::pump(Instant now) noexcept {
  pump_again_ = true;
  if (pumping_) return;
  pumping_ = true;
  while (pump_again_) {
    pump_again_ = false;
    while (shared_.has_room() && pump_one(now)) {
    }
  }
  pumping_ = false;
}

/// False: nothing more can be done here.
bool WorkerGate::pump_one(Instant now) noexcept {
  std::optional<rules::ClassChoice> choice = shared_.next_class();
  if (!choice) return false;
  GateWaiter* waiter = nullptr;
  const std::optional<SharedGate::Claim> claim = shared_.claim();
  if (claim && !shared_.waits_above(claim->priority_class)) {
    if (claim->worker != index_) {
      if (shared_.has_room(claim->weight)) gate_.wake(claim->worker);
      return false;
    }
    waiter = claiming_;
    choice = rules::ClassChoice{waiter->class_, false};
  } else {
    const std::uint8_t rank = choice->priority_class;
    waiter = queue_.next(rank, shared_.service_mean());
    const bool others_turn = waiter == nullptr || (local_grants_ >= local_grants_max &&
                                                   shared_.waits_elsewhere(index_, rank));
    if (others_turn) {
      local_grants_ = 0;
      if (gate_.wake_one(rank, index_)) return false;
      // Nobody: the waiter seen left meanwhile, and whoever removed it pumps.
      if (waiter == nullptr) return false;
    }
  }
  if (waiter->expires_ <= now) {  // the timer is late; the promise is not
    turn_away(*waiter, waiter->expiry_reason_);
    return true;
  }
  const std::uint32_t slots = shared_.try_acquire(waiter->weight_);
  if (slots == 0) {
    if (waiter->weight_ == 1) return false;
    if (choice->by_floor) {
      shared_.passed_over(choice->priority_class);
      return true;
    }
    // Looks once more: what was freed before others saw the claim.
    if (!shared_.take_claim(claim_of(*waiter))) return false;
    claiming_ = waiter;
    return true;
  }
  shared_.granted(*choice);
  ++local_grants_;
  grant(*waiter, slots, now);
  return true;
}

void WorkerGate::wake() noexcept {
  if (wake_posted_.exchange(true)) return;
  boost::asio::post(executor_, [this] {
    wake_posted_.exchange(false);
    if (shorten_asked_.exchange(false)) turn_away_surplus();
    pump(gate_.clock_.now());
  });
}

void WorkerGate::shorten() noexcept {
  shorten_asked_.store(true);
  wake();
}

/// Room in the queue for better classes, which joined it on other workers when it was
/// full. What is left over after that is for the worker with the next lowest.
void WorkerGate::turn_away_surplus() noexcept {
  while (shared_.queue_length() > shared_.bounds().length_max) {
    GateWaiter* least = queue_.least_below(rules::critical_class);
    if (least == nullptr || !shared_.lowest_waiting(least->class_)) break;
    turn_away(*least, RejectReason::queue_full);
  }
  if (shared_.queue_length() > shared_.bounds().length_max) {
    gate_.shorten_queue(rules::critical_class);
  }
}

void WorkerGate::expire(Instant now) noexcept {
  Instant next = Instant::max();
  while (GateWaiter* waiter = queue_.expired(now, next)) {
    turn_away(*waiter, waiter->expiry_reason_);
  }
  if (next != Instant::max()) arm(next);
  if (shared_.queue_length() > 0) pump(now);
}

void WorkerGate::drain() noexcept {
  draining_ = true;
  for (std::size_t index = 0; index < rules::priority_class_count; ++index) {
    while (GateWaiter* waiter = queue_.next(index, Duration::zero())) {
      turn_away(*waiter, RejectReason::shutdown);
    }
  }
  timer_.reset();
  if (shared_.queue_length() > 0) pump(gate_.clock_.now());
}

void WorkerGate::arm(Instant at) noexcept {
  if (at >= armed_for_ || !timer_) return;
  armed_for_ = at;
  timer_->expires_after(std::max(at - gate_.clock_.now(), timer_grain));
  timer_->async_wait([this](const boost::system::error_code& error) {
    if (error) return;  // armed anew, or drained; `this` may be gone
    armed_for_ = Instant::max();
    expire(gate_.clock_.now());
  });
}

}  // namespace homeostat::gate
