// The application's data and warm-up: how they are wired, and as Prometheus families.
#include "runtime/app/agent_parts.hpp"
#include "runtime/app/metric_families.hpp"

namespace homeostat::app {

void Agent::Parts::make_warm_up() {
  warm_up = std::make_unique<WarmUp>(WarmUp::Parts{
      context, clock, settings->cache, tier.get(),
      [this](std::size_t count_max) { return cache.popular(count_max); },
      [this](proxy::WarmUrl url, WarmUp::Fetched fetched) {
        server->warm(std::move(url), std::move(fetched));
      },
      [this] {
        if (draining || policies.current()->mode.emergency) return true;
        if (settings->admission.mode != config::LoopMode::on) return false;
        return gate.queue_length() > 0 || static_cast<double>(gate.in_flight()) > gate.limit() / 2;
      }});
}

namespace {

/// Writes behind, where there is something to write to.
void register_behind(telemetry::MetricsRegistry& metrics, const tier::DataCache& data) {
  const tier::BehindWriter* const behind = data.behind();
  if (behind == nullptr) return;
  metrics.gauge("homeostat_data_behind_entries",
                "Acknowledged writes that Redis does not have yet.", {},
                [behind] { return number(behind->figures().entries); });
  metrics.gauge("homeostat_data_behind_bytes", "Their bytes, overhead included.", {},
                [behind] { return number(behind->figures().bytes); });
  metrics.gauge(
      "homeostat_data_behind_oldest_seconds", "How long the oldest of them has waited.", {},
      [behind] { return std::chrono::duration<double>(behind->figures().oldest).count(); });
  metrics.collector([behind](std::vector<prometheus::MetricFamily>& out) {
    const tier::BehindCounters& counted = behind->counters();
    prometheus::MetricFamily writes =
        counters("homeostat_data_behind_writes_total", "Writes behind, by what became of them.");
    add(writes, number(counted.accepted.load()), {{"result", "accepted"}});
    add(writes, number(counted.replaced.load()), {{"result", "replaced"}});
    add(writes, number(counted.written.load()), {{"result", "written"}});
    add(writes, number(counted.dropped.load()), {{"result", "dropped"}});
    add(writes, number(counted.failed.load()), {{"result", "failed"}});
    add(writes, number(counted.through.load()), {{"result", "through"}});
    add(writes, number(counted.refused.load()), {{"result", "refused"}});
    out.push_back(std::move(writes));
  });
}

}  // namespace

void register_data(telemetry::MetricsRegistry& metrics, Agent::Parts& parts) {
  const tier::DataCache& data = *parts.data;
  const WarmUp& warm = *parts.warm_up;
  metrics.gauge("homeostat_data_entries", "Entries of the application in this agent's memory.", {},
                [&data] { return number(data.figures().entries); });
  metrics.gauge("homeostat_data_bytes", "Their bytes, overhead included.", {},
                [&data] { return number(data.figures().bytes); });
  metrics.counter("homeostat_data_evictions_total", "Entries dropped for want of room.", {},
                  [&data] { return number(data.figures().evictions); });
  register_behind(metrics, data);
  metrics.collector([&data, &warm](std::vector<prometheus::MetricFamily>& out) {
    const tier::DataCounters& counted = data.counters();
    prometheus::MetricFamily operations =
        counters("homeostat_data_operations_total", "Operations on the application's data.");
    add(operations, number(counted.hits_memory.load()), {{"operation", "get"}, {"result", "l1"}});
    add(operations, number(counted.hits_shared.load()), {{"operation", "get"}, {"result", "l2"}});
    add(operations, number(counted.misses.load()), {{"operation", "get"}, {"result", "miss"}});
    add(operations, number(counted.unknown.load()), {{"operation", "get"}, {"result", "unknown"}});
    add(operations, number(counted.sets.load()), {{"operation", "set"}, {"result", "done"}});
    add(operations, number(counted.erases.load()), {{"operation", "delete"}, {"result", "done"}});
    out.push_back(std::move(operations));
    const admin::WarmReport report = warm.report();
    prometheus::MetricFamily warmed = gauges(
        "homeostat_warm_up_urls", "URLs of the warm-up under way, or of the last one, by result.");
    add(warmed, number(report.fetched), {{"result", "fetched"}});
    add(warmed, number(report.fresh), {{"result", "fresh"}});
    add(warmed, number(report.uncacheable), {{"result", "uncacheable"}});
    add(warmed, number(report.failed), {{"result", "failed"}});
    add(warmed, number(report.total - report.done()), {{"result", "waiting"}});
    out.push_back(std::move(warmed));
  });
  metrics.gauge("homeostat_warm_up_running", "1 while a warm-up is under way.", {}, [&warm] {
    const std::string state = warm.report().state;
    return state == "running" || state == "held" || state == "waiting" ? 1.0 : 0.0;
  });
}

}  // namespace homeostat::app
