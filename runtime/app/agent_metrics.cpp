// What the rooms count, as Prometheus families. One function per room.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include "runtime/app/agent_parts.hpp"
#include "runtime/app/metric_families.hpp"
#include "runtime/app/version.hpp"
#include "runtime/telemetry/logging.hpp"

namespace homeostat::app {
namespace {

using telemetry::MetricsRegistry;

void register_server(MetricsRegistry& metrics, Agent::Parts& parts) {
  const proxy::ServerCounters& counters = parts.server->counters();
  const auto counter = [&](const char* name, const char* help,
                           const std::atomic<std::uint64_t>& value) {
    metrics.counter(name, help, {}, [&value] { return number(value.load()); });
  };
  counter("homeostat_client_memory_refusals_total",
          "Requests answered with 503 because server.request_memory was used up.",
          counters.memory_refusals);
  counter("homeostat_client_connections_refused_total",
          "Connections above server.connections_max or what open files allow.",
          counters.connections_refused);
  counter("homeostat_client_idle_closed_total",
          "Idle connections closed for newcomers at server.connections_max.", counters.idle_closed);
  counter("homeostat_client_fields_dropped_total",
          "Request fields left out for _ or the like in their names (server.header_underscores).",
          counters.fields_dropped);
  counter("homeostat_accept_failures_total",
          "Times accepting clients paused for want of descriptors or memory.",
          counters.accept_failures);
  counter("homeostat_client_bad_requests_total", "Requests refused for their framing or size.",
          counters.bad_requests);
  counter("homeostat_client_header_timeouts_total", "Request heads that took too long.",
          counters.header_timeouts);
  counter("homeostat_client_body_timeouts_total", "Request bodies that came too slowly.",
          counters.body_timeouts);
  counter("homeostat_client_write_timeouts_total", "Clients that read too slowly or not at all.",
          counters.write_timeouts);
  counter("homeostat_client_aborted_responses_total", "Responses cut off.",
          counters.aborted_responses);
  counter("homeostat_client_upgrades_total", "Connections that became tunnels.", counters.upgrades);
  counter("homeostat_cache_readers_cut_off_total",
          "Clients cut off because they held up others of an unstorable response.",
          counters.fill_readers_cut_off);
  counter("homeostat_deadlines_missed_total",
          "Requests whose deadline passed while the upstream worked on them.",
          counters.deadlines_missed);
  counter("homeostat_deadline_fields_invalid_total",
          "Request fields that should name a deadline and do not.",
          counters.deadline_fields_invalid);
  counter("homeostat_cache_readers_detached_total",
          "Clients given an own transfer before they could hold up others.",
          counters.fill_readers_detached);
  for (std::size_t i = 0; i < proxy::write_through_result_count; ++i) {
    const std::atomic<std::uint64_t>& value = counters.writes_through[i];
    metrics.counter("homeostat_cache_writes_through_total",
                    "Fetches of what a write has changed, by result.",
                    {{"result", proxy::to_string(static_cast<proxy::WriteThroughResult>(i))}},
                    [&value] { return number(value.load()); });
  }
}

void register_cache(MetricsRegistry& metrics, Agent::Parts& parts) {
  const auto counter = [&](const char* name, const char* help, std::uint64_t CacheFigures::*field) {
    metrics.counter(name, help, {},
                    [&parts, field] { return number(parts.cache.figures().*field); });
  };
  const auto gauge = [&](const char* name, const char* help, std::size_t CacheFigures::*field) {
    metrics.gauge(name, help, {}, [&parts, field] { return number(parts.cache.figures().*field); });
  };
  counter("homeostat_cache_hits_total", "Requests answered from the cache.", &CacheFigures::hits);
  counter("homeostat_cache_misses_total", "Cacheable requests that went upstream.",
          &CacheFigures::misses);
  counter("homeostat_cache_stores_total", "Responses stored.", &CacheFigures::stores);
  counter("homeostat_cache_evictions_total", "Objects evicted for room.", &CacheFigures::evictions);
  counter("homeostat_cache_expirations_total", "Objects dropped after expiry.",
          &CacheFigures::expirations);
  counter("homeostat_cache_bypasses_total",
          "Requests the cache took no part in, or had nothing fitting for.",
          &CacheFigures::bypasses);
  counter("homeostat_cache_deletes_total", "Objects invalidated or flushed.",
          &CacheFigures::deletes);
  counter("homeostat_cache_collapsed_total", "Requests that shared another request's fill.",
          &CacheFigures::collapsed);
  metrics.gauge("homeostat_cache_tags", "Tags that stored objects carry.", {},
                [&parts] { return number(parts.cache.tags().slots()); });
  metrics.counter("homeostat_cache_tag_overflows_total",
                  "Tags that had to share a slot because cache.tags.distinct_max was reached.", {},
                  [&parts] { return number(parts.cache.tags().overflows()); });
  if (parts.settings->cache.tenant.by != config::CacheTenantKey::none) {
    metrics.gauge(
        "homeostat_cache_tenants",
        "Tenants that have something stored; beyond cache.tags.distinct_max not told apart.", {},
        [&parts] { return number(parts.cache.tenants(0).known); });
  }
  gauge("homeostat_cache_entries", "Objects stored.", &CacheFigures::entries);
  gauge("homeostat_cache_bytes", "Bytes used, overhead included.", &CacheFigures::bytes);
  gauge("homeostat_cache_bytes_max", "Byte bound in force.", &CacheFigures::bytes_max);
  metrics.collector([&parts](std::vector<prometheus::MetricFamily>& out) {
    prometheus::MetricFamily family = counters("homeostat_cache_reasons_total",
                                               "Why a request or response stayed out of the "
                                               "cache, or what was stale was served.");
    const auto reasons = parts.cache.reasons();
    for (std::size_t i = 1; i < reasons.size(); ++i) {
      if (reasons[i] == 0) continue;
      add(family, number(reasons[i]),
          {{"reason", std::string(cache::to_string(static_cast<cache::Reason>(i)))}});
    }
    show(std::move(family), out);
  });
}

void register_admission(MetricsRegistry& metrics, Agent::Parts& parts) {
  metrics.gauge("homeostat_admission_limit", "Concurrent upstream requests allowed.", {},
                [&parts] { return parts.gate.limit(); });
  const auto seconds = [](Duration wait) { return std::chrono::duration<double>(wait).count(); };
  metrics.gauge("homeostat_admission_max_wait_seconds",
                "How long a request may wait in a burst, by level or configuration.", {},
                [&parts, seconds] { return seconds(parts.gate.queue_bounds().max_wait); });
  metrics.gauge("homeostat_admission_standing_wait_seconds",
                "Shortest budget of a wait while demand exceeds the capacity, by level.", {},
                [&parts, seconds] { return seconds(parts.gate.queue_bounds().standing_wait); });
  metrics.gauge("homeostat_admission_in_flight", "Slots of the limit in use.", {},
                [&parts] { return number(parts.gate.in_flight()); });
  metrics.gauge("homeostat_admission_streams",
                "Upstream requests without a slot: streams, tunnels, and those that wait for "
                "their client.",
                {}, [&parts] { return number(parts.gate.aside()); });
  metrics.gauge("homeostat_admission_queue_length", "Requests waiting for a permit.", {},
                [&parts] { return number(parts.gate.queue_length()); });
  metrics.collector([&parts](std::vector<prometheus::MetricFamily>& out) {
    prometheus::MetricFamily admitted =
        counters("homeostat_admission_admitted_total", "Requests admitted, by class.");
    prometheus::MetricFamily rejected =
        counters("homeostat_admission_rejected_total", "Requests rejected, by reason and class.");
    prometheus::MetricFamily shadow = counters("homeostat_admission_would_reject_total",
                                               "Requests shadow mode would have rejected.");
    const gate::GateTotals totals = parts.gate.totals();
    for (std::size_t klass = 0; klass < totals.admitted.size(); ++klass) {
      const std::string name = std::to_string(klass);
      add(admitted, number(totals.admitted[klass]), {{"class", name}});
      for (std::size_t i = 0; i < gate::reject_reason_count; ++i) {
        const std::uint64_t refused = totals.rejected[i][klass];
        const std::uint64_t would_refuse = totals.would_reject[i][klass];
        const char* reason = gate::to_string(static_cast<gate::RejectReason>(i));
        if (refused != 0) add(rejected, number(refused), {{"class", name}, {"reason", reason}});
        if (would_refuse != 0)
          add(shadow, number(would_refuse), {{"class", name}, {"reason", reason}});
      }
    }
    out.push_back(std::move(admitted));
    show(std::move(rejected), out);
    show(std::move(shadow), out);
  });
}

void register_emergency(MetricsRegistry& metrics, Agent::Parts& parts) {
  metrics.gauge("homeostat_emergency", "1 while in emergency mode.", {},
                [&parts] { return parts.board.current()->emergency ? 1.0 : 0.0; });
  metrics.counter("homeostat_emergencies_total", "Times emergency mode was entered.", {},
                  [&parts] { return number(parts.board.current()->emergencies_total); });
  metrics.counter("homeostat_emergency_seconds_total", "Time spent in emergency mode.", {},
                  [&parts] { return parts.board.current()->emergency_seconds_total; });
  metrics.gauge("homeostat_emergency_uptime_ratio",
                "Share of the time since the start spent in emergency mode.", {},
                [&parts, started = parts.clock.now()] {
                  return emergency_share(*parts.board.current(), parts.clock.now() - started);
                });
}

void register_control(MetricsRegistry& metrics, Agent::Parts& parts) {
  for (const auto verdict : {rules::TrialVerdict::running, rules::TrialVerdict::useful,
                             rules::TrialVerdict::harmful, rules::TrialVerdict::unproven}) {
    metrics.counter("homeostat_rule_effects_total",
                    "Trials of actions that began (running) or came to a verdict.",
                    {{"verdict", std::string(rules::to_string(verdict))}}, [&parts, verdict] {
                      const auto& counts = parts.board.current()->trial_verdicts;
                      return number(counts.at(static_cast<std::size_t>(verdict)));
                    });
  }
  metrics.counter("homeostat_rule_triggers_total", "Transitions into firing.", {},
                  [&parts] { return number(parts.board.current()->triggers_total); });
  metrics.collector([&parts](std::vector<prometheus::MetricFamily>& out) {
    prometheus::MetricFamily family = counters("homeostat_rule_transitions_total",
                                               "Times a rule came to a state, on any endpoint.");
    const auto report = parts.board.current();
    for (const auto& [rule, counts] : report->transitions) {
      for (std::size_t i = 0; i < counts.size(); ++i) {
        const auto state = static_cast<rules::RuleState>(i);
        add(family, number(counts[i]),
            {{"rule", rule}, {"to", std::string(rules::to_string(state))}});
      }
    }
    show(std::move(family), out);
  });
  metrics.gauge("homeostat_rules_active", "Actions in force.", {}, [&parts] {
    const auto report = parts.board.current();
    return report->mode == "on" ? number(report->active.size()) : 0.0;
  });
  metrics.gauge("homeostat_level", "Effective level: 0 conservative, 1 balanced, 2 aggressive.", {},
                [&parts] { return static_cast<double>(parts.board.current()->effective_level); });
  metrics.gauge("homeostat_policy_degraded", "1 while static defaults replace a lost policy.", {},
                [&parts] { return parts.policies.degraded() ? 1.0 : 0.0; });
  metrics.counter("homeostat_policy_lease_expiries_total", "Policy sections that ran out.", {},
                  [&parts] { return number(parts.lease_expiries.load()); });
  metrics.counter("homeostat_control_plane_restarts_total",
                  "Times the whole control plane was started anew.", {},
                  [&parts] { return number(parts.revivals.load()); });
  metrics.counter("homeostat_config_reloads_total", "Configurations loaded while running.", {},
                  [&parts] { return number(parts.reloads.load()); });
  metrics.counter("homeostat_config_reload_failures_total", "Configurations refused while running.",
                  {}, [&parts] { return number(parts.reload_failures.load()); });
  metrics.collector([&parts](std::vector<prometheus::MetricFamily>& out) {
    prometheus::MetricFamily family =
        counters("homeostat_actor_restarts_total", "Restarts of each actor.");
    const auto report = parts.board.current();
    for (const ActorHealth& actor : report->actors) {
      add(family, number(actor.restarts), {{"actor", actor.name}});
    }
    show(std::move(family), out);
  });
}

void register_edges(MetricsRegistry& metrics, Agent::Parts& parts) {
  metrics.counter("homeostat_alerts_sent_total", "Alerts delivered, per target.", {},
                  [&parts] { return number(parts.alerts.figures().sent); });
  metrics.counter("homeostat_alerts_failed_total", "Delivery attempts that failed.", {},
                  [&parts] { return number(parts.alerts.figures().failed); });
  metrics.counter("homeostat_alerts_dropped_total", "Alert repeats given up.", {},
                  [&parts] { return number(parts.alerts.figures().dropped); });
  metrics.gauge("homeostat_alerts_firing", "Alerts firing now.", {},
                [&parts] { return number(parts.alerts.firing()); });
  metrics.gauge("homeostat_alerts_queue_length", "Alert messages waiting.", {},
                [&parts] { return number(parts.alerts.figures().queue_length); });
  const admin::AdminCounters& admin = parts.admin->counters();
  metrics.counter("homeostat_admin_requests_total", "Management requests.", {},
                  [&admin] { return number(admin.requests.load()); });
  metrics.counter("homeostat_admin_unauthorized_total",
                  "Management requests without a valid token.", {},
                  [&admin] { return number(admin.unauthorized.load()); });
  metrics.gauge("homeostat_admin_event_streams", "Readers of GET /api/v1/events.", {},
                [&admin] { return number(admin.event_streams.load()); });
  metrics.counter("homeostat_events_total", "Events told to readers of GET /api/v1/events.", {},
                  [&parts] { return number(parts.events.newest()); });
  metrics.counter("homeostat_admin_forbidden_total", "Management requests with too small a role.",
                  {}, [&admin] { return number(admin.forbidden.load()); });
  metrics.counter("homeostat_admin_changes_total", "Changes made through the management API.", {},
                  [&admin] { return number(admin.changes.load()); });
  metrics.counter("homeostat_memory_releases_total", "Times free heap pages were returned.", {},
                  [&parts] { return number(parts.memory.releases()); });
  metrics.counter("homeostat_memory_released_bytes_total", "Resident bytes returned.", {},
                  [&parts] { return number(parts.memory.released_bytes()); });
  metrics.counter("homeostat_access_log_dropped_total", "Access log lines lost to a full queue.",
                  {}, [&parts] { return number(parts.access_log.dropped()); });
  metrics.counter("homeostat_log_dropped_total",
                  "Lines of the process's log lost because standard error took no more.", {},
                  [] { return number(telemetry::log_lines_dropped()); });
}

}  // namespace

void register_metrics(MetricsRegistry& registry, Agent::Parts& parts) {
  telemetry::register_build_info(registry, std::string(version()), std::string(revision()));
  telemetry::register_process_metrics(registry);
  registry.collector(
      [&parts](std::vector<prometheus::MetricFamily>& out) { parts.telemetry.families(out); });
  register_server(registry, parts);
  register_upstream(registry, parts);
  register_cache(registry, parts);
  register_signal_sources(registry, parts);
  register_reloads(registry, parts);
  register_refresh(registry, parts);
  register_tier(registry, parts);
  register_data(registry, parts);
  register_limits(registry, parts);
  register_admission(registry, parts);
  register_compression(registry, parts);
  register_emergency(registry, parts);
  register_control(registry, parts);
  register_edges(registry, parts);
}

}  // namespace homeostat::app
