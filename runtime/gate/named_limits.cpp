#include "runtime/gate/named_limits.hpp"

namespace homeostat::gate {

LimitCounters& NamedLimits::of(std::string_view name) {
  const std::lock_guard lock(mutex_);
  for (LimitCounters& limit : limits_) {
    if (limit.name == name) return limit;
  }
  if (limits_.size() == names_max) return limits_.back();
  return limits_.emplace_back(name);
}

std::vector<NamedLimits::Figures> NamedLimits::figures() const {
  const std::lock_guard lock(mutex_);
  std::vector<Figures> all;
  for (const LimitCounters& limit : limits_) {
    all.push_back({limit.name, limit.rejected.load(std::memory_order_relaxed),
                   limit.would_reject.load(std::memory_order_relaxed),
                   limit.in_use.load(std::memory_order_relaxed)});
  }
  return all;
}

CapSlot ConcurrencyCap::take() const noexcept {
  std::int64_t taken = counters->in_use.load();
  while (taken < places) {
    if (counters->in_use.compare_exchange_weak(taken, taken + 1)) return CapSlot(*counters);
  }
  return {};
}

CapSlot ConcurrencyCap::take_always(bool& over) const noexcept {
  over = counters->in_use.fetch_add(1) >= places;
  return CapSlot(*counters);
}

}  // namespace homeostat::gate
