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
    case RejectReason::upstream_silent: return "upstream_silent";
    case RejectReason::upstream_failing: return "upstream_failing";
    case RejectReason::upstream_slow: return "upstream_slow";
  }
  return "unknown";
}

void Permit::sample(Duration upstream_latency) noexcept {
  if (owner_ == nullptr || sampled_) return;
  sampled_ = true;
  owner_->statistics_.on_sample(endpoint_, upstream_latency);
}

void Permit::success(Duration upstream_latency) noexcept {
  sample(upstream_latency);
  ignore();
}

void Permit::ignore() noexcept {
  // The place under the cap first: who is let in by the slots may need it.
  cap_.reset();
  if (WorkerGate* owner = std::exchange(owner_, nullptr)) owner->release(slots_);
}

void Permit::drop() noexcept {
  if (owner_ == nullptr) return;
  owner_->statistics_.on_drop(endpoint_);
  ignore();
}

}  // namespace homeostat::gate
