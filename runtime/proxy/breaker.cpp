#include "runtime/proxy/breaker.hpp"

namespace homeostat::proxy {

using rules::BreakerState;
using rules::BreakerVerdict;
using rules::CallResult;

void Breaker::publish() noexcept {
  quiet_.store(law_.quiet(), std::memory_order_relaxed);
  closed_.store(law_.closed(), std::memory_order_relaxed);
}

bool Breaker::refuses(Instant now) const {
  if (closed()) return false;
  const std::lock_guard lock(mutex_);
  return law_.refuses(now);
}

BreakerVerdict Breaker::admit(Instant now, double unit) {
  if (closed()) return BreakerVerdict::pass;
  const std::lock_guard lock(mutex_);
  const BreakerVerdict verdict = law_.admit(now, unit);
  publish();
  return verdict;
}

bool Breaker::report(CallResult result, Instant started, Instant now) {
  if (result == CallResult::answered && quiet_.load(std::memory_order_relaxed)) {
    answered_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  const std::lock_guard lock(mutex_);
  const bool opened =
      law_.report(result, started, now, answered_.exchange(0, std::memory_order_relaxed));
  if (opened)
    opened_[static_cast<std::size_t>(law_.cause())].fetch_add(1, std::memory_order_relaxed);
  publish();
  return opened;
}

void Breaker::eject(Instant now, Duration time) {
  const std::lock_guard lock(mutex_);
  law_.eject(now, time);
  opened_[static_cast<std::size_t>(law_.cause())].fetch_add(1, std::memory_order_relaxed);
  publish();
}

BreakerView Breaker::view(Instant now) const {
  const std::lock_guard lock(mutex_);
  return {law_.state(now), law_.cause(), law_.share(now), law_.overdue(now), law_.since()};
}

Duration Breaker::wait(Instant now) const {
  if (closed()) return Duration::zero();
  const std::lock_guard lock(mutex_);
  return law_.wait(now);
}

void EndpointBreaker::learn(Duration latency) noexcept {
  const std::uint64_t answers = answers_.load(std::memory_order_relaxed);
  const Duration usual(usual_.load(std::memory_order_relaxed));
  const Duration next = rules::usual_after(usual, answers, latency);
  usual_.store(next.count(), std::memory_order_relaxed);
  answers_.store(answers + 1, std::memory_order_relaxed);
}

}  // namespace homeostat::proxy
