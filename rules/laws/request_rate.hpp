// A rate limit as arithmetic: the generic cell rate algorithm, which is a token
// bucket whose whole state is one instant.
//
// A bucket holds `burst` requests and regains one every `interval`. Its state is
// the theoretical arrival time: the instant at which it will be full again. Any
// instant in the past means full, so an unknown bucket and an idle one are the
// same, and forgetting an idle bucket loses nothing.
//
// Pure functions on plain values; where the state is kept (in memory, or shared
// by several agents) is the caller's business. No clock, no allocation. Thread
// safety: none needed. Units: nanoseconds of one monotonic clock.
// Sources: ITU-T I.371 Annex A (virtual scheduling form of the GCRA).
#pragma once

#include <chrono>
#include <cstdint>

namespace homeostat::rules {

struct RequestRate {
  std::chrono::nanoseconds interval{1};  ///< one request in the long run; at least 1
  std::int64_t burst = 1;                ///< requests at once; at least 1
};

/// `requests` per `period`, e.g. 600 per minute. Clamped to what RequestRate can say.
[[nodiscard]] RequestRate request_rate(double requests, std::chrono::nanoseconds period,
                                       std::int64_t burst) noexcept;

struct RateVerdict {
  bool allowed = true;
  std::int64_t full_at = 0;          ///< the bucket's new state; unchanged if refused
  std::int64_t remaining = 0;        ///< requests it would still let through now
  std::chrono::nanoseconds wait{0};  ///< until it lets one through; zero if it does now
};

/// One request at `now` of a bucket that is full at `full_at`. That may be further away
/// than this bucket alone can bring about (others of a fleet used it, too): the wait is
/// until that has been made up for. States of another rate mean nothing here: a rate
/// that was changed has buckets of its own, told apart by rate_key().
[[nodiscard]] RateVerdict judge_rate(const RequestRate& rate, std::int64_t full_at,
                                     std::int64_t now) noexcept;

/// Is part of the key of each bucket: another rate or burst, another bucket.
[[nodiscard]] constexpr std::uint64_t rate_key(const RequestRate& rate) noexcept {
  constexpr std::uint64_t odd = 0x9e3779b97f4a7c15;
  const auto interval = static_cast<std::uint64_t>(rate.interval.count());
  return (interval * odd) ^ static_cast<std::uint64_t>(rate.burst);
}

/// The state before a request that was let through and then not served after all.
[[nodiscard]] constexpr std::int64_t rate_returned(const RequestRate& rate,
                                                   std::int64_t full_at) noexcept {
  return full_at - rate.interval.count();
}

/// Seconds in which a client may use no more than `remaining` (the `t` of the
/// RateLimit field): until the next one if none is left, else as long as the
/// rate takes to give that many, so that remaining / seconds is never more than
/// the rate. At least 1.
[[nodiscard]] std::int64_t rate_window(const RequestRate& rate,
                                       const RateVerdict& verdict) noexcept;

/// Retry-After of a refused request: never before the next one is let through,
/// and spread over a quarter of the wait (1 s to 60 s), so that clients do not
/// return together. `unit_random` is in [0, 1).
[[nodiscard]] std::chrono::seconds rate_retry_after(std::chrono::nanoseconds wait,
                                                    double unit_random) noexcept;

}  // namespace homeostat::rules
