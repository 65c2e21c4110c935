// GreedyDual-Size-Frequency (Cherkasova 1998) at cost 1, which aims at the
// object hit ratio: H = L + hits / size, the lowest H leaves and becomes L.
#include <set>
#include <utility>

#include "bench/replay/policy.hpp"

namespace homeostat::replay {
namespace {

class Gdsf final : public Policy {
 public:
  explicit Gdsf(const PolicySettings& settings)
      : capacity_(settings.capacity), slots_(settings.objects) {}

  bool access(std::uint32_t id, std::uint64_t size, double now, double expires) override {
    Slot& slot = slots_[id];
    if (slot.size > 0) {
      order_.erase({slot.priority, id});
      if (slot.expires > now) {
        ++slot.frequency;
        place(id);
        return true;
      }
      bytes_ -= std::exchange(slot.size, 0);
    }
    if (size > capacity_) return false;
    while (bytes_ + size > capacity_) {
      const auto [priority, victim] = *order_.begin();
      order_.erase(order_.begin());
      age_ = priority;
      bytes_ -= std::exchange(slots_[victim].size, 0);
    }
    slot.size = size;
    slot.expires = expires;
    slot.frequency = 1;
    bytes_ += size;
    place(id);
    return false;
  }
  [[nodiscard]] std::uint64_t bytes() const override { return bytes_; }

 private:
  struct Slot {
    std::uint64_t size = 0;  // 0: not stored
    double expires = 0;
    double priority = 0;
    std::uint64_t frequency = 0;
  };

  void place(std::uint32_t id) {
    Slot& slot = slots_[id];
    slot.priority = age_ + static_cast<double>(slot.frequency) / static_cast<double>(slot.size);
    order_.emplace(slot.priority, id);
  }

  const std::uint64_t capacity_;
  std::vector<Slot> slots_;
  std::set<std::pair<double, std::uint32_t>> order_;
  std::uint64_t bytes_ = 0;
  double age_ = 0;
};

}  // namespace

std::unique_ptr<Policy> make_gdsf(const PolicySettings& settings) {
  return std::make_unique<Gdsf>(settings);
}

}  // namespace homeostat::replay
