// What happens towards the upstream, as Prometheus families, for GET /upstreams
// and as an alert: the same facts from the same place.
#include <spdlog/spdlog.h>

#include <algorithm>

#include "runtime/app/agent_parts.hpp"
#include "runtime/app/metric_families.hpp"

namespace homeostat::app {
namespace {

using prometheus::MetricFamily;
using rules::BreakerCause;

constexpr std::array causes{BreakerCause::failures, BreakerCause::slowness, BreakerCause::silence,
                            BreakerCause::outlier};

template <class Visit>
void each_endpoint(const proxy::UpstreamTarget& target, Visit&& visit) {
  for (std::size_t i = 0; i < target.endpoint_count(); ++i) {
    const auto id = static_cast<rules::EndpointId>(i);
    if (const proxy::EndpointBreaker* own = target.known_endpoint(id)) visit(id, own->breaker);
  }
}

void collect(const proxy::UpstreamSet& set, Instant now, std::vector<MetricFamily>& out) {
  MetricFamily healthy = gauges("homeostat_upstream_healthy", "1 if the target takes requests.");
  MetricFamily open = gauges("homeostat_upstream_connections", "Open connections to the target.");
  MetricFamily share =
      gauges("homeostat_breaker_share", "Share of the requests a target's breaker passes.");
  MetricFamily endpoints = gauges("homeostat_breaker_endpoints_open",
                                  "Endpoints whose breaker at the target is not closed.");
  MetricFamily opened = counters("homeostat_breaker_opened_total",
                                 "Times a breaker opened, by what it guards and why.");
  for (const auto& target : set.targets()) {
    const std::string& name = target->name();
    add(healthy, target->healthy(now) ? 1 : 0, {{"target", name}});
    add(open, static_cast<double>(target->connections()), {{"target", name}});
    add(share, target->breaker().view(now).share, {{"target", name}});
    std::size_t not_closed = 0;
    std::array<std::uint64_t, rules::breaker_cause_count> of_endpoints{};
    each_endpoint(*target, [&](rules::EndpointId, const proxy::Breaker& breaker) {
      if (breaker.view(now).share < 1) ++not_closed;
      for (const BreakerCause cause : causes) {
        of_endpoints[static_cast<std::size_t>(cause)] += breaker.opened(cause);
      }
    });
    add(endpoints, number(not_closed), {{"target", name}});
    for (const BreakerCause cause : causes) {
      const std::string why = rules::to_string(cause);
      add(opened, number(target->breaker().opened(cause)),
          {{"target", name}, {"scope", "target"}, {"cause", why}});
      if (cause == BreakerCause::outlier) continue;  // endpoints are never ejected
      add(opened, number(of_endpoints[static_cast<std::size_t>(cause)]),
          {{"target", name}, {"scope", "endpoint"}, {"cause", why}});
    }
  }
  for (MetricFamily* family : {&healthy, &open, &share, &endpoints, &opened}) {
    out.push_back(std::move(*family));
  }
}

Alert breaker_alert(const std::string& target, BreakerCause cause, bool others) {
  return {.name = "HomeostatUpstreamOpen",
          .severity = others ? rules::Severity::warning : rules::Severity::critical,
          .scope = target,
          .summary = "The upstream " + target + " does not work",
          .description =
              std::string("The circuit breaker is open because of ") + rules::to_string(cause) +
              (others ? "; others are asked instead." : "; clients get 503 or stored content.")};
}

admin::BreakerReport report_of(const proxy::Breaker& breaker, Instant now) {
  const proxy::BreakerView view = breaker.view(now);
  return {rules::to_string(view.state), rules::to_string(view.cause), view.share,
          std::chrono::duration<double>(now - view.since).count()};
}

}  // namespace

void register_upstream(telemetry::MetricsRegistry& metrics, Agent::Parts& parts) {
  using Counters = proxy::UpstreamCounters;
  using Field = std::atomic<std::uint64_t> Counters::*;
  const auto counter = [&](const char* name, const char* help, Field field) {
    metrics.counter(name, help, {}, [&parts, field] {
      return number((parts.server->upstream()->counters().*field).load());
    });
  };
  counter("homeostat_upstream_connects_total", "Connections opened.", &Counters::connects);
  counter("homeostat_upstream_connect_failures_total", "Connections that failed to open.",
          &Counters::connect_failures);
  counter("homeostat_upstream_local_failures_total",
          "Requests not sent because the agent had no descriptor, memory or port left.",
          &Counters::local_failures);
  counter("homeostat_upstream_reuses_total", "Requests on a kept connection.", &Counters::reuses);
  counter("homeostat_upstream_retries_total", "Requests sent again.", &Counters::retries);
  counter("homeostat_upstream_abandoned_total",
          "Requests whose client left while the application was at work on them.",
          &Counters::abandoned);
  counter("homeostat_upstream_retries_denied_total",
          "Requests not sent again: the budget was used.", &Counters::retries_denied);
  counter("homeostat_upstream_resets_total", "Connections lost during a request.",
          &Counters::resets);
  counter("homeostat_upstream_protocol_errors_total", "Responses with broken framing.",
          &Counters::protocol_errors);
  counter("homeostat_upstream_connection_limit_total", "Requests refused at connections_max.",
          &Counters::connection_limit);
  counter("homeostat_upstream_lookup_failures_total",
          "Lookups of targets' names that failed; what worked stays in force.",
          &Counters::lookup_failures);
  counter("homeostat_upstream_address_changes_total",
          "Times a target's name led to other addresses than before.", &Counters::address_changes);
  counter("homeostat_breaker_probes_total", "Requests that passed an open breaker.",
          &Counters::probes);
  counter("homeostat_breaker_refused_total", "Requests no breaker let through.",
          &Counters::refused);
  counter("homeostat_breaker_would_refuse_total", "Requests shadow mode would have refused.",
          &Counters::would_refuse);
  metrics.collector([&parts](std::vector<MetricFamily>& out) {
    collect(*parts.server->upstream(), parts.clock.now(), out);
  });
}

std::vector<admin::UpstreamReport> Agent::Parts::upstream_report() const {
  const Instant now = clock.now();
  std::vector<admin::UpstreamReport> reports;
  const auto set = server->upstream();
  for (const auto& target : set->targets()) {
    admin::UpstreamReport report;
    report.target = target->name();
    report.healthy = target->healthy(now);
    report.active_check_ok = target->active_health();
    report.connections = target->connections();
    report.in_flight = target->in_flight();
    report.breaker = report_of(target->breaker(), now);
    each_endpoint(*target, [&](rules::EndpointId id, const proxy::Breaker& breaker) {
      if (breaker.view(now).share >= 1) return;
      const telemetry::EndpointName name = telemetry.endpoints().name(id);
      report.endpoints.emplace_back(name.method + " " + name.route, report_of(breaker, now));
    });
    reports.push_back(std::move(report));
  }
  return reports;
}

/// One alert and one log line each time a target goes or comes back.
void Agent::Parts::watch_upstream() {
  const auto set = server->upstream();
  const Instant now = clock.now();
  std::set<std::string> out;
  for (const auto& target : set->targets()) {
    const proxy::BreakerView view = target->breaker().view(now);
    if (view.state != rules::BreakerState::open) continue;
    out.insert(target->name());
    if (upstreams_out.contains(target->name())) continue;
    const bool acts = set->settings().breaker.mode == config::LoopMode::on;
    const char* what = !acts                                 ? "shadow mode: everything is sent"
                       : view.cause == BreakerCause::outlier ? "left out for a while"
                                                             : "only probes are sent";
    spdlog::warn("upstream {}: the breaker is open ({}); {}", target->name(),
                 rules::to_string(view.cause), what);
    if (acts) {
      const Alert alert = breaker_alert(target->name(), view.cause, set->any_healthy(now));
      told_alerts.fire(alert, clock.wall_now());
    }
  }
  for (const std::string& name : upstreams_out) {
    if (out.contains(name)) continue;
    spdlog::info("upstream {}: the breaker lets requests through again", name);
    told_alerts.resolve(breaker_alert(name, BreakerCause::none, false), clock.wall_now());
  }
  upstreams_out = std::move(out);
}

}  // namespace homeostat::app
