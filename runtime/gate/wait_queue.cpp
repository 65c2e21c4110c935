#include "runtime/gate/wait_queue.hpp"

#include <algorithm>

namespace homeostat::gate {

namespace {

/// Keeps turns moving while service times are not known yet.
constexpr Duration work_min = std::chrono::microseconds(1);
/// A tenant never owes more rounds than this: one request of a thousand times
/// the mean must not shut it out for long.
constexpr int rounds_owed_max = 8;

}  // namespace

std::size_t WaitQueue::place_of(const Class& of, std::uint64_t tenant) noexcept {
  constexpr std::size_t sets = tenants_max / ways;
  const std::size_t first = (tenant % sets) * ways;
  std::size_t free = tenants_max;
  for (std::size_t place = first; place < first + ways; ++place) {
    if (of.places[place].head == nullptr) {
      free = std::min(free, place);
    } else if (of.places[place].tenant == tenant) {
      return place;
    }
  }
  return free < tenants_max ? free : first + (tenant / sets) % ways;
}

bool WaitQueue::push_back(GateWaiter& waiter) noexcept {
  Class& list = classes_[waiter.class_];
  TenantTurns& turns = list.places[place_of(list, waiter.tenant_)];
  const bool fresh = turns.head == nullptr;
  if (fresh) {  // its first turn comes at the end of this round
    turns.tenant = waiter.tenant_;
    turns.work = Duration::zero();
    turns.credit = work_min;
    if (list.turn == nullptr) {
      list.turn = turns.previous = turns.next = &turns;
    } else {
      turns.next = list.turn;
      turns.previous = list.turn->previous;
      turns.previous->next = turns.next->previous = &turns;
    }
  }
  waiter.turns_ = &turns;
  waiter.previous_ = turns.tail;
  waiter.next_ = nullptr;
  (turns.tail != nullptr ? turns.tail->next_ : turns.head) = &waiter;
  turns.tail = &waiter;
  turns.work += waiter.work_;
  if (list.heavy == nullptr || turns.work >= list.heavy->work) list.heavy = &turns;
  ++size_;
  return fresh;
}

bool WaitQueue::remove(GateWaiter& waiter) noexcept {
  Class& list = classes_[waiter.class_];
  TenantTurns& turns = *waiter.turns_;
  (waiter.previous_ != nullptr ? waiter.previous_->next_ : turns.head) = waiter.next_;
  (waiter.next_ != nullptr ? waiter.next_->previous_ : turns.tail) = waiter.previous_;
  waiter.previous_ = waiter.next_ = nullptr;
  waiter.turns_ = nullptr;
  turns.work -= waiter.work_;
  --size_;
  if (turns.head != nullptr) return false;
  turns.previous->next = turns.next;
  turns.next->previous = turns.previous;
  if (list.turn == &turns) list.turn = turns.next == &turns ? nullptr : turns.next;
  if (list.heavy == &turns) list.heavy = list.turn;
  return true;
}

GateWaiter* WaitQueue::next(std::size_t priority_class, Duration round) noexcept {
  Class& list = classes_[priority_class];
  if (list.turn == nullptr) return nullptr;
  const Duration paid = std::max(round, work_min);
  while (list.turn->credit <= Duration::zero()) {
    list.turn->credit = std::max(list.turn->credit, -rounds_owed_max * paid) + paid;
    list.turn = list.turn->next;
  }
  return list.turn->head;
}

void WaitQueue::charge(const GateWaiter& waiter) noexcept {
  waiter.turns_->credit -= std::max(waiter.work_, work_min);
}

Duration WaitQueue::work_of(std::size_t priority_class, std::uint64_t tenant) const noexcept {
  const Class& list = classes_[priority_class];
  const TenantTurns& turns = list.places[place_of(list, tenant)];
  return turns.head != nullptr ? turns.work : Duration::zero();
}

GateWaiter* WaitQueue::newest_of_heavier(std::size_t priority_class, Duration work) const noexcept {
  const TenantTurns* heavy = classes_[priority_class].heavy;
  if (heavy == nullptr || heavy->work - heavy->tail->work_ < work) return nullptr;
  return heavy->tail;
}

GateWaiter* WaitQueue::least_below(std::size_t priority_class) const noexcept {
  for (std::size_t index = classes_.size(); index-- > priority_class + 1;) {
    if (classes_[index].heavy != nullptr) return classes_[index].heavy->tail;
  }
  return nullptr;
}

GateWaiter* WaitQueue::expired(Instant now, Instant& next) const noexcept {
  next = Instant::max();
  for (const Class& list : classes_) {
    const TenantTurns* turns = list.turn;
    if (turns == nullptr) continue;
    do {
      for (GateWaiter* waiter = turns->head; waiter != nullptr; waiter = waiter->next_) {
        if (waiter->expires_ <= now) return waiter;
        next = std::min(next, waiter->expires_);
      }
      turns = turns->next;
    } while (turns != list.turn);
  }
  return nullptr;
}

}  // namespace homeostat::gate
