#include "rules/laws/drop_guard.hpp"

namespace homeostat::rules {

namespace {

constexpr double dead_zone = 0.05;        // drop share above the habitual one
constexpr std::uint64_t dropped_min = 2;  // one reset is an accident
constexpr double habit_weight = 0.1;      // per judged window
constexpr Duration cut_interval = std::chrono::milliseconds(200);

}  // namespace

bool DropGuard::update(Instant now, std::uint64_t dropped, std::uint64_t succeeded) noexcept {
  const std::uint64_t total = dropped + succeeded;
  if (total == 0) return false;
  const double share = static_cast<double>(dropped) / static_cast<double>(total);
  const bool excessive = dropped >= dropped_min && share > habitual_ + dead_zone;
  habitual_ += habit_weight * (share - habitual_);
  if (!excessive || (cut_before_ && now - last_cut_ < cut_interval)) return false;
  cut_before_ = true;
  last_cut_ = now;
  return true;
}

}  // namespace homeostat::rules
