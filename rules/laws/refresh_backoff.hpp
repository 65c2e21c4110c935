// When a cache may ask an origin again that failed or throttled a moment ago.
//
// One state guards one thing: a key, a route or the whole origin. While it is
// in trouble, requests are answered with what is stored (where that is allowed)
// and at most one attempt at a time goes out, first after `first`, then after
// twice as long each time, up to `longest`. A success forgets everything at
// once. An origin that says when to come back (Retry-After) is obeyed up to
// `retry_after_max`.
//
//   delay(n) = min(longest, first x 2^(n - 1)), n failures beyond `tolerance`
//   next     = now + delay x (1/2 + u/2)        failure: equal jitter
//   next     = now + max(delay, told) x (1 + u/10)  throttled: never too early
// u is uniform in [0, 1), so that many keys do not come back together.
//
// Source: exponential backoff with equal jitter (M. Brooker, "Exponential
// Backoff and Jitter", AWS Architecture Blog 2015); RFC 9110 section 10.2.3.
// Pure functions on plain values; thread safety: none needed.
#pragma once

#include <chrono>
#include <cstdint>

#include "rules/engine/frame.hpp"

namespace homeostat::rules {

enum class FetchOutcome : std::uint8_t {
  success,    ///< an answer about the resource
  failure,    ///< no answer, or one that says the origin is failing
  throttled,  ///< told to come back later
  refused,    ///< by own admission, or the request itself was: nothing was learned
};

struct BackoffBounds {
  Duration first = std::chrono::seconds(1);
  Duration longest = std::chrono::seconds(60);
  Duration retry_after_max = std::chrono::minutes(5);
  unsigned tolerance = 0;  ///< failures in a row that do not count yet
};

struct BackoffState {
  std::uint16_t failures = 0;  ///< in a row, saturating
  bool attempting = false;     ///< somebody asks right now, until `next` at most
  Instant next{};              ///< no attempt before

  bool operator==(const BackoffState&) const = default;
};

struct FetchReport {
  FetchOutcome outcome = FetchOutcome::success;
  Duration retry_after{};  ///< throttled: what the origin said; 0 = nothing
};

/// The origin is known to be failing, or was just asked to be left alone.
[[nodiscard]] bool in_trouble(const BackoffState& state, unsigned tolerance, Instant now) noexcept;

/// True if an attempt may begin now.
[[nodiscard]] constexpr bool may_attempt(const BackoffState& state, Instant now) noexcept {
  return now >= state.next;
}

/// The state while an attempt is under way. It ends with after(), or by itself
/// when `lease` is over. REQUIRES: may_attempt.
[[nodiscard]] BackoffState begun(BackoffState state, Instant now, Duration lease) noexcept;

/// The state after an attempt. `unit` is uniform in [0, 1).
[[nodiscard]] BackoffState after(BackoffState state, const FetchReport& report,
                                 const BackoffBounds& bounds, Instant now, double unit) noexcept;

}  // namespace homeostat::rules
