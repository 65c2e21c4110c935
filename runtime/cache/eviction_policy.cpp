#include "runtime/cache/eviction_policy.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace homeostat::cache {
namespace {

double seconds_of(Duration duration) noexcept {
  return std::chrono::duration<double>(duration).count();
}

constexpr double aging_on_decline = 0.05;
constexpr double aging_on_eviction = 0.1, aging_min = 0.005;
// How strongly aging follows the share of duels that newcomers win.
constexpr double aging_slope = 10, aging_centre = 0.48;
constexpr double idle_weight = 0.01;
// The sketch may take this share of the byte bound.
constexpr std::size_t sketch_share = 32;

}  // namespace

double EvictionPolicy::value(const PolicyItem& item, Instant now,
                             unsigned frequency_max) const noexcept {
  const double frequency = std::clamp(sketch_.estimate(item.hash), 1U, frequency_max);
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
  duels_.forget(item);
  by_priority_.remove(item);
  by_expiry_.remove(item);
  used_ -= item.weight;
}

void EvictionPolicy::change_weight(PolicyItem& item, std::size_t weight) noexcept {
  if (by_priority_.contains(item)) used_ = used_ - item.weight + weight;
  item.weight = weight;
}

void EvictionPolicy::evict(PolicyItem& item, Instant now, Victims& victims) {
  const double pace = std::exp(aging_slope * (duels_.newcomer_share() - aging_centre));
  age_ +=
      std::clamp(aging_on_eviction * pace, aging_min, 1.0) * std::max(0.0, item.priority - age_);
  const double idle = seconds_of(now - item.examined);
  idle_seconds_ = idle_seconds_ > 0 ? idle_seconds_ + idle_weight * (idle - idle_seconds_) : idle;
  remove(item);
  ++totals_.evictions;
  victims.push_back(&item);
}

PolicyItem* EvictionPolicy::coldest(Instant now, std::size_t& steps) {
  for (;;) {
    PolicyItem* item = by_priority_.top();
    if (item->touches.load(std::memory_order_relaxed) == 0) return item;
    duels_.touched(*item);
    const std::uint8_t touches = item->touches.exchange(0, std::memory_order_relaxed);
    sketch_.add(item->hash, touches);
    item->priority = age_ + value(*item, now, claim_max);
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

void EvictionPolicy::Contest::add(PolicyItem& victim, double age, double value) noexcept {
  const double size = static_cast<double>(victim.weight);
  aged_highest = std::max(aged_highest, victim.priority);
  aged_loss += std::max(0.0, victim.priority - age) * size;
  strict_highest = std::max(strict_highest, value);
  strict_loss += value * size;
  if (value * size > rival_loss) {
    rival_loss = value * size;
    rival = &victim;
  }
}

double EvictionPolicy::Contest::stake() const noexcept {
  // A duel is with one victim; where there are more, its odds must be better.
  return std::sqrt(rival_loss / std::max(strict_loss, 1e-12)) * (miss_cost_bytes + weight) /
         (miss_cost_bytes + static_cast<double>(rival->weight));
}

bool EvictionPolicy::collect(Contest& contest, std::size_t missing, Instant now) {
  std::size_t steps = 0, freed = 0;
  candidates_.clear();
  while (freed < missing) {
    if (by_priority_.empty() || candidates_.size() >= walk_max) return false;
    PolicyItem* candidate = coldest(now, steps);
    contest.add(*candidate, age_, value(*candidate, now));
    if (!contest.strict_wins() &&
        (!contest.aged_wins(age_) || contest.stake() < AdmissionDuels::stake_min)) {
      return false;
    }
    freed += candidate->weight;
    by_priority_.remove(*candidate);
    candidates_.push_back(candidate);
  }
  return true;
}

bool EvictionPolicy::judge(const Contest& contest, PolicyItem& item) {
  if (contest.aged_wins(age_) == contest.strict_wins()) return true;
  const double ratio = contest.own * contest.weight / std::max(contest.strict_loss, 1e-12);
  const std::size_t situation = AdmissionDuels::situation(ratio, sketch_.estimate(item.hash));
  const bool admitted = duels_.prefers_newcomer(situation, contest.stake());
  if (admitted) {
    duels_.begin_admitted(contest.rival->hash, item, situation, size());
  } else {
    duels_.begin_declined(item.hash, *contest.rival, situation, size());
  }
  return admitted;
}

bool EvictionPolicy::admit(PolicyItem& item, Instant now, std::size_t bound, Victims& victims) {
  if (item.weight > bound) return false;
  const auto missing = [&] {
    const std::size_t needed = used() + item.weight;
    return needed > bound ? needed - bound : 0;
  };
  for (std::size_t i = 0; i < walk_max && missing() > 0 && expire(now, 1, victims) > 0; ++i) {
  }
  if (missing() > 0) {
    if (used() > bound) {
      // The bound was lowered. Whoever stores helps to get there.
      if (!shrink(now, bound, walk_max, victims)) return false;
    }
    Contest contest{.own = value(item, now), .weight = static_cast<double>(item.weight)};
    const bool wins = collect(contest, missing(), now) && judge(contest, item);
    for (PolicyItem* candidate : candidates_) by_priority_.push(*candidate);
    if (!wins) {
      if (!by_priority_.empty()) {
        age_ += aging_on_decline * std::max(0.0, by_priority_.top()->priority - age_);
      }
      return false;
    }
    for (PolicyItem* candidate : candidates_) evict(*candidate, now, victims);
  }
  // The tables may have to grow with the item; shrink() takes back what that costs.
  insert(item, age_ + value(item, now, claim_max), now, bound);
  static_cast<void>(shrink(now, bound, walk_max, victims));
  return true;
}

bool EvictionPolicy::shrink(Instant now, std::size_t bound, std::size_t count_max,
                            Victims& victims) {
  std::size_t count = 0, steps = 0;
  while (used() > bound && !by_priority_.empty()) {
    if (count++ == count_max) return false;
    if (expire(now, 1, victims) > 0) continue;
    evict(*coldest(now, steps), now, victims);
  }
  return true;
}

}  // namespace homeostat::cache
