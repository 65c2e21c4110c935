// Least recently used.
#include "bench/replay/policy.hpp"

namespace homeostat::replay {
namespace {

class Lru final : public Policy {
 public:
  explicit Lru(const PolicySettings& settings)
      : capacity_(settings.capacity), links_(settings.objects), slots_(settings.objects) {}

  bool access(std::uint32_t id, std::uint64_t size, double now, double expires) override {
    Slot& slot = slots_[id];
    if (slot.size > 0) {
      order_.remove(id, slot.size);
      if (slot.expires > now) {
        order_.push_newest(id, slot.size);
        return true;
      }
      slot.size = 0;
    }
    if (size > capacity_) return false;
    while (order_.bytes() + size > capacity_) {
      const std::uint32_t victim = order_.oldest();
      order_.remove(victim, slots_[victim].size);
      slots_[victim].size = 0;
    }
    slot = {size, expires};
    order_.push_newest(id, size);
    return false;
  }
  [[nodiscard]] std::uint64_t bytes() const override { return order_.bytes(); }

 private:
  struct Slot {
    std::uint64_t size = 0;  // 0: not stored
    double expires = 0;
  };
  const std::uint64_t capacity_;
  Links links_;
  Queue order_{links_};
  std::vector<Slot> slots_;
};

}  // namespace

std::unique_ptr<Policy> make_lru(const PolicySettings& settings) {
  return std::make_unique<Lru>(settings);
}

}  // namespace homeostat::replay
