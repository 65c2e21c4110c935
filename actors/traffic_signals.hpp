// Turns traffic figures into rule signals.
//
// Windows: latencies and error ratio come from the last 10 s when these hold at
// least `samples_min` requests (fewer cannot carry a p95), else from the last
// minute, else they are missing. Rates always come from the last 10 s.
// Pure; safe from any thread.
#pragma once

#include <cstdint>
#include <vector>

#include "rules/engine/frame.hpp"
#include "runtime/ports/signals.hpp"

namespace homeostat::actors {

inline constexpr std::uint64_t samples_min = 20;

/// The window that judges; null when neither holds a request.
[[nodiscard]] const WindowFigures* judging_window(const WindowFigures& last_10s,
                                                  const WindowFigures& last_1m) noexcept;

/// Fills traffic.*, cache.hit_ratio and upstream.*; leaves the rest alone.
void fill_traffic_signals(const TrafficFigures& figures, Instant at, rules::SignalValues& values);

/// One frame per endpoint, named "GET /book/{id}". None for an endpoint that
/// has answered nothing for a minute: it has no values, and the engine gives it
/// up in time.
[[nodiscard]] std::vector<rules::EndpointFrame> endpoint_frames(const TrafficFigures& figures,
                                                                Instant at);

}  // namespace homeostat::actors
