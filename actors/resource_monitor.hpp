// Samples CPU, memory, disk and network every monitor.interval and sends the
// values to the rule engine and the throttler.
//
// Thread safety: call from any thread; the actor itself runs one message at a time.
#pragma once

#include "actors/actor_support.hpp"
#include "actors/messages.hpp"

namespace homeostat::actors {

[[nodiscard]] MonitorActor spawn_resource_monitor(caf::actor_system& system, Context context);

}  // namespace homeostat::actors
