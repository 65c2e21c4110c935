// What an Agent is made of, in order of construction; destroyed in reverse, so
// that whatever uses a part goes before it. Shared by the agent's own files.
#pragma once

#include <array>
#include <atomic>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "actors/control_plane.hpp"
#include "runtime/admin/admin_server.hpp"
#include "runtime/admin/recent_totals.hpp"
#include "runtime/alert/alert_dispatcher.hpp"
#include "runtime/alert/memory_hook.hpp"
#include "runtime/app/agent.hpp"
#include "runtime/app/app_metrics.hpp"
#include "runtime/app/end_bound.hpp"
#include "runtime/app/file_watch.hpp"
#include "runtime/app/process_memory.hpp"
#include "runtime/app/signal_recorder.hpp"
#include "runtime/app/told_alerts.hpp"
#include "runtime/app/warm_up.hpp"
#include "runtime/cache/cache.hpp"
#include "runtime/compress/compress_pool.hpp"
#include "runtime/compress/stream_resources.hpp"
#include "runtime/gate/gate.hpp"
#include "runtime/ports/control.hpp"
#include "runtime/ports/events.hpp"
#include "runtime/ports/policy_store.hpp"
#include "runtime/proxy/health_checker.hpp"
#include "runtime/proxy/server.hpp"
#include "runtime/proxy/upstream_resolver.hpp"
#include "runtime/sense/system_sensor.hpp"
#include "runtime/telemetry/access_log.hpp"
#include "runtime/telemetry/metrics.hpp"
#include "runtime/telemetry/telemetry.hpp"
#include "runtime/tier/signals.hpp"
#include "runtime/tier/tier.hpp"

namespace homeostat::app {

using ControlTimer = boost::asio::basic_waitable_timer<std::chrono::steady_clock>;

enum class ReloadCause : std::uint8_t { signal, api, file };
inline constexpr std::size_t reload_cause_count = 3;

struct Agent::Parts {
  Parts(config::Settings loaded, Loader load);
  ~Parts();

  [[nodiscard]] std::string start(bool handle_signals);
  void run();
  void begin_drain();
  void stop_accepting();
  void leave();
  void quit();
  [[nodiscard]] std::vector<std::string> reload();
  [[nodiscard]] std::vector<std::string> load_and_apply();
  void keep_rules();
  [[nodiscard]] admin::ReloadOutcome rollback_rules();
  void panic(bool on);
  [[nodiscard]] admin::AdminServices admin_services();
  [[nodiscard]] std::vector<admin::ReadinessCheck> readiness() const;

  /// Empty on success.
  [[nodiscard]] std::string open_tier();
  void make_warm_up();
  void watch_policy();
  void watch_control();
  void watch_upstream();
  [[nodiscard]] std::vector<admin::UpstreamReport> upstream_report() const;
  void wait_for_signal();
  void wait_for_end();
  void reload_soon();
  struct UpstreamSearch;
  void find_upstream(std::vector<config::Address> names_wanted);
  void look_up_new_names();
  void end_lookups();
  void restart_upstream_checks();
  /// Reloads, counts why, and logs what is wrong: for causes that nobody waits for.
  void reload_and_log(ReloadCause cause);
  [[nodiscard]] std::vector<std::string> reload_because(ReloadCause cause);
  void watch_files();
  [[nodiscard]] std::vector<std::string> watched_files() const;

  EndBound end_bound;  ///< first: bounds how long all others take to end
  std::shared_ptr<const config::Settings> settings;
  /// Rules before the last reload that changed them; null before the first.
  std::shared_ptr<const rules::RuleSet> rules_before;
  Loader loader;
  const Clock& clock;
  unsigned workers;
  boost::asio::io_context context;  ///< the control loop
  PolicyStore policies;
  ControlBoard board;
  EventLog events;
  telemetry::AccessLog access_log;
  telemetry::Telemetry telemetry;
  cache::Cache cache;
  gate::Gate gate;
  compress::StreamResources streams;
  compress::CompressPool compress_pool;
  std::unique_ptr<tier::Tier> tier;  ///< null: cache.redis is not configured
  std::unique_ptr<tier::DataCache> data;
  std::unique_ptr<tier::FleetCache> fleet_cache;
  std::unique_ptr<proxy::Server> server;
  sense::SystemSensor sensor;
  tier::Signals machine_and_tier{sensor};
  alert::AlertDispatcher alerts;
  ToldAlerts told_alerts;
  ProcessMemory memory;
  AppMetrics app_metrics;
  SignalRecorder recorder;
  telemetry::MetricsRegistry metrics;
  std::unique_ptr<actors::ControlPlane> control;
  std::unique_ptr<WarmUp> warm_up;
  admin::RecentTotals recent;
  std::unique_ptr<admin::AdminServer> admin;
  std::unique_ptr<proxy::HealthChecker> health;
  std::unique_ptr<proxy::UpstreamResolver> resolver;
  ControlTimer watchdog, drain_timer, reload_timer, lookup_timer;
  proxy::NameLookup names;
  std::shared_ptr<UpstreamSearch> search;  ///< null: every target's name is known
  std::unique_ptr<boost::asio::signal_set> signals, ending_signals;
  bool reload_due = false;
  config::Address admin_address;
  std::atomic<bool> draining{false};
  std::atomic<std::uint64_t> reloads{0}, reload_failures{0}, lease_expiries{0}, revivals{0};
  /// Applied and refused, by ReloadCause.
  std::array<std::array<std::atomic<std::uint64_t>, 2>, reload_cause_count> reloads_by_cause{};
  std::vector<std::string> files_read;  ///< by the last reload, good or bad
  std::unique_ptr<FileWatch> file_watch;
  bool lease_alert = false;
  std::set<std::string> upstreams_out;  ///< targets whose breaker was open at the last look
};

/// Registers what the rooms count; see docs/metrics.md.
void register_metrics(telemetry::MetricsRegistry& registry, Agent::Parts& parts);
void register_upstream(telemetry::MetricsRegistry& metrics, Agent::Parts& parts);
void register_signal_sources(telemetry::MetricsRegistry& metrics, Agent::Parts& parts);
void register_reloads(telemetry::MetricsRegistry& metrics, Agent::Parts& parts);
void register_refresh(telemetry::MetricsRegistry& metrics, Agent::Parts& parts);
/// With a shared tier only.
void register_tier(telemetry::MetricsRegistry& metrics, Agent::Parts& parts);
void register_data(telemetry::MetricsRegistry& metrics, Agent::Parts& parts);
[[nodiscard]] admin::SharedTierReport shared_tier_report(const tier::Tier& tier);
void register_limits(telemetry::MetricsRegistry& metrics, Agent::Parts& parts);
void register_compression(telemetry::MetricsRegistry& registry, Agent::Parts& parts);
/// Bytes out / bytes in of everything compressed so far; nothing before that.
[[nodiscard]] std::optional<double> compression_ratio(const Agent::Parts& parts);

}  // namespace homeostat::app
