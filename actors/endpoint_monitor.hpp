// Collects per-endpoint figures and the fill of the cache every
// monitor.interval and sends them to the rule engine.
//
// Thread safety: call from any thread; the actor itself runs one message at a time.
#pragma once

#include "actors/actor_support.hpp"
#include "actors/messages.hpp"

namespace homeostat::actors {

[[nodiscard]] MonitorActor spawn_endpoint_monitor(caf::actor_system& system, Context context);

}  // namespace homeostat::actors
