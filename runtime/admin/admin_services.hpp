// Everything the management API reads or commands, handed over by the
// application.
//
// Thread safety: every callback is called on the admin thread only, one at a
// time; only parse_rules and recorded_signals are called on another thread. A callback may take
// milliseconds (rendering metrics, reading rule files) because no request of the data plane waits
// for that thread; it must not block for longer. Ownership: references must outlive the
// AdminServer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "rules/engine/rule.hpp"
#include "rules/engine/rule_override.hpp"
#include "runtime/ports/actuators.hpp"
#include "runtime/ports/application_data.hpp"
#include "runtime/ports/clock.hpp"
#include "runtime/ports/control.hpp"
#include "runtime/ports/events.hpp"
#include "runtime/ports/policy_store.hpp"
#include "runtime/ports/request_patterns.hpp"

namespace homeostat::admin {

/// One reason for or against readiness.
struct ReadinessCheck {
  std::string name;  ///< "upstream", "draining"
  bool ok = true;
  bool required = true;  ///< false: shown as degraded, does not make /readyz fail
  std::string detail;
};

/// What a rule reload came to. Errors carry file:line:column; with any error
/// the rules in force stay as they were.
struct ReloadOutcome {
  std::vector<std::string> errors;
  std::size_t rules_total = 0;  ///< of the set now in force
};

/// A circuit breaker as GET /upstreams shows it.
struct BreakerReport {
  std::string state;   ///< closed, open, recovering
  std::string cause;   ///< none, failures, slowness, silence, outlier
  double share = 1;    ///< of the requests that pass
  double seconds = 0;  ///< in this state
};

struct UpstreamReport {
  std::string target;
  bool healthy = true;          ///< takes requests
  bool active_check_ok = true;  ///< true without one
  std::size_t connections = 0, in_flight = 0;
  BreakerReport breaker;
  std::vector<std::pair<std::string, BreakerReport>> endpoints;  ///< those not closed
};

/// The tier shared in Redis. Absent numbers: not known now.
struct SharedTierReport {
  bool connected = false;
  bool in_step = false;  ///< the fleet's invalidations are followed
  std::string trouble;   ///< why it is not connected
  std::optional<Duration> answered_in;
  std::optional<std::uint64_t> memory_bytes, memory_bytes_max, keys, evicted_keys, clients,
      commands_total, uptime_seconds;
  std::uint64_t hits = 0, misses = 0, stores = 0;  ///< of this agent, since its start
  std::uint64_t invalidations_waiting = 0;         ///< Redis has not taken them yet
};

/// Rules given as text.
struct ParsedRules {
  rules::RuleSet rules;             ///< meaningful only without errors
  std::vector<std::string> errors;  ///< with file:line:column
};

struct ParsedOverride {
  rules::RuleOverride terms;  ///< meaningful only without errors
  std::vector<std::string> errors;
};

/// What POST /cache/warm asks for.
struct WarmRequest {
  std::vector<std::string> urls;  ///< empty: those of `source`
  std::string source;             ///< "urls", "list" or "popular"
  std::size_t limit = 0;          ///< 0: all
};

/// One warm-up, under way or the last one.
struct WarmReport {
  std::uint64_t id = 0;  ///< 0: there was none
  std::string source;    ///< as asked for, or "start", "schedule"
  std::string state;     ///< "waiting", "running", "held", "done", "stopped"
  std::size_t total = 0, fetched = 0, fresh = 0, uncacheable = 0, failed = 0;
  std::optional<WallTime> started, ended;
  std::optional<WallTime> next;  ///< by schedule
  [[nodiscard]] std::size_t done() const noexcept { return fetched + fresh + uncacheable + failed; }
};

struct AdminServices {
  const Clock& clock;
  const ControlBoard& board;
  ControlCommands& commands;
  CacheControl& cache;
  const PolicyStore& policy;

  /// Prometheus text format 0.0.4. Empty function: /metrics answers 503.
  std::function<std::string()> render_metrics;
  /// Upstream health, draining and the like; the policy lease is added here.
  std::function<std::vector<ReadinessCheck>()> readiness;
  /// Loads the rule files again and hands them to the control plane.
  std::function<ReloadOutcome()> reload_rules;
  /// Puts the rules before the last reload in force again. May be empty.
  std::function<ReloadOutcome()> rollback_rules;
  /// The rule set in force, for definitions in GET /rules. May be empty.
  std::function<std::shared_ptr<const rules::RuleSet>()> rules;
  /// Reads a rule file's text by itself, for replays. The text was sent by somebody who
  /// may know less than this process: it must not reach the environment or files. May be empty.
  std::function<ParsedRules(const std::string& yaml)> parse_rules;
  /// Reads what is to be changed of a loaded rule, a map as in a rule file. The same holds.
  std::function<ParsedOverride(const rules::Rule& rule, const std::string& yaml)> parse_override;
  /// The agent's own record of its signals, as CSV; nothing if it keeps none. Reads files.
  std::function<std::optional<std::string>()> recorded_signals;
  /// Empty function: there is no shared tier.
  std::function<SharedTierReport()> shared_tier;
  /// Compressed bytes / original bytes, 0..1, since start; unset: unknown.
  std::function<std::optional<double>()> compression_ratio;
  /// Whether what an endpoint answers is compressed now, where it can be. Empty: it is not.
  std::function<bool(EndpointId)> compresses;
  /// How clients used endpoints in the last hour. Empty function: no advice about it.
  std::function<std::vector<RequestPatterns>()> patterns;
  /// The cache's figures with the counts of the last hour. Empty: advice is drawn from all.
  std::function<CacheFigures()> recent_cache;
  /// Every upstream target. Empty function: GET /upstreams answers 503.
  std::function<std::vector<UpstreamReport>()> upstreams;

  /// cache.groups of the settings: name and path patterns.
  std::vector<std::pair<std::string, std::vector<std::string>>> cache_groups;
  /// What GET /events tells, and where changes are told. Null: 503.
  EventLog* events = nullptr;
  std::string service = "homeostat";  ///< `service` of every response
  std::string version;
  /// The application's own data. Null: 503.
  ApplicationData* data = nullptr;
  Duration data_ttl = std::chrono::hours(1);  ///< of entries that state none
  /// cache.events: name and what it invalidates.
  std::vector<std::pair<std::string, std::vector<std::string>>> cache_events;
  /// Begins a warm-up, or says why not. Empty functions: 503.
  std::function<std::string(const WarmRequest&)> warm;
  std::function<WarmReport()> warm_report;
};

}  // namespace homeostat::admin
