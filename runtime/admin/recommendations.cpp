#include "runtime/admin/recommendations.hpp"

#include <fmt/format.h>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

namespace homeostat::admin {

namespace json = boost::json;

namespace {

constexpr double hit_ratio_low = 0.5;
constexpr double eviction_share_high = 0.05;
constexpr double latency_high_seconds = 2.0;
constexpr double error_ratio_high = 0.01;
constexpr std::size_t endpoint_advice_max = 10;

void advise_endpoint(const EndpointFigures& endpoint, std::vector<Recommendation>& out) {
  const WindowFigures& window = endpoint.last_5m;
  if (window.requests < evidence_min) return;
  const std::string name = endpoint.method + " " + endpoint.route;
  if (window.latency_p95 > latency_high_seconds) {
    out.push_back({"latency",
                   "warning",
                   name + " is slow",
                   {"add a cache rule for it or raise its ttl",
                    "look at what the application does in this route"},
                   fmt::format("p95 {:.2f} s over {} requests in 5 min", window.latency_p95,
                               window.requests)});
  }
  if (window.error_ratio > error_ratio_high) {
    out.push_back({"errors",
                   "warning",
                   name + " fails too often",
                   {"look at the application's log for this route"},
                   fmt::format("{:.1f} % of {} requests in 5 min", window.error_ratio * 100,
                               window.requests)});
  }
}

}  // namespace

std::optional<double> hit_ratio(const CacheFigures& figures) noexcept {
  const std::uint64_t lookups = figures.hits + figures.misses;
  if (lookups == 0) return std::nullopt;
  return static_cast<double>(figures.hits) / static_cast<double>(lookups);
}

std::vector<Recommendation> cache_recommendations(const CacheFigures& figures) {
  std::vector<Recommendation> out;
  const std::uint64_t lookups = figures.hits + figures.misses;
  if (lookups >= evidence_min && *hit_ratio(figures) < hit_ratio_low) {
    out.push_back(
        {"cache",
         "info",
         "fewer than half of the cache lookups hit",
         {"raise ttl where content changes rarely",
          "drop query parameters that do not change the answer (cache.query_drop)"},
         fmt::format("hit rate {:.1f} % of {} lookups", *hit_ratio(figures) * 100, lookups)});
  }
  const std::uint64_t operations = lookups + figures.stores;
  const auto evictions = static_cast<double>(figures.evictions);
  if (operations >= evidence_min &&
      evictions > eviction_share_high * static_cast<double>(operations)) {
    out.push_back({"cache",
                   "info",
                   "the cache evicts entries that are still fresh",
                   {"raise cache.memory"},
                   fmt::format("{} evictions in {} operations, {} of {} bytes used",
                               figures.evictions, operations, figures.bytes, figures.bytes_max)});
  }
  return out;
}

std::vector<Recommendation> recommendations(const ControlReport& report,
                                            const CacheFigures& figures, bool policy_degraded) {
  std::vector<Recommendation> out;
  if (policy_degraded) {
    out.push_back({"control",
                   "critical",
                   "the control plane does not renew its policy",
                   {"look at the log for actors that died", "restart the agent if it stays so"},
                   "a policy lease ran out; static defaults are in force"});
  }
  if (report.emergency) {
    out.push_back({"control",
                   "critical",
                   "emergency mode is active",
                   {"add capacity or reduce load"},
                   report.emergency_reason});
  }
  for (Recommendation& advice : cache_recommendations(figures)) out.push_back(std::move(advice));
  if (report.traffic) {
    for (const EndpointFigures& endpoint : report.traffic->endpoints) {
      if (out.size() >= endpoint_advice_max) break;
      advise_endpoint(endpoint, out);
    }
  }
  return out;
}

json::array to_json(const std::vector<Recommendation>& list) {
  json::array out;
  for (const Recommendation& advice : list) {
    json::array suggestions;
    for (const std::string& suggestion : advice.suggestions) suggestions.emplace_back(suggestion);
    out.push_back(json::object{{"type", advice.type},
                               {"severity", advice.severity},
                               {"message", advice.message},
                               {"suggestions", std::move(suggestions)},
                               {"evidence", advice.evidence}});
  }
  return out;
}

}  // namespace homeostat::admin
