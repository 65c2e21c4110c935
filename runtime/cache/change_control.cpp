#include "runtime/cache/change_control.hpp"

#include <algorithm>

namespace homeostat::cache {

void ChangeControl::observe(EndpointId endpoint, const rules::Refetch& refetch) {
  const std::lock_guard lock(mutex_);
  ++(refetch.changed ? changed_ : unchanged_);
  if (endpoint >= endpoints_max) return;
  Cell& cell = cells_[endpoint];
  cell.evidence = rules::after(cell.evidence, refetch);
  cell.bound.store(rules::lifetime_bound(cell.evidence).count(), std::memory_order_relaxed);
}

Duration ChangeControl::bound(EndpointId endpoint) const noexcept {
  if (endpoint >= endpoints_max) return rules::unbounded_lifetime;
  return Duration(cells_[endpoint].bound.load(std::memory_order_relaxed));
}

void ChangeControl::stored(EndpointId endpoint, bool lowered) noexcept {
  if (endpoint >= endpoints_max) return;
  cells_[endpoint].lowered.store(lowered, std::memory_order_relaxed);
}

ChangeFigures ChangeControl::figures() const {
  ChangeFigures figures;
  for (const Cell& cell : cells_) figures.lowered += cell.lowered.load(std::memory_order_relaxed);
  const std::lock_guard lock(mutex_);
  figures.changed = changed_;
  figures.unchanged = unchanged_;
  return figures;
}

std::vector<LoweredLifetime> ChangeControl::lowered(std::size_t count_max) const {
  constexpr double hour = 3600;
  std::vector<LoweredLifetime> found;
  {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < cells_.size(); ++i) {
      const Cell& cell = cells_[i];
      if (!cell.lowered.load(std::memory_order_relaxed)) continue;
      found.push_back({static_cast<EndpointId>(i), rules::lifetime_bound(cell.evidence),
                       rules::changes_per_second(cell.evidence) * hour, cell.evidence.fetches});
    }
  }
  std::sort(found.begin(), found.end(), [](const LoweredLifetime& a, const LoweredLifetime& b) {
    return a.changes_per_hour > b.changes_per_hour;
  });
  if (found.size() > count_max) found.resize(count_max);
  return found;
}

}  // namespace homeostat::cache
