#include "actors/throttler.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include "actors/admission_loop.hpp"

namespace homeostat::actors {
namespace {

struct State {
  static inline const char* name = "throttler";
  std::optional<Context> context;
  std::optional<AdmissionLoop> loop;
  Shared<Peers> peers = std::make_shared<const Peers>();
  Ticker ticker;
};

using Self = ThrottlerActor::stateful_pointer<State>;

void tick(Self self) {
  State& state = self->state;
  const Context& context = *state.context;
  const Instant now = context.ports.clock.now();
  AdmissionLoop::Step step = state.loop->step(context.ports.gate.collect(now), now);
  context.ports.policies.publish(step.policy);
  if (step.readings) {
    send_unless_stalled(self, context, Child::rule_engine, state.peers->rule_engine, step.readings);
  }
  state.ticker.again(self, step.next_period);
  context.beat(Child::throttler);
}

ThrottlerActor::behavior_type throttler(Self self, Context context) {
  report_exceptions(self);
  State& state = self->state;
  state.context.emplace(std::move(context));
  const ControlDependencies& ports = state.context->ports;
  // A predecessor's limit is still in the policy: go on from there.
  state.loop.emplace(ports.settings, ports.clock.now(), ports.policies.current()->admission.limit);
  return {
      [self](TickAtom) { tick(self); },
      [](CrashAtom) { crash_on_purpose(); },
      [self](const Shared<Peers>& peers) {
        self->state.peers = peers;
        if (!self->state.ticker.started()) {
          // The rule engine's last directive arrives before the first decision.
          self->state.ticker.start(self, AdmissionLoop::fast_period);
        }
      },
      [self](const Shared<config::Settings>& settings) {
        self->state.context->ports.settings = settings;
        self->state.loop->reload(settings);
      },
      [self](const Shared<Directive>& directive) { self->state.loop->receive(directive); },
      [self](const Shared<ResourceReadings>& readings) { self->state.loop->receive(readings); },
  };
}

}  // namespace

ThrottlerActor spawn_throttler(caf::actor_system& system, Context context) {
  return system.spawn(throttler, std::move(context));
}

}  // namespace homeostat::actors
