// GET /performance/history: a global signal's past, for dashboards.
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <cmath>
#include <string>

#include "runtime/admin/report_json.hpp"
#include "runtime/admin/request_body.hpp"
#include "runtime/admin/routes.hpp"
#include "runtime/ports/rfc3339.hpp"

namespace homeostat::admin {

namespace json = boost::json;

namespace {

constexpr std::array<std::string_view, rules::history_levels> resolutions{"1s", "10s", "1m"};

std::optional<std::size_t> level_named(std::string_view text) {
  if (text.empty()) return 0;
  for (std::size_t i = 0; i < resolutions.size(); ++i) {
    if (resolutions[i] == text) return i;
  }
  return std::nullopt;
}

/// Oldest first, without the slots before the first sample.
json::array values_json(const std::vector<float>& values) {
  json::array out;
  for (const float value : values) {
    if (std::isnan(value)) {
      if (!out.empty()) out.emplace_back(nullptr);
    } else {
      out.emplace_back(static_cast<double>(value));
    }
  }
  return out;
}

Reply history(const AdminServices& services, const Call& call) {
  const std::string_view name = call.request.parameter("signal");
  const auto id = rules::find_signal(name);
  if (!id || rules::signal_info(*id).scope != rules::SignalScope::global) {
    return problem(400, "signal: expected the name of a global signal, such as cpu.utilization" +
                            instead_of(name));
  }
  const std::string_view resolution = call.request.parameter("resolution");
  const auto level = level_named(resolution);
  if (!level) return problem(400, "resolution: expected 1s, 10s or 1m" + instead_of(resolution));
  const auto report = services.board.current();
  const auto index = static_cast<std::size_t>(*id);
  const rules::HistorySnapshot::Level* kept =
      report->history ? &report->history->levels[*level] : nullptr;
  const bool some = kept != nullptr && index < kept->series.size();
  json::object out;
  out["signal"] = name;
  out["unit"] = rules::to_string(rules::signal_info(*id).unit);
  out["step_seconds"] = rules::global_history[*level].step.count();
  out["until"] =
      some ? json::value(rfc3339(wall_time_of(*report, report->history->at))) : json::value();
  out["values"] = some ? values_json(kept->series[index]) : json::array();
  Reply reply;
  reply.members["history"] = std::move(out);
  return reply;
}

}  // namespace

void add_history_route(Router& router, const RouteContext& context) {
  const AdminServices& services = context.services;
  router.add({"GET", "/api/v1/performance/history", Access::viewer,
              [&services](const Call& call) { return history(services, call); }});
}

}  // namespace homeostat::admin
