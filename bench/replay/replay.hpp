// Runs a trace through a policy and counts.
#pragma once

#include <cstdint>
#include <string_view>

#include "bench/replay/policy.hpp"
#include "bench/replay/trace.hpp"

namespace homeostat::replay {

struct ReplaySettings {
  std::uint64_t capacity = 0;          ///< bytes
  std::uint64_t object_bytes_max = 0;  ///< larger objects are never offered; 0: no such bound
  std::uint64_t seed = 1;
  bool latency = false;  ///< times each access; costs some 50 ns per access
};

struct ReplayResult {
  std::uint64_t requests = 0, misses = 0;
  std::uint64_t bytes = 0, missed_bytes = 0;
  double mean_ns = 0;             ///< per access, the replay's own loop included
  double p99_ns = 0, max_ns = 0;  ///< with `latency`

  [[nodiscard]] double object_miss_ratio() const {
    return static_cast<double>(misses) / static_cast<double>(requests);
  }
  [[nodiscard]] double byte_miss_ratio() const {
    return static_cast<double>(missed_bytes) / static_cast<double>(bytes);
  }
};

[[nodiscard]] ReplayResult replay(const Trace& trace, std::string_view policy,
                                  const ReplaySettings& settings);

/// PFOO-L (Berger, Beckmann, Harchol-Balter, SIGMETRICS'18): an object miss ratio
/// that no policy can beat. Reuses are kept in ascending order of size x interval
/// until size x time is used up. Ignores lifetimes.
[[nodiscard]] double lowest_object_miss_ratio(const Trace& trace, std::uint64_t capacity);

}  // namespace homeostat::replay
