#include "runtime/admin/report_json.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "runtime/ports/rfc3339.hpp"

namespace homeostat::admin {

namespace json = boost::json;
using rules::SignalId;

namespace {

double seconds_of(Duration duration) { return std::chrono::duration<double>(duration).count(); }

json::object action_config(const rules::Action& action) {
  struct Visitor {
    json::object operator()(const rules::ScaleTtl& a) const {
      return {{"by", a.by}, {"max_seconds", a.max.count()}};
    }
    json::object operator()(const rules::Compress& a) const {
      // Without a preference, and at level 0, as configured.
      const bool preferred = a.algorithm != rules::Coding::identity;
      return {
          {"enabled", a.enabled},
          {"level", a.level},
          {"algorithm", preferred ? json::value(rules::coding_name(a.algorithm)) : json::value()}};
    }
    json::object operator()(const rules::Throttle& a) const { return {{"to", a.to}}; }
    json::object operator()(const rules::ReleaseMemory& a) const {
      return {{"expired", a.expired},
              {"shrink_cache_to", a.shrink_cache_to},
              {"allocator", a.allocator},
              {"hook", a.hook},
              {"every_seconds", a.every.count()}};
    }
    json::object operator()(const rules::EnterEmergency&) const { return {}; }
    json::object operator()(const rules::RaiseAlert& a) const {
      return {{"severity", rules::to_string(a.severity)}, {"summary", a.summary}};
    }
  };
  return std::visit(Visitor{}, action);
}

json::value text_or_null(const std::string& text) {
  return text.empty() ? json::value() : json::value(text);
}

const char* quality_name(rules::Quality quality) {
  switch (quality) {
    case rules::Quality::missing: return "missing";
    case rules::Quality::stale: return "stale";
    case rules::Quality::good: return "good";
    case rules::Quality::injected: return "injected";
  }
  return "missing";
}

/// The signal if usable, else the figure measured over the last minute.
json::value or_last_minute(const ControlReport& report, SignalId id, double factor,
                           double WindowFigures::*member) {
  const json::value value = signal_value(report, id, factor);
  if (!value.is_null() || !report.traffic || report.traffic->all_1m.requests == 0) return value;
  return report.traffic->all_1m.*member * factor;
}

json::object active_json(const ActiveOptimization& active, const ControlReport& report) {
  json::object item;
  item["name"] = active.action.rule;
  item["enabled_at"] = rfc3339(active.enabled_at);
  item["reason"] = active.action.reason;
  item["action"] = rules::action_name(active.action.action);
  item["config"] = action_config(active.action.action);
  item["effect"] = active.action.trial ? effect_json(*active.action.trial) : json::value();
  item["share"] = active.action.share;
  item["endpoint"] = text_or_null(active.action.endpoint_name);
  item["overruled"] = active.action.overruled;
  item["overruled_by"] = text_or_null(active.action.overruled_by);
  item["injected"] = active.injected;
  item["shadow"] = report.mode == "shadow";
  return item;
}

}  // namespace

WallTime wall_time_of(const ControlReport& report, Instant instant) {
  return report.at - std::chrono::duration_cast<WallTime::duration>(report.at_steady - instant);
}

json::value signal_value(const ControlReport& report, SignalId id, double factor) {
  const rules::Reading& reading = report.signals[static_cast<std::size_t>(id)];
  if (!reading.usable()) return nullptr;
  return reading.value * factor;
}

json::value trend_value(const ControlReport& report, SignalId id, double factor) {
  const auto& change = report.trends.at(static_cast<std::size_t>(id));
  return change ? json::value(*change * factor) : json::value();
}

json::array objectives_json(const ControlReport& report) {
  json::array out;
  for (const ObjectiveReport& objective : report.objectives) {
    out.push_back(json::object{{"name", objective.figures.name},
                               {"target", objective.figures.target},
                               {"requests_total", objective.figures.requests_total},
                               {"bad_total", objective.figures.bad_total},
                               {"burn", objective.burn},
                               {"burn_slow", objective.burn_slow}});
  }
  return out;
}

json::value effect_json(const rules::TrialReport& report) {
  const auto optional = [](const std::optional<double>& value) {
    return value ? json::value(*value) : json::value();
  };
  const bool some = report.samples > 0;
  return json::object{{"verdict", rules::to_string(report.verdict)},
                      {"undone", report.undone},
                      {"signal", rules::signal_info(report.signal).name},
                      {"design", rules::to_string(report.design)},
                      {"share", report.share},
                      {"improvement", some ? json::value(report.improvement) : json::value()},
                      {"improvement_is", report.relative ? "share" : "difference"},
                      {"low", optional(report.low)},
                      {"high", optional(report.high)},
                      {"confidence", some ? json::value(report.confidence) : json::value()},
                      {"samples", report.samples},
                      {"summary", rules::describe(report)}};
}

json::object current_metrics_json(const ControlReport& report) {
  json::object out;
  out["cpu_percent"] = signal_value(report, SignalId::cpu_utilization, 100);
  out["memory_percent"] = signal_value(report, SignalId::memory_utilization, 100);
  out["response_time_avg_ms"] =
      or_last_minute(report, SignalId::traffic_latency_avg, 1000, &WindowFigures::latency_avg);
  out["response_time_p95_ms"] =
      or_last_minute(report, SignalId::traffic_latency_p95, 1000, &WindowFigures::latency_p95);
  out["error_rate"] =
      or_last_minute(report, SignalId::traffic_error_ratio, 1, &WindowFigures::error_ratio);
  out["cache_hit_rate"] = signal_value(report, SignalId::cache_hit_ratio);
  return out;
}

json::object signals_json(const ControlReport& report) {
  json::object out;
  for (std::size_t i = 0; i < rules::signal_count; ++i) {
    const rules::SignalInfo& info = rules::signal_info(static_cast<SignalId>(i));
    if (info.scope != rules::SignalScope::global) continue;
    const rules::Reading& reading = report.signals[i];
    const bool known = reading.quality != rules::Quality::missing;
    json::object signal;
    signal["value"] = known ? json::value(reading.value) : json::value();
    signal["unit"] = rules::to_string(info.unit);
    signal["quality"] = quality_name(reading.quality);
    signal["source"] = reading.source;
    signal["age_seconds"] =
        known ? json::value(std::max(0.0, seconds_of(report.at_steady - reading.at)))
              : json::value();
    out[info.name] = std::move(signal);
  }
  return out;
}

void add_active_optimizations(const ControlReport& report, const Subject& subject,
                              json::object& out) {
  std::vector<const ActiveOptimization*> found;
  for (const ActiveOptimization& active : report.active) {
    if (subject.has(active.action.rule, active.action.endpoint_name)) found.push_back(&active);
  }
  out["active_optimizations_total"] = found.size();
  keep_first(found, rows_shown, [](const ActiveOptimization* active) {
    return std::make_tuple(!active->action.endpoint_name.empty(), active->action.overruled,
                           -active->enabled_at.time_since_epoch(), active);
  });
  json::array list;
  for (const ActiveOptimization* active : found) list.push_back(active_json(*active, report));
  out["active_optimizations"] = std::move(list);
}

json::array recent_decisions_json(const ControlReport& report, const Subject& subject,
                                  std::size_t count) {
  json::array out;
  for (auto it = report.recent.rbegin(); it != report.recent.rend() && out.size() < count; ++it) {
    const rules::Transition& transition = it->transition;
    if (!subject.has(transition.rule, transition.endpoint_name)) continue;
    out.push_back(json::object{{"at", rfc3339(it->at)},
                               {"rule", transition.rule},
                               {"endpoint", text_or_null(transition.endpoint_name)},
                               {"from", rules::to_string(transition.from)},
                               {"to", rules::to_string(transition.to)},
                               {"reason", transition.reason},
                               {"dry_run", transition.dry_run},
                               {"injected", transition.injected},
                               {"shadow", it->shadow}});
  }
  return out;
}

json::array actors_json(const ControlReport& report) {
  json::array out;
  for (const ActorHealth& actor : report.actors) {
    out.push_back(json::object{{"name", actor.name},
                               {"alive", actor.alive},
                               {"restarts", actor.restarts},
                               {"last_error", text_or_null(actor.last_error)}});
  }
  return out;
}

json::object window_json(const WindowFigures& figures) {
  const bool some = figures.requests > 0;
  const auto milliseconds = [some](double value) {
    return some ? json::value(value * 1000) : json::value();
  };
  json::object out;
  out["request_count"] = figures.requests;
  out["rate_per_second"] = figures.rate;
  out["avg_duration_ms"] = milliseconds(figures.latency_avg);
  out["p50_duration_ms"] = milliseconds(figures.latency_p50);
  out["p95_duration_ms"] = milliseconds(figures.latency_p95);
  out["p99_duration_ms"] = milliseconds(figures.latency_p99);
  out["error_rate"] = some ? json::value(figures.error_ratio) : json::value();
  out["cache_hit_rate"] = figures.hit_ratio_known ? json::value(figures.hit_ratio) : json::value();
  out["response_bytes_avg"] = some ? json::value(figures.response_bytes_avg) : json::value();
  return out;
}

}  // namespace homeostat::admin
