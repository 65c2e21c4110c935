// Advice that follows from measured figures alone, each with its evidence.
//
// Thread safety: pure functions.
#pragma once

#include <boost/json/array.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/ports/actuators.hpp"
#include "runtime/ports/control.hpp"

namespace homeostat::admin {

struct Recommendation {
  std::string type;      ///< "cache", "latency", "errors", "control"
  std::string severity;  ///< "info", "warning", "critical"
  std::string message;
  std::vector<std::string> suggestions;
  std::string evidence;
};

/// Fewer lookups or requests than this tell nothing.
inline constexpr std::uint64_t evidence_min = 100;

[[nodiscard]] std::vector<Recommendation> cache_recommendations(const CacheFigures& figures);
/// Routes with at least `evidence_min` requests that stayed out of the cache.
[[nodiscard]] std::vector<Recommendation> uncached_recommendations(
    const std::vector<UncachedEndpoint>& endpoints, const TrafficFigures& traffic);
[[nodiscard]] std::vector<Recommendation> recommendations(const ControlReport& report,
                                                          const CacheControl& cache,
                                                          bool policy_degraded);
[[nodiscard]] boost::json::array to_json(const std::vector<Recommendation>& list);

/// hits / (hits + misses); nothing before the first lookup.
[[nodiscard]] std::optional<double> hit_ratio(const CacheFigures& figures) noexcept;

}  // namespace homeostat::admin
