// GET /cache/{stats,health}, DELETE /cache/flush, POST /cache/invalidate/{group}.
//
// This version has the in-memory tier only; what concerns Redis says so.
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <vector>

#include "runtime/admin/recommendations.hpp"
#include "runtime/admin/request_body.hpp"
#include "runtime/admin/routes.hpp"

namespace homeostat::admin {

namespace json = boost::json;

namespace {

constexpr std::size_t pattern_bytes_max = 1024;
constexpr const char* all_groups = "all";

json::value number_or_null(std::optional<double> value) {
  return value ? json::value(*value) : json::value();
}

json::object l2_absent_json() {
  json::object out{{"connected", false}};
  for (const char* name : {"memory_usage", "keys", "hit_rate", "connected_clients",
                           "total_commands_processed", "uptime_seconds"}) {
    out[name] = nullptr;
  }
  return out;
}

json::object cache_statistics_json(const CacheFigures& figures) {
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
          {"l2_redis_cache", l2_absent_json()},
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

json::object insights_json(const CacheFigures& figures) {
  json::value category;
  if (const auto ratio = hit_ratio(figures)) {
    category = *ratio > 0.70 ? "excellent" : *ratio >= 0.50 ? "good" : "needs_improvement";
  }
  json::array suggestions;
  for (const Recommendation& advice : cache_recommendations(figures)) {
    for (const std::string& suggestion : advice.suggestions) suggestions.emplace_back(suggestion);
  }
  return {{"hit_rate_category", std::move(category)},
          {"optimization_suggestions", std::move(suggestions)}};
}

Reply stats(const AdminServices& services) {
  const CacheFigures figures = services.cache.figures();
  Reply reply;
  reply.members["cache_statistics"] = cache_statistics_json(figures);
  reply.members["middleware_statistics"] = middleware_json(services, figures);
  reply.members["performance_insights"] = insights_json(figures);
  return reply;
}

struct Cleared {
  std::uint64_t entries = 0;
  std::size_t bytes = 0;
};

/// Entries are the growth of the `deletes` counter; an invalidation by a
/// request at the same moment is counted, too.
template <class Flush>
Cleared count_cleared(CacheControl& cache, Flush flush_patterns) {
  const std::uint64_t before = cache.figures().deletes;
  const std::size_t bytes = flush_patterns();
  const std::uint64_t after = cache.figures().deletes;
  return {after > before ? after - before : 0, bytes};
}

Reply flush(const RouteContext& context, const Call& call) {
  std::string level(call.request.parameter("level"));
  const std::string pattern(call.request.parameter("pattern"));
  const std::string reason(call.request.parameter("reason"));
  if (level.empty()) level = "all";
  std::vector<std::string> errors;
  if (level != "l1" && level != "l2" && level != "all") {
    errors.emplace_back("level: expected l1, l2 or all");
  }
  if (pattern.size() > pattern_bytes_max) errors.emplace_back("pattern: at most 1024 bytes");
  if (reason.size() > reason_bytes_max) errors.emplace_back("reason: at most 500 bytes");
  if (!errors.empty()) return problem(422, "the query cannot be used", std::move(errors));
  if (level == "l2") return problem(409, "there is no Redis tier to flush");
  CacheControl& cache = context.services.cache;
  const Cleared cleared = count_cleared(cache, [&] { return cache.flush(pattern); });
  context.audit.record(
      call, {"flush_cache", level + " " + (pattern.empty() ? "everything" : pattern), reason,
             cleared.entries});
  Reply reply;
  reply.members["status"] = "success";
  reply.members["message"] = pattern.empty() ? "cache flushed" : "matching entries flushed";
  reply.members["details"] = json::object{{"l1_entries_cleared", cleared.entries},
                                          {"l1_bytes_freed", cleared.bytes},
                                          {"l2_keys_cleared", 0},
                                          {"total_cleared", cleared.entries}};
  return reply;
}

/// The patterns of a group; `all` always exists and means everything.
std::optional<std::vector<std::string>> group_patterns(const AdminServices& services,
                                                       const std::string& name) {
  for (const auto& [group, patterns] : services.cache_groups) {
    if (group == name) return patterns;
  }
  if (name == all_groups) return std::vector<std::string>{"*"};
  return std::nullopt;
}

Reply unknown_group(const AdminServices& services) {
  std::string known;
  for (const auto& [group, patterns] : services.cache_groups) known += group + ", ";
  return problem(404, "no such group in cache.groups; known are: " + known + all_groups);
}

Reply invalidate(const RouteContext& context, const Call& call) {
  const std::string& name = call.parameter("group");
  const auto patterns = group_patterns(context.services, name);
  if (!patterns) return unknown_group(context.services);
  auto body = read_body(call.request);
  if (auto* refused = std::get_if<Reply>(&body)) return std::move(*refused);
  BodyReader reader(std::get<json::object>(body));
  const std::string reason = reader.optional_reason();
  reader.refuse_others();
  if (!reader.ok()) return reader.to_problem();
  CacheControl& cache = context.services.cache;
  const Cleared cleared = count_cleared(cache, [&] {
    std::size_t bytes = 0;
    for (const std::string& pattern : *patterns) bytes += cache.flush(pattern);
    return bytes;
  });
  json::array affected;
  for (const std::string& pattern : *patterns) affected.emplace_back(pattern);
  context.audit.record(call, {"invalidate_group", name, reason, cleared.entries});
  Reply reply;
  reply.members["status"] = "success";
  reply.members["message"] = "group " + name + " invalidated";
  reply.members["cleared_entries"] = cleared.entries;
  reply.members["affected_endpoints"] = std::move(affected);
  return reply;
}

Reply health(const AdminServices& services) {
  const CacheFigures figures = services.cache.figures();
  Reply reply;
  reply.members["redis_connected"] = false;
  reply.members["response_time_ms"] = nullptr;  // of Redis
  reply.members["status"] = figures.bytes_max > 0 ? "l1_only" : "disabled";
  reply.members["performance"] = nullptr;  // judged by the Redis response time
  return reply;
}

}  // namespace

void add_cache_routes(Router& router, const RouteContext& context) {
  router.add({"GET", "/api/v1/cache/stats", Access::viewer,
              [&context](const Call&) { return stats(context.services); }});
  router.add({"GET", "/api/v1/cache/health", Access::viewer,
              [&context](const Call&) { return health(context.services); }});
  router.add({"DELETE", "/api/v1/cache/flush", Access::operator_,
              [&context](const Call& call) { return flush(context, call); }});
  router.add({"POST", "/api/v1/cache/invalidate/{group}", Access::operator_,
              [&context](const Call& call) { return invalidate(context, call); }});
}

}  // namespace homeostat::admin
