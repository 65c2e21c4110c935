#include "runtime/gate/wait_queue.hpp"

#include <algorithm>

namespace homeostat::gate {

void WaitQueue::push_back(GateWaiter& waiter) noexcept {
  List& list = lists_[waiter.class_];
  waiter.previous_ = list.tail;
  waiter.next_ = nullptr;
  (list.tail != nullptr ? list.tail->next_ : list.head) = &waiter;
  list.tail = &waiter;
  ++size_;
}

void WaitQueue::remove(GateWaiter& waiter) noexcept {
  List& list = lists_[waiter.class_];
  (waiter.previous_ != nullptr ? waiter.previous_->next_ : list.head) = waiter.next_;
  (waiter.next_ != nullptr ? waiter.next_->previous_ : list.tail) = waiter.previous_;
  waiter.previous_ = waiter.next_ = nullptr;
  --size_;
}

GateWaiter* WaitQueue::least_below(std::size_t priority_class) const noexcept {
  for (std::size_t index = lists_.size(); index-- > priority_class + 1;) {
    if (lists_[index].tail != nullptr) return lists_[index].tail;
  }
  return nullptr;
}

GateWaiter* WaitQueue::expired(Instant now, Instant& next) const noexcept {
  next = Instant::max();
  for (const List& list : lists_) {
    for (GateWaiter* waiter = list.head; waiter != nullptr; waiter = waiter->next_) {
      if (waiter->expires_ <= now) return waiter;
      next = std::min(next, waiter->expires_);
    }
  }
  return nullptr;
}

}  // namespace homeostat::gate
