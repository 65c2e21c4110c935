// A rules::BackoffState in one atomic word, so that any number of workers can
// ask it, and exactly one of them gets to begin an attempt.
//
// Thread safety: all methods from any thread, lock-free, relaxed: it orders no
// other memory. Resolution: one millisecond, rounded up.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>

#include "rules/laws/refresh_backoff.hpp"
#include "runtime/ports/clock.hpp"

namespace homeostat::cache {

class BackoffCell {
 public:
  [[nodiscard]] rules::BackoffState load() const noexcept {
    return unpack(word_.load(std::memory_order_relaxed));
  }
  /// True for exactly one caller, if an attempt may begin now. Nobody else may
  /// begin one until report(), release() or the end of `lease`.
  [[nodiscard]] bool try_begin(Instant now, Duration lease) noexcept {
    std::uint64_t seen = word_.load(std::memory_order_relaxed);
    const rules::BackoffState state = unpack(seen);
    if (!rules::may_attempt(state, now)) return false;
    return word_.compare_exchange_strong(seen, pack(rules::begun(state, now, lease)),
                                         std::memory_order_relaxed);
  }
  /// The attempt did not take place; the next may begin at `next`.
  void release(Instant next) noexcept {
    update([next](rules::BackoffState state) {
      state.next = next;
      state.attempting = true;  // a pause of ours, not the origin's trouble
      return state;
    });
  }
  void report(const rules::FetchReport& report, const rules::BackoffBounds& bounds, Instant now,
              double unit) noexcept {
    if (report.outcome == rules::FetchOutcome::success) {
      // Nothing to forget is the rule: no write to a shared line then.
      if (word_.load(std::memory_order_relaxed) != 0) word_.store(0, std::memory_order_relaxed);
      return;
    }
    update([&](const rules::BackoffState& state) {
      return rules::after(state, report, bounds, now, unit);
    });
  }

 private:
  // 16 bits failures, 1 bit attempting, 47 bits milliseconds.
  static constexpr unsigned time_shift = 17;
  static constexpr std::uint64_t attempting_bit = std::uint64_t{1} << 16U;

  [[nodiscard]] static rules::BackoffState unpack(std::uint64_t word) noexcept {
    rules::BackoffState state;
    state.failures = static_cast<std::uint16_t>(word);
    state.attempting = (word & attempting_bit) != 0;
    state.next = Instant(std::chrono::milliseconds(word >> time_shift));
    return state;
  }
  [[nodiscard]] static std::uint64_t pack(const rules::BackoffState& state) noexcept {
    const auto since = std::chrono::ceil<std::chrono::milliseconds>(state.next.time_since_epoch());
    const auto count = static_cast<std::uint64_t>(std::max<std::int64_t>(0, since.count()));
    return (count << time_shift) | (state.attempting ? attempting_bit : 0) | state.failures;
  }
  template <class Change>
  void update(Change&& change) noexcept {
    std::uint64_t seen = word_.load(std::memory_order_relaxed);
    while (
        !word_.compare_exchange_weak(seen, pack(change(unpack(seen))), std::memory_order_relaxed)) {
    }
  }

  std::atomic<std::uint64_t> word_{0};
};

}  // namespace homeostat::cache
