#include "rules/laws/admission_queue.hpp"

#include <algorithm>
#include <cmath>

namespace homeostat::rules {

namespace {

/// Of standing_wait: the budget follows the service time no further than that.
constexpr Duration longest_standing(const QueueBounds& bounds) noexcept {
  return bounds.standing_wait * 5 / 2;
}

/// By Little's law limit / service_mean requests are served per second.
Duration standing_budget(const QueueBounds& bounds, std::uint32_t queue_needed,
                         Duration service_mean, double limit) noexcept {
  const Duration needed = predicted_wait(queue_needed * service_mean, limit);
  return std::max(std::clamp(service_mean, bounds.standing_wait, longest_standing(bounds)), needed);
}

/// Some service times, where a burst may use them.
Duration burst_extension(const QueueBounds& bounds, Duration service_mean) noexcept {
  if (bounds.max_wait <= Duration::zero()) return Duration::zero();
  return std::min(bounds.burst_services * service_mean, burst_budget_max);
}

}  // namespace

Duration predicted_wait(Duration work_ahead, double limit) noexcept {
  if (work_ahead <= Duration::zero()) return Duration::zero();
  const double wait = static_cast<double>(work_ahead.count()) / std::max(limit, 1.0);
  return Duration(static_cast<Duration::rep>(wait));
}

Duration wait_budget(const QueueBounds& bounds, std::uint32_t queue_needed, Duration service_mean,
                     double limit) noexcept {
  const Duration burst = std::max(bounds.max_wait * 17 / 20, burst_extension(bounds, service_mean));
  if (queue_needed == 0) return burst;
  return std::min(burst, standing_budget(bounds, queue_needed, service_mean, limit));
}

Duration wait_limit(const QueueBounds& bounds, std::uint32_t queue_needed, Duration service_mean,
                    double limit) noexcept {
  const Duration burst = std::max(bounds.max_wait, burst_extension(bounds, service_mean) * 20 / 17);
  if (queue_needed == 0) return burst;
  return std::min(burst, std::max(longest_standing(bounds),
                                  2 * standing_budget(bounds, queue_needed, service_mean, limit)));
}

ArrivalVerdict judge_arrival(const QueueBounds& bounds, const QueueView& view,
                             std::optional<Duration> time_left) noexcept {
  const Duration wait = predicted_wait(view.work_ahead, view.limit);
  if (time_left) {
    const Duration least = 2 * std::min(view.own_unloaded, view.own_service);
    if (*time_left <= Duration::zero() || *time_left < least) return ArrivalVerdict::too_late;
    if (wait > *time_left - 2 * view.own_service) return ArrivalVerdict::deadline;
  }
  const bool never_waits = bounds.max_wait <= Duration::zero();
  if (never_waits || wait > wait_budget(bounds, view.queue_needed, view.service_mean, view.limit)) {
    return ArrivalVerdict::predicted_wait;
  }
  if (view.length >= bounds.length_max) return ArrivalVerdict::queue_full;
  return ArrivalVerdict::join;
}

TurnAhead turn_ahead(Duration ahead, std::uint32_t waiting, std::uint32_t credits,
                     Duration service_mean) noexcept {
  const std::uint64_t owed = (std::uint64_t{waiting} + 1) * floor_credits;
  const std::uint64_t grants = owed - std::min<std::uint64_t>(owed, credits);
  const Duration share = static_cast<Duration::rep>(grants) * service_mean;
  const bool by_floor = service_mean > Duration::zero() && share < ahead;
  return {by_floor ? share : ahead, by_floor};
}

std::optional<ClassChoice> choose_class(const ClassCounts& waiting,
                                        const ClassCounts& credits) noexcept {
  std::optional<std::uint8_t> best;
  std::optional<std::uint8_t> owed;
  for (std::uint8_t index = 0; index < priority_class_count; ++index) {
    if (waiting[index] == 0) continue;
    if (!best) best = index;
    if (credits[index] < floor_credits) continue;
    if (!owed || credits[index] > credits[*owed]) owed = index;
  }
  if (!best) return std::nullopt;
  if (owed && *owed != *best) return ClassChoice{*owed, true};
  return ClassChoice{*best, false};
}

ClassCounts credits_after(const ClassCounts& waiting, ClassCounts credits,
                          ClassChoice granted) noexcept {
  bool best = true;  // the first waiting class is served by rank and is owed nothing
  for (std::uint8_t index = 0; index < priority_class_count; ++index) {
    if (waiting[index] == 0 || best) {
      best = best && waiting[index] == 0;
      credits[index] = 0;
    } else if (index == granted.priority_class) {
      credits[index] -= std::min(credits[index], floor_credits);
    } else {
      credits[index] = std::min(credits[index] + 1, 2 * floor_credits);
    }
  }
  return credits;
}

std::chrono::seconds retry_after(Duration predicted_drain, std::chrono::seconds minimum,
                                 double unit_random) noexcept {
  const double drain = std::chrono::duration<double>(predicted_drain).count();
  const double least = static_cast<double>(minimum.count());
  const double most = std::max(least, static_cast<double>(retry_after_max.count()));
  const double centre = std::clamp(drain, least, most);
  const double half = std::max(1.0, centre / 2) / 2;
  // A bound cuts the range off; clamping what was drawn from all of it would send
  // half of the clients back in the same second. Half a second less rounds up.
  const double low = std::max(centre - half, least - 0.5);
  const double high = std::min(centre + half, std::max(most, least + half));
  const double seconds = std::ceil(low + (high - low) * unit_random);
  return std::chrono::seconds(static_cast<std::chrono::seconds::rep>(std::max(seconds, least)));
}

}  // namespace homeostat::rules
