// Fires and resolves alerts: emergency and rule alerts from the directive,
// expired policy leases, restarted and stalled actors. The ledger outlives the
// actor, so that its successor resolves what it fired.
//
// Thread safety: call from any thread; the actor itself runs one message at a time.
#pragma once

#include "actors/actor_support.hpp"
#include "actors/alert_ledger.hpp"
#include "actors/messages.hpp"

namespace homeostat::actors {

[[nodiscard]] AlerterActor spawn_alerter(caf::actor_system& system, Context context,
                                         std::shared_ptr<AlertLedger> ledger);

}  // namespace homeostat::actors
