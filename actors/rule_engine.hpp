// Runs the control loop every optimization.interval: publishes the mode section
// of the policy and the control report, sends directives to the actuators.
//
// Thread safety: call from any thread; the actor itself runs one message at a time.
#pragma once

#include "actors/actor_support.hpp"
#include "actors/messages.hpp"

namespace homeostat::actors {

[[nodiscard]] RuleEngineActor spawn_rule_engine(caf::actor_system& system, Context context,
                                                OperatorState operator_state);

}  // namespace homeostat::actors
