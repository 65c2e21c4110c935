// Named limits as Prometheus families: rate limits, concurrency caps, limits of pages.
#include "runtime/app/agent_parts.hpp"
#include "runtime/app/metric_families.hpp"

namespace homeostat::app {
namespace {

using prometheus::MetricFamily;

void collect(const char* kind, const gate::NamedLimits& limits, MetricFamily& rejected,
             MetricFamily& would_reject, MetricFamily* in_use) {
  for (const gate::NamedLimits::Figures& figures : limits.figures()) {
    add(rejected, number(figures.rejected), {{"kind", kind}, {"limit", figures.name}});
    add(would_reject, number(figures.would_reject), {{"kind", kind}, {"limit", figures.name}});
    if (in_use != nullptr) add(*in_use, number(figures.in_use), {{"limit", figures.name}});
  }
}

}  // namespace

void register_limits(telemetry::MetricsRegistry& metrics, Agent::Parts& parts) {
  metrics.counter("homeostat_rate_limit_crowded_total",
                  "Requests whose key shared a bucket because its set of the table was full.", {},
                  [&parts] { return number(parts.gate.buckets().crowded()); });
  metrics.collector([&parts](std::vector<MetricFamily>& out) {
    MetricFamily rejected =
        counters("homeostat_limit_rejected_total", "Requests refused by a named limit.");
    MetricFamily would_reject = counters("homeostat_limit_would_reject_total",
                                         "Requests a named limit in shadow would have refused.");
    MetricFamily in_use =
        gauges("homeostat_concurrency_cap_in_use", "Requests inside that count for the cap.");
    collect("rate", parts.gate.rate_limits(), rejected, would_reject, nullptr);
    collect("concurrency", parts.gate.caps(), rejected, would_reject, &in_use);
    collect("page", parts.gate.page_limits(), rejected, would_reject, nullptr);
    for (MetricFamily* family : {&rejected, &would_reject, &in_use}) show(std::move(*family), out);
  });
}

}  // namespace homeostat::app
