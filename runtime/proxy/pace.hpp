// Whether a peer that is being waited for moves enough bytes.
//
// Only time spent waiting counts: a peer is not slow while the agent itself, or
// the other side, has nothing for it. Bytes are the peer's total so far.
// Thread safety: none. Time and bytes are arguments.
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime/ports/clock.hpp"

namespace homeostat::proxy {

class Pace {
 public:
  void begin(Instant now) noexcept {
    if (waiting_) return;
    waiting_ = true;
    since_ = now;
  }
  void end(Instant now) noexcept {
    if (!waiting_) return;
    waiting_ = false;
    waited_ += now - since_;
  }
  [[nodiscard]] bool waiting() const noexcept { return waiting_; }
  [[nodiscard]] Duration waited(Instant now) const noexcept {
    return waiting_ ? waited_ + (now - since_) : waited_;
  }
  /// Judges from here on: `moved` bytes are done already.
  void restart(Instant now, std::uint64_t moved) noexcept {
    waited_ = Duration::zero();
    since_ = now;
    base_ = moved;
  }
  /// Since the last restart: any progress, and `rate_min` bytes for each second
  /// of waiting.
  [[nodiscard]] bool keeps_up(Instant now, std::uint64_t moved,
                              std::size_t rate_min) const noexcept {
    if (moved <= base_) return false;
    const double seconds = std::chrono::duration<double>(waited(now)).count();
    return static_cast<double>(moved - base_) >= static_cast<double>(rate_min) * seconds;
  }

 private:
  bool waiting_ = false;
  Instant since_{};
  Duration waited_{};
  std::uint64_t base_ = 0;
};

}  // namespace homeostat::proxy
