// What the control plane needs from the rest of the program. No CAF here: the
// application fills this in and hands it to ControlPlane.
//
// Ownership: everything referenced must outlive the ControlPlane; see
// ControlPlane::stop for the one exception to a clean end.
// Thread safety: each port is called by one actor at a time, but actors run on
// two threads; `log` must be callable from both at once.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "config/settings.hpp"
#include "runtime/ports/actuators.hpp"
#include "runtime/ports/clock.hpp"
#include "runtime/ports/control.hpp"
#include "runtime/ports/events.hpp"
#include "runtime/ports/policy_store.hpp"
#include "runtime/ports/signals.hpp"

namespace homeostat::actors {

enum class LogLevel : std::uint8_t { debug, info, warning, error };

/// Exceptions it throws are swallowed: logging never kills an actor.
using LogCallback = std::function<void(LogLevel, std::string)>;

struct ControlDependencies {
  std::shared_ptr<const config::Settings> settings;  ///< never null
  const Clock& clock;
  ResourceSensor& resources;
  TrafficSource& traffic;
  GateSource& gate;
  CacheControl& cache;
  MemoryControl& memory;
  AlertSink& alerts;
  PolicyStore& policies;
  ControlBoard& board;
  LogCallback log;                     ///< may be empty
  LabelledSource* labelled = nullptr;  ///< may be null: scrape.* stays missing
  EventLog* events = nullptr;          ///< may be null: nobody watches
};

}  // namespace homeostat::actors
