// Whether one agent fetches for the whole fleet, and for how long the others wait.
//
// Agents that miss the same key at once all ask the application, unless one of them
// holds a lease: the others then wait for what it brings. That costs whoever misses one
// round trip to the store, and, if the holder dies, the others what is left of the lease.
//
//   worth it    origin mean >= `above`, and >= 10 x the store's mean: the round trip adds
//               at most a tenth. An endpoint nobody knows yet counts as worth it: that is
//               when a fleet starts, and all of it misses.
//   length      2 x (mean + 4 x deviation) of the origin, from `lease_min` to `longest`;
//               1 s while the origin is not known.
//
// Pure. Thread safety: none needed. Units: std::chrono.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

#include "rules/laws/remote_store.hpp"

namespace homeostat::rules {

inline constexpr Duration lease_min = std::chrono::milliseconds(200);
inline constexpr Duration lease_of_unknown = std::chrono::seconds(1);
inline constexpr int lease_worth_round_trips = 10;

/// Nothing: each agent for itself. `longest` 0: never; `above` 0: always worth it.
[[nodiscard]] inline std::optional<Duration> lease_length(const LatencyEstimate& origin,
                                                          const LatencyEstimate& store,
                                                          Duration above,
                                                          Duration longest) noexcept {
  if (longest <= Duration::zero()) return std::nullopt;
  if (!origin.known()) return std::min(lease_of_unknown, longest);
  const bool worth =
      above <= Duration::zero() ||
      (origin.mean() >= above && origin.mean() >= lease_worth_round_trips * store.mean());
  if (!worth) return std::nullopt;
  return std::min(std::max(2 * (origin.mean() + 4 * origin.deviation()), lease_min), longest);
}

}  // namespace homeostat::rules
