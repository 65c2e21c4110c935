#include "runtime/cache/eviction_policy.hpp"

#include <algorithm>
#include <chrono>

namespace homeostat::cache {
namespace {

double seconds_of(Duration duration) noexcept {
  return std::chrono::duration<double>(duration).count();
}

constexpr double aging_on_decline = 0.05;
constexpr double aging_on_eviction = 0.1;
constexpr double idle_weight = 0.01;
// The sketch may take this share of the byte bound.
constexpr std::size_t sketch_share = 32;

}  // namespace

double EvictionPolicy::value(const PolicyItem& item, Instant now) const noexcept {
  const double frequency = std::max(1U, sketch_.estimate(item.hash));
  const double size = static_cast<double>(std::max<std::size_t>(1, item.weight));
  double ttl_share = 1;
  if (idle_seconds_ > 0) {
    ttl_share = std::clamp(seconds_of(item.expires - now) / idle_seconds_, 0.0, 1.0);
  }
  return (frequency - 0.5) * (1 / size + 1 / miss_cost_bytes) * ttl_share;
}

void EvictionPolicy::insert(PolicyItem& item, double priority, Instant now, std::size_t bound) {
  item.priority = priority;
  item.examined = now;
  by_priority_.push(item);
  by_expiry_.push(item);
  used_ += item.weight;
  sketch_.fit(by_priority_.size(), bound / sketch_share);
}

void EvictionPolicy::remove(PolicyItem& item) noexcept {
  if (!by_priority_.contains(item)) return;
  by_priority_.remove(item);
  by_expiry_.remove(item);
  used_ -= item.weight;
}

void EvictionPolicy::change_weight(PolicyItem& item, std::size_t weight) noexcept {
  if (by_priority_.contains(item)) used_ = used_ - item.weight + weight;
  item.weight = weight;
}

void EvictionPolicy::evict(PolicyItem& item, Instant now, Victims& victims) {
  age_ += aging_on_eviction * std::max(0.0, item.priority - age_);
  const double idle = seconds_of(now - item.examined);
  idle_seconds_ = idle_seconds_ > 0 ? idle_seconds_ + idle_weight * (idle - idle_seconds_) : idle;
  remove(item);
  ++totals_.evictions;
  victims.push_back(&item);
}

PolicyItem* EvictionPolicy::coldest(Instant now, std::size_t& steps) {
  for (;;) {
    PolicyItem* item = by_priority_.top();
    const std::uint8_t touches = item->touches.exchange(0, std::memory_order_relaxed);
    if (touches == 0) return item;
    sketch_.add(item->hash, touches);
    item->priority = age_ + value(*item, now);
    item->examined = now;
    by_priority_.reorder(*item);
    if (++steps >= walk_max) return by_priority_.top();
  }
}

std::size_t EvictionPolicy::expire(Instant now, std::size_t count_max, Victims& victims) {
  std::size_t freed = 0;
  for (std::size_t i = 0; i < count_max && !by_expiry_.empty(); ++i) {
    PolicyItem* item = by_expiry_.top();
    if (item->expires > now) break;
    freed += item->weight;
    remove(*item);
    ++totals_.expirations;
    victims.push_back(item);
  }
  return freed;
}

bool EvictionPolicy::admit(PolicyItem& item, Instant now, std::size_t bound, Victims& victims) {
  if (item.weight > bound) return false;
  const auto fits = [&](std::size_t freed) { return used() + item.weight <= bound + freed; };
  while (!fits(0) && expire(now, 1, victims) > 0) {
  }
  const double own = value(item, now);
  if (fits(0)) {
    insert(item, age_ + own, now, bound);
    shrink(now, bound, victims);
    return true;
  }
  const double gain = own * static_cast<double>(item.weight);
  double loss = 0, highest = 0;
  std::size_t freed = 0, steps = 0;
  bool wins = true;
  candidates_.clear();
  while (!fits(freed)) {
    if (by_priority_.empty() || candidates_.size() >= walk_max) {
      wins = false;
      break;
    }
    PolicyItem* candidate = coldest(now, steps);
    by_priority_.remove(*candidate);
    candidates_.push_back(candidate);
    freed += candidate->weight;
    highest = std::max(highest, candidate->priority);
    loss += std::max(0.0, candidate->priority - age_) * static_cast<double>(candidate->weight);
    if (age_ + own <= highest && gain <= loss) {
      wins = false;
      break;
    }
  }
  for (PolicyItem* candidate : candidates_) by_priority_.push(*candidate);
  if (!wins) {
    if (!by_priority_.empty()) {
      age_ += aging_on_decline * std::max(0.0, by_priority_.top()->priority - age_);
    }
    return false;
  }
  for (PolicyItem* candidate : candidates_) evict(*candidate, now, victims);
  // The sketch may have to grow with the item: insert() bounds it by a share of
  // the whole, and shrink() takes back what that costs.
  insert(item, age_ + own, now, bound);
  shrink(now, bound, victims);
  return true;
}

void EvictionPolicy::shrink(Instant now, std::size_t bound, Victims& victims) {
  while (used() > bound && expire(now, 1, victims) > 0) {
  }
  std::size_t steps = 0;
  while (used() > bound && !by_priority_.empty()) evict(*coldest(now, steps), now, victims);
}

}  // namespace homeostat::cache
