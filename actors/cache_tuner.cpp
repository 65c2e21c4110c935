#include "actors/cache_tuner.hpp"

#include <algorithm>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include "rules/engine/lifetime_retreat.hpp"
#include "rules/laws/compression.hpp"

namespace homeostat::actors {
namespace {

/// Endpoint ids are small and dense; a larger one is a defect elsewhere and
/// must not become an allocation here.
constexpr rules::EndpointId endpoint_id_max = 65535;

struct State {
  static inline const char* name = "cache_tuner";
  std::optional<Context> context;
  Ticker ticker;
  rules::CompressionHeadroom headroom;
  rules::LifetimeRetreat retreat;
};

using Self = ActuatorActor::stateful_pointer<State>;

EndpointPolicy policy_of(const rules::EndpointOutcome& outcome) {
  EndpointPolicy policy;
  policy.ttl_multiplier = std::clamp(outcome.ttl_multiplier, 0.1, 10.0);
  policy.ttl_max = std::max(outcome.ttl_max, std::chrono::seconds(0));
  policy.compress = outcome.compress;
  policy.compress_level = std::clamp(outcome.compress_level, 0, 9);
  policy.compress_algorithm = outcome.compress_algorithm;
  policy.ttl_share = std::clamp(outcome.ttl_share, 0.0, 1.0);
  policy.compress_share = std::clamp(outcome.compress_share, 0.0, 1.0);
  policy.measured_share = std::clamp(outcome.measured_share.value_or(0), 0.0, 1.0);
  return policy;
}

CachePolicy policy_of(const std::vector<rules::EndpointOutcome>& endpoints) {
  CachePolicy policy;
  for (const rules::EndpointOutcome& endpoint : endpoints) {
    if (endpoint.id > endpoint_id_max) continue;
    if (endpoint.id >= policy.endpoints.size()) policy.endpoints.resize(endpoint.id + 1);
    policy.endpoints[endpoint.id] = policy_of(endpoint);
  }
  return policy;
}

ActuatorActor::behavior_type cache_tuner(Self self, Context context) {
  report_exceptions(self);
  self->state.context.emplace(std::move(context));
  return {
      [self](TickAtom) {
        const Context& own = *self->state.context;
        self->state.ticker.again(self, own.ports.settings->optimization.interval);
        own.beat(Child::cache_tuner);
      },
      [](CrashAtom) { crash_on_purpose(); },
      [self](const Shared<Peers>&) {
        if (!self->state.ticker.started()) self->state.ticker.start(self, Duration::zero());
      },
      [self](const Shared<config::Settings>& settings) {
        self->state.context->ports.settings = settings;
      },
      [self](const Shared<Directive>& directive) {
        std::vector<rules::EndpointOutcome> endpoints = directive->outcome.endpoints;
        self->state.retreat.apply(endpoints, directive->at);
        CachePolicy policy = policy_of(endpoints);
        policy.compression_headroom =
            self->state.headroom.update(directive->at, directive->cpu_utilization);
        self->state.context->ports.policies.publish(std::move(policy));
      },
  };
}

}  // namespace

ActuatorActor spawn_cache_tuner(caf::actor_system& system, Context context) {
  return system.spawn(cache_tuner, std::move(context));
}

}  // namespace homeostat::actors
