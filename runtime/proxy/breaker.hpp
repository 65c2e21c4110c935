// A rules::CircuitBreaker that all workers share.
//
// While all is well a call costs two relaxed loads and one addition; the law
// itself, behind a mutex, is asked only when something failed or the breaker is
// not closed, and then briefly.
//
// Thread safety: all methods from any thread. Errors: none.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>

#include "rules/laws/circuit_breaker.hpp"
#include "runtime/ports/clock.hpp"

namespace homeostat::proxy {

struct BreakerView {
  rules::BreakerState state = rules::BreakerState::closed;
  rules::BreakerCause cause = rules::BreakerCause::none;
  double share = 1;      ///< of the calls that pass
  bool overdue = false;  ///< open, and nobody has probed it for long
  Instant since{};
};

class Breaker {
 public:
  Breaker(const rules::BreakerBounds& bounds, Instant now) : law_(bounds, now) {}

  /// Lets everything pass, at the moment.
  [[nodiscard]] bool closed() const noexcept { return closed_.load(std::memory_order_relaxed); }
  /// admit() would refuse, whatever the dice.
  [[nodiscard]] bool refuses(Instant now) const;
  [[nodiscard]] rules::BreakerVerdict admit(Instant now, double unit);
  /// See rules::CircuitBreaker::report.
  bool report(rules::CallResult result, Instant started, Instant now);
  void eject(Instant now, Duration time);

  [[nodiscard]] BreakerView view(Instant now) const;
  /// How long until it can be closed again, at the best.
  [[nodiscard]] Duration wait(Instant now) const;
  /// How often it opened, by cause.
  [[nodiscard]] std::uint64_t opened(rules::BreakerCause cause) const noexcept {
    return opened_[static_cast<std::size_t>(cause)].load(std::memory_order_relaxed);
  }

 private:
  void publish() noexcept;  // REQUIRES: mutex_ is held

  mutable std::mutex mutex_;
  rules::CircuitBreaker law_;  // guarded by mutex_
  std::atomic<bool> closed_{true}, quiet_{true};
  std::atomic<std::uint64_t> answered_{0};  ///< since the last report to the law
  std::array<std::atomic<std::uint64_t>, rules::breaker_cause_count> opened_{};
};

/// The breaker of one endpoint at one target, and what is usual of it there.
class EndpointBreaker {
 public:
  EndpointBreaker(const rules::BreakerBounds& bounds, Instant now) : breaker(bounds, now) {}

  void learn(Duration latency) noexcept;
  /// An answer after more than this is slow; Duration::max(): not known yet.
  [[nodiscard]] Duration slow_bound(Duration least) const noexcept {
    return rules::slow_bound(Duration(usual_.load(std::memory_order_relaxed)),
                             answers_.load(std::memory_order_relaxed), least);
  }

  Breaker breaker;

 private:
  // Two workers at once may lose one answer: it is an average.
  std::atomic<Duration::rep> usual_{0};
  std::atomic<std::uint64_t> answers_{0};
};

}  // namespace homeostat::proxy
