#include "rules/laws/refresh_ahead.hpp"

#include <algorithm>

namespace homeostat::rules {

bool refresh_ahead_due(const AheadView& view) noexcept {
  const Duration quarter = view.usable / 4;
  if (view.left <= Duration::zero() || view.left > quarter) return false;
  if (view.hits < ahead_hits_min) return false;
  const Duration elapsed = view.usable - view.left;
  const Duration gaps = 3 * elapsed / static_cast<Duration::rep>(view.hits);
  return view.left <= std::max(2 * view.fetch, gaps);
}

double refresh_ahead_cost(const AheadView& view) noexcept {
  if (view.usable <= Duration::zero()) return 1;
  const double part =
      static_cast<double>(view.left.count()) / static_cast<double>(view.usable.count());
  return std::clamp(part, 0.0, 1.0);
}

void RefreshBudget::fetched(double share) noexcept { tokens_ = std::min(burst, tokens_ + share); }

bool RefreshBudget::take(double cost) noexcept {
  if (tokens_ <= 0) return false;
  tokens_ -= cost;
  return true;
}

void RefreshBudget::wasted() noexcept { tokens_ = std::max(-burst, tokens_ - 1); }

}  // namespace homeostat::rules
