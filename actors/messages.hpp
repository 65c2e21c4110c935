// What the actors say to each other, and the typed handles they say it to.
//
// Every payload is an immutable value behind shared_ptr<const T>, so that one
// message to several actors is one object. Nothing here leaves the process:
// the types are deliberately not serializable.
#pragma once

#include <array>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/atom.hpp>
#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/child.hpp"
#include "actors/rule_choices.hpp"
#include "config/settings.hpp"
#include "rules/engine/engine.hpp"
#include "rules/laws/admission_profile.hpp"
#include "runtime/ports/control.hpp"
#include "runtime/ports/signals.hpp"

namespace homeostat::actors {

using TickAtom = caf::atom_constant<caf::atom("hs_tick")>;
using CrashAtom = caf::atom_constant<caf::atom("hs_crash")>;
using RestartAtom = caf::atom_constant<caf::atom("hs_restart")>;
using StopAtom = caf::atom_constant<caf::atom("hs_stop")>;

template <class T>
using Shared = std::shared_ptr<const T>;

// -- readings, towards the rule engine ----------------------------------------

/// resource_monitor -> rule_engine, throttler.
struct ResourceReadings {
  Instant at{};
  rules::SignalValues values{};
  std::vector<rules::LabelledReading> labelled;
};

/// endpoint_monitor -> rule_engine.
struct TrafficReadings {
  Instant at{};
  Shared<TrafficFigures> figures;
  std::optional<double> cache_utilization;
};

/// throttler -> rule_engine; figures since the previous message.
struct AdmissionReadings {
  Instant at{};
  double limit = 0;                  ///< under pressure, before the rules' throttle
  double in_flight = 0;              ///< time average
  double queue_wait_p95 = 0;         ///< seconds, worst of the collected windows
  double reject_ratio = 0;           ///< of the last 10 s at most; 0: of too few to say
  double critical_reject_ratio = 0;  ///< of the critical class alone
  std::uint64_t offered = 0;         ///< admitted + rejected
  Duration queue_standing{};
  rules::AdmissionProfile profile;  ///< in force
  std::string reason;
};

// -- decisions, from the rule engine ------------------------------------------

/// rule_engine -> cache_tuner, throttler, memory_keeper, alerter, each tick.
/// In shadow and off modes everything is at its default, but for an emergency
/// that the panic switch demands.
struct Directive {
  Instant at{};
  rules::Level waits = rules::Level::balanced;  ///< the level whose waits hold at admission
  rules::Outcome outcome;
  bool emergency = false;
  std::string emergency_reason;
  std::optional<double> cpu_utilization;
  std::optional<double> memory_utilization;
  std::vector<Alert> alerts;  ///< that should be firing now
};

// -- supervision ----------------------------------------------------------------

struct ChildHealth {
  ActorHealth health;
  std::optional<Instant> died_at;  ///< last unexpected end
  bool stalled = false;
};

/// supervisor -> rule_engine, alerter; level-triggered, once a second.
struct Health {
  std::vector<ChildHealth> children;
};

/// What operators changed at run time. Kept by the supervisor, so that it
/// outlives a rule engine and a reload.
struct OperatorState {
  std::optional<rules::LevelSetting> level;  ///< unset: as configured
  std::optional<std::string> panic;          ///< emergency by command, and why
  RuleChoices rules;
};

// -- commands ---------------------------------------------------------------------

struct LevelCommand {
  rules::LevelSetting level = rules::LevelSetting::balanced;
  std::string reason;
  std::optional<bool> emergency{};  ///< set: the panic switch, and `level` means nothing
};

struct InjectCommand {
  rules::SignalId signal = rules::SignalId::cpu_utilization;
  double value = 0;
  Duration for_{};
};

// -- handles ----------------------------------------------------------------------

struct Peers;

/// Every supervised actor understands these.
template <class... Own>
using ChildActor = caf::typed_actor<caf::reacts_to<TickAtom>, caf::reacts_to<CrashAtom>,
                                    caf::reacts_to<Shared<Peers>>,
                                    caf::reacts_to<Shared<config::Settings>>, Own...>;

using MonitorActor = ChildActor<>;
using ActuatorActor = ChildActor<caf::reacts_to<Shared<Directive>>>;
using ThrottlerActor =
    ChildActor<caf::reacts_to<Shared<Directive>>, caf::reacts_to<Shared<ResourceReadings>>>;
using AlerterActor = ChildActor<caf::reacts_to<Shared<Directive>>, caf::reacts_to<Shared<Health>>>;
using RuleEngineActor =
    ChildActor<caf::reacts_to<Shared<ResourceReadings>>, caf::reacts_to<Shared<TrafficReadings>>,
               caf::reacts_to<Shared<AdmissionReadings>>, caf::reacts_to<Shared<Health>>,
               caf::reacts_to<Shared<LevelCommand>>, caf::reacts_to<Shared<RuleCommand>>,
               caf::reacts_to<Shared<InjectCommand>>>;

/// Whom an actor may talk to; replaced as a whole after each restart. A null
/// handle or one of a dead actor swallows messages.
struct Peers {
  AlerterActor alerter;
  ActuatorActor cache_tuner;
  ThrottlerActor throttler;
  ActuatorActor memory_keeper;
  RuleEngineActor rule_engine;
  MonitorActor resource_monitor;
  MonitorActor endpoint_monitor;
};

using SupervisorActor =
    caf::typed_actor<caf::reacts_to<TickAtom>, caf::reacts_to<RestartAtom, std::uint32_t>,
                     caf::reacts_to<StopAtom>, caf::reacts_to<CrashAtom, std::string>,
                     caf::reacts_to<Shared<config::Settings>>,
                     caf::reacts_to<Shared<rules::RuleSet>>, caf::reacts_to<Shared<LevelCommand>>,
                     caf::reacts_to<Shared<RuleCommand>>, caf::reacts_to<Shared<InjectCommand>>>;

}  // namespace homeostat::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::shared_ptr<const homeostat::actors::ResourceReadings>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::shared_ptr<const homeostat::actors::TrafficReadings>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::shared_ptr<const homeostat::actors::AdmissionReadings>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::shared_ptr<const homeostat::actors::Directive>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::shared_ptr<const homeostat::actors::Health>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::shared_ptr<const homeostat::actors::LevelCommand>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::shared_ptr<const homeostat::actors::RuleCommand>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::shared_ptr<const homeostat::actors::InjectCommand>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::shared_ptr<const homeostat::actors::Peers>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::shared_ptr<const homeostat::config::Settings>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::shared_ptr<const homeostat::rules::RuleSet>)
