#include "actors/supervisor.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <caf/exit_reason.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include "actors/actor_support.hpp"
#include "actors/alerter.hpp"
#include "actors/cache_tuner.hpp"
#include "actors/endpoint_monitor.hpp"
#include "actors/memory_keeper.hpp"
#include "actors/resource_monitor.hpp"
#include "actors/restart_budget.hpp"
#include "actors/rule_engine.hpp"
#include "actors/throttler.hpp"

namespace homeostat::actors {
namespace {

constexpr Duration check_every = std::chrono::seconds(1);
constexpr Duration stall_min = std::chrono::seconds(10);
constexpr int stall_periods = 5;
constexpr std::size_t error_text_max = 500;

/// One supervised actor, across its restarts.
struct Slot {
  MonitorActor handle;  ///< what all children understand; null until the restart
  RestartBudget budget;
  std::uint64_t restarts = 0;
  std::string last_error;
  std::optional<Instant> died_at;
  bool stalled = false;
};

struct State {
  static inline const char* name = "supervisor";

  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  /// Runs when the supervisor ends, orderly or not: no child may outlive it.
  ~State() {
    for (const Slot& slot : slots) {
      if (slot.handle) caf::anon_send_exit(slot.handle, caf::exit_reason::kill);
    }
  }

  std::optional<Context> context;
  std::array<Slot, child_count> slots;
  Peers peers;
  std::shared_ptr<Legacy> legacy;
  std::shared_ptr<LifeCount> living;
  Ticker ticker;
  std::optional<int> stopping;  ///< stage of the orderly stop
};

using Self = SupervisorActor::stateful_pointer<State>;

// -- starting -------------------------------------------------------------------

MonitorActor spawn_child(Self self, Child child) {
  State& state = self->state;
  caf::actor_system& system = self->system();
  const auto keep = [](auto& peer, auto handle) {
    peer = std::move(handle);
    return MonitorActor(peer);
  };
  switch (child) {
    case Child::alerter:
      return keep(state.peers.alerter, spawn_alerter(system, *state.context, state.legacy->ledger));
    case Child::cache_tuner:
      return keep(state.peers.cache_tuner, spawn_cache_tuner(system, *state.context));
    case Child::throttler:
      return keep(state.peers.throttler, spawn_throttler(system, *state.context));
    case Child::memory_keeper:
      return keep(state.peers.memory_keeper, spawn_memory_keeper(system, *state.context));
    case Child::rule_engine:
      return keep(state.peers.rule_engine,
                  spawn_rule_engine(system, *state.context, state.legacy->operator_state));
    case Child::resource_monitor:
      return keep(state.peers.resource_monitor, spawn_resource_monitor(system, *state.context));
    case Child::endpoint_monitor:
      return keep(state.peers.endpoint_monitor, spawn_endpoint_monitor(system, *state.context));
  }
  return {};
}

template <class Handle>
void count_life(const std::shared_ptr<LifeCount>& living, const Handle& handle) {
  living->enter();
  handle->attach_functor([living](const caf::error&) { living->leave(); });
}

void start_child(Self self, Child child) {
  Slot& slot = self->state.slots[index_of(child)];
  slot.handle = spawn_child(self, child);
  count_life(self->state.living, slot.handle);
  self->state.context->beat(child);  // its patience starts now
  self->monitor(slot.handle);
}

/// To every living child.
template <class Message>
void broadcast(Self self, const Message& message) {
  for (const Slot& slot : self->state.slots) {
    if (slot.handle) self->send(slot.handle, message);
  }
}

void introduce_peers(Self self) {
  broadcast(self, Shared<Peers>(std::make_shared<const Peers>(self->state.peers)));
}

// -- health ---------------------------------------------------------------------

Health health_of(const State& state) {
  Health health;
  for (std::size_t i = 0; i < child_count; ++i) {
    const Slot& slot = state.slots[i];
    ChildHealth& child = health.children.emplace_back();
    child.health = {std::string(child_names[i]), slot.restarts, slot.handle && !slot.stalled,
                    slot.last_error};
    child.died_at = slot.died_at;
    child.stalled = slot.stalled;
  }
  return health;
}

/// Without a working rule engine nobody republishes the report, so its list of
/// actors is brought up to date here; `at` stays, which shows its age.
void amend_report(const State& state, const Health& health) {
  auto report = std::make_shared<ControlReport>(*state.context->ports.board.current());
  report->actors.clear();
  for (const ChildHealth& child : health.children) report->actors.push_back(child.health);
  state.context->ports.board.publish(std::move(report));
}

void announce_health(Self self) {
  State& state = self->state;
  const Shared<Health> health = std::make_shared<const Health>(health_of(state));
  send_unless_stalled(self, *state.context, Child::alerter, state.peers.alerter, health);
  const Slot& engine = state.slots[index_of(Child::rule_engine)];
  if (engine.handle && !engine.stalled) {
    self->send(state.peers.rule_engine, health);
  } else {
    amend_report(state, *health);
  }
}

void check_heartbeats(Self self) {
  State& state = self->state;
  const Instant now = state.context->ports.clock.now();
  for (std::size_t i = 0; i < child_count; ++i) {
    Slot& slot = state.slots[i];
    const bool stalled =
        slot.handle && state.context->heartbeats->stalled(static_cast<Child>(i), now);
    if (stalled == slot.stalled) continue;
    slot.stalled = stalled;
    state.context->log(stalled ? LogLevel::error : LogLevel::warning,
                       fmt::format("actor {} {}", child_names[i],
                                   stalled ? "has stopped ticking" : "ticks again"));
  }
  announce_health(self);
}

void set_stall_limit(const State& state) {
  const config::Settings& settings = *state.context->ports.settings;
  const Duration slowest = std::max(settings.monitor.interval, settings.optimization.interval);
  state.context->heartbeats->set_stalled_after(std::max(stall_min, stall_periods * slowest));
}

// -- death and restart ------------------------------------------------------------

std::string error_text(const caf::error& reason) {
  std::string text;
  if (reason.context().match_elements<std::string>()) {
    text = reason.context().get_as<std::string>(0);
  } else {
    text = caf::to_string(reason);
  }
  if (text.size() > error_text_max) text.resize(error_text_max);
  return text;
}

void stop_next_stage(Self self);

void on_child_down(Self self, const caf::down_msg& down) {
  State& state = self->state;
  const auto found = std::find_if(state.slots.begin(), state.slots.end(), [&](const Slot& slot) {
    return slot.handle && slot.handle.address() == down.source;
  });
  if (found == state.slots.end()) return;
  Slot& slot = *found;
  slot.handle = nullptr;
  if (state.stopping) {
    stop_next_stage(self);
    return;
  }
  const auto index = static_cast<std::uint32_t>(found - state.slots.begin());
  const Instant now = state.context->ports.clock.now();
  slot.stalled = false;
  slot.died_at = now;
  slot.last_error = error_text(down.reason);
  ++slot.restarts;
  const Duration pause = slot.budget.on_death(now);
  state.context->log(
      LogLevel::error,
      fmt::format("actor {} died: {}; restart {} {}", child_names[index], slot.last_error,
                  slot.restarts, pause > Duration::zero() ? "after a pause of 10 s" : "at once"));
  announce_health(self);
  self->scheduled_send(self, self->clock().now() + pause, RestartAtom::value, index);
}

void restart(Self self, std::uint32_t index) {
  State& state = self->state;
  if (state.stopping || index >= child_count || state.slots[index].handle) return;
  start_child(self, static_cast<Child>(index));
  introduce_peers(self);
  announce_health(self);
}

// -- stopping ---------------------------------------------------------------------

/// Ends the first stage that still has somebody alive; ends itself after the last.
void stop_next_stage(Self self) {
  State& state = self->state;
  for (; *state.stopping < stop_stage_count; ++*state.stopping) {
    bool alive = false;
    for (std::size_t i = 0; i < child_count; ++i) {
      if (stop_stage(static_cast<Child>(i)) != *state.stopping || !state.slots[i].handle) continue;
      alive = true;
      self->send_exit(state.slots[i].handle, caf::exit_reason::user_shutdown);
    }
    if (alive) return;
  }
  self->quit(caf::exit_reason::user_shutdown);
}

void stop(Self self) {
  if (self->state.stopping) return;
  self->state.stopping = 0;
  stop_next_stage(self);
}

// -- settings and commands ----------------------------------------------------------

void take_settings(Self self, const Shared<config::Settings>& settings) {
  State& state = self->state;
  state.context->ports.settings = settings;
  state.legacy->operator_state.rules.forget_absent(settings->optimization.rules);
  set_stall_limit(state);
  broadcast(self, settings);
}

void take_rules(Self self, const rules::RuleSet& rules) {
  auto settings = std::make_shared<config::Settings>(*self->state.context->ports.settings);
  settings->optimization.rules = rules;
  take_settings(self, std::move(settings));
}

void take_rule_command(Self self, const Shared<RuleCommand>& command) {
  State& state = self->state;
  const auto& rules = state.context->ports.settings->optimization.rules;
  static_cast<void>(state.legacy->operator_state.rules.take(*command, rules));
  self->send(state.peers.rule_engine, command);
}

void crash(Self self, const std::string& name) {
  if (name == State::name) crash_on_purpose();
  if (const auto child = find_child(name)) {
    const MonitorActor& handle = self->state.slots[index_of(*child)].handle;
    if (handle) self->send(handle, CrashAtom::value);
  }
}

void start(Self self, ControlDependencies dependencies, std::shared_ptr<LifeCount> living,
           std::shared_ptr<Legacy> legacy) {
  State& state = self->state;
  state.living = std::move(living);
  state.legacy = std::move(legacy);
  state.context.emplace(Context{std::move(dependencies), std::make_shared<Heartbeats>()});
  set_stall_limit(state);
  report_exceptions(self);
  self->set_down_handler([self](caf::down_msg& down) { on_child_down(self, down); });
  self->set_exit_handler([self](caf::exit_msg&) { stop(self); });
  for (std::size_t i = 0; i < child_count; ++i) start_child(self, static_cast<Child>(i));
  introduce_peers(self);
  announce_health(self);
  state.ticker.start(self, check_every);
}

SupervisorActor::behavior_type supervisor(Self self, ControlDependencies dependencies,
                                          std::shared_ptr<LifeCount> living,
                                          std::shared_ptr<Legacy> legacy) {
  start(self, std::move(dependencies), std::move(living), std::move(legacy));
  return {
      [self](TickAtom) {
        if (self->state.stopping) return;
        self->state.ticker.again(self, check_every);
        check_heartbeats(self);
      },
      [self](RestartAtom, std::uint32_t index) { restart(self, index); },
      [self](StopAtom) { stop(self); },
      [self](CrashAtom, const std::string& name) { crash(self, name); },
      [self](const Shared<config::Settings>& settings) { take_settings(self, settings); },
      [self](const Shared<rules::RuleSet>& rules) { take_rules(self, *rules); },
      [self](const Shared<LevelCommand>& command) {
        OperatorState& chosen = self->state.legacy->operator_state;
        chosen.panic.reset();  // a level by command ends it, too
        if (command->emergency == true) chosen.panic = command->reason;
        if (!command->emergency) chosen.level = command->level;
        self->send(self->state.peers.rule_engine, command);
      },
      [self](const Shared<RuleCommand>& command) { take_rule_command(self, command); },
      [self](const Shared<InjectCommand>& command) {
        self->send(self->state.peers.rule_engine, command);
      },
  };
}

}  // namespace

SupervisorActor spawn_supervisor(caf::actor_system& system, ControlDependencies dependencies,
                                 std::shared_ptr<LifeCount> living,
                                 std::shared_ptr<Legacy> legacy) {
  LogCallback log = dependencies.log;
  const SupervisorActor handle =
      system.spawn(supervisor, std::move(dependencies), living, std::move(legacy));
  count_life(living, handle);
  handle->attach_functor([log = std::move(log)](const caf::error& reason) {
    if (reason == caf::exit_reason::user_shutdown || !log) return;
    try {
      log(LogLevel::error, "the supervisor died: " + error_text(reason));
    } catch (...) {
      // There is nowhere left to tell.
    }
  });
  return handle;
}

}  // namespace homeostat::actors
