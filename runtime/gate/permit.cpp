#include "runtime/gate/permit.hpp"

#include "runtime/gate/gate.hpp"

namespace homeostat::gate {

const char* to_string(RejectReason reason) noexcept {
  switch (reason) {
    case RejectReason::queue_full: return "queue_full";
    case RejectReason::predicted_wait: return "predicted_wait";
    case RejectReason::wait_expired: return "wait_expired";
    case RejectReason::shed_class: return "shed_class";
    case RejectReason::deadline: return "deadline";
    case RejectReason::shutdown: return "shutdown";
    case RejectReason::fair_share: return "fair_share";
    case RejectReason::concurrency_cap: return "concurrency_cap";
    case RejectReason::rate_limit: return "rate_limit";
    case RejectReason::too_late: return "too_late";
    case RejectReason::streams_full: return "streams_full";
    case RejectReason::upstream_silent: return "upstream_silent";
    case RejectReason::upstream_failing: return "upstream_failing";
    case RejectReason::upstream_slow: return "upstream_slow";
  }
  return "unknown";
}

void Permit::sample(Duration upstream_latency) noexcept {
  if (owner_ == nullptr || sampled_ || aside_) return;
  sampled_ = true;
  owner_->statistics_.on_sample(endpoint_, upstream_latency, slots_);
}

void Permit::refused() noexcept {
  if (owner_ == nullptr || sampled_ || aside_) return;
  sampled_ = true;
  owner_->statistics_.on_drop(endpoint_, slots_);
}

void Permit::success(Duration upstream_latency) noexcept {
  sample(upstream_latency);
  ignore();
}

void Permit::ignore() noexcept {
  // The place under the cap first: who is let in by the slots may need it.
  cap_.reset();
  WorkerGate* owner = std::exchange(owner_, nullptr);
  if (owner == nullptr) return;
  if (std::exchange(aside_, false)) {
    owner->leave_aside();
  } else {
    owner->release(slots_);
  }
}

void Permit::drop() noexcept {
  if (owner_ == nullptr) return;
  if (!aside_) owner_->statistics_.on_drop(endpoint_, slots_);
  ignore();
}

bool Permit::step_aside() noexcept {
  if (owner_ == nullptr || aside_) return true;
  if (!owner_->take_aside()) return false;
  aside_ = true;
  owner_->release(slots_);
  return true;
}

void Permit::stand_aside() noexcept {
  if (owner_ == nullptr || aside_) return;
  owner_->shared_.aside_always();
  aside_ = true;
  owner_->release(slots_);
}

bool Permit::step_back() noexcept {
  if (!aside_) return true;
  const std::uint32_t taken = owner_->take_again(slots_);
  if (taken == 0) return false;
  slots_ = taken;
  come_back();
  return true;
}

void Permit::step_back_always() noexcept {
  if (!aside_) return;
  owner_->take_always(slots_);
  come_back();
}

/// With slots taken first: nobody else gains a place, so nobody need be told.
void Permit::come_back() noexcept {
  owner_->shared_.aside_left();
  aside_ = false;
}

void Permit::step_back(Permit fresh) noexcept {
  if (!aside_ || !fresh) return;
  slots_ = fresh.slots_;
  fresh.owner_ = nullptr;
  aside_ = false;
  owner_->leave_aside();
}

}  // namespace homeostat::gate
