// Named limits as Prometheus families: rate limits and concurrency caps.
#include "runtime/app/agent_parts.hpp"

namespace homeostat::app {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

double number(std::uint64_t value) { return static_cast<double>(value); }

prometheus::ClientMetric metric_of(const char* kind, const std::string& limit) {
  prometheus::ClientMetric metric;
  metric.label = {{"kind", kind}, {"limit", limit}};
  return metric;
}

void collect(const char* kind, const gate::NamedLimits& limits, MetricFamily& rejected,
             MetricFamily& would_reject, MetricFamily* in_use) {
  for (const gate::NamedLimits::Figures& figures : limits.figures()) {
    prometheus::ClientMetric metric = metric_of(kind, figures.name);
    metric.counter.value = number(figures.rejected);
    rejected.metric.push_back(metric);
    metric.counter.value = number(figures.would_reject);
    would_reject.metric.push_back(metric);
    if (in_use == nullptr) continue;
    prometheus::ClientMetric used;
    used.label = {{"limit", figures.name}};
    used.gauge.value = static_cast<double>(figures.in_use);
    in_use->metric.push_back(std::move(used));
  }
}

}  // namespace

void register_limits(telemetry::MetricsRegistry& metrics, Agent::Parts& parts) {
  metrics.counter("homeostat_rate_limit_crowded_total",
                  "Requests whose key shared a bucket because its set of the table was full.", {},
                  [&parts] { return number(parts.gate.buckets().crowded()); });
  metrics.collector([&parts](std::vector<MetricFamily>& out) {
    MetricFamily rejected{"homeostat_limit_rejected_total",
                          "Requests refused by a named limit.",
                          MetricType::Counter,
                          {}};
    MetricFamily would_reject{"homeostat_limit_would_reject_total",
                              "Requests a named limit in shadow would have refused.",
                              MetricType::Counter,
                              {}};
    MetricFamily in_use{"homeostat_concurrency_cap_in_use",
                        "Requests inside that count for the cap.",
                        MetricType::Gauge,
                        {}};
    collect("rate", parts.gate.rate_limits(), rejected, would_reject, nullptr);
    collect("concurrency", parts.gate.caps(), rejected, would_reject, &in_use);
    for (MetricFamily* family : {&rejected, &would_reject, &in_use}) {
      if (!family->metric.empty()) out.push_back(std::move(*family));
    }
  });
}

}  // namespace homeostat::app
