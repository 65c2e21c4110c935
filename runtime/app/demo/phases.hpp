// The phases of a run and how the time of the story is divided among them.
//
// Pure values. Rates are requests per second, times relative to the run's start.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "runtime/ports/clock.hpp"

namespace homeostat::demo {

struct Phase {
  std::string name;
  Duration length{};
  double rate = 0;  ///< intended, per second
};

using Plan = std::vector<Phase>;

/// Indices into the plan that plan_run() makes.
inline constexpr std::size_t warm_up = 0, overload_phase = 1, recovery = 2;

/// Warm-up at half the capacity, overload, recovery at half the capacity. Two
/// runs and what comes around them fit into `story_seconds`.
[[nodiscard]] Plan plan_run(unsigned story_seconds, double capacity, double overload);

/// How long the capacity is measured: part of `story_seconds`.
[[nodiscard]] Duration probe_length(unsigned story_seconds);

[[nodiscard]] Duration total_length(const Plan& plan);

/// The phase that holds `offset`; the last one for anything beyond.
[[nodiscard]] std::size_t phase_at(const Plan& plan, Duration offset);

/// Where the phase begins.
[[nodiscard]] Duration phase_start(const Plan& plan, std::size_t phase);

}  // namespace homeostat::demo
