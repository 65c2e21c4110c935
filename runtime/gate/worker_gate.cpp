// No wake-up is lost. Room for a waiter appears by a release, a raised limit
// or the departure of a better waiter; each is followed, on the same thread,
// by a look at the waiting counters (pump or wake_one). A waiter appears by
// waiter_joined, followed by a look at the slots (pump). All of these are
// sequentially consistent, so of a racing release and join at least one sees
// the other (Dekker's argument). Whoever sees both either grants, or wakes a
// worker that has the waiter; a posted wake-up clears its flag before it
// looks, so a wake-up that found the flag set is covered by the one pending.
// A woken worker that finds nothing to do for itself passes the room on.
#include "runtime/gate/worker_gate.hpp"

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

RejectReason reason_of(rules::ArrivalVerdict verdict) noexcept {
  if (verdict == rules::ArrivalVerdict::deadline) return RejectReason::deadline;
  if (verdict == rules::ArrivalVerdict::queue_full) return RejectReason::queue_full;
  return RejectReason::predicted_wait;
}

}  // namespace

void GateWaiter::cancel() noexcept {
  if (owner_ != nullptr) owner_->abandon(*this);
}

WorkerGate::WorkerGate(Gate& gate, unsigned index, std::size_t endpoints)
    : gate_(gate),
      shared_(gate.shared_),
      index_(index),
      statistics_(endpoints),
      random_state_(0x9E3779B97F4A7C15ULL * (index + 1)) {}

WorkerGate::~WorkerGate() = default;

void WorkerGate::attach(boost::asio::any_io_executor executor) {
  executor_ = std::move(executor);
  timer_.emplace(executor_);
}

void WorkerGate::count_arrival() noexcept {
  statistics_.on_arrival(!shared_.has_room() || shared_.queue_length() > 0);
}

/// Why the request can neither begin nor wait; nothing if it may do either.
std::optional<RejectReason> WorkerGate::refusal(const GateRequest& request,
                                                std::uint8_t priority_class) const noexcept {
  if (priority_class >= shared_.shed_class_from()) return RejectReason::shed_class;
  if (request.deadline && *request.deadline <= request.now) return RejectReason::deadline;
  if (!shared_.waits_at_or_above(priority_class) && shared_.has_room()) return std::nullopt;
  if (draining_) return RejectReason::shutdown;
  std::optional<Duration> time_left;
  if (request.deadline) time_left = *request.deadline - request.now;
  const rules::ArrivalVerdict verdict =
      rules::judge_arrival(shared_.bounds(), view(request, priority_class), time_left);
  if (verdict == rules::ArrivalVerdict::join) return std::nullopt;
  const bool place_can_be_made =
      verdict == rules::ArrivalVerdict::queue_full && queue_.least_below(priority_class) != nullptr;
  if (place_can_be_made) return std::nullopt;
  return reason_of(verdict);
}

std::optional<Rejection> WorkerGate::refuse(const GateRequest& request) noexcept {
  if (shared_.mode() != config::LoopMode::on) return std::nullopt;
  const std::uint8_t priority_class = rules::clamp_class(request.priority_class);
  const std::optional<RejectReason> reason = refusal(request, priority_class);
  if (!reason) return std::nullopt;
  count_arrival();
  return refuse_for(*reason, request, priority_class);
}

/// What had to go for want of capacity counts as demand; what came too late,
/// or is shed on purpose, does not.
Rejection WorkerGate::refuse_for(RejectReason reason, const GateRequest& request,
                                 std::uint8_t priority_class) noexcept {
  const bool for_want_of_capacity =
      reason == RejectReason::predicted_wait || reason == RejectReason::queue_full ||
      (reason == RejectReason::deadline && *request.deadline > request.now);
  if (for_want_of_capacity) statistics_.on_turned_away(shared_.service_of(request.endpoint));
  return reject(reason, priority_class);
}

Admission WorkerGate::admit(const GateRequest& request, GateWaiter& waiter) noexcept {
  const std::uint8_t priority_class = rules::clamp_class(request.priority_class);
  count_arrival();
  if (shared_.mode() != config::LoopMode::on) return admit_unlimited(request);
  if (const auto reason = refusal(request, priority_class)) {
    return refuse_for(*reason, request, priority_class);
  }
  if (!shared_.waits_at_or_above(priority_class) && shared_.try_acquire()) {
    return issue(request.endpoint, priority_class, request.now);
  }
  // The room that was seen may have gone to another worker meanwhile.
  if (draining_) return reject(RejectReason::shutdown, priority_class);
  if (shared_.queue_length() >= shared_.bounds().length_max && !make_place_for(priority_class)) {
    return refuse_for(RejectReason::queue_full, request, priority_class);
  }
  return enqueue(request, priority_class, waiter);
}

/// Off and shadow: everybody passes. In shadow, what is over the limit stands
/// for the queue that would be there; it is judged as a burst.
Permit WorkerGate::admit_unlimited(const GateRequest& request) noexcept {
  const std::uint8_t priority_class = rules::clamp_class(request.priority_class);
  const std::int64_t before = shared_.acquire_always();
  if (shared_.mode() == config::LoopMode::shadow) {
    const double over = static_cast<double>(before) - shared_.limit();
    rules::QueueView imagined = view(request, priority_class);
    imagined.length = over > 0 ? static_cast<std::size_t>(over) : 0;
    imagined.work_ahead = imagined.service_mean * static_cast<Duration::rep>(imagined.length);
    const auto verdict = rules::judge_arrival(shared_.bounds(), imagined, std::nullopt);
    if (priority_class >= shared_.shed_class_from()) {
      statistics_.on_rejected(RejectReason::shed_class, priority_class, true);
    } else if (over >= 0 && verdict != rules::ArrivalVerdict::join) {
      statistics_.on_rejected(reason_of(verdict), priority_class, true);
    } else if (over >= 0) {
      statistics_.on_queued();
    }
  }
  return issue(request.endpoint, priority_class, request.now);
}

Permit WorkerGate::issue(EndpointId endpoint, std::uint8_t priority_class, Instant now) noexcept {
  statistics_.on_admitted(priority_class, now);
  return Permit(*this, endpoint);
}

Rejection WorkerGate::reject(RejectReason reason, std::uint8_t priority_class) noexcept {
  statistics_.on_rejected(reason, priority_class, false);
  const auto lowest = static_cast<std::uint8_t>(rules::priority_class_count - 1);
  const Duration drain = rules::predicted_wait(shared_.work_ahead(lowest), shared_.limit());
  return Rejection{reason, rules::retry_after(drain, shared_.retry_after_min(), random_unit()),
                   priority_class};
}

rules::QueueView WorkerGate::view(const GateRequest& request,
                                  std::uint8_t priority_class) const noexcept {
  return {.work_ahead = shared_.work_ahead(priority_class),
          .limit = shared_.limit(),
          .length = shared_.queue_length(),
          .standing = shared_.demand_standing() && priority_class > rules::critical_class,
          .service_mean = shared_.service_mean(),
          .own_service = shared_.service_of(request.endpoint)};
}

/// A full queue prefers the better class: the newest of the least class here
/// gives way. Classes waiting on other workers are not looked at.
bool WorkerGate::make_place_for(std::uint8_t priority_class) noexcept {
  GateWaiter* victim = queue_.least_below(priority_class);
  if (victim == nullptr) return false;
  turn_away(*victim, RejectReason::queue_full);
  return true;
}

Admission WorkerGate::enqueue(const GateRequest& request, std::uint8_t priority_class,
                              GateWaiter& waiter) noexcept {
  const rules::QueueView seen = view(request, priority_class);
  waiter.owner_ = this;
  waiter.endpoint_ = request.endpoint;
  waiter.class_ = priority_class;
  waiter.work_ = seen.own_service;
  waiter.since_ = request.now;
  waiter.expires_ = request.now + rules::wait_limit(shared_.bounds(), seen.standing,
                                                    seen.service_mean, seen.limit);
  waiter.expiry_reason_ = RejectReason::wait_expired;
  if (request.deadline && *request.deadline < waiter.expires_) {
    waiter.expires_ = *request.deadline;
    waiter.expiry_reason_ = RejectReason::deadline;
  }
  const Instant expires = waiter.expires_;
  queue_.push_back(waiter);
  shared_.waiter_joined(index_, priority_class, waiter.work_, request.now);

  if (pumping_) {  // called from a waiter's callback: the pump on the stack goes on
    pump_again_ = true;
  } else {
    arriving_ = &waiter;
    pump(request.now);
    arriving_ = nullptr;
    if (arriving_permit_) return std::move(arriving_permit_);
    if (arriving_rejection_) return *std::exchange(arriving_rejection_, std::nullopt);
  }
  statistics_.on_queued();
  arm(expires);
  return Queued{};
}

void WorkerGate::unlink(GateWaiter& waiter) noexcept {
  queue_.remove(waiter);
  waiter.owner_ = nullptr;
  shared_.waiter_left(index_, waiter.class_, waiter.work_);
}

void WorkerGate::grant(GateWaiter& waiter, Instant now) noexcept {
  unlink(waiter);
  Permit permit = issue(waiter.endpoint_, waiter.class_, now);
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
  statistics_.on_abandoned();
  // Others may have stood back for this one.
  if (shared_.queue_length() > 0) pump(gate_.clock_.now());
}

void WorkerGate::release() noexcept {
  const Instant now = gate_.clock_.now();
  statistics_.on_released(now);
  shared_.release();
  if (shared_.queue_length() > 0) pump(now);
}

void WorkerGate::pump(Instant now) noexcept {
  pump_again_ = true;
  if (pumping_) return;
  pumping_ = true;
  while (pump_again_) {
    pump_again_ = false;
    while (shared_.has_room()) {
      const std::optional<rules::ClassChoice> choice = shared_.next_class();
      if (!choice) break;
      const std::uint8_t rank = choice->priority_class;
      GateWaiter* waiter = queue_.front(rank);
      const bool others_turn = waiter == nullptr || (local_grants_ >= local_grants_max &&
                                                     shared_.waits_elsewhere(index_, rank));
      if (others_turn) {
        local_grants_ = 0;
        if (gate_.wake_one(rank, index_)) break;
        // Nobody: the waiter seen left meanwhile, and whoever removed it pumps.
        if (waiter == nullptr) break;
      }
      if (waiter->expires_ <= now) {  // the timer is late; the promise is not
        turn_away(*waiter, waiter->expiry_reason_);
        continue;
      }
      if (!shared_.try_acquire()) break;
      shared_.granted(*choice);
      ++local_grants_;
      grant(*waiter, now);
    }
  }
  pumping_ = false;
}

void WorkerGate::wake() noexcept {
  if (wake_posted_.exchange(true)) return;
  boost::asio::post(executor_, [this] {
    wake_posted_.exchange(false);
    pump(gate_.clock_.now());
  });
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
    while (GateWaiter* waiter = queue_.front(index)) turn_away(*waiter, RejectReason::shutdown);
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

double WorkerGate::random_unit() noexcept {
  random_state_ ^= random_state_ << 13;  // xorshift64, Marsaglia 2003
  random_state_ ^= random_state_ >> 7;
  random_state_ ^= random_state_ << 17;
  return static_cast<double>(random_state_ >> 11) * 0x1.0p-53;
}

}  // namespace homeostat::gate
