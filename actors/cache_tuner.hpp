// Turns directives into the cache section of the policy. Publishing renews the
// lease; without a rule engine nothing is published and the section expires to
// its defaults.
//
// Thread safety: call from any thread; the actor itself runs one message at a time.
#pragma once

#include "actors/actor_support.hpp"
#include "actors/messages.hpp"

namespace homeostat::actors {

[[nodiscard]] ActuatorActor spawn_cache_tuner(caf::actor_system& system, Context context);

}  // namespace homeostat::actors
