#include "runtime/cache/epoch.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>
#include <vector>

namespace homeostat::cache {

std::uint64_t EpochDomain::oldest() const noexcept {
  std::uint64_t lowest = none;
  const std::size_t used = used_.load();
  for (std::size_t i = 0; i < used; ++i) {
    lowest = std::min(lowest, slots_[i].announced.load());
  }
  return lowest;
}

EpochSlot::EpochSlot(EpochDomain& domain) : domain_(domain), slot_(nullptr) {
  const std::lock_guard lock(domain.mutex_);
  for (std::size_t i = 0; i < EpochDomain::slots_max; ++i) {
    if (domain.slots_[i].claimed) continue;
    slot_ = &domain.slots_[i];
    slot_->claimed = true;
    if (i >= domain.used_.load()) domain.used_.store(i + 1);
    return;
  }
  throw std::length_error("cache: more threads than epoch slots");
}

EpochSlot::~EpochSlot() {
  const std::lock_guard lock(domain_.mutex_);
  slot_->claimed = false;
}

void Garbage::retire(std::unique_ptr<Retirable> node) {
  const std::lock_guard lock(mutex_);
  items_.push_back({domain_.stamp(), std::move(node)});
}

std::size_t Garbage::reclaim(std::size_t count_max) {
  // Destructors run after the lock is gone: an object's body may be large.
  std::vector<std::unique_ptr<Retirable>> free;
  std::size_t left = 0;
  {
    const std::lock_guard lock(mutex_);
    if (items_.empty()) return 0;
    const std::uint64_t oldest = domain_.oldest();
    while (!items_.empty() && items_.front().stamp < oldest && free.size() < count_max) {
      free.push_back(std::move(items_.front().node));
      items_.pop_front();
    }
    left = items_.size();
  }
  return left;
}

std::size_t Garbage::size() const {
  const std::lock_guard lock(mutex_);
  return items_.size();
}

}  // namespace homeostat::cache
