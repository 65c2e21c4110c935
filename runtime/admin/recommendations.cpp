#include "runtime/admin/recommendations.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cmath>
#include <tuple>

#include "rules/expr/expression.hpp"
#include "runtime/admin/score.hpp"
#include "runtime/ports/rfc3339.hpp"

namespace homeostat::admin {

namespace json = boost::json;

namespace {

constexpr double hit_ratio_low = 0.5;
constexpr double eviction_share_high = 0.05;
constexpr double latency_high_seconds = failed_seconds;
constexpr double error_ratio_high = 0.01;
constexpr std::size_t endpoint_advice_max = 10;
constexpr std::size_t uncached_advice_max = 5;
constexpr std::size_t compression_advice_max = 5;
constexpr std::size_t uncached_looked_at = 256;

/// The best of a list, however many endpoints had a say in it.
std::vector<Recommendation> best(std::vector<Recommendation> list, std::size_t count) {
  rank(list);
  if (list.size() > count) list.resize(count);
  return list;
}

void append(std::vector<Recommendation> more, std::vector<Recommendation>& list) {
  for (Recommendation& advice : more) list.push_back(std::move(advice));
}

std::string suggestion_for(std::string_view reason) {
  struct Row {
    std::string_view reason, suggestion;
  };
  static constexpr Row rows[] = {
      {"no-freshness", "send Cache-Control, or give the route a cache rule with a ttl"},
      {"expired", "send a longer max-age, or give the route a cache rule with ttl_min"},
      {"authorization",
       "if all users get the same answer send Cache-Control: public, else use a cache rule with "
       "authenticated: true"},
      {"set-cookie", "set cookies only on answers that differ by user"},
      {"private", "check whether the answer really differs by user"},
      {"no-store", "check whether the answer must not be stored"},
      {"no-cache", "send an ETag or Last-Modified, so that it can be validated"},
      {"vary-star", "name in Vary only the fields that change the answer"},
      {"vary-limit", "name in Vary only the fields that change the answer"},
      {"too-large", "raise cache.object_bytes_max"},
      {"tag-limit", "send fewer tags, or raise cache.tags.per_object_max"},
      {"request-body", "send GET without a body, or POST with a cache rule with post: true"},
  };
  for (const Row& row : rows) {
    if (row.reason == reason) return std::string(row.suggestion);
  }
  return "see docs/caching.md";
}

/// Slow: what brings the slow ones down to what is not. Failing: all failures at their price.
void advise_endpoint(const EndpointFigures& endpoint, std::vector<Recommendation>& out) {
  const WindowFigures& window = endpoint.last_5m;
  if (window.requests < evidence_min) return;
  const std::string name = endpoint.method + " " + endpoint.route;
  if (window.latency_p95 > latency_high_seconds) {
    out.push_back(
        {"latency",
         "warning",
         name + " is slow",
         {"add a cache rule for it or raise its ttl",
          "look at what the application does in this route"},
         fmt::format("p95 {:.2f} s over {} requests in 5 min", window.latency_p95, window.requests),
         waiting(window) * (1 - latency_high_seconds / window.latency_p95)});
  }
  if (window.error_ratio > error_ratio_high) {
    out.push_back(
        {"errors",
         "warning",
         name + " fails too often",
         {"look at the application's log for this route"},
         fmt::format("{:.1f} % of {} requests in 5 min", window.error_ratio * 100, window.requests),
         requests_per_second(window) * std::min(1.0, window.error_ratio) * failed_seconds});
  }
}

}  // namespace

std::optional<double> hit_ratio(const CacheFigures& figures) noexcept {
  const std::uint64_t lookups = figures.hits + figures.misses;
  if (lookups == 0) return std::nullopt;
  return static_cast<double>(figures.hits) / static_cast<double>(lookups);
}

std::vector<Recommendation> cache_recommendations(const CacheFigures& figures,
                                                  const WindowFigures& all) {
  std::vector<Recommendation> out;
  const std::uint64_t lookups = figures.hits + figures.misses;
  // Of the requests of an hour, at the present rate.
  const auto of_requests = [&all](double count) {
    return all.requests > 0 ? std::min(1.0, count / (12 * static_cast<double>(all.requests))) : 0;
  };
  if (lookups >= evidence_min && *hit_ratio(figures) < hit_ratio_low) {
    out.push_back({"cache",
                   "info",
                   "fewer than half of the cache lookups hit",
                   {"raise ttl where content changes rarely",
                    "drop query parameters that do not change the answer (cache.query_drop)"},
                   fmt::format("hit rate {:.1f} % of {} lookups in the last hour",
                               *hit_ratio(figures) * 100, lookups),
                   // Hits take next to no time: all the waiting is that of the others.
                   waiting(all) * of_requests(static_cast<double>(lookups)) *
                       (hit_ratio_low - *hit_ratio(figures)) / (1 - *hit_ratio(figures))});
  }
  const std::uint64_t operations = lookups + figures.stores;
  const auto evictions = static_cast<double>(figures.evictions);
  if (operations >= evidence_min &&
      evictions > eviction_share_high * static_cast<double>(operations)) {
    out.push_back({"cache",
                   "info",
                   "the cache evicts entries that are still fresh",
                   {"raise cache.memory"},
                   fmt::format("{} evictions in {} operations in the last hour, {} of {} bytes "
                               "used",
                               figures.evictions, operations, figures.bytes, figures.bytes_max),
                   // What was evicted would have been asked for as often as the rest.
                   waiting(all) * of_requests(evictions) * hit_ratio(figures).value_or(0)});
  }
  return out;
}

std::vector<Recommendation> uncached_recommendations(const std::vector<UncachedEndpoint>& endpoints,
                                                     const TrafficFigures& traffic,
                                                     double hits_expected) {
  std::vector<Recommendation> out;
  for (const UncachedEndpoint& uncached : endpoints) {
    if (uncached.requests < evidence_min) continue;
    for (const EndpointFigures& endpoint : traffic.endpoints) {
      if (endpoint.id != uncached.endpoint) continue;
      // Cannot be: one of the two was counted for another time or another route.
      if (uncached.requests > endpoint.requests_total) continue;
      out.push_back(
          {"cache",
           "info",
           endpoint.method + " " + endpoint.route + " is not cached: " + uncached.reason,
           {suggestion_for(uncached.reason)},
           fmt::format("{} requests since the start stayed out of the cache, {} came",
                       uncached.requests, endpoint.requests_total),
           waiting(endpoint.last_5m) * hits_expected * static_cast<double>(uncached.requests) /
               static_cast<double>(endpoint.requests_total)});
    }
  }
  return out;
}

namespace {

/// What emergency mode costs now: those it turns away.
double refused_seconds(const ControlReport& report) {
  const auto value = [&report](rules::SignalId id) {
    const rules::Reading& reading = report.signals[static_cast<std::size_t>(id)];
    return reading.usable() ? reading.value : 0;
  };
  return value(rules::SignalId::traffic_rate) * value(rules::SignalId::admission_reject_ratio) *
         failed_seconds;
}

/// What other routes gain from the cache; half where it has not answered enough yet.
double hits_expected(const CacheFigures& recent) {
  const bool known = recent.hits + recent.misses >= evidence_min;
  return known ? *hit_ratio(recent) : hit_ratio_low;
}

}  // namespace

std::vector<Recommendation> recommendations(const ControlReport& report, const CacheControl& cache,
                                            const CacheFigures& recent, bool policy_degraded) {
  std::vector<Recommendation> out;
  if (policy_degraded) {
    out.push_back({"control",
                   "critical",
                   "the control plane does not renew its policy",
                   {"look at the log for actors that died", "restart the agent if it stays so"},
                   "a policy lease ran out; static defaults are in force",
                   0});
  }
  if (report.emergency) {
    out.push_back({"control",
                   "critical",
                   "emergency mode is active",
                   {"add capacity or reduce load"},
                   report.emergency_reason,
                   refused_seconds(report)});
  }
  const WindowFigures all = report.traffic ? report.traffic->all_5m : WindowFigures{};
  append(cache_recommendations(recent, all), out);
  append(capacity_recommendations(report), out);
  if (!report.traffic) return out;
  append(best(uncached_recommendations(cache.uncached(uncached_looked_at), *report.traffic,
                                       hits_expected(recent)),
              uncached_advice_max),
         out);
  std::vector<Recommendation> of_endpoints;
  for (const EndpointFigures& endpoint : report.traffic->endpoints) {
    advise_endpoint(endpoint, of_endpoints);
  }
  append(best(std::move(of_endpoints), endpoint_advice_max), out);
  return out;
}

namespace {

/// What is lost once a limit is reached.
enum class Loss {
  everything,    ///< every request fails
  what_exceeds,  ///< requests beyond the limit fail
  waiting,       ///< that part of the waiting is beyond the limit
};

/// A signal, what it must not reach, and the least change in ten minutes that is no noise.
struct Limit {
  rules::SignalId signal;
  double limit, change_min;
  Loss loss;
  const char *name, *suggestion;
};

/// The mean loss over the next day, in seconds of waiting per second.
double loss_until_tomorrow(const Limit& limit, double change, std::chrono::duration<double> reached,
                           const ControlReport& report) {
  if (!report.traffic) return 0;
  const WindowFigures& all = report.traffic->all_5m;
  if (limit.loss == Loss::everything) {
    return requests_per_second(all) * failed_seconds * share_at_limit(reached);
  }
  const double windows_per_day = std::chrono::duration<double>(forecast_max) / trend_window;
  const double beyond = share_beyond_limit(reached, change / limit.limit * windows_per_day);
  return limit.loss == Loss::waiting ? waiting(all) * beyond
                                     : requests_per_second(all) * failed_seconds * beyond;
}

/// Where what is at the application, or waits for it, grows towards what may be there.
std::optional<Limit> concurrency_limit(const ControlReport& report) {
  const auto& limit = report.signals[static_cast<std::size_t>(rules::SignalId::admission_limit)];
  if (!limit.usable() || limit.value <= 0) return std::nullopt;
  return Limit{rules::SignalId::admission_in_flight,
               limit.value,
               0.05 * limit.value,
               Loss::what_exceeds,
               "what is at the application at a time",
               "add instances, or cache more, before requests have to wait"};
}

std::string in_unit(rules::Unit unit, double value) {
  return unit == rules::Unit::ratio ? fmt::format("{:.1f} %", value * 100)
                                    : rules::format_value(value, unit);
}

/// Nothing unless the line through the last ten minutes reaches the limit in time.
std::optional<Recommendation> forecast(const Limit& limit, const ControlReport& report) {
  const auto index = static_cast<std::size_t>(limit.signal);
  const rules::Reading& now = report.signals[index];
  const auto& change = report.trends.at(index);
  if (!now.usable() || !change || *change < limit.change_min || now.value >= limit.limit) {
    return std::nullopt;
  }
  using Minutes = std::chrono::duration<double, std::ratio<60>>;
  const double minutes = (limit.limit - now.value) / *change * Minutes(trend_window).count();
  const double longest = Minutes(forecast_max).count();
  if (minutes > longest) return std::nullopt;
  const WallTime reached = report.at + std::chrono::seconds(std::llround(minutes * 60));
  const rules::Unit unit = rules::signal_info(limit.signal).unit;
  const std::string grew = unit == rules::Unit::ratio ? fmt::format("{:+.1f} points", *change * 100)
                                                      : "+" + in_unit(unit, *change);
  return Recommendation{
      "capacity",
      minutes < 60 ? "critical" : "warning",
      fmt::format(
          "{} reaches {} at about {}", limit.name,
          limit.limit == 1 && unit == rules::Unit::ratio ? "its limit" : in_unit(unit, limit.limit),
          rfc3339(reached)),
      {limit.suggestion},
      fmt::format("{} now, {} in 10 min", in_unit(unit, now.value), grew),
      loss_until_tomorrow(limit, *change, Minutes(minutes), report)};
}

}  // namespace

std::vector<Recommendation> capacity_recommendations(const ControlReport& report) {
  // Less than a point in ten minutes is noise, not a trend.
  static constexpr Limit limits[] = {
      {rules::SignalId::memory_utilization, 1, 0.01, Loss::everything, "memory",
       "look for a leak, restart in time, or raise the memory limit"},
      {rules::SignalId::cpu_utilization, 1, 0.01, Loss::what_exceeds, "CPU",
       "add CPUs or instances before it is needed"},
      {rules::SignalId::disk_utilization, 1, 0.01, Loss::everything, "disk", "free or add space"},
      {rules::SignalId::redis_memory, 1, 0.01, Loss::waiting, "the memory of Redis",
       "raise maxmemory, or give what is stored there shorter lifetimes"},
      {rules::SignalId::traffic_latency_p95, latency_high_seconds, 0.05, Loss::waiting,
       "the 95th percentile of all answers",
       "look at what grows with it: queries, tables, or the load"}};
  std::vector<Recommendation> out;
  const auto add = [&](const Limit& limit) {
    if (auto advice = forecast(limit, report)) out.push_back(std::move(*advice));
  };
  for (const Limit& limit : limits) add(limit);
  if (const auto limit = concurrency_limit(report)) add(*limit);
  return out;
}

std::vector<Recommendation> compression_recommendations(
    const TrafficFigures& traffic, const std::function<bool(EndpointId)>& compressed) {
  // What JSON and HTML save at least; what was saved here is not known yet.
  constexpr double saving_expected = 0.6;
  constexpr double bytes_worth_it = 1024;
  const auto bytes = [](const WindowFigures& window) {
    return window.response_bytes_avg * static_cast<double>(window.requests);
  };
  const double all = bytes(traffic.all_5m);
  std::vector<Recommendation> out;
  for (const EndpointFigures& endpoint : traffic.endpoints) {
    const WindowFigures& window = endpoint.last_5m;
    if (window.requests < evidence_min || window.response_bytes_avg < bytes_worth_it) continue;
    if (all <= 0 || (compressed && compressed(endpoint.id))) continue;
    out.push_back(
        {"compression",
         "info",
         endpoint.method + " " + endpoint.route + " is sent as the application sends it",
         {"set compression.mode: on, if its content can be compressed"},
         fmt::format("{:.0f} bytes on average over {} requests in 5 min, {:.1f} % of all bytes",
                     window.response_bytes_avg, window.requests, bytes(window) / all * 100),
         requests_per_second(window) * window.response_bytes_avg * saving_expected * byte_seconds});
  }
  return best(std::move(out), compression_advice_max);
}

void rank(std::vector<Recommendation>& list) {
  const auto weight = [](const Recommendation& advice) {
    return advice.severity == "critical" ? 2 : advice.severity == "warning" ? 1 : 0;
  };
  std::stable_sort(list.begin(), list.end(), [&](const auto& a, const auto& b) {
    return std::tuple(a.type == "control", a.gain, weight(a)) >
           std::tuple(b.type == "control", b.gain, weight(b));
  });
}

std::optional<double> overall_score(const ControlReport& report) {
  if (!report.traffic) return std::nullopt;
  double sum = 0, requests = 0;
  for (const EndpointFigures& endpoint : report.traffic->endpoints) {
    const auto count = static_cast<double>(endpoint.last_5m.requests);
    if (count > 0) sum += count * optimization_score(endpoint.last_5m);
    requests += count;
  }
  return requests > 0 ? std::optional(sum / requests) : std::nullopt;
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
                               {"evidence", advice.evidence},
                               {"expected_gain", advice.gain}});
  }
  return out;
}

}  // namespace homeostat::admin
