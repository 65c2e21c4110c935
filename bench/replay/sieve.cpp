// SIEVE (Zhang et al., NSDI'24): one queue in order of arrival, one bit per
// object, a hand that moves from old to new, clears the bits it finds and evicts
// the first object without one.
#include "bench/replay/policy.hpp"

namespace homeostat::replay {
namespace {

class Sieve final : public Policy {
 public:
  explicit Sieve(const PolicySettings& settings)
      : capacity_(settings.capacity), links_(settings.objects), slots_(settings.objects) {}

  bool access(std::uint32_t id, std::uint64_t size, double now, double expires) override {
    Slot& slot = slots_[id];
    if (slot.size > 0) {
      if (slot.expires > now) {
        slot.visited = true;
        return true;
      }
      remove(id);
    }
    if (size > capacity_) return false;
    while (order_.bytes() + size > capacity_) evict();
    slot = {size, expires, false};
    order_.push_newest(id, size);
    return false;
  }
  [[nodiscard]] std::uint64_t bytes() const override { return order_.bytes(); }

 private:
  struct Slot {
    std::uint64_t size = 0;  // 0: not stored
    double expires = 0;
    bool visited = false;
  };

  void remove(std::uint32_t id) {
    if (hand_ == id) hand_ = order_.newer(id);
    order_.remove(id, slots_[id].size);
    slots_[id].size = 0;
  }
  void evict() {
    for (;;) {
      if (hand_ == Links::none) hand_ = order_.oldest();
      Slot& slot = slots_[hand_];
      if (!slot.visited) break;
      slot.visited = false;
      hand_ = order_.newer(hand_);
    }
    remove(hand_);
  }

  const std::uint64_t capacity_;
  Links links_;
  Queue order_{links_};
  std::vector<Slot> slots_;
  std::uint32_t hand_ = Links::none;
};

}  // namespace

std::unique_ptr<Policy> make_sieve(const PolicySettings& settings) {
  return std::make_unique<Sieve>(settings);
}

}  // namespace homeostat::replay
