#include "actors/resource_monitor.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

namespace homeostat::actors {
namespace {

struct State {
  static inline const char* name = "resource_monitor";
  std::optional<Context> context;
  Shared<Peers> peers = std::make_shared<const Peers>();
  Ticker ticker;
};

using Self = MonitorActor::stateful_pointer<State>;

void tick(Self self) {
  State& state = self->state;
  const Context& context = *state.context;
  auto readings = std::make_shared<ResourceReadings>();
  readings->at = context.ports.clock.now();
  context.ports.resources.sample(readings->at, readings->values);
  if (context.ports.labelled != nullptr) {
    context.ports.labelled->collect(readings->at, readings->labelled);
  }
  const Shared<ResourceReadings> sent = std::move(readings);
  send_unless_stalled(self, context, Child::rule_engine, state.peers->rule_engine, sent);
  send_unless_stalled(self, context, Child::throttler, state.peers->throttler, sent);
  context.beat(Child::resource_monitor);
}

MonitorActor::behavior_type resource_monitor(Self self, Context context) {
  report_exceptions(self);
  self->state.context.emplace(std::move(context));
  return {
      [self](TickAtom) {
        self->state.ticker.again(self, self->state.context->ports.settings->monitor.interval);
        tick(self);
      },
      [](CrashAtom) { crash_on_purpose(); },
      [self](const Shared<Peers>& peers) {
        self->state.peers = peers;
        if (!self->state.ticker.started()) self->state.ticker.start(self, Duration::zero());
      },
      [self](const Shared<config::Settings>& settings) {
        self->state.context->ports.settings = settings;
      },
  };
}

}  // namespace

MonitorActor spawn_resource_monitor(caf::actor_system& system, Context context) {
  return system.spawn(resource_monitor, std::move(context));
}

}  // namespace homeostat::actors
