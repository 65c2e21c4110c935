#include "rules/laws/standing_demand.hpp"

#include <algorithm>

namespace homeostat::rules {

namespace {

constexpr double patience_services = 60, patience_min = 0.25, patience_max = 2;  // seconds
constexpr double backlog_max = 1.5;                                              // x patience

}  // namespace

bool StandingDemand::update(const DemandWindow& window) noexcept {
  const double limit = std::max(window.limit, 1.0);
  const double patience =
      std::clamp(patience_services * window.service_mean / limit, patience_min, patience_max);
  const double idle = std::max(window.free_slots, 0.0) * window.seconds;
  backlog_ = std::clamp(backlog_ + window.turned_away - idle, 0.0, backlog_max * patience * limit);
  if (backlog_ > patience * limit) standing_ = true;
  if (backlog_ <= 0) standing_ = false;
  return standing_;
}

}  // namespace homeostat::rules
