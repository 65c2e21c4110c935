#include "actors/endpoint_monitor.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

namespace homeostat::actors {
namespace {

struct State {
  static inline const char* name = "endpoint_monitor";
  std::optional<Context> context;
  Shared<Peers> peers = std::make_shared<const Peers>();
  Ticker ticker;
};

using Self = MonitorActor::stateful_pointer<State>;

/// Of the configured size, so that a shrunk cache does not look full.
std::optional<double> cache_utilization(const ControlDependencies& ports) {
  const auto configured = static_cast<double>(ports.settings->cache.memory);
  if (!ports.settings->cache.enabled || configured <= 0) return std::nullopt;
  return static_cast<double>(ports.cache.figures().bytes) / configured;
}

void tick(Self self) {
  State& state = self->state;
  const Context& context = *state.context;
  auto readings = std::make_shared<TrafficReadings>();
  readings->at = context.ports.clock.now();
  readings->figures =
      std::make_shared<const TrafficFigures>(context.ports.traffic.collect(readings->at));
  readings->cache_utilization = cache_utilization(context.ports);
  send_unless_stalled(self, context, Child::rule_engine, state.peers->rule_engine,
                      Shared<TrafficReadings>(std::move(readings)));
  context.beat(Child::endpoint_monitor);
}

MonitorActor::behavior_type endpoint_monitor(Self self, Context context) {
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

MonitorActor spawn_endpoint_monitor(caf::actor_system& system, Context context) {
  return system.spawn(endpoint_monitor, std::move(context));
}

}  // namespace homeostat::actors
