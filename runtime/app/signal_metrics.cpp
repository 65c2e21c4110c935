// What is sensed beyond traffic and machine, as Prometheus families.
#include "runtime/app/agent_parts.hpp"
#include "runtime/app/metric_families.hpp"

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
}

}  // namespace homeostat::app
