#include "rules/laws/request_rate.hpp"

#include <algorithm>
#include <cmath>

namespace homeostat::rules {

namespace {

using std::chrono::nanoseconds;

constexpr std::int64_t second = 1'000'000'000;
/// No bucket takes longer to fill: sums of instants stay far from overflow.
constexpr std::int64_t fill_time_max = 366LL * 24 * 3600 * second;

std::int64_t seconds_up(std::int64_t nanos) noexcept { return (nanos + second - 1) / second; }

}  // namespace

RequestRate request_rate(double requests, nanoseconds period, std::int64_t burst) noexcept {
  const double interval = static_cast<double>(period.count()) / std::max(requests, 1e-9);
  const double bounded = std::clamp(interval, 1.0, static_cast<double>(fill_time_max));
  const auto nanos = static_cast<std::int64_t>(std::llround(bounded));
  return {nanoseconds(nanos), std::clamp<std::int64_t>(burst, 1, fill_time_max / nanos)};
}

RateVerdict judge_rate(const RequestRate& rate, std::int64_t full_at, std::int64_t now) noexcept {
  const std::int64_t interval = rate.interval.count();
  const std::int64_t tolerance = interval * (rate.burst - 1);
  const std::int64_t debt = std::clamp<std::int64_t>(full_at - now, 0, 2 * fill_time_max);
  RateVerdict verdict;
  if (debt > tolerance) {
    verdict.allowed = false;
    verdict.full_at = full_at;
    verdict.wait = nanoseconds(debt - tolerance);
    return verdict;
  }
  const std::int64_t after = debt + interval;
  verdict.full_at = now + after;
  if (after > tolerance) {
    verdict.wait = nanoseconds(after - tolerance);
  } else {
    verdict.remaining = (tolerance - after) / interval + 1;
  }
  return verdict;
}

std::int64_t rate_window(const RequestRate& rate, const RateVerdict& verdict) noexcept {
  const std::int64_t until =
      verdict.remaining > 0 ? verdict.remaining * rate.interval.count() : verdict.wait.count();
  return std::max<std::int64_t>(seconds_up(until), 1);
}

std::chrono::seconds rate_retry_after(nanoseconds wait, double unit_random) noexcept {
  const std::int64_t least = std::max<std::int64_t>(seconds_up(wait.count()), 1);
  const std::int64_t spread = std::clamp<std::int64_t>(least / 4, 1, 60);
  const double extra = std::floor(unit_random * static_cast<double>(spread + 1));
  return std::chrono::seconds(least + static_cast<std::int64_t>(extra));
}

}  // namespace homeostat::rules
