// The root actor: owns every other actor, restarts what dies, keeps what
// operators changed, and ends all of them in order.
//
// Internal to actors/ and its tests; the program uses ControlPlane.
// Thread safety: call from any thread; the actor itself runs one message at a time.
//
// Restart: at once, and by RestartBudget only after a pause when an actor keeps
// dying. The successor has fresh state; everybody then receives the new handles.
// Stop: stage by stage (sensors, rule engine, actuators, alerter), each stage
// after the previous one has ended; then the supervisor ends.
// Should the supervisor itself die, it takes its children with it; whoever owns
// the actors starts them anew (ControlPlane::revive), with what it left behind.
#pragma once

#include <memory>

#include "actors/alert_ledger.hpp"
#include "actors/dependencies.hpp"
#include "actors/life_count.hpp"
#include "actors/messages.hpp"

namespace homeostat::actors {

/// What a supervisor leaves to its successor. Thread safety: none; the successor is
/// started only after all have ended that knew the last one.
struct Legacy {
  OperatorState operator_state;
  std::shared_ptr<AlertLedger> ledger = std::make_shared<AlertLedger>();
};

/// `living` counts the supervisor and its children until each has ended. Its death is
/// logged.
[[nodiscard]] SupervisorActor spawn_supervisor(caf::actor_system& system,
                                               ControlDependencies dependencies,
                                               std::shared_ptr<LifeCount> living,
                                               std::shared_ptr<Legacy> legacy);

}  // namespace homeostat::actors
