// What the Telemetry keeps per endpoint and for the upstream. Private to the room.
//
// Thread safety: guarded by Telemetry's mutex.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "runtime/telemetry/seen_slot.hpp"
#include "runtime/telemetry/telemetry.hpp"

namespace homeostat::telemetry {

struct Telemetry::State {
  EndpointName name;
  TrafficTotals totals;
  std::unique_ptr<EndpointWindows> windows;  // null while the endpoint is silent
  /// Of the two sides of a trial, treated and control; null without one.
  std::unique_ptr<std::array<EndpointWindows, 2>> arms;
  Instant last_seen{}, arms_seen{};
};

struct Telemetry::Upstream {
  struct Seen {
    std::uint64_t records = 0, failed = 0, nanoseconds = 0;
    SeenHistogram latency;
  };
  std::vector<Seen> seen;  // by worker
  std::uint64_t requests = 0, failed = 0;
  DurationTotals latency;
  EndpointWindows windows;
};

}  // namespace homeostat::telemetry
