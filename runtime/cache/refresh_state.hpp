// What is remembered about refreshing one stored object; it goes with the object,
// so a successful fetch, which replaces the object, starts anew.
//
// Thread safety: set_fetched() before the object is published; the rest from any
// thread. Cost on the hit path: one relaxed load, and a store only for the first
// `hits_max` hits of an object's life, on the line of its reference count.
#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/cache/backoff_cell.hpp"
#include "runtime/ports/clock.hpp"

namespace homeostat::cache {

class RefreshState {
 public:
  static constexpr unsigned hits_max = 255;

  /// What fetching this object took, and whether it was refreshed ahead.
  void set_fetched(Duration took, bool ahead) noexcept {
    fetch_ = took;
    ahead_ = ahead;
  }
  [[nodiscard]] Duration fetch() const noexcept { return fetch_; }
  /// Refreshed ahead, and nobody has asked for it yet.
  [[nodiscard]] bool unused_ahead() const noexcept { return ahead_ && hits() == 0; }
  [[nodiscard]] bool ahead() const noexcept { return ahead_; }

  /// Returns the hits so far, this one included; saturates. Lost increments do
  /// no harm.
  unsigned note_hit() noexcept {
    const std::uint8_t count = hits_.load(std::memory_order_relaxed);
    if (count == hits_max) return hits_max;
    hits_.store(static_cast<std::uint8_t>(count + 1), std::memory_order_relaxed);
    return count + 1U;
  }
  [[nodiscard]] unsigned hits() const noexcept { return hits_.load(std::memory_order_relaxed); }

  BackoffCell backoff;

 private:
  Duration fetch_{};
  std::atomic<std::uint8_t> hits_{0};
  bool ahead_ = false;
};

}  // namespace homeostat::cache
