#include "actors/alerter.hpp"

#include <fmt/core.h>

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

namespace homeostat::actors {
namespace {

constexpr Duration check_every = std::chrono::seconds(1);
/// A restart alert resolves when the actor has lived this long.
constexpr Duration restart_alert_for = std::chrono::minutes(5);

struct State {
  static inline const char* name = "alerter";
  std::optional<Context> context;
  std::shared_ptr<AlertLedger> ledger;
  Ticker ticker;
  bool full = false;
};

using Self = AlerterActor::stateful_pointer<State>;

void sync(State& state, AlertSource source, const std::vector<Alert>& alerts) {
  const ControlDependencies& ports = state.context->ports;
  const std::size_t left_out =
      state.ledger->sync(source, alerts, ports.alerts, ports.clock.wall_now());
  if (left_out > 0 && !state.full) {
    state.context->log(LogLevel::warning, fmt::format("{} alerts left out: {} are firing already",
                                                      left_out, state.ledger->firing()));
  }
  if (source == AlertSource::rules) state.full = left_out > 0;
}

void check_leases(State& state) {
  std::vector<Alert> alerts;
  if (state.context->ports.policies.degraded()) {
    alerts.push_back({"HomeostatPolicyExpired", rules::Severity::critical, "",
                      "the data plane runs on static defaults",
                      "a section of the policy was not renewed within optimization.policy_lease",
                      false});
  }
  sync(state, AlertSource::policy, alerts);
}

void check_health(State& state, const Health& health) {
  const Instant now = state.context->ports.clock.now();
  std::vector<Alert> alerts;
  for (const ChildHealth& child : health.children) {
    const ActorHealth& actor = child.health;
    if (child.died_at && now - *child.died_at <= restart_alert_for) {
      alerts.push_back({"HomeostatActorRestarted", rules::Severity::warning, actor.name,
                        fmt::format("actor {} died and is restarted", actor.name), actor.last_error,
                        false});
    }
    if (child.stalled) {
      alerts.push_back({"HomeostatActorStalled", rules::Severity::critical, actor.name,
                        fmt::format("actor {} has stopped ticking", actor.name),
                        "it is busy in a call that does not return", false});
    }
  }
  sync(state, AlertSource::supervisor, alerts);
}

AlerterActor::behavior_type alerter(Self self, Context context,
                                    std::shared_ptr<AlertLedger> ledger) {
  report_exceptions(self);
  self->state.context.emplace(std::move(context));
  self->state.ledger = std::move(ledger);
  return {
      [self](TickAtom) {
        self->state.ticker.again(self, check_every);
        check_leases(self->state);
        self->state.context->beat(Child::alerter);
      },
      [](CrashAtom) { crash_on_purpose(); },
      [self](const Shared<Peers>&) {
        if (!self->state.ticker.started()) self->state.ticker.start(self, Duration::zero());
      },
      [self](const Shared<config::Settings>& settings) {
        self->state.context->ports.settings = settings;
      },
      [self](const Shared<Directive>& directive) {
        sync(self->state, AlertSource::rules, directive->alerts);
      },
      [self](const Shared<Health>& health) { check_health(self->state, *health); },
  };
}

}  // namespace

AlerterActor spawn_alerter(caf::actor_system& system, Context context,
                           std::shared_ptr<AlertLedger> ledger) {
  return system.spawn(alerter, std::move(context), std::move(ledger));
}

}  // namespace homeostat::actors
