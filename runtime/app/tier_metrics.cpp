// The tier shared in Redis, as Prometheus families and for the management API.
#include "runtime/app/agent_parts.hpp"
#include "runtime/app/metric_families.hpp"

namespace homeostat::app {
namespace {

void collect(const tier::Tier& tier, std::vector<prometheus::MetricFamily>& out) {
  const tier::TierCounters& counted = tier.counters();
  prometheus::MetricFamily reads =
      counters("homeostat_shared_reads_total", "Reads of the shared tier, by result.");
  for (std::size_t i = 0; i < tier::read_outcome_count; ++i) {
    add(reads, number(counted.reads[i].load()),
        {{"result", tier::to_string(static_cast<tier::ReadOutcome>(i))}});
  }
  prometheus::MetricFamily writes =
      counters("homeostat_shared_writes_total", "Writes to the shared tier, by result.");
  for (std::size_t i = 0; i < tier::write_outcome_count; ++i) {
    add(writes, number(counted.writes[i].load()),
        {{"result", tier::to_string(static_cast<tier::WriteOutcome>(i))}});
  }
  prometheus::MetricFamily broken = counters("homeostat_shared_broken_entries_total",
                                             "Entries that could not be read, by reason.");
  for (std::size_t i = 1; i < tier::entry_error_count; ++i) {
    add(broken, number(counted.broken[i].load()),
        {{"reason", std::string(tier::to_string(static_cast<tier::EntryError>(i)))}});
  }
  prometheus::MetricFamily leases = counters("homeostat_shared_leases_total",
                                             "Misses to be fetched once for the fleet, by result.");
  for (std::size_t i = 0; i < tier::lease_outcome_count; ++i) {
    add(leases, number(counted.leases[i].load()),
        {{"result", tier::to_string(static_cast<tier::LeaseOutcome>(i))}});
  }
  prometheus::MetricFamily errors =
      counters("homeostat_redis_errors_total", "Error replies of Redis, by code.");
  for (std::size_t i = 0; i < redis::error_code_count; ++i) {
    add(errors, number(tier.calls().errors[i].load()),
        {{"code", std::string(redis::to_string(static_cast<redis::ErrorCode>(i)))}});
  }
  out.push_back(std::move(errors));
  prometheus::MetricFamily rates = counters("homeostat_shared_rate_limits_total",
                                            "Uses of rate limits told to the fleet, by result.");
  add(rates, number(counted.rates_exchanged.load()), {{"result", "added_up"}});
  add(rates, number(counted.rates_unshared.load()), {{"result", "unshared"}});
  out.push_back(std::move(rates));
  out.push_back(std::move(leases));
  out.push_back(std::move(reads));
  out.push_back(std::move(writes));
  out.push_back(std::move(broken));
}

template <class Counter>
void register_calls(const Counter& counter, const redis::CallCounters& calls) {
  counter("homeostat_redis_calls_total", "Commands sent to Redis.", calls.calls);
  counter("homeostat_redis_timeouts_total", "Commands without an answer in time.", calls.timeouts);
  counter("homeostat_redis_lost_total", "Commands unanswered when their connection ended.",
          calls.lost);
  counter("homeostat_redis_refused_total", "Commands not sent: Redis is not up or too much waits.",
          calls.refused);
  counter("homeostat_redis_redirects_total", "MOVED and ASK of a cluster.", calls.redirects);
  counter("homeostat_redis_connections_total", "Connections made.", calls.connections);
  counter("homeostat_redis_connection_failures_total", "Connections that could not be made.",
          calls.connection_failures);
  counter("homeostat_redis_disconnections_total", "Connections lost.", calls.disconnections);
  counter("homeostat_redis_protocol_errors_total", "Connections given up for what they sent.",
          calls.protocol_errors);
  counter("homeostat_redis_breaker_openings_total",
          "Times a server was not asked any more because it did not answer in time.",
          calls.breaker_openings);
  counter("homeostat_redis_sent_bytes_total", "Bytes sent to Redis.", calls.bytes_sent);
  counter("homeostat_redis_received_bytes_total", "Bytes received from Redis.",
          calls.bytes_received);
}

}  // namespace

void register_tier(telemetry::MetricsRegistry& metrics, Agent::Parts& parts) {
  if (!parts.tier) return;
  tier::Tier& tier = *parts.tier;
  const tier::TierCounters& counted = tier.counters();
  const auto counter = [&](const char* name, const char* help,
                           const std::atomic<std::uint64_t>& value) {
    metrics.counter(name, help, {}, [&value] { return number(value.load()); });
  };
  register_calls(counter, tier.calls());
  counter("homeostat_shared_body_bytes_total", "Bytes of bodies written to the shared tier.",
          counted.body_bytes_in);
  counter("homeostat_shared_stored_bytes_total", "The same as stored: compressed.",
          counted.body_bytes_out);
  counter("homeostat_shared_invalidations_sent_total", "Invalidations told to the fleet.",
          counted.invalidations_sent);
  counter("homeostat_shared_invalidations_received_total", "Invalidations of other agents.",
          counted.invalidations_received);
  counter("homeostat_shared_log_gaps_total",
          "Times the fleet's log was not complete and everything stored was made stale.",
          counted.log_gaps);
  counter("homeostat_shared_partitions_total",
          "Times everything stored was made stale because of cache.redis.partition_max.",
          counted.partitions);
  counter("homeostat_shared_reads_would_skip_total",
          "Reads that cache.redis.adaptive in shadow mode would not have made.",
          counted.would_skip);
  metrics.counter("homeostat_shared_read_seconds_total", "Time reads took that were answered.", {},
                  [&counted] { return number(counted.read_nanoseconds.load()) * 1e-9; });
  metrics.counter("homeostat_shared_lease_wait_seconds_total",
                  "Time misses took to get a lease, or what another agent fetched under one.", {},
                  [&counted] { return number(counted.lease_wait_nanoseconds.load()) * 1e-9; });
  metrics.gauge("homeostat_shared_invalidations_waiting", "Invalidations Redis has not taken yet.",
                {}, [&counted] { return number(counted.invalidations_waiting.load()); });
  metrics.gauge("homeostat_redis_up", "1 while Redis answers in time.", {},
                [&tier] { return tier.health().up ? 1.0 : 0.0; });
  metrics.gauge("homeostat_shared_in_step", "1 while the fleet's invalidations are followed.", {},
                [&tier] { return tier.in_step() ? 1.0 : 0.0; });
  metrics.collector([&tier](std::vector<prometheus::MetricFamily>& out) { collect(tier, out); });
}

admin::SharedTierReport shared_tier_report(const tier::Tier& tier) {
  const tier::HealthReport health = tier.health();
  const tier::TierCounters& counted = tier.counters();
  const auto reads = [&](tier::ReadOutcome outcome) {
    return counted.reads[static_cast<std::size_t>(outcome)].load();
  };
  admin::SharedTierReport report;
  report.connected = health.up;
  report.in_step = tier.in_step();
  report.trouble = health.trouble;
  report.answered_in = health.answered_in;
  report.memory_bytes = health.memory_bytes;
  report.memory_bytes_max = health.memory_bytes_max;
  report.keys = health.keys;
  report.evicted_keys = health.evicted_keys;
  report.clients = health.clients;
  report.commands_total = health.commands_total;
  report.uptime_seconds = health.uptime_seconds;
  report.hits = reads(tier::ReadOutcome::hit);
  for (const tier::ReadOutcome outcome :
       {tier::ReadOutcome::miss, tier::ReadOutcome::late, tier::ReadOutcome::failed,
        tier::ReadOutcome::broken, tier::ReadOutcome::unsuitable, tier::ReadOutcome::outdated,
        tier::ReadOutcome::expired}) {
    report.misses += reads(outcome);
  }
  report.stores = counted.writes[static_cast<std::size_t>(tier::WriteOutcome::stored)].load();
  report.invalidations_waiting = counted.invalidations_waiting.load();
  return report;
}

}  // namespace homeostat::app
