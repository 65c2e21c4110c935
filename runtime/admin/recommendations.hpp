// Advice that follows from measured figures alone, each with its evidence.
//
// Thread safety: pure functions.
#pragma once

#include <boost/json/array.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "runtime/admin/expected_gain.hpp"
#include "runtime/ports/actuators.hpp"
#include "runtime/ports/control.hpp"

namespace homeostat::admin {

struct Recommendation {
  /// "cache", "compression", "latency", "errors", "capacity", "control", "retry_storm",
  /// "n_plus_one", "pagination", "tracking_parameters", "ttl"
  std::string type;
  std::string severity;  ///< "info", "warning", "critical"
  std::string message;
  std::vector<std::string> suggestions;
  std::string evidence;
  /// What following it may save: seconds of waiting in each second (expected_gain.hpp).
  double gain = 0;
};

/// Fewer lookups or requests than this tell nothing.
inline constexpr std::uint64_t evidence_min = 100;

/// `recent`: counts of the last hour; `all`: all requests of the last five minutes.
[[nodiscard]] std::vector<Recommendation> cache_recommendations(const CacheFigures& recent,
                                                                const WindowFigures& all);
/// Routes with at least `evidence_min` requests that stayed out of the cache. `hits_expected`:
/// of their requests, how many the cache would answer if it stored them, 0 to 1.
[[nodiscard]] std::vector<Recommendation> uncached_recommendations(
    const std::vector<UncachedEndpoint>& endpoints, const TrafficFigures& traffic,
    double hits_expected);
/// `recent`: the cache's counts of the last hour.
[[nodiscard]] std::vector<Recommendation> recommendations(const ControlReport& report,
                                                          const CacheControl& cache,
                                                          const CacheFigures& recent,
                                                          bool policy_degraded);
/// What is on its way to a limit: memory, CPU, disk, the memory of Redis, what is at the
/// application at a time, the latency of all answers. The line through the last ten minutes
/// reaches the limit within forecast_max.
[[nodiscard]] std::vector<Recommendation> capacity_recommendations(const ControlReport& report);
/// Bodies that leave as they came. `compressed`: whether an endpoint's responses are
/// compressed now, where they can be; empty: none is.
[[nodiscard]] std::vector<Recommendation> compression_recommendations(
    const TrafficFigures& traffic, const std::function<bool(EndpointId)>& compressed);
/// The largest gain first, whatever the severity; of equal gains the more severe; else in their
/// order. What is said about the agent itself ("control") is no advice with a gain, but a state in
/// which all others mean less: it precedes them.
void rank(std::vector<Recommendation>& list);
/// Mean score of the endpoints by requests; nothing without requests.
[[nodiscard]] std::optional<double> overall_score(const ControlReport& report);

[[nodiscard]] boost::json::array to_json(const std::vector<Recommendation>& list);

/// hits / (hits + misses); nothing before the first lookup.
[[nodiscard]] std::optional<double> hit_ratio(const CacheFigures& figures) noexcept;

}  // namespace homeostat::admin
