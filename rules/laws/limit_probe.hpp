// A down-probe: lower the limit for a moment and look whether throughput
// falls. If it does, the probe was below the knee and the latency seen is free
// of queueing: a fresh baseline. If it does not, the limit was too high.
//
// The states: settle (in flight comes down, then what was dispatched before
// the change is left out), measure, done. Counting completions right after the
// change would favour short requests; leaving out the transient avoids it.
//
// Thread safety: none; one owner.
#pragma once

#include <cstdint>

#include "rules/laws/window_merge.hpp"

namespace homeostat::rules {

class LimitProbe {
 public:
  enum class State : std::uint8_t { idle, settling, measuring, done, failed };

  /// `latency` = mean upstream latency now (seconds); `samples` = wanted.
  void start(double limit, double latency, double samples);
  void stop() noexcept { state_ = State::idle; }
  /// Feeds one window; returns the new state. done and failed are reported
  /// until the next start() or stop().
  State update(const LimitWindow& window);

  [[nodiscard]] bool active() const noexcept {
    return state_ == State::settling || state_ == State::measuring;
  }
  [[nodiscard]] double limit() const noexcept { return limit_; }
  [[nodiscard]] const WindowMerge& measured() const noexcept { return measured_; }

 private:
  State state_ = State::idle;
  double limit_ = 1, latency_ = 0, samples_wanted_ = 0;
  double elapsed_ = 0;  ///< seconds in this state
  double below_ = 0;    ///< seconds since in flight came down to the probe limit
  WindowMerge measured_;
};

}  // namespace homeostat::rules
