#include "runtime/proxy/deadline_wheel.hpp"

namespace homeostat::proxy {

void Deadline::unlink() noexcept {
  if (next_ == nullptr) return;
  next_->previous_ = previous_;
  previous_->next_ = next_;
  next_ = previous_ = nullptr;
  if (wheel_ != nullptr) --wheel_->size_;
  wheel_ = nullptr;
}

DeadlineWheel::Slot::~Slot() {
  while (next_ != this) next_->unlink();
  next_ = nullptr;  // so that ~Deadline has nothing to unlink
}

void DeadlineWheel::Slot::clear() noexcept { next_ = previous_ = this; }

DeadlineWheel::DeadlineWheel(boost::asio::io_context& context, const Clock& clock)
    : clock_(clock), origin_(clock.now()), timer_(context.get_executor()) {}

DeadlineWheel::~DeadlineWheel() { timer_.cancel(); }

std::uint64_t DeadlineWheel::tick_of(Instant at) const noexcept {
  if (at <= origin_) return 0;
  return static_cast<std::uint64_t>((at - origin_) / tick);
}

void DeadlineWheel::arm(Deadline& deadline, Instant at) {
  // Rounded up: a deadline in slot n is due when tick n has begun after it.
  const std::uint64_t wanted = std::max(tick_of(at) + 1, current_ + 1);
  deadline.at_ = at;
  if (deadline.next_ != nullptr) {
    if (deadline.slot_tick_ <= wanted) return;  // postponed: moved lazily
    deadline.unlink();
  }
  link(deadline, wanted);
  if (!timer_armed_) schedule();
}

void DeadlineWheel::link(Deadline& deadline, std::uint64_t at_tick) noexcept {
  Slot& slot = wheel_[at_tick % slots];
  deadline.slot_tick_ = at_tick;
  deadline.wheel_ = this;
  deadline.next_ = &slot;
  deadline.previous_ = slot.previous_;
  slot.previous_->next_ = &deadline;
  slot.previous_ = &deadline;
  ++size_;
}

void DeadlineWheel::advance(Instant now) {
  const std::uint64_t target = tick_of(now);
  // After a long pause each slot is visited once; that finds everything due.
  std::uint64_t from = current_ + 1;
  if (target > current_ + slots) from = target - slots + 1;
  current_ = target;
  for (std::uint64_t at = from; at <= target; ++at) {
    Slot due;
    Slot& slot = wheel_[at % slots];
    if (slot.next_ == &slot) continue;
    due.next_ = slot.next_;
    due.previous_ = slot.previous_;
    due.next_->previous_ = due.previous_->next_ = &due;
    slot.clear();
    while (due.next_ != &due) {
      Deadline& deadline = *due.next_;
      deadline.unlink();
      if (deadline.at_ <= now) {
        deadline.on_deadline();
      } else {
        link(deadline, std::max(tick_of(deadline.at_) + 1, current_ + 1));
      }
    }
  }
}

void DeadlineWheel::schedule() {
  timer_armed_ = true;
  due_ = clock_.now() + tick;
  timer_.expires_after(tick);
  timer_.async_wait([this](boost::system::error_code error) {
    if (error) return;
    timer_armed_ = false;
    const Instant now = clock_.now();
    if (late(now)) {
      still_until_ = now;
    } else {
      advance(now);
    }
    if (size_ > 0 && !timer_armed_) schedule();
  });
}

}  // namespace homeostat::proxy
