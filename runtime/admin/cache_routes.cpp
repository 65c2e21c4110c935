// GET /cache/{stats,health}.
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <optional>
#include <string>

#include "runtime/admin/recommendations.hpp"
#include "runtime/admin/routes.hpp"

namespace homeostat::admin {

namespace json = boost::json;

namespace {

constexpr std::size_t tenants_shown = 20;

json::value number_or_null(std::optional<double> value) {
  return value ? json::value(*value) : json::value();
}

json::value number_or_null(std::optional<std::uint64_t> value) {
  return value ? json::value(*value) : json::value();
}

std::optional<double> hits_of_reads(const SharedTierReport& tier) {
  const double asked = static_cast<double>(tier.hits + tier.misses);
  return asked > 0 ? std::optional(static_cast<double>(tier.hits) / asked) : std::nullopt;
}

std::optional<SharedTierReport> shared_tier(const AdminServices& services) {
  return services.shared_tier ? std::optional(services.shared_tier()) : std::nullopt;
}

/// Without a shared tier everything is unknown.
json::object l2_json(const std::optional<SharedTierReport>& configured) {
  const SharedTierReport tier = configured.value_or(SharedTierReport{});
  return {{"configured", configured.has_value()},
          {"connected", tier.connected},
          {"in_step", tier.in_step},
          {"memory_usage", number_or_null(tier.memory_bytes)},
          {"memory_max", number_or_null(tier.memory_bytes_max)},
          {"keys", number_or_null(tier.keys)},
          {"evicted_keys", number_or_null(tier.evicted_keys)},
          {"hit_rate", number_or_null(hits_of_reads(tier))},
          {"hits", tier.hits},
          {"misses", tier.misses},
          {"stores", tier.stores},
          {"invalidations_waiting", tier.invalidations_waiting},
          {"connected_clients", number_or_null(tier.clients)},
          {"total_commands_processed", number_or_null(tier.commands_total)},
          {"uptime_seconds", number_or_null(tier.uptime_seconds)}};
}

json::object cache_statistics_json(const CacheFigures& figures,
                                   const std::optional<SharedTierReport>& tier) {
  const auto ratio = hit_ratio(figures);
  const auto miss_ratio = ratio ? std::optional(1 - *ratio) : std::nullopt;
  json::object l1{{"entries", figures.entries},     {"memory_usage_bytes", figures.bytes},
                  {"max_bytes", figures.bytes_max}, {"hit_rate", number_or_null(ratio)},
                  {"evictions", figures.evictions}, {"expirations", figures.expirations}};
  json::object overall{
      {"total_operations", figures.hits + figures.misses + figures.stores + figures.deletes},
      {"hits", figures.hits},
      {"misses", figures.misses},
      {"sets", figures.stores},
      {"deletes", figures.deletes},
      {"hit_rate", number_or_null(ratio)},
      {"miss_rate", number_or_null(miss_ratio)}};
  return {{"l1_memory_cache", std::move(l1)},
          {"l2_redis_cache", l2_json(tier)},
          {"overall_statistics", std::move(overall)}};
}

json::object middleware_json(const AdminServices& services, const CacheFigures& figures) {
  const auto report = services.board.current();
  const bool traffic = report->traffic && report->traffic->all_5m.requests > 0;
  const auto ratio =
      services.compression_ratio ? services.compression_ratio() : std::optional<double>();
  return {{"requests_cached", figures.hits},
          {"requests_collapsed", figures.collapsed},
          {"cache_bypassed", figures.bypasses},
          {"cache_errors", figures.errors},
          {"avg_response_time_ms",
           traffic ? json::value(report->traffic->all_5m.latency_avg * 1000) : json::value()},
          {"cache_size_bytes", figures.bytes},
          {"compression_ratio", number_or_null(ratio)}};
}

json::object insights_json(const CacheFigures& figures, const CacheFigures& recent) {
  json::value category;
  if (const auto ratio = hit_ratio(figures)) {
    category = *ratio > 0.70 ? "excellent" : *ratio >= 0.50 ? "good" : "needs_improvement";
  }
  json::array suggestions;
  for (const Recommendation& advice : cache_recommendations(recent, {})) {
    for (const std::string& suggestion : advice.suggestions) suggestions.emplace_back(suggestion);
  }
  return {{"hit_rate_category", std::move(category)},
          {"optimization_suggestions", std::move(suggestions)}};
}

json::object tenants_json(const CacheTenants& tenants) {
  json::array largest;
  for (const CacheTenants::Tenant& tenant : tenants.largest) {
    largest.push_back(json::object{{"tenant", tenant.name}, {"entries", tenant.entries}});
  }
  return {{"known", tenants.known}, {"largest", std::move(largest)}};
}

Reply stats(const AdminServices& services) {
  const CacheFigures figures = services.cache.figures();
  Reply reply;
  json::object statistics = cache_statistics_json(figures, shared_tier(services));
  statistics["tenants"] = tenants_json(services.cache.tenants(tenants_shown));
  reply.members["cache_statistics"] = std::move(statistics);
  reply.members["middleware_statistics"] = middleware_json(services, figures);
  reply.members["performance_insights"] =
      insights_json(figures, services.recent_cache ? services.recent_cache() : figures);
  return reply;
}

Reply health(const AdminServices& services) {
  const CacheFigures figures = services.cache.figures();
  const SharedTierReport tier = shared_tier(services).value_or(SharedTierReport{});
  Reply reply;
  reply.members["redis_connected"] = tier.connected;
  reply.members["response_time_ms"] = nullptr;  // of Redis
  reply.members["performance"] = nullptr;
  if (tier.connected && tier.answered_in) {
    const double milliseconds =
        std::chrono::duration<double, std::milli>(*tier.answered_in).count();
    reply.members["response_time_ms"] = milliseconds;
    reply.members["performance"] = milliseconds < 10    ? "excellent"
                                   : milliseconds <= 50 ? "good"
                                                        : "slow";
  }
  const char* status = "healthy";
  if (figures.bytes_max == 0) {
    status = "disabled";
  } else if (!services.shared_tier) {
    status = "l1_only";
  } else if (!tier.connected || !tier.in_step) {
    status = "degraded";
  }
  reply.members["status"] = status;
  reply.members["detail"] = tier.trouble;
  return reply;
}

}  // namespace

void add_cache_routes(Router& router, const RouteContext& context) {
  router.add({"GET", "/api/v1/cache/stats", Access::viewer,
              [&context](const Call&) { return stats(context.services); }});
  router.add({"GET", "/api/v1/cache/health", Access::viewer,
              [&context](const Call&) { return health(context.services); }});
}

}  // namespace homeostat::admin
