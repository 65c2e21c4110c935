#include "runtime/app/agent.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <thread>
#include <utility>

#include "config/address.hpp"
#include "config/effective.hpp"
#include "config/rule_loader.hpp"
#include "runtime/app/agent_parts.hpp"
#include "runtime/app/descriptors.hpp"
#include "runtime/app/version.hpp"
#include "runtime/sense/cgroup_paths.hpp"
#include "runtime/sense/cpu.hpp"
#include "runtime/telemetry/logging.hpp"

namespace homeostat::app {
namespace {

constexpr std::chrono::seconds watchdog_period{1};

/// One worker per usable CPU: affinity, cpuset and quota of this process. A
/// quota of 1.5 CPUs gives two, so that all of it can be used.
unsigned worker_count(const config::Settings& settings) {
  if (settings.workers != 0) return settings.workers;
  const double online = std::max(1U, std::thread::hardware_concurrency());
  const sense::CgroupPaths paths = sense::resolve_cgroup(settings.monitor.root, "self");
  const auto limit = sense::cpu_limit(paths, online);
  return static_cast<unsigned>(std::ceil(limit.has_value() ? std::max(limit->cores, 1.0) : online));
}

/// What the limit of open files leaves for clients; says so if that is less than
/// was asked for.
std::size_t allowed_connections(const config::Settings& settings) {
  const std::size_t descriptors = raise_descriptor_limit();
  const std::size_t allowed = client_connections_for(descriptors, settings.admin);
  const std::string warning =
      descriptor_warning(descriptors, allowed, settings.server.connections_max);
  if (!warning.empty()) spdlog::warn("{}", warning);
  return allowed;
}

alert::AlertIdentity identity_of(const config::Settings& settings) {
  alert::AlertIdentity identity;
  if (!settings.listen.empty()) identity.instance = config::to_string(settings.listen.front());
  identity.generator_url = config::to_url(settings.admin.listen) + "/";
  return identity;
}

/// Tells this process's events from those of one before it.
std::string event_stream_name(const Clock& clock) {
  return fmt::format(
      "{:x}",
      std::chrono::floor<std::chrono::milliseconds>(clock.wall_now().time_since_epoch()).count());
}

void log_line(actors::LogLevel level, const std::string& text) {
  switch (level) {
    case actors::LogLevel::debug: spdlog::debug("{}", text); break;
    case actors::LogLevel::info: spdlog::info("{}", text); break;
    case actors::LogLevel::warning: spdlog::warn("{}", text); break;
    case actors::LogLevel::error: spdlog::error("{}", text); break;
  }
}

admin::ParsedRules parse_rules(const std::string& yaml) {
  config::RuleLoadResult loaded = config::load_sent_rules(yaml, "rules");
  admin::ParsedRules parsed{std::move(loaded.rules), {}};
  for (const config::Diagnostic& diagnostic : loaded.diagnostics) {
    parsed.errors.push_back(config::format(diagnostic));
  }
  return parsed;
}

admin::ParsedOverride parse_override(const rules::Rule& rule, const std::string& yaml) {
  const config::RuleOverrideResult read = config::read_rule_override(yaml, rule);
  admin::ParsedOverride parsed{read.terms, {}};
  for (const config::Diagnostic& diagnostic : read.diagnostics) {
    parsed.errors.push_back(config::format(diagnostic));
  }
  return parsed;
}

}  // namespace

Agent::Parts::Parts(config::Settings loaded, Loader load)
    : settings(std::make_shared<const config::Settings>(std::move(loaded))),
      loader(std::move(load)),
      clock(SystemClock::instance()),
      workers(worker_count(*settings)),
      context(1),
      policies(clock, settings->optimization.policy_lease),
      events(event_stream_name(clock)),
      access_log(settings->log),
      telemetry(settings->monitor.endpoints, workers, clock, telemetry::Telemetry::window_bytes_max,
                settings->slo),
      cache(settings->cache, clock),
      gate(settings->admission, workers, clock, telemetry.endpoints().id_space()),
      streams(settings->compression.stream_memory),
      compress_pool(clock),
      sensor(settings->monitor, [](const std::string& line) { spdlog::info("{}", line); }),
      alerts(context, clock, settings->alerts, identity_of(*settings)),
      told_alerts(alerts, events),
      memory(context, clock, settings->optimization),
      app_metrics(context, clock, settings->monitor),
      recorder(context, settings->monitor.record, board),
      watchdog(context),
      drain_timer(context),
      reload_timer(context),
      lookup_timer(context),
      names(context) {}

Agent::Parts::~Parts() {
  constexpr std::chrono::seconds patience{10};
  end_bound.arm(patience, [patience] {
    spdlog::critical("something does not end within {} s: leaving without a clean-up",
                     patience.count());
    telemetry::finish_logging();
    std::_Exit(1);
  });
  if (admin) admin->stop();
  if (health) health->stop();
  if (resolver) resolver->stop();
  app_metrics.stop();
  recorder.stop();
  if (file_watch) file_watch->stop();
  if (control && !control->stop()) {
    // A stuck actor still holds references to what would be destroyed next.
    spdlog::critical("an actor does not end: leaving without a clean-up");
    telemetry::finish_logging();
    std::_Exit(1);
  }
  alerts.stop();
  if (server) server->stop();
  compress_pool.shutdown();
  if (tier) tier->stop();
}

std::string Agent::Parts::start(bool handle_signals) {
  if (std::string error = open_tier(); !error.empty()) return error;
  const std::size_t connections_max = allowed_connections(*settings);
  const proxy::Services services{clock,           policies,   cache,         gate,
                                 telemetry,       access_log, compress_pool, streams,
                                 connections_max, workers,    tier.get()};
  try {
    server = std::make_unique<proxy::Server>(settings, workers, services);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  control = std::make_unique<actors::ControlPlane>(
      actors::ControlDependencies{settings, clock, machine_and_tier, telemetry, gate, cache, memory,
                                  told_alerts, policies, board, log_line, &app_metrics, &events});
  admin = std::make_unique<admin::AdminServer>(context, settings->admin, admin_services());
  make_warm_up();
  register_metrics(metrics, *this);
  auto bound = admin->start();
  if (const auto* error = std::get_if<admin::AdminError>(&bound)) return error->message;
  admin_address = std::get<config::Address>(bound);
  server->on_ended([this] { boost::asio::post(context, [this] { leave(); }); });
  if (handle_signals) {  // before the first client can come
    signals = std::make_unique<boost::asio::signal_set>(context, SIGHUP, SIGUSR1, SIGUSR2);
    ending_signals = std::make_unique<boost::asio::signal_set>(context, SIGTERM, SIGINT);
    wait_for_signal();
    wait_for_end();
  }
  if (std::string error = server->start(); !error.empty()) return error;
  control->start();
  if (tier) tier->start();
  warm_up->start();
  app_metrics.start();
  recorder.start();
  watch_files();
  restart_upstream_checks();
  watch_policy();
  for (const config::Address& address : server->bound())
    spdlog::info("serving on {}", config::to_string(address));
  spdlog::info("management on {}, {} workers, level {}", config::to_string(admin_address), workers,
               rules::to_string(settings->optimization.level));
  return {};
}

std::string Agent::Parts::open_tier() {
  std::string error;
  if (settings->cache.redis.configured() && settings->cache.enabled) {
    tier = std::make_unique<tier::Tier>(context, clock, settings->cache, cache,
                                        [](const std::string& line) { spdlog::info("{}", line); });
    error = tier->open();
    if (!error.empty()) return error;
  }
  if (tier) {
    machine_and_tier.read_from({tier->counters(), [this] { return tier->health(); }});
  }
  data = std::make_unique<tier::DataCache>(context, clock, settings->cache, tier.get());
  fleet_cache = std::make_unique<tier::FleetCache>(cache, *data, tier.get());
  if (tier) tier->on_purged([this](const PurgeRequest& request) { data->purge(request); });
  return error;
}

/// The data plane's own guard: it must not follow a control plane that died. And
/// its housekeeping.
void Agent::Parts::watch_policy() {
  for (const PolicySection section : policies.expire()) {
    lease_expiries.fetch_add(1, std::memory_order_relaxed);
    spdlog::error("the {} policy was not renewed in time: static defaults apply",
                  to_string(section));
  }
  const Alert alert{.name = "HomeostatControlPlaneStalled",
                    .severity = rules::Severity::critical,
                    .scope = "policy",
                    .summary = "The control plane does not renew its policy",
                    .description = "Traffic is served with static safe defaults."};
  const bool degraded = policies.degraded();
  if (degraded != std::exchange(lease_alert, degraded)) {
    if (degraded) {
      told_alerts.fire(alert, clock.wall_now());
    } else {
      spdlog::info("the control plane renews its policy again");
      told_alerts.resolve(alert, clock.wall_now());
    }
  }
  watch_control();
  watch_upstream();
  cache.sweep();
  if (const Instant now = clock.now(); recent.due(now)) {
    recent.keep(now, server->patterns(), fleet_cache->figures());
  }
  watchdog.expires_after(watchdog_period);
  watchdog.async_wait([this](boost::system::error_code error) {
    if (!error) watch_policy();
  });
}

/// The supervisor looks after the other actors; nobody else looks after it.
void Agent::Parts::watch_control() {
  if (!control->revive()) return;
  revivals.fetch_add(1, std::memory_order_relaxed);
  spdlog::error("the control plane was started anew");
}

std::vector<admin::ReadinessCheck> Agent::Parts::readiness() const {
  std::vector<admin::ReadinessCheck> checks;
  checks.push_back(
      {"draining", !draining.load(), true, draining ? "the agent is shutting down" : ""});
  const bool healthy = server->upstream()->any_healthy(clock.now());
  checks.push_back({"upstream", healthy, true, healthy ? "" : "no upstream target is healthy"});
  if (!warm_up->ready()) checks.push_back({"warm_up", false, true, "the cache is being warmed up"});
  if (tier) {
    // Without it requests are served all the same: shown, not required.
    const tier::HealthReport redis = tier->health();
    checks.push_back({"redis", redis.up, false, redis.trouble});
    const bool in_step = tier->in_step();
    checks.push_back({"invalidations", in_step, false,
                      in_step ? "" : "the fleet's invalidations are not followed"});
  }
  return checks;
}

admin::AdminServices Agent::Parts::admin_services() {
  admin::AdminServices services{
      .clock = clock,
      .board = board,
      .commands = *control,
      .cache = *fleet_cache,
      .policy = policies,
      .render_metrics = [this] { return metrics.render(); },
      .readiness = [this] { return readiness(); },
      .reload_rules = {},
      .rollback_rules = [this] { return rollback_rules(); },
      .rules = {},
      .parse_rules = parse_rules,
      .parse_override = parse_override,
      .recorded_signals = [this] { return recorder.text(); },
      .shared_tier = {},
      .compression_ratio = {},
      .compresses = {},
      .patterns = [this] { return recent.patterns(clock.now(), server->patterns()); },
      .recent_cache = [this] { return recent.cache(clock.now(), fleet_cache->figures()); },
      .upstreams = {},
      .cache_groups = settings->cache.groups,
      .events = &events,
      .service = "homeostat",
      .version = std::string(version()),
      .data = data.get(),
      .data_ttl = settings->cache.entries.ttl,
      .cache_events = settings->cache.events,
      .warm = {},
      .warm_report = {}};
  services.warm = [this](const admin::WarmRequest& request) { return warm_up->begin(request); };
  services.warm_report = [this] { return warm_up->report(); };
  services.reload_rules = [this] {
    admin::ReloadOutcome outcome;
    outcome.errors = reload_because(ReloadCause::api);
    outcome.rules_total = settings->optimization.rules.rules.size();
    return outcome;
  };
  services.rules = [this] {
    return std::shared_ptr<const rules::RuleSet>(settings, &settings->optimization.rules);
  };
  services.compresses = [this](EndpointId id) {
    using Mode = config::CompressionSettings::Mode;
    if (settings->compression.mode != Mode::adaptive) return settings->compression.mode == Mode::on;
    return policies.current()->cache.of(id).compress.value_or(false);
  };
  services.upstreams = [this] { return upstream_report(); };
  if (tier) services.shared_tier = [this] { return shared_tier_report(*tier); };
  services.compression_ratio = [this]() -> std::optional<double> {
    return app::compression_ratio(*this);
  };
  return services;
}

// -- facade -------------------------------------------------------------------------

Agent::Agent(config::Settings settings, Loader loader)
    : parts_(std::make_unique<Parts>(std::move(settings), std::move(loader))) {}

Agent::~Agent() = default;

std::string Agent::start(bool handle_signals) { return parts_->start(handle_signals); }
void Agent::run() { parts_->run(); }
void Agent::stop() {
  boost::asio::post(parts_->context, [parts = parts_.get()] { parts->quit(); });
}
const std::vector<config::Address>& Agent::listening() const { return parts_->server->bound(); }
const config::Address& Agent::admin_address() const { return parts_->admin_address; }
std::vector<std::string> Agent::reload() { return parts_->reload(); }
void Agent::crash_actor(const std::string& name) { parts_->control->crash(name); }

}  // namespace homeostat::app
