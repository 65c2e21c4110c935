#include "runtime/app/demo/phases.hpp"

#include <algorithm>
#include <chrono>

namespace homeostat::demo {

namespace {

// Starting and ending processes, the last requests' timeouts, fetching figures.
constexpr double around_seconds = 4.0;
constexpr double warm_up_share = 0.2, overload_share = 0.45, recovery_share = 0.35;
constexpr double calm_load = 0.5;

Duration of_seconds(double seconds) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

}  // namespace

Duration probe_length(unsigned story_seconds) {
  return of_seconds(std::clamp(0.06 * story_seconds, 2.0, 6.0));
}

Plan plan_run(unsigned story_seconds, double capacity, double overload) {
  const double probe = std::chrono::duration<double>(probe_length(story_seconds)).count();
  const double run = std::max(6.0, (story_seconds - probe - around_seconds) / 2);
  return {{"warm-up", of_seconds(run * warm_up_share), calm_load * capacity},
          {"overload", of_seconds(run * overload_share), overload * capacity},
          {"recovery", of_seconds(run * recovery_share), calm_load * capacity}};
}

Duration total_length(const Plan& plan) {
  Duration total{};
  for (const Phase& phase : plan) total += phase.length;
  return total;
}

std::size_t phase_at(const Plan& plan, Duration offset) {
  for (std::size_t i = 0; i + 1 < plan.size(); ++i) {
    if (offset < plan[i].length) return i;
    offset -= plan[i].length;
  }
  return plan.empty() ? 0 : plan.size() - 1;
}

Duration phase_start(const Plan& plan, std::size_t phase) {
  Duration start{};
  for (std::size_t i = 0; i < phase && i < plan.size(); ++i) start += plan[i].length;
  return start;
}

}  // namespace homeostat::demo
