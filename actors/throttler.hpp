// Runs the admission loop: every 100 ms while there is traffic, every second
// after five quiet ones, at absolute deadlines. Publishes the admission section
// and sends readings to the rule engine once per monitor.interval.
//
// Thread safety: call from any thread; the actor itself runs one message at a time.
#pragma once

#include "actors/actor_support.hpp"
#include "actors/messages.hpp"

namespace homeostat::actors {

[[nodiscard]] ThrottlerActor spawn_throttler(caf::actor_system& system, Context context);

}  // namespace homeostat::actors
