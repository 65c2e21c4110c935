#include "runtime/gate/worker_gate.hpp"

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include "runtime/gate/gate.hpp"

namespace homeostat::gate {

namespace {

RejectReason reason_of(rules::ArrivalVerdict verdict) noexcept {
  if (verdict == rules::ArrivalVerdict::too_late) return RejectReason::too_late;
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

void WorkerGate::count_arrival(std::uint32_t weight) noexcept {
  statistics_.on_arrival(!shared_.has_room(weight) || shared_.queue_length() > 0);
}

/// Why the request can neither begin nor wait; nothing if it may do either.
std::optional<RejectReason> WorkerGate::refusal(const GateRequest& request,
                                                std::uint8_t priority_class) const noexcept {
  if (priority_class >= shared_.shed_class_from()) return RejectReason::shed_class;
  if (request.deadline && *request.deadline <= request.now) return RejectReason::too_late;
  if (in_force(request.cap) && request.cap.full()) return RejectReason::concurrency_cap;
  if (request.stream) return std::nullopt;  // needs no slot; whether there is a place is seen then
  const bool begins =
      !shared_.waits_at_or_above(priority_class) && shared_.has_room(request.weight);
  if (begins) return std::nullopt;
  if (draining_) return RejectReason::shutdown;
  std::optional<Duration> time_left;
  if (request.deadline) time_left = *request.deadline - request.now;
  const rules::ArrivalVerdict verdict =
      rules::judge_arrival(shared_.bounds(), view(request, priority_class), time_left);
  if (verdict == rules::ArrivalVerdict::join) return std::nullopt;
  const bool place_can_be_made = verdict == rules::ArrivalVerdict::queue_full &&
                                 gives_way_to(request, priority_class) != nullptr;
  if (place_can_be_made) return std::nullopt;
  return reason_of(verdict);
}

std::optional<Rejection> WorkerGate::refuse(const GateRequest& request) noexcept {
  const std::uint8_t priority_class = rules::clamp_class(request.priority_class);
  std::optional<RejectReason> reason;
  if (shared_.mode() == config::LoopMode::on) {
    reason = refusal(request, priority_class);
  } else if (in_force(request.cap) && request.cap.full()) {
    reason = RejectReason::concurrency_cap;
  }
  if (!reason) return std::nullopt;
  if (!request.stream) count_arrival(request.weight);
  return refuse_for(*reason, request, priority_class);
}

/// What had to go for want of capacity counts as demand; what came too late,
/// or is refused on purpose, does not.
Rejection WorkerGate::refuse_for(RejectReason reason, const GateRequest& request,
                                 std::uint8_t priority_class) noexcept {
  const bool for_want_of_capacity = reason == RejectReason::predicted_wait ||
                                    reason == RejectReason::queue_full ||
                                    reason == RejectReason::deadline;
  if (for_want_of_capacity) statistics_.on_turned_away(work_of(request));
  Rejection rejection = reject(reason, priority_class);
  if (reason == RejectReason::concurrency_cap) {
    request.cap.counters->rejected.fetch_add(1, std::memory_order_relaxed);
    rejection.limit = request.cap.counters;
  }
  return rejection;
}

void WorkerGate::rate_limited(LimitCounters& limit, std::uint8_t priority_class,
                              bool shadow) noexcept {
  (shadow ? limit.would_reject : limit.rejected).fetch_add(1, std::memory_order_relaxed);
  statistics_.on_rejected(RejectReason::rate_limit, rules::clamp_class(priority_class), shadow);
}

/// A place under the request's cap, if it has one; nothing if that refuses it.
std::optional<CapSlot> WorkerGate::take_place(const GateRequest& request,
                                              std::uint8_t priority_class) noexcept {
  if (!request.cap) return CapSlot();
  if (in_force(request.cap)) {
    CapSlot place = request.cap.take();
    return place ? std::optional(std::move(place)) : std::nullopt;
  }
  bool over = false;
  CapSlot place = request.cap.take_always(over);
  if (over) {
    request.cap.counters->would_reject.fetch_add(1, std::memory_order_relaxed);
    statistics_.on_rejected(RejectReason::concurrency_cap, priority_class, true);
  }
  return place;
}

Admission WorkerGate::admit(const GateRequest& request, GateWaiter& waiter) noexcept {
  const std::uint8_t priority_class = rules::clamp_class(request.priority_class);
  if (!request.stream) count_arrival(request.weight);
  const bool on = shared_.mode() == config::LoopMode::on;
  if (on) {
    if (const auto reason = refusal(request, priority_class)) {
      return refuse_for(*reason, request, priority_class);
    }
  }
  std::optional<CapSlot> place = take_place(request, priority_class);
  if (!place) return refuse_for(RejectReason::concurrency_cap, request, priority_class);
  if (request.stream) return admit_aside(request, priority_class, std::move(*place));
  if (!on) return admit_unlimited(request, std::move(*place));
  if (!shared_.waits_at_or_above(priority_class)) {
    if (const std::uint32_t slots = shared_.try_acquire(request.weight); slots > 0) {
      return issue(request.endpoint, priority_class, {slots, std::move(*place)}, request.now);
    }
  }
  // The room that was seen may have gone to another worker meanwhile.
  if (draining_) return reject(RejectReason::shutdown, priority_class);
  if (!make_room(request, priority_class)) {
    return refuse_for(RejectReason::queue_full, request, priority_class);
  }
  return enqueue(request, priority_class, std::move(*place), waiter);
}

/// It takes no slot, so it says nothing about the limit either.
Admission WorkerGate::admit_aside(const GateRequest& request, std::uint8_t priority_class,
                                  CapSlot place) noexcept {
  if (draining_) return reject(RejectReason::shutdown, priority_class);
  if (!take_aside()) return streams_full(priority_class);
  statistics_.on_admitted(priority_class, 0, request.now);
  return Permit(*this, request.endpoint, request.weight, std::move(place), true);
}

Duration WorkerGate::stream_after(EndpointId endpoint) const noexcept {
  constexpr Duration least = std::chrono::seconds(1);
  constexpr int times_usual = 10;
  return std::max(least, times_usual * shared_.service_of(endpoint));
}

/// Off and shadow: everybody passes. In shadow, what is over the limit stands
/// for the queue that would be there; it is judged as a burst.
Permit WorkerGate::admit_unlimited(const GateRequest& request, CapSlot place) noexcept {
  const std::uint8_t priority_class = rules::clamp_class(request.priority_class);
  const std::int64_t before = shared_.acquire_always(request.weight);
  if (shared_.mode() == config::LoopMode::shadow) {
    const double over = static_cast<double>(before) - shared_.limit();
    rules::QueueView imagined = view(request, priority_class);
    imagined.length = over > 0 ? static_cast<std::size_t>(over) : 0;
    imagined.work_ahead = imagined.service_mean * static_cast<Duration::rep>(imagined.length);
    std::optional<Duration> time_left;
    if (request.deadline) time_left = *request.deadline - request.now;
    const auto verdict = rules::judge_arrival(shared_.bounds(), imagined, time_left);
    if (priority_class >= shared_.shed_class_from()) {
      statistics_.on_rejected(RejectReason::shed_class, priority_class, true);
    } else if (time_left && *time_left <= Duration::zero()) {
      statistics_.on_rejected(RejectReason::too_late, priority_class, true);
    } else if (over >= 0 && verdict != rules::ArrivalVerdict::join) {
      statistics_.on_rejected(reason_of(verdict), priority_class, true);
      statistics_.on_turned_away(work_of(request));  // makes demand standing, as it would
    } else if (over >= 0) {
      statistics_.on_queued();
    }
  }
  return issue(request.endpoint, priority_class, {request.weight, std::move(place)}, request.now);
}

Permit WorkerGate::issue(EndpointId endpoint, std::uint8_t priority_class, Holding holding,
                         Instant now) noexcept {
  statistics_.on_admitted(priority_class, holding.slots, now);
  return Permit(*this, endpoint, holding.slots, std::move(holding.place));
}

Rejection WorkerGate::reject(RejectReason reason, std::uint8_t priority_class) noexcept {
  statistics_.on_rejected(reason, priority_class, false);
  const auto lowest = static_cast<std::uint8_t>(rules::priority_class_count - 1);
  const Duration drain = rules::predicted_wait(shared_.work_ahead(lowest), shared_.limit());
  return Rejection{reason, rules::retry_after(drain, shared_.retry_after_min(), random_unit()),
                   priority_class, nullptr};
}

/// A request that weighs more takes as many slots for as long as it lasts. Before
/// anything is known of service times, requests are at least counted.
Duration WorkerGate::work_of(const GateRequest& request) const noexcept {
  constexpr Duration unknown = std::chrono::microseconds(1);
  return std::max(shared_.service_of(request.endpoint), unknown) * request.weight;
}

/// What is served before this arrival: all better classes, and of its own class
/// what waits for its tenant with as much of each other tenant, since they take
/// turns. Never more than there is.
Duration WorkerGate::work_before(const GateRequest& request,
                                 std::uint8_t priority_class) const noexcept {
  const Duration ahead = shared_.work_ahead(priority_class);
  if (request.tenant == 0) return ahead;
  const Duration own = queue_.work_of(priority_class, request.tenant);
  const std::uint32_t tenants = shared_.tenants(priority_class);
  const std::uint32_t others = own > Duration::zero() && tenants > 0 ? tenants - 1 : tenants;
  const Duration in_class = shared_.work_in(priority_class);
  const Duration fair = own + others * (own + work_of(request));
  return ahead - in_class + std::min(in_class, fair);
}

rules::QueueView WorkerGate::view(const GateRequest& request,
                                  std::uint8_t priority_class) const noexcept {
  const rules::TurnAhead turn =
      shared_.turn_ahead(priority_class, work_before(request, priority_class));
  return {.work_ahead = turn.work,
          .limit = shared_.limit(),
          .length = shared_.length_at_or_above(priority_class),
          .queue_needed =
              priority_class > rules::critical_class && !turn.by_floor ? shared_.queue_needed() : 0,
          .service_mean = shared_.service_mean(),
          .own_service = shared_.service_of(request.endpoint),
          .own_unloaded = shared_.unloaded_service_of(request.endpoint)};
}

/// Who waits on this worker and had better not: the newest of a tenant that asks for
/// more than this one's will.
GateWaiter* WorkerGate::gives_way_to(const GateRequest& request,
                                     std::uint8_t priority_class) const noexcept {
  const Duration own = queue_.work_of(priority_class, request.tenant) + work_of(request);
  return queue_.newest_of_heavier(priority_class, own);
}

/// False: the queue is full. Lower classes do not fill it for better ones: one of
/// them goes, on whatever worker, and until it has gone the queue is that much longer.
/// A tenant's first requests may join whatever the others have piled up (see
/// work_before); then as much goes at the other end, so that what may wait is still
/// served within its time.
bool WorkerGate::make_room(const GateRequest& request, std::uint8_t priority_class) noexcept {
  const std::size_t length_max = shared_.bounds().length_max;
  if (shared_.length_at_or_above(priority_class) >= length_max) {
    GateWaiter* victim = gives_way_to(request, priority_class);
    if (victim == nullptr) return false;
    turn_away(*victim, RejectReason::fair_share);
    return true;
  }
  if (shared_.queue_length() >= length_max) {
    GateWaiter* least = queue_.least_below(priority_class);
    if (least != nullptr && shared_.lowest_waiting(least->class_)) {
      turn_away(*least, RejectReason::queue_full);
    } else {
      gate_.shorten_queue(priority_class);
    }
    return true;
  }
  if (request.tenant == 0) return true;
  const rules::QueueView seen = view(request, priority_class);
  const rules::TurnAhead turn =
      shared_.turn_ahead(priority_class, shared_.work_ahead(priority_class));
  const Duration wait = rules::predicted_wait(turn.work, seen.limit);
  if (wait <=
      rules::wait_budget(shared_.bounds(), seen.queue_needed, seen.service_mean, seen.limit)) {
    return true;
  }
  const Duration own = queue_.work_of(priority_class, request.tenant) + work_of(request);
  if (GateWaiter* victim = queue_.newest_of_heavier(priority_class, own)) {
    turn_away(*victim, RejectReason::fair_share);
  }
  return true;
}

Admission WorkerGate::enqueue(const GateRequest& request, std::uint8_t priority_class,
                              CapSlot place, GateWaiter& waiter) noexcept {
  const rules::QueueView seen = view(request, priority_class);
  waiter.owner_ = this;
  waiter.tenant_ = request.tenant;
  waiter.endpoint_ = request.endpoint;
  waiter.class_ = priority_class;
  waiter.weight_ = request.weight;
  waiter.cap_ = std::move(place);
  waiter.work_ = work_of(request);
  waiter.since_ = request.now;
  waiter.expires_ = request.now + rules::wait_limit(shared_.bounds(), seen.queue_needed,
                                                    seen.service_mean, seen.limit);
  waiter.expiry_reason_ = RejectReason::wait_expired;
  if (request.deadline && *request.deadline < waiter.expires_) {
    waiter.expires_ = *request.deadline;
    waiter.expiry_reason_ = RejectReason::deadline;
  }
  const Instant expires = waiter.expires_;
  if (queue_.push_back(waiter)) shared_.tenant_came(priority_class);
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

double WorkerGate::random_unit() noexcept {
  random_state_ ^= random_state_ << 13;  // xorshift64, Marsaglia 2003
  random_state_ ^= random_state_ >> 7;
  random_state_ ^= random_state_ << 17;
  return static_cast<double>(random_state_ >> 11) * 0x1.0p-53;
}

}  // namespace homeostat::gate
