#include "runtime/admin/score.hpp"

#include <algorithm>

namespace homeostat::admin {

double optimization_score(const WindowFigures& figures) noexcept {
  constexpr double latency_target_seconds = 1.0;
  constexpr double error_ratio_worst = 0.05;
  const double latency = figures.latency_p95 <= latency_target_seconds
                             ? 1.0
                             : latency_target_seconds / figures.latency_p95;
  const double errors = std::clamp(1 - figures.error_ratio / error_ratio_worst, 0.0, 1.0);
  const double without_cache = 0.5 * latency + 0.3 * errors;
  if (!figures.hit_ratio_known) return without_cache / 0.8;
  return without_cache + 0.2 * std::clamp(figures.hit_ratio, 0.0, 1.0);
}

}  // namespace homeostat::admin
