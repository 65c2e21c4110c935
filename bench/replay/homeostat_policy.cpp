// The cache's own policy (runtime/cache/eviction_policy.hpp), driven as the cache
// drives it: a hit only touches the item; a miss is recorded, and what comes
// back from upstream is offered to admit(); an expired object is a miss whose
// successor replaces it. The policy's tables come on top of the capacity, so
// that every policy of a table has the same bytes for objects.
#include <cmath>

#include "bench/replay/policy.hpp"
#include "runtime/cache/eviction_policy.hpp"

namespace homeostat::replay {
namespace {

class Homeostat final : public Policy {
 public:
  explicit Homeostat(const PolicySettings& settings)
      : capacity_(settings.capacity), seed_(settings.seed), slots_(settings.objects) {}

  bool access(std::uint32_t id, std::uint64_t size, double now, double expires) override {
    const Instant instant = at(now);
    Slot& slot = slots_[id];
    if (slot.stored) {
      slot.item.touch();
      if (slot.item.expires > instant) return true;
    }
    slot.item.hash = hash(id);
    policy_.record_miss(slot.item.hash);
    if (slot.stored) {
      policy_.remove(slot.item);
      slot.stored = false;
    }
    slot.item.weight = static_cast<std::size_t>(size);
    slot.item.expires = at(expires);
    slot.item.touches.store(0, std::memory_order_relaxed);
    slot.stored = policy_.admit(slot.item, instant, capacity_ + policy_.table_bytes(), victims_);
    for (cache::PolicyItem* victim : victims_) reinterpret_cast<Slot*>(victim)->stored = false;
    victims_.clear();
    return false;
  }
  [[nodiscard]] std::uint64_t bytes() const override {
    return policy_.used() - policy_.table_bytes();
  }

 private:
  struct Slot {
    cache::PolicyItem item;  // first: victims are found by their address
    bool stored = false;
  };

  [[nodiscard]] std::uint64_t hash(std::uint32_t id) const {
    std::uint64_t mixed = id + seed_ * 0x9E3779B97F4A7C15U;
    mixed = (mixed ^ (mixed >> 30U)) * 0xBF58476D1CE4E5B9U;
    mixed = (mixed ^ (mixed >> 27U)) * 0x94D049BB133111EBU;
    return mixed ^ (mixed >> 31U);
  }
  /// Cacheable "for ever" is a year, as in HTTP.
  [[nodiscard]] static Instant at(double seconds) {
    constexpr double year = 365 * 86400.0;
    const double bounded = std::isfinite(seconds) ? seconds : 10 * year;
    return Instant{} + std::chrono::hours(1) +
           std::chrono::duration_cast<Duration>(std::chrono::duration<double>(bounded));
  }

  const std::size_t capacity_;
  const std::uint64_t seed_;
  cache::EvictionPolicy policy_;
  cache::EvictionPolicy::Victims victims_;
  std::vector<Slot> slots_;
};

}  // namespace

std::unique_ptr<Policy> make_homeostat(const PolicySettings& settings) {
  return std::make_unique<Homeostat>(settings);
}

}  // namespace homeostat::replay
