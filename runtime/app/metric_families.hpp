// The pieces of which collectors make Prometheus families.
//
// Pure; thread safety: none needed.
#pragma once

#include <prometheus/metric_family.h>

#include <concepts>
#include <string>
#include <utility>
#include <vector>

namespace homeostat::app {

[[nodiscard]] inline double number(std::integral auto value) { return static_cast<double>(value); }

[[nodiscard]] inline prometheus::MetricFamily counters(const char* name, const char* help) {
  return {name, help, prometheus::MetricType::Counter, {}};
}
[[nodiscard]] inline prometheus::MetricFamily gauges(const char* name, const char* help) {
  return {name, help, prometheus::MetricType::Gauge, {}};
}

/// One more value of a family of counters or gauges.
inline void add(prometheus::MetricFamily& family, double value,
                std::vector<prometheus::ClientMetric::Label> labels) {
  prometheus::ClientMetric metric;
  metric.label = std::move(labels);
  (family.type == prometheus::MetricType::Counter ? metric.counter.value : metric.gauge.value) =
      value;
  family.metric.push_back(std::move(metric));
}

/// A family without values is not shown.
inline void show(prometheus::MetricFamily family, std::vector<prometheus::MetricFamily>& out) {
  if (!family.metric.empty()) out.push_back(std::move(family));
}

}  // namespace homeostat::app
