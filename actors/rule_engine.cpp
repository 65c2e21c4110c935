#include "actors/rule_engine.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include "actors/control_loop.hpp"

namespace homeostat::actors {
namespace {

/// Lets the monitors' readings of the same second arrive first.
constexpr Duration start_offset = std::chrono::milliseconds(50);

struct State {
  static inline const char* name = "rule_engine";
  std::optional<Context> context;
  std::optional<ControlLoop> loop;
  Shared<Peers> peers = std::make_shared<const Peers>();
  Shared<Directive> last_directive;
  Ticker ticker;
};

using Self = RuleEngineActor::stateful_pointer<State>;

/// Tells the source of labelled signals what the rules now in force read.
void ask_for_signals(const State& state) {
  LabelledSource* source = state.context->ports.labelled;
  if (source != nullptr) source->want(state.loop->selectors());
}

void tick(Self self) {
  State& state = self->state;
  const Context& context = *state.context;
  const ControlDependencies& ports = context.ports;
  ControlLoop::Step step = state.loop->tick(ports.clock.now(), ports.clock.wall_now());
  for (LogLine& line : step.log) context.log(line.level, std::move(line.text));
  ports.policies.publish(step.mode);
  ports.board.publish(step.report);
  if (ports.events != nullptr) ports.events->publish(std::move(step.events));
  const Peers& peers = *state.peers;
  send_unless_stalled(self, context, Child::throttler, peers.throttler, step.directive);
  send_unless_stalled(self, context, Child::cache_tuner, peers.cache_tuner, step.directive);
  send_unless_stalled(self, context, Child::memory_keeper, peers.memory_keeper, step.directive);
  send_unless_stalled(self, context, Child::alerter, peers.alerter, step.directive);
  state.last_directive = step.directive;
  state.ticker.again(self, state.loop->interval());
  context.beat(Child::rule_engine);
}

RuleEngineActor::behavior_type rule_engine(Self self, Context context,
                                           OperatorState operator_state) {
  report_exceptions(self);
  State& state = self->state;
  state.context.emplace(std::move(context));
  const ControlDependencies& ports = state.context->ports;
  state.loop.emplace(ports.settings, operator_state, *ports.board.current());
  ask_for_signals(state);
  return {
      [self](TickAtom) { tick(self); },
      [](CrashAtom) { crash_on_purpose(); },
      [self](const Shared<Peers>& peers) {
        self->state.peers = peers;
        // A new throttler must not run a second without what is in force.
        if (self->state.last_directive) self->send(peers->throttler, self->state.last_directive);
        if (!self->state.ticker.started()) self->state.ticker.start(self, start_offset);
      },
      [self](const Shared<config::Settings>& settings) {
        self->state.context->ports.settings = settings;
        self->state.loop->reload(settings);
        ask_for_signals(self->state);
      },
      [self](const Shared<ResourceReadings>& readings) { self->state.loop->receive(readings); },
      [self](const Shared<TrafficReadings>& readings) { self->state.loop->receive(readings); },
      [self](const Shared<AdmissionReadings>& readings) { self->state.loop->receive(readings); },
      [self](const Shared<Health>& health) { self->state.loop->set_health(health); },
      [self](const Shared<LevelCommand>& command) { self->state.loop->set_level(*command); },
      [self](const Shared<RuleCommand>& command) { self->state.loop->change_rule(*command); },
      [self](const Shared<InjectCommand>& command) {
        self->state.loop->inject(*command, self->state.context->ports.clock.now());
      },
  };
}

}  // namespace

RuleEngineActor spawn_rule_engine(caf::actor_system& system, Context context,
                                  OperatorState operator_state) {
  return system.spawn(rule_engine, std::move(context), std::move(operator_state));
}

}  // namespace homeostat::actors
