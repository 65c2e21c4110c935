#include "rules/laws/circuit_breaker.hpp"

#include <algorithm>
#include <cmath>

namespace homeostat::rules {
namespace {

constexpr double first_share = 0.1;
/// With the one before it a probe in five: 3 s by default, so that all traffic is
/// back within five seconds of a cure whatever the requests are.
constexpr int overdue_intervals = 4;
constexpr std::uint32_t reopen_failures_min = 2;  // one alone is an accident
constexpr double slow_factor = 10;
constexpr std::uint64_t answers_known = 10;  // before anything is called usual
constexpr std::uint64_t usual_weight_max = 100;

}  // namespace

const char* to_string(BreakerState state) noexcept {
  switch (state) {
    case BreakerState::closed: return "closed";
    case BreakerState::open: return "open";
    case BreakerState::recovering: return "recovering";
  }
  return "unknown";
}

const char* to_string(BreakerCause cause) noexcept {
  switch (cause) {
    case BreakerCause::none: return "none";
    case BreakerCause::failures: return "failures";
    case BreakerCause::slowness: return "slowness";
    case BreakerCause::silence: return "silence";
    case BreakerCause::outlier: return "outlier";
  }
  return "unknown";
}

// -- admission ------------------------------------------------------------------

BreakerVerdict CircuitBreaker::admit(Instant now, double unit) noexcept {
  settle(now);
  switch (state_) {
    case BreakerState::closed: return BreakerVerdict::pass;
    case BreakerState::recovering:
      return unit < share(now) ? BreakerVerdict::pass : BreakerVerdict::refuse;
    case BreakerState::open: break;
  }
  if (now < next_) return BreakerVerdict::refuse;
  next_ = now + bounds_.probe_interval;
  return BreakerVerdict::probe;
}

bool CircuitBreaker::refuses(Instant now) const noexcept {
  return state_ == BreakerState::open && now < next_;
}

bool CircuitBreaker::overdue(Instant now) const noexcept {
  return state_ == BreakerState::open && cause_ != BreakerCause::outlier &&
         now - next_ >= overdue_intervals * bounds_.probe_interval;
}

/// What happens by time alone.
void CircuitBreaker::settle(Instant now) noexcept {
  if (state_ == BreakerState::open && cause_ == BreakerCause::outlier && now >= next_) {
    recover(next_);
  }
  if (state_ == BreakerState::recovering && now >= since_ + bounds_.recovery) {
    close(since_ + bounds_.recovery);
  }
}

BreakerState CircuitBreaker::state(Instant now) const noexcept {
  CircuitBreaker then = *this;
  then.settle(now);
  return then.state_;
}

double CircuitBreaker::share(Instant now) const noexcept {
  switch (state(now)) {
    case BreakerState::closed: return 1;
    case BreakerState::open: return 0;
    case BreakerState::recovering: break;
  }
  const Instant begun = state_ == BreakerState::recovering ? since_ : next_;
  const double part =
      static_cast<double>((now - begun).count()) / static_cast<double>(bounds_.recovery.count());
  return std::pow(first_share, 1 - std::clamp(part, 0.0, 1.0));
}

Duration CircuitBreaker::wait(Instant now) const noexcept {
  switch (state(now)) {
    case BreakerState::closed: return Duration::zero();
    case BreakerState::recovering: return bounds_.recovery;
    case BreakerState::open: break;
  }
  return std::max(next_ - now, Duration::zero()) + bounds_.recovery;
}

// -- reports --------------------------------------------------------------------

bool CircuitBreaker::report(CallResult result, Instant started, Instant now,
                            std::uint64_t answered) noexcept {
  settle(now);
  switch (state_) {
    case BreakerState::open: return report_open(result, started, now);
    case BreakerState::recovering: return report_recovering(result, started, now);
    case BreakerState::closed: break;
  }
  count(result, now, answered);
  const BreakerCause cause = trip_cause();
  if (cause == BreakerCause::none) return false;
  open(cause, now);
  return true;
}

void CircuitBreaker::count(CallResult result, Instant now, std::uint64_t answered) noexcept {
  const Duration passed = std::max(now - counted_, Duration::zero());
  counted_ = now;
  const auto before = static_cast<double>(answered);
  const bool failure = result == CallResult::failed || result == CallResult::unanswered;
  calls_.add(before, passed, bounds_.window);
  failed_.add(0, passed, bounds_.window);
  slow_.add(0, passed, bounds_.window);
  // A silent call is counted when it ends.
  if (result != CallResult::silent) calls_.add(1, Duration::zero(), bounds_.window);
  if (failure) failed_.add(1, Duration::zero(), bounds_.window);
  if (result == CallResult::slow) slow_.add(1, Duration::zero(), bounds_.window);
  switch (result) {
    case CallResult::answered: failed_in_row_ = unanswered_in_row_ = slow_in_row_ = 0; break;
    case CallResult::slow:
      failed_in_row_ = unanswered_in_row_ = 0;
      ++slow_in_row_;
      break;
    case CallResult::failed:
      ++failed_in_row_;
      unanswered_in_row_ = 0;
      break;
    case CallResult::unanswered: ++failed_in_row_; [[fallthrough]];
    case CallResult::silent: ++unanswered_in_row_; break;
  }
}

BreakerCause CircuitBreaker::trip_cause() const noexcept {
  if (unanswered_in_row_ >= bounds_.unanswered_max) return BreakerCause::silence;
  if (failed_in_row_ >= bounds_.volume_min) return BreakerCause::failures;
  if (slow_in_row_ >= bounds_.volume_min) return BreakerCause::slowness;
  // The fading of what came an instant ago is no reason to wait for one more.
  constexpr double slack = 0.5;
  const double calls = calls_.value();
  if (calls + slack < bounds_.volume_min) return BreakerCause::none;
  if (failed_.value() >= bounds_.failure_ratio * calls) return BreakerCause::failures;
  if (slow_.value() >= bounds_.slow_ratio * calls) return BreakerCause::slowness;
  return BreakerCause::none;
}

bool CircuitBreaker::bad(CallResult result) const noexcept {
  switch (result) {
    case CallResult::answered: return false;
    case CallResult::slow:
      return cause_ == BreakerCause::slowness || cause_ == BreakerCause::silence;
    default: return true;
  }
}

bool CircuitBreaker::report_open(CallResult result, Instant started, Instant now) noexcept {
  if (cause_ == BreakerCause::outlier) return false;
  const bool late = started < opened_;
  const bool alive = result == CallResult::answered || result == CallResult::slow;
  if (late ? !(late_counts_ && alive) : bad(result)) return false;
  recover(now);
  ++good_;
  return false;
}

bool CircuitBreaker::report_recovering(CallResult result, Instant started, Instant now) noexcept {
  if (started < opened_) return false;  // what went wrong before is known
  if (!bad(result)) {
    ++good_;
    return false;
  }
  ++bad_;
  const double share = static_cast<double>(bad_) / static_cast<double>(good_ + bad_);
  if (bad_ < reopen_failures_min || share < bounds_.failure_ratio) return false;
  const BreakerCause again = cause_ == BreakerCause::outlier ? BreakerCause::failures : cause_;
  open(again, now);
  return true;
}

// -- transitions ----------------------------------------------------------------

void CircuitBreaker::open(BreakerCause cause, Instant now) noexcept {
  late_counts_ = cause == BreakerCause::silence && closed() && now - since_ >= bounds_.window;
  state_ = BreakerState::open;
  cause_ = cause;
  since_ = opened_ = now;
  next_ = now + bounds_.probe_interval;
}

void CircuitBreaker::eject(Instant now, Duration time) noexcept {
  open(BreakerCause::outlier, now);
  next_ = now + time;
}

void CircuitBreaker::recover(Instant now) noexcept {
  state_ = BreakerState::recovering;
  since_ = now;
  good_ = bad_ = 0;
}

void CircuitBreaker::close(Instant now) noexcept {
  state_ = BreakerState::closed;
  cause_ = BreakerCause::none;
  since_ = counted_ = now;
  failed_in_row_ = unanswered_in_row_ = slow_in_row_ = 0;
  calls_.clear();
  failed_.clear();
  slow_.clear();
}

// -- what is slow ---------------------------------------------------------------

Duration usual_after(Duration usual, std::uint64_t answers, Duration latency) noexcept {
  if (answers == 0 || usual <= Duration::zero()) return latency;
  const auto weight = static_cast<Duration::rep>(std::min(answers + 1, usual_weight_max));
  // One call may be anything; a hundred say something.
  return usual + (std::min(latency, 2 * usual) - usual) / weight;
}

Duration slow_bound(Duration usual, std::uint64_t answers, Duration least) noexcept {
  if (answers < answers_known) return Duration::max();
  const double bound = slow_factor * static_cast<double>(usual.count());
  if (bound >= static_cast<double>(std::chrono::hours(24) / Duration(1))) return Duration::max();
  return std::max(least, Duration(static_cast<Duration::rep>(bound)));
}

}  // namespace homeostat::rules
