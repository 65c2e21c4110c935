// GET /performance/{status,report,profiles} and PUT /performance/level.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "runtime/admin/pattern_recommendations.hpp"
#include "runtime/admin/recommendations.hpp"
#include "runtime/admin/report_json.hpp"
#include "runtime/admin/request_body.hpp"
#include "runtime/admin/routes.hpp"
#include "runtime/admin/score.hpp"
#include "runtime/ports/rfc3339.hpp"

namespace homeostat::admin {

namespace json = boost::json;
using rules::SignalId;

namespace {

constexpr std::size_t decisions_shown = 50;
constexpr std::size_t slow_endpoints_shown = 10;
constexpr std::size_t lowered_shown = 20;

json::object emergency_json(const ControlReport& report, Duration up) {
  json::object out;
  out["reason"] = report.emergency ? json::value(report.emergency_reason) : json::value();
  out["since"] = report.emergency ? json::value(rfc3339(report.emergency_since)) : json::value();
  out["seconds_total"] = report.emergency_seconds_total;
  out["times_total"] = report.emergencies_total;
  out["uptime_ratio"] = emergency_share(report, up);
  return out;
}

/// Endpoints whose rule's ttl is cut because their content changes faster, as text too.
json::array lowered_lifetimes_json(const ControlReport& report, const CacheControl& cache) {
  json::array out;
  if (!report.traffic) return out;
  for (const LoweredLifetime& lowered : cache.lowered_lifetimes(lowered_shown)) {
    const auto& endpoints = report.traffic->endpoints;
    const auto found = std::ranges::find(endpoints, lowered.endpoint, &EndpointFigures::id);
    if (found == endpoints.end()) continue;
    const double seconds = std::chrono::duration<double>(lowered.lifetime_max).count();
    out.push_back(json::object{
        {"endpoint", found->method + " " + found->route},
        {"lifetime_max_seconds", seconds},
        {"changes_per_hour", lowered.changes_per_hour},
        {"observations", lowered.observations},
        {"summary",
         fmt::format("at most {:.3g} s: fetched again about {:.0f} times, its content changes "
                     "about every {:.3g} s",
                     seconds, lowered.observations, 3600 / lowered.changes_per_hour)}});
  }
  return out;
}

json::object admission_json(const ControlReport& report) {
  const rules::AdmissionProfile& profile = report.admission_profile;
  const auto milliseconds = [](Duration duration) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  };
  return {{"limit", report.admission_limit},
          {"reason", report.admission_reason},
          {"max_wait_ms", milliseconds(profile.max_wait)},
          {"burst_services", profile.burst_services},
          {"standing_wait_ms", milliseconds(profile.standing_wait)},
          {"cpu_freeze_percent", profile.cpu_freeze * 100}};
}

Reply status(const RouteContext& context, const Call& call) {
  const Subject subject = Subject::of(call.request);
  const AdminServices& services = context.services;
  const auto report = services.board.current();
  json::object out;
  const bool published = report->at != WallTime{};
  out["report_at"] = published ? json::value(rfc3339(report->at)) : json::value();
  out["optimization_mode"] = report->mode;
  out["optimization_level"] = rules::to_string(report->level);
  out["effective_level"] = rules::to_string(report->effective_level);
  out["emergency"] = report->emergency;
  out["emergency_details"] = emergency_json(*report, services.clock.now() - context.started);
  out["current_metrics"] = current_metrics_json(*report);
  add_active_optimizations(*report, subject, out);
  out["optimization_rules"] = json::object{{"total", report->rules_total},
                                           {"enabled", report->rules_enabled},
                                           {"triggered_last_hour", report->triggers_last_hour},
                                           {"triggered_total", report->triggers_total}};
  out["admission"] = admission_json(*report);
  out["policy"] =
      json::object{{"epoch", services.policy.epoch()}, {"degraded", services.policy.degraded()}};
  json::array injected;
  for (const std::string& name : report->injected) injected.emplace_back(name);
  out["injected_signals"] = std::move(injected);
  out["signals"] = signals_json(*report);
  out["history"] =
      json::object{{"endpoint_bytes", report->history_bytes}, {"refused", report->history_refused}};
  out["recent_decisions"] = recent_decisions_json(*report, subject, decisions_shown);
  out["lowered_lifetimes"] = lowered_lifetimes_json(*report, services.cache);
  out["actors"] = actors_json(*report);
  out["version"] = services.version;
  Reply reply;
  reply.members["performance_status"] = std::move(out);
  return reply;
}

json::object endpoint_json(const EndpointFigures& endpoint) {
  const WindowFigures& window = endpoint.last_5m;
  json::object out{{"endpoint", endpoint.route}, {"method", endpoint.method}};
  for (const auto& member : window_json(window)) out[member.key()] = member.value();
  out["error_count"] = std::llround(window.error_ratio * static_cast<double>(window.requests));
  out["optimization_score"] =
      window.requests > 0 ? json::value(optimization_score(window)) : json::value();
  return out;
}

json::array slow_endpoints_json(const ControlReport& report) {
  json::array out;
  if (!report.traffic) return out;
  std::vector<const EndpointFigures*> seen;
  for (const EndpointFigures& endpoint : report.traffic->endpoints) {
    if (endpoint.last_5m.requests > 0) seen.push_back(&endpoint);
  }
  const auto shown = std::min(slow_endpoints_shown, seen.size());
  std::partial_sort(seen.begin(), seen.begin() + static_cast<std::ptrdiff_t>(shown), seen.end(),
                    [](const EndpointFigures* a, const EndpointFigures* b) {
                      return a->last_5m.latency_p95 > b->last_5m.latency_p95;
                    });
  for (std::size_t i = 0; i < shown; ++i) out.push_back(endpoint_json(*seen[i]));
  return out;
}

/// Everything there is to say, the largest gain first.
std::vector<Recommendation> all_advice(const AdminServices& services, const ControlReport& report) {
  const CacheFigures recent =
      services.recent_cache ? services.recent_cache() : services.cache.figures();
  auto list = recommendations(report, services.cache, recent, services.policy.degraded());
  const auto append = [&list](std::vector<Recommendation> more) {
    for (Recommendation& found : more) list.push_back(std::move(found));
  };
  if (report.traffic) {
    append(compression_recommendations(*report.traffic, services.compresses));
    if (services.patterns) append(pattern_recommendations(services.patterns(), *report.traffic));
  }
  rank(list);
  return list;
}

Reply report(const AdminServices& services) {
  const auto report = services.board.current();
  json::object out;
  out["current_metrics"] = current_metrics_json(*report);
  const json::value cpu_trend = trend_value(*report, SignalId::cpu_utilization, 100);
  const json::value memory_trend = trend_value(*report, SignalId::memory_utilization, 100);
  out["trends"] = json::object{
      {"cpu_trend", cpu_trend},
      {"memory_trend", memory_trend},
      {"response_time_trend_ms", trend_value(*report, SignalId::traffic_latency_avg, 1000)},
      {"window_seconds", std::chrono::seconds(trend_window).count()}};
  out["window"] = "5m";
  out["top_slow_endpoints"] = slow_endpoints_json(*report);
  out["recommendations"] = to_json(all_advice(services, *report));
  out["objectives"] = objectives_json(*report);
  out["resource_usage"] = json::object{
      {"memory_usage_trend", memory_trend},
      {"cpu_usage_trend", cpu_trend},
      {"disk_usage_percent", signal_value(*report, SignalId::disk_utilization, 100)},
      {"network_io",
       json::object{{"bytes_sent_per_sec", signal_value(*report, SignalId::network_sent)},
                    {"bytes_recv_per_sec", signal_value(*report, SignalId::network_received)}}}};
  Reply reply;
  reply.members["performance_report"] = std::move(out);
  return reply;
}

Reply advice(const AdminServices& services) {
  constexpr std::size_t actions_shown = 3;
  const auto report = services.board.current();
  const auto list = all_advice(services, *report);
  json::array actions;
  for (const Recommendation& found : list) {
    if (actions.size() >= actions_shown) break;
    actions.emplace_back(found.message + ": " + found.suggestions.front());
  }
  const auto score = overall_score(*report);
  Reply reply;
  reply.members["recommendations"] = to_json(list);
  reply.members["overall_score"] = score ? json::value(*score) : json::value();
  reply.members["priority_actions"] = std::move(actions);
  return reply;
}

Reply profiles(const AdminServices& services, const Call& call) {
  const auto report = services.board.current();
  const Subject wanted = Subject::of(call.request);
  json::array out;
  if (report->traffic) {
    for (const EndpointFigures& endpoint : report->traffic->endpoints) {
      if (!wanted.has_endpoint(endpoint.method + " " + endpoint.route)) continue;
      json::object profile = endpoint_json(endpoint);
      profile["windows"] = json::object{{"10s", window_json(endpoint.last_10s)},
                                        {"1m", window_json(endpoint.last_1m)},
                                        {"5m", window_json(endpoint.last_5m)}};
      profile["requests_total"] = endpoint.requests_total;
      profile["errors_total"] = endpoint.errors_total;
      out.push_back(std::move(profile));
    }
  }
  if (!wanted.endpoint.empty() && out.empty()) return problem(404, "no such endpoint was seen yet");
  Reply reply;
  reply.members["profiles"] = std::move(out);
  return reply;
}

Reply put_level(const RouteContext& context, const Call& call) {
  auto body = read_body(call.request);
  if (auto* refused = std::get_if<Reply>(&body)) return std::move(*refused);
  BodyReader reader(std::get<json::object>(body));
  const std::string text = reader.required_text("level");
  const std::string reason = reader.required_reason();
  const auto level = rules::parse_level(text);
  const bool emergency = text == "emergency";
  if (!text.empty() && !level && !emergency) {
    reader.fail("level: expected conservative, balanced, aggressive, adaptive or emergency" +
                instead_of(text));
  }
  reader.refuse_others();
  if (!reader.ok()) return reader.to_problem();
  const auto previous = context.services.board.current()->level;
  if (emergency) {
    context.services.commands.force_emergency(true, reason);
  } else {
    context.services.commands.set_level(*level, reason);
  }
  context.audit.record(
      call, {"set_level", std::string(rules::to_string(previous)) + " -> " + text, reason, 1});
  Reply reply;
  reply.status = 202;
  reply.members["status"] = "accepted";
  reply.members["level"] = text;
  reply.members["previous_level"] = rules::to_string(previous);
  reply.members["reason"] = reason;
  return reply;
}

}  // namespace

void add_performance_routes(Router& router, const RouteContext& context) {
  const AdminServices& services = context.services;
  router.add({"GET", "/api/v1/performance/status", Access::viewer,
              [&context](const Call& call) { return status(context, call); }});
  router.add({"GET", "/api/v1/performance/report", Access::viewer,
              [&services](const Call&) { return report(services); }});
  router.add({"GET", "/api/v1/performance/recommendations", Access::viewer,
              [&services](const Call&) { return advice(services); }});
  router.add({"GET", "/api/v1/performance/profiles", Access::viewer,
              [&services](const Call& call) { return profiles(services, call); }});
  router.add({"PUT", "/api/v1/performance/level", Access::operator_,
              [&context](const Call& call) { return put_level(context, call); }});
}

}  // namespace homeostat::admin
