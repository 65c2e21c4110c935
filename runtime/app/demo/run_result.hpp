// Everything measured in one of the story's two runs, and the verdict on both.
//
// Plain values and pure functions; no thread is involved.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "runtime/app/demo/statistics.hpp"

namespace homeostat::demo {

/// Figures of the agent process; only the protected run has them.
struct AgentUse {
  double cpu_seconds = 0;
  double run_seconds = 0;
  std::uint64_t requests = 0;
  std::uint64_t memory_bytes = 0;  ///< PSS at the end of the run
  double cache_hits = 0, cache_misses = 0;

  [[nodiscard]] double core_share() const noexcept;  ///< 1 = one core
  [[nodiscard]] double microseconds_per_request() const noexcept;
  [[nodiscard]] std::optional<double> hit_ratio() const noexcept;
};

struct RunResult {
  RunStatistics statistics;
  std::uint64_t upstream_requests = 0;  ///< counted by the application itself
  std::optional<AgentUse> agent;
};

/// What "clearly better" means, all during the overload phase.
struct Verdict {
  bool success_higher = false;   ///< success ratio at least 1.5 times and 10 points higher
  bool goodput_higher = false;   ///< good answers per second at least 1.2 times
  bool critical_served = false;  ///< checkout: at least 90 % good and not below the bare run
  [[nodiscard]] bool better() const noexcept {
    return success_higher && goodput_higher && critical_served;
  }
};

[[nodiscard]] Verdict judge(const RunStatistics& bare, const RunStatistics& guarded);

/// The closing table, one row per figure.
[[nodiscard]] std::string comparison_table(const RunResult& bare, const RunResult& guarded);
/// Half of the client's patience. A request that leaves later than this was
/// spoilt by the load generator, and a run with such requests proves nothing,
/// in favour of neither side.
inline constexpr Duration lag_max = std::chrono::milliseconds(500);

/// Why there can be no verdict, when either run's load was sent too late; empty
/// when both were punctual.
[[nodiscard]] std::string invalid_because(const RunStatistics& bare, const RunStatistics& guarded);
/// One line per criterion that was missed; empty when the verdict is better.
[[nodiscard]] std::string shortcomings(const Verdict& verdict);

}  // namespace homeostat::demo
