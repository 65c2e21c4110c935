#include "runtime/app/recorded_signals.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "actors/traffic_signals.hpp"
#include "rules/expr/selector.hpp"

namespace homeostat::app {
namespace {

/// The endpoints seen in the last minute, busiest first.
std::vector<const EndpointFigures*> by_traffic(const TrafficFigures& traffic) {
  std::vector<const EndpointFigures*> seen;
  for (const EndpointFigures& endpoint : traffic.endpoints) {
    if (endpoint.last_1m.requests > 0) seen.push_back(&endpoint);
  }
  std::ranges::sort(seen, [](const EndpointFigures* a, const EndpointFigures* b) {
    return std::pair(b->last_1m.requests, a->id) < std::pair(a->last_1m.requests, b->id);
  });
  return seen;
}

}  // namespace

std::vector<rules::EndpointFrame> RecordedEndpoints::update(const ControlReport& report) {
  const auto& rate = report.signals[static_cast<std::size_t>(rules::SignalId::traffic_rate)];
  if (!report.traffic || rate.quality == rules::Quality::stale) return {};
  auto seen = by_traffic(*report.traffic);
  if (seen.size() > 2 * endpoints_max) seen.resize(2 * endpoints_max);
  const auto is_member = [this](const EndpointFigures* endpoint) {
    return std::ranges::binary_search(members_, endpoint->id);
  };
  std::ranges::stable_partition(seen, is_member);
  if (seen.size() > endpoints_max) seen.resize(endpoints_max);
  std::ranges::sort(seen, {}, &EndpointFigures::id);
  TrafficFigures chosen;
  members_.clear();
  for (const EndpointFigures* endpoint : seen) {
    members_.push_back(endpoint->id);
    chosen.endpoints.push_back(*endpoint);
  }
  return actors::endpoint_frames(chosen, report.traffic->at);
}

std::map<std::string, rules::Reading> recorded_selected(const ControlReport& report) {
  std::map<std::string, rules::Reading> values;
  for (const SelectedSignal& signal : report.selected) values.emplace(signal.name, signal.reading);
  for (const ObjectiveReport& objective : report.objectives) {
    const auto put = [&](const char* name, double burn) {
      const auto selector = rules::make_selector(name, {{"objective", objective.figures.name}});
      if (!std::isfinite(burn)) return;
      values.emplace(selector.text,
                     rules::Reading{burn, report.at_steady, rules::Quality::good, "slo"});
    };
    put("slo.burn", objective.burn);
    put("slo.burn_slow", objective.burn_slow);
  }
  return values;
}

}  // namespace homeostat::app
