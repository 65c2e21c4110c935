#include "rules/laws/standing_demand.hpp"

#include <algorithm>
#include <cmath>

namespace homeostat::rules {

namespace {

constexpr double patience_services = 60, patience_min = 0.25, patience_max = 2;  // seconds
constexpr double backlog_max = 1.5;                                              // x patience
constexpr double ratio_memory = 4;                                               // x patience
constexpr double idle_risk = 0.03;  // share of time with an empty queue
constexpr double queue_needed_min = 2, queue_needed_max = 4;

}  // namespace

std::uint32_t StandingDemand::update(const DemandWindow& window) noexcept {
  const double limit = std::max(window.limit, 1.0);
  const double patience =
      std::clamp(patience_services * window.service_mean / limit, patience_min, patience_max);
  const double idle = std::max(window.free_slots, 0.0) * window.seconds;
  backlog_ = std::clamp(backlog_ + window.turned_away - idle, 0.0, backlog_max * patience * limit);
  if (backlog_ > patience * limit) standing_ = true;
  if (backlog_ <= 0) standing_ = false;
  const double fade = std::min(1.0, window.seconds / (ratio_memory * patience));
  turned_away_ += fade * (window.turned_away - turned_away_);
  carried_ += fade * (std::max(limit * window.seconds - idle, 0.0) - carried_);
  return standing_ ? queue_needed() : 0;
}

std::uint32_t StandingDemand::queue_needed() const noexcept {
  const double ratio = 1 + turned_away_ / std::max(carried_, 1e-9);
  const double needed = -std::log(idle_risk) / std::log(std::max(ratio, 1.001));
  return static_cast<std::uint32_t>(
      std::lround(std::clamp(needed, queue_needed_min, queue_needed_max)));
}

}  // namespace homeostat::rules
