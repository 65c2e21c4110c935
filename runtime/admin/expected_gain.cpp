#include "runtime/admin/expected_gain.hpp"

#include <algorithm>
#include <cmath>

namespace homeostat::admin {

double requests_per_second(const WindowFigures& last_5m) noexcept {
  return static_cast<double>(last_5m.requests) / 300;
}

double waiting(const WindowFigures& last_5m) noexcept {
  return requests_per_second(last_5m) * last_5m.latency_avg;
}

double share_at_limit(std::chrono::duration<double> reached) noexcept {
  return std::clamp(1 - reached / std::chrono::duration<double>(forecast_max), 0.0, 1.0);
}

double share_beyond_limit(std::chrono::duration<double> reached, double limits_per_day) noexcept {
  const double rest = share_at_limit(reached);
  if (rest <= 0 || limits_per_day <= 0) return 0;
  // The integral of 1 - 1/(1 + growth * t) over t from 0 to `rest`, in days.
  return std::clamp(rest - std::log1p(limits_per_day * rest) / limits_per_day, 0.0, 1.0);
}

}  // namespace homeostat::admin
