// The scenarios that tests assert and the table prints.
#pragma once

#include "tests/sim/world.hpp"

namespace homeostat::sim {

/// Half load for 15 s, then `load` times the capacity; measured after a
/// further 10 s. Service and the time a client accepts grow with the size.
[[nodiscard]] Scenario steady(unsigned servers, double load);
/// 0.7 -> 5 for 30 s -> 0.7, at 16 servers.
[[nodiscard]] Scenario pulse();
/// 30 minutes at twice the capacity.
[[nodiscard]] Scenario endurance();
/// 2000 requests/s on 16, then 8, then 32 servers, 30 s each.
[[nodiscard]] Scenario capacity_change();
/// Twice the capacity; service time 20, 40, 20 ms, 30 s each.
[[nodiscard]] Scenario service_change(double load);
/// Endpoints of 10 and 110 ms; share of the slow one 2, 25, 2 %, 30 s each.
[[nodiscard]] Scenario mix_shift(double load);
/// Three times the capacity, classes 10/40/30/20 %.
[[nodiscard]] Scenario classes();
/// From nothing to twice the capacity.
[[nodiscard]] Scenario cold_start(unsigned servers);

}  // namespace homeostat::sim
