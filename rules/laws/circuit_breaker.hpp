// Whether requests may go to something that keeps failing.
//
// Closed: everything passes. It opens when, of the calls of the last `window`
// (at least volume_min, older ones fading),
//   failed / all >= failure_ratio   or   slow / all >= slow_ratio,
// or at once after volume_min failures (or slow answers) in a row, or after
// unanswered_max signs in a row that nobody is there: refused, broken off, timed
// out, or silent. A call that is silent gives such a sign once a second, so that
// one that hangs says as much as several that fail.
//
// Open: one call per probe_interval passes, whatever happens to the one before,
// so that a probe that hangs delays nothing; below that rate nobody is refused.
// Where only some calls may be risked as a probe, one is overdue when none has
// come for four intervals more: then any call must do.
// The first good answer begins the recovery. Only calls begun since count, but
// for the first silence after a good time: then any answer means that a pause
// is over.
//
// Recovering: the share that passes grows from a tenth to everything in
// `recovery`, share(t) = 0.1^(1 - t/recovery). Failures meanwhile are judged
// without a minimum volume and open it again. Nothing is needed to finish: at
// a trickle it closes by time alone.
//
// Ejected: open until an instant that somebody else chose, without probes.
//
// A call is slow by comparison with what is usual here (slow_bound), and what is
// usual follows, slowly and by at most a factor of two per call: what stays slow
// for minutes is accepted.
//
// Sources: Nygard, Release It! (2007), for the states; Hystrix and resilience4j for
// ratio, volume and slow calls; Envoy's slow start for a share that grows. Open and
// half-open are one state here: a half-open one that waits for enough calls to
// judge is stuck where there are few.
// Thread safety: none; plain values. Units: std::chrono; ratios and `unit` in 0..1.
#pragma once

#include <cstdint>

#include "rules/laws/fading_sum.hpp"

namespace homeostat::rules {

/// What became of a call, so far.
enum class CallResult : std::uint8_t {
  answered,    ///< well, in the usual time
  slow,        ///< well, but late
  failed,      ///< with a status that says it is failing
  unanswered,  ///< refused, broken off, or timed out
  silent,      ///< still open, and overdue
};

struct BreakerBounds {
  double failure_ratio = 0.8;
  double slow_ratio = 0.8;
  unsigned volume_min = 20;
  unsigned unanswered_max = 5;
  Duration window = std::chrono::seconds(10);
  Duration probe_interval = std::chrono::milliseconds(600);
  Duration recovery = std::chrono::seconds(2);
};

enum class BreakerState : std::uint8_t { closed, open, recovering };
enum class BreakerCause : std::uint8_t { none, failures, slowness, silence, outlier };
inline constexpr std::size_t breaker_cause_count = 5;
[[nodiscard]] const char* to_string(BreakerState state) noexcept;
[[nodiscard]] const char* to_string(BreakerCause cause) noexcept;

enum class BreakerVerdict : std::uint8_t { pass, probe, refuse };

class CircuitBreaker {
 public:
  CircuitBreaker(const BreakerBounds& bounds, Instant now) noexcept
      : bounds_(bounds), since_(now), counted_(now) {}

  /// REQUIRES: what passes is reported, sooner or later, or given up.
  [[nodiscard]] BreakerVerdict admit(Instant now, double unit) noexcept;
  /// admit() would refuse, whatever the dice.
  [[nodiscard]] bool refuses(Instant now) const noexcept;
  /// A probe has been due for four intervals.
  [[nodiscard]] bool overdue(Instant now) const noexcept;

  /// `started`: when the call was let through. `answered`: further calls that
  /// were answered well since the last report; only while quiet(). True when
  /// this opened it.
  bool report(CallResult result, Instant started, Instant now, std::uint64_t answered = 0) noexcept;
  /// Closed, and the last call was answered: such answers may be reported late.
  [[nodiscard]] bool quiet() const noexcept {
    return state_ == BreakerState::closed &&
           failed_in_row_ + unanswered_in_row_ + slow_in_row_ == 0;
  }
  [[nodiscard]] bool closed() const noexcept { return state_ == BreakerState::closed; }
  void eject(Instant now, Duration time) noexcept;

  /// Recovery ends by time alone.
  [[nodiscard]] BreakerState state(Instant now) const noexcept;
  [[nodiscard]] BreakerCause cause() const noexcept { return cause_; }
  [[nodiscard]] Instant since() const noexcept { return since_; }
  /// Of the calls, what passes: 1 closed, 0 open.
  [[nodiscard]] double share(Instant now) const noexcept;
  /// How long until it can be closed again, at the best.
  [[nodiscard]] Duration wait(Instant now) const noexcept;

 private:
  void count(CallResult result, Instant now, std::uint64_t answered) noexcept;
  [[nodiscard]] BreakerCause trip_cause() const noexcept;
  void open(BreakerCause cause, Instant now) noexcept;
  void recover(Instant now) noexcept;
  void close(Instant now) noexcept;
  void settle(Instant now) noexcept;
  [[nodiscard]] bool bad(CallResult result) const noexcept;
  bool report_open(CallResult result, Instant started, Instant now) noexcept;
  bool report_recovering(CallResult result, Instant started, Instant now) noexcept;

  BreakerBounds bounds_;
  BreakerState state_ = BreakerState::closed;
  BreakerCause cause_ = BreakerCause::none;
  Instant since_{};   ///< of the state
  Instant opened_{};  ///< last
  Instant next_{};    ///< open: next probe; ejected: its end
  Instant counted_{};
  FadingSum calls_, failed_, slow_;
  std::uint32_t failed_in_row_ = 0, unanswered_in_row_ = 0, slow_in_row_ = 0;
  bool late_counts_ = false;          ///< open: answers to calls begun before are good ones
  std::uint32_t good_ = 0, bad_ = 0;  ///< of the recovery
};

/// What is usual of an endpoint, after one more answer. `usual` 0: unknown.
/// `answers`: before this one.
[[nodiscard]] Duration usual_after(Duration usual, std::uint64_t answers,
                                   Duration latency) noexcept;

/// An answer after more than this is slow: ten times what is usual, at least
/// `least`. Duration::max() while too little is known.
[[nodiscard]] Duration slow_bound(Duration usual, std::uint64_t answers, Duration least) noexcept;

}  // namespace homeostat::rules
