// The signals that rules see, and what is sensed beyond traffic and machine, as Prometheus
// families.
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "runtime/app/agent_parts.hpp"
#include "runtime/app/metric_families.hpp"
#include "runtime/app/recorded_signals.hpp"

namespace homeostat::app {
namespace {

void add_objectives(const ControlReport& report, std::vector<prometheus::MetricFamily>& out) {
  if (report.objectives.empty()) return;
  prometheus::MetricFamily burn =
      gauges("homeostat_slo_burn", "How fast an error budget is spent; 1 spends it exactly.");
  prometheus::MetricFamily target =
      gauges("homeostat_slo_target_ratio", "Share of requests that must be good.");
  for (const ObjectiveReport& objective : report.objectives) {
    const std::string& name = objective.figures.name;
    add(target, objective.figures.target, {{"objective", name}});
    add(burn, objective.burn, {{"objective", name}, {"pair", "fast"}});
    add(burn, objective.burn_slow, {{"objective", name}, {"pair", "slow"}});
  }
  out.push_back(std::move(burn));
  out.push_back(std::move(target));
}

void add_signal(prometheus::MetricFamily& values, const std::string& name,
                const std::string& endpoint, const rules::Reading& reading) {
  if (!reading.usable()) return;
  std::vector<prometheus::ClientMetric::Label> labels{{"signal", name}};
  if (!endpoint.empty()) labels.push_back({"endpoint", endpoint});
  labels.push_back({"source", reading.source});
  add(values, reading.value, std::move(labels));
}

/// What the recorder keeps, under the same names: so that a range query can be replayed.
prometheus::MetricFamily signal_family(const ControlReport& report, RecordedEndpoints& endpoints) {
  prometheus::MetricFamily values =
      gauges("homeostat_signal",
             "Latest value of each signal the rules see; of the 50 busiest endpoints, too.");
  const auto name_of = [](std::size_t index) {
    return std::string(rules::signal_info(static_cast<rules::SignalId>(index)).name);
  };
  for (std::size_t i = 0; i < rules::first_endpoint_signal; ++i) {
    add_signal(values, name_of(i), {}, report.signals[i]);
  }
  for (const auto& [name, reading] : recorded_selected(report)) {
    add_signal(values, name, {}, reading);
  }
  for (const rules::EndpointFrame& endpoint : endpoints.update(report)) {
    for (std::size_t i = rules::first_endpoint_signal; i < rules::signal_count; ++i) {
      add_signal(values, name_of(i), endpoint.name, endpoint.values[i]);
    }
  }
  return values;
}

}  // namespace

void register_signal_sources(telemetry::MetricsRegistry& metrics, Agent::Parts& parts) {
  const ScrapeCounters& scrapes = parts.app_metrics.counters();
  metrics.counter("homeostat_scrapes_total", "Times the application's metrics were asked for.", {},
                  [&scrapes] { return number(scrapes.scrapes.load()); });
  metrics.counter("homeostat_scrape_failures_total", "Scrapes without a usable page.", {},
                  [&scrapes] { return number(scrapes.failures.load()); });
  metrics.counter("homeostat_recorded_rows_total", "Rows written to monitor.record.file.", {},
                  [&parts] { return number(parts.recorder.rows()); });
  metrics.gauge("homeostat_history_bytes", "Memory of the endpoints' histories.", {},
                [&parts] { return number(parts.board.current()->history_bytes); });
  metrics.counter("homeostat_history_refused_total",
                  "Histories of endpoints that monitor.history_memory had no room for.", {},
                  [&parts] { return number(parts.board.current()->history_refused); });
  metrics.collector([&parts](std::vector<prometheus::MetricFamily>& out) {
    add_objectives(*parts.board.current(), out);
  });
  struct Shown {
    std::mutex mutex;  // scrapes may come together
    RecordedEndpoints endpoints;
  };
  metrics.collector(
      [&parts, shown = std::make_shared<Shown>()](std::vector<prometheus::MetricFamily>& out) {
        const std::lock_guard lock(shown->mutex);
        show(signal_family(*parts.board.current(), shown->endpoints), out);
      });
}

}  // namespace homeostat::app
