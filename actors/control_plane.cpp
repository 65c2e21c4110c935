#include "actors/control_plane.hpp"

#include <atomic>
#include <caf/actor_system.hpp>
#include <caf/send.hpp>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <utility>

#include "actors/restart_budget.hpp"
#include "actors/scheduler_config.hpp"
#include "actors/supervisor.hpp"

namespace homeostat::actors {
namespace {

/// The actor library's configuration and system, which must die in this order:
/// handles, system, configuration.
struct Engine {
  Engine() : system((configure_scheduler(config), config)) {}
  caf::actor_system_config config;
  caf::actor_system system;
};

}  // namespace

struct ControlPlane::Impl {
  explicit Impl(ControlDependencies given) : dependencies(std::move(given)) {}

  /// Sends one command to the supervisor when there is one. A supervisor that
  /// is gone or has ended swallows it.
  template <class... Parts>
  void command(Parts&&... parts) {
    const std::lock_guard lock(mutex);
    if (supervisor) caf::anon_send(supervisor, std::forward<Parts>(parts)...);
  }

  /// REQUIRES: the lock, and no actors.
  void begin() {
    // One for all generations: the actor system's end waits for the thread that made it.
    if (!engine) engine = std::make_unique<Engine>();
    living = std::make_shared<LifeCount>();
    alive->store(true);
    supervisor = spawn_supervisor(engine->system, dependencies, living, legacy);
    supervisor->attach_functor([alive = alive](const caf::error&) { alive->store(false); });
  }

  std::mutex mutex;  ///< guards everything but `alive`
  ControlDependencies dependencies;
  std::shared_ptr<Legacy> legacy;
  RestartBudget deaths;
  std::optional<Instant> revival;  ///< when a dead supervisor may be replaced
  std::unique_ptr<Engine> engine;
  SupervisorActor supervisor;
  std::shared_ptr<LifeCount> living;
  std::shared_ptr<std::atomic<bool>> alive = std::make_shared<std::atomic<bool>>(false);
};

ControlPlane::ControlPlane(ControlDependencies dependencies) {
  if (!dependencies.settings) throw std::invalid_argument("ControlPlane: settings are missing");
  impl_ = std::make_unique<Impl>(std::move(dependencies));
}

ControlPlane::~ControlPlane() { stop(); }

void ControlPlane::start() {
  const std::lock_guard lock(impl_->mutex);
  if (impl_->engine) return;
  impl_->legacy = std::make_shared<Legacy>();
  impl_->begin();
}

bool ControlPlane::stop(std::chrono::milliseconds deadline) {
  std::unique_ptr<Engine> engine;
  std::shared_ptr<LifeCount> living;
  {
    const std::lock_guard lock(impl_->mutex);
    if (!impl_->engine) return true;
    engine = std::move(impl_->engine);
    living = impl_->living;
    caf::anon_send(impl_->supervisor, StopAtom::value);
    impl_->supervisor = nullptr;  // no handle may outlive the system
  }
  if (living->wait_until_empty(deadline)) return true;
  if (impl_->dependencies.log) {
    impl_->dependencies.log(LogLevel::error,
                            "control plane did not stop in time; its threads are abandoned");
  }
  // Joining a thread that is stuck in a port would hang the shutdown. Leaking
  // is the lesser evil: the process is about to end.
  static_cast<void>(engine.release());
  return false;
}

bool ControlPlane::running() const noexcept { return impl_->alive->load(); }

bool ControlPlane::revive() {
  if (running()) return false;
  const std::lock_guard lock(impl_->mutex);
  if (!impl_->engine || !impl_->living->wait_until_empty(std::chrono::milliseconds(0))) {
    return false;
  }
  const Instant now = impl_->dependencies.clock.now();
  if (!impl_->revival) impl_->revival = now + impl_->deaths.on_death(now);
  if (now < *impl_->revival) return false;
  impl_->revival.reset();
  impl_->begin();
  return true;
}

void ControlPlane::set_level(rules::LevelSetting level, const std::string& reason) {
  impl_->command(Shared<LevelCommand>(std::make_shared<const LevelCommand>(level, reason)));
}

void ControlPlane::force_emergency(bool on, const std::string& reason) {
  LevelCommand command;
  command.reason = reason;
  command.emergency = on;
  impl_->command(Shared<LevelCommand>(std::make_shared<const LevelCommand>(std::move(command))));
}

void ControlPlane::set_rule_enabled(const std::string& rule, std::optional<bool> enabled) {
  impl_->command(Shared<RuleCommand>(std::make_shared<const RuleCommand>(rule, enabled)));
}

void ControlPlane::override_rule(const std::string& rule, const rules::RuleOverride& terms) {
  impl_->command(Shared<RuleCommand>(std::make_shared<const RuleCommand>(rule, terms)));
}

void ControlPlane::reload_rules(rules::RuleSet rules) {
  impl_->command(Shared<rules::RuleSet>(std::make_shared<const rules::RuleSet>(std::move(rules))));
}

void ControlPlane::inject(rules::SignalId signal, double value, Duration for_) {
  impl_->command(Shared<InjectCommand>(std::make_shared<const InjectCommand>(signal, value, for_)));
}

void ControlPlane::reload(std::shared_ptr<const config::Settings> settings) {
  if (!settings) return;
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->dependencies.settings = settings;  // for a later start
  }
  impl_->command(Shared<config::Settings>(std::move(settings)));
}

void ControlPlane::crash(std::string_view actor) {
  impl_->command(CrashAtom::value, std::string(actor));
}

}  // namespace homeostat::actors
