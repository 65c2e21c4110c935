#include <prometheus/metric_family.h>

#include <limits>
#include <utility>

#include "runtime/telemetry/telemetry.hpp"
#include "runtime/telemetry/telemetry_state.hpp"

namespace homeostat::telemetry {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Label = ClientMetric::Label;

constexpr std::array<const char*, status_class_count> class_names = {"none", "1xx", "2xx",
                                                                     "3xx",  "4xx", "5xx"};

MetricFamily family(const char* name, const char* help, MetricType type) {
  return {name, help, type, {}};
}

void add_counter(MetricFamily& to, std::vector<Label> labels, std::uint64_t value) {
  ClientMetric metric;
  metric.label = std::move(labels);
  metric.counter.value = static_cast<double>(value);
  to.metric.push_back(std::move(metric));
}

void add_single(std::vector<MetricFamily>& out, MetricType type, const char* name, const char* help,
                std::uint64_t value) {
  MetricFamily single = family(name, help, type);
  ClientMetric metric;
  (type == MetricType::Counter ? metric.counter.value : metric.gauge.value) =
      static_cast<double>(value);
  single.metric.push_back(std::move(metric));
  out.push_back(std::move(single));
}

ClientMetric histogram(const DurationTotals& totals, std::vector<Label> labels) {
  ClientMetric metric;
  metric.label = std::move(labels);
  std::uint64_t below = 0;
  metric.histogram.bucket.reserve(totals.buckets.size());
  for (std::size_t i = 0; i < totals.buckets.size(); ++i) {
    below += totals.buckets[i];
    const double bound =
        i < duration_bounds.size() ? duration_bounds[i] : std::numeric_limits<double>::infinity();
    metric.histogram.bucket.push_back({below, bound});
  }
  metric.histogram.sample_count = below;
  metric.histogram.sample_sum = static_cast<double>(totals.nanoseconds) * 1e-9;
  return metric;
}

}  // namespace

void Telemetry::families(std::vector<MetricFamily>& out) {
  const std::lock_guard lock(mutex_);
  drain(clock_.now());
  add_route_families(out);
  add_total_families(out);
  add_agent_families(out);
}

void Telemetry::add_route_families(std::vector<MetricFamily>& out) const {
  MetricFamily requests = family("homeostat_requests_total",
                                 "Requests by method, route and class of the status sent "
                                 "(none: the client left before a status was sent).",
                                 MetricType::Counter);
  MetricFamily durations = family("homeostat_request_duration_seconds",
                                  "Time from the request's head to the response's last byte, "
                                  "without rejected requests.",
                                  MetricType::Histogram);
  for (const auto& state : states_) {
    if (!state) continue;
    const std::vector<Label> labels = {{"method", state->name.method},
                                       {"route", state->name.route}};
    for (std::size_t i = 0; i < status_class_count; ++i) {
      if (state->totals.status[i] == 0) continue;
      auto with_code = labels;
      with_code.push_back({"code", class_names[i]});
      add_counter(requests, std::move(with_code), state->totals.status[i]);
    }
    durations.metric.push_back(histogram(state->totals.latency, labels));
  }
  if (!requests.metric.empty()) out.push_back(std::move(requests));
  if (!durations.metric.empty()) out.push_back(std::move(durations));
}

void Telemetry::add_total_families(std::vector<MetricFamily>& out) const {
  MetricFamily cache = family("homeostat_cache_requests_total",
                              "Requests by what the cache did for them.", MetricType::Counter);
  for (std::size_t i = 0; i < cache_result_count; ++i) {
    add_counter(cache, {{"result", std::string(to_string(static_cast<CacheResult>(i)))}},
                totals_.cache[i]);
  }
  out.push_back(std::move(cache));
  MetricFamily upstream =
      family("homeostat_upstream_duration_seconds",
             "Time from dispatch to the head of the upstream's response.", MetricType::Histogram);
  upstream.metric.push_back(histogram(upstream_->latency, {}));
  out.push_back(std::move(upstream));
  const auto counter = MetricType::Counter;
  add_single(out, counter, "homeostat_upstream_requests_total", "Requests sent to the upstream.",
             upstream_->requests);
  add_single(out, counter, "homeostat_upstream_failed_requests_total",
             "Requests to the upstream that ended in an error, a timeout or a 5xx status.",
             upstream_->failed);
  add_single(out, counter, "homeostat_upstream_errors_total",
             "Requests for which the upstream could not be reached or broke off.",
             totals_.upstream_errors);
  add_single(out, counter, "homeostat_upstream_timeouts_total",
             "Requests for which the upstream took too long.", totals_.upstream_timeouts);
  add_single(out, counter, "homeostat_requests_rejected_total",
             "Requests turned away by admission control.", totals_.rejected);
  add_single(out, counter, "homeostat_requests_failed_total",
             "Requests answered with a 5xx status or cut short, without rejected ones.",
             totals_.failed);
  add_single(out, counter, "homeostat_requests_aborted_total",
             "Requests whose client left before the end.", totals_.client_aborts);
  add_single(out, counter, "homeostat_request_body_bytes_total", "Request body bytes received.",
             totals_.request_bytes);
  add_single(out, counter, "homeostat_response_body_bytes_total", "Response body bytes sent.",
             totals_.response_bytes);
}

void Telemetry::add_agent_families(std::vector<MetricFamily>& out) const {
  std::uint64_t accepted = 0, overflows = 0;
  for (const auto& worker : workers_) {
    accepted += worker->connections_total();
    overflows += worker->overflows();
  }
  const auto gauge = MetricType::Gauge;
  add_single(out, gauge, "homeostat_requests_in_flight", "Requests being served now.", in_flight());
  add_single(out, gauge, "homeostat_client_connections", "Open client connections.", connections());
  add_single(out, MetricType::Counter, "homeostat_client_connections_accepted_total",
             "Client connections accepted.", accepted);
  add_single(out, gauge, "homeostat_endpoints", "Endpoints told apart, without other.",
             table_.live_count());
  add_single(out, MetricType::Counter, "homeostat_endpoint_overflow_requests_total",
             "Requests counted as other because the endpoint table was full.", overflows);
}

}  // namespace homeostat::telemetry
