// Seeded request streams with the shapes of web and API traffic.
//
// A base population asked for by Zipf's law, with sizes, plus what makes caches
// fail: scans of keys that never come back, loops slightly larger than the
// cache, objects that die, ranks that change, whole phases that flip.
// Percentages of a cache size refer to the base population's bytes, so that a
// scan does not enlarge the cache it is meant to hurt.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bench/replay/trace.hpp"

namespace homeostat::replay {

struct WorkloadSettings {
  std::size_t requests = 1'000'000;
  std::size_t objects = 50'000;
  double zipf = 0.9;
  double requests_per_second = 200;
  bool unit_sizes = false;  ///< all objects of `unit_bytes`
  std::uint64_t unit_bytes = 4096;
  double size_median = 6000;  ///< lognormal body
  double size_sigma = 1.4;
  double tail_share = 0.015;         ///< objects of a Pareto(1.2) tail above 1 MB
  double size_rank_correlation = 0;  ///< below 0: popular objects are smaller
  double cache_share = 0.01;         ///< cache that scans and loops are measured by
  double scan_share = 0;             ///< of traffic, while a scan runs or for ever (`scan_always`)
  bool scan_always = false;
  double loop_share = 0;      ///< of traffic
  double loop_length = 1.2;   ///< x cache objects
  double churn_share = 0;     ///< objects that live only for a while
  double rotation_share = 0;  ///< of the top 1000 ranks, re-drawn each hour
  double flip_fills = 0;      ///< popularity is re-drawn every so many cache-fills
  std::uint64_t seed = 1;
};

/// zipf, scan, loop, mix, churn, flip; each also as `<name>-unit`.
[[nodiscard]] const std::vector<std::string>& workload_names();
/// Throws std::runtime_error for an unknown name.
[[nodiscard]] WorkloadSettings workload_preset(std::string_view name);
[[nodiscard]] Trace generate(const WorkloadSettings& settings);

}  // namespace homeostat::replay
