#include "rules/laws/refresh_backoff.hpp"

#include <algorithm>
#include <limits>

namespace homeostat::rules {
namespace {

constexpr std::uint16_t failures_max = std::numeric_limits<std::uint16_t>::max();
constexpr unsigned doublings_max = 30;

Duration stretched(Duration delay, double factor) noexcept {
  return Duration(static_cast<Duration::rep>(static_cast<double>(delay.count()) * factor));
}

/// `counted` failures beyond the tolerance, at least 1.
Duration delay_of(unsigned counted, const BackoffBounds& bounds) noexcept {
  Duration delay = bounds.first;
  for (unsigned i = 1; i < std::min(counted, doublings_max) && delay < bounds.longest; ++i) {
    delay *= 2;
  }
  return std::min(delay, bounds.longest);
}

}  // namespace

bool in_trouble(const BackoffState& state, unsigned tolerance, Instant now) noexcept {
  return state.failures > tolerance || (now < state.next && !state.attempting);
}

BackoffState begun(BackoffState state, Instant now, Duration lease) noexcept {
  state.attempting = true;
  state.next = now + lease;
  return state;
}

BackoffState after(BackoffState state, const FetchReport& report, const BackoffBounds& bounds,
                   Instant now, double unit) noexcept {
  if (report.outcome == FetchOutcome::success) return {};
  state.attempting = false;
  if (report.outcome == FetchOutcome::refused) {
    state.next = now + stretched(bounds.first, 0.5 + unit / 2);
    return state;
  }
  if (state.failures < failures_max) ++state.failures;
  const bool throttled = report.outcome == FetchOutcome::throttled;
  if (throttled) {
    // An origin that says so is believed the first time.
    const unsigned least = std::min<unsigned>(bounds.tolerance + 1, failures_max);
    state.failures = static_cast<std::uint16_t>(std::max<unsigned>(state.failures, least));
  }
  if (state.failures <= bounds.tolerance) {
    state.next = now;
    return state;
  }
  const Duration delay = delay_of(state.failures - bounds.tolerance, bounds);
  if (throttled) {
    const Duration told = std::clamp(report.retry_after, Duration::zero(), bounds.retry_after_max);
    state.next = now + stretched(std::max(delay, told), 1 + unit / 10);
  } else {
    state.next = now + stretched(delay, 0.5 + unit / 2);
  }
  return state;
}

}  // namespace homeostat::rules
