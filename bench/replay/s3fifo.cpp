// S3-FIFO (Yang et al., SOSP'23) with the parameters and the byte accounting of
// libCacheSim: a small queue of 10 %, a main queue of 90 % with 2-bit counters,
// a ghost queue of 90 % in bytes of what it remembers. Two hits in the small
// queue promote. While the cache is not full yet, what the small queue cannot
// take goes to the main queue.
#include <algorithm>

#include "bench/replay/policy.hpp"

namespace homeostat::replay {
namespace {

class S3Fifo final : public Policy {
 public:
  explicit S3Fifo(const PolicySettings& settings)
      : capacity_(settings.capacity),
        small_max_(settings.capacity / 10),
        main_max_(settings.capacity - small_max_),
        ghost_max_(settings.capacity / 10 * 9),
        links_(settings.objects),
        ghost_links_(settings.objects),
        slots_(settings.objects) {}

  bool access(std::uint32_t id, std::uint64_t size, double now, double expires) override {
    Slot& slot = slots_[id];
    if (slot.place != Place::absent) {
      if (slot.expires > now) {
        ++slot.hits;
        return true;
      }
      queue(slot.place).remove(id, slot.size);
      slot.place = Place::absent;
    }
    const bool remembered = slot.ghost;
    if (remembered) forget(id);
    if (size > capacity_ || (!remembered && size >= small_max_)) return false;
    while (bytes() + size > capacity_) evict();
    const bool filling = !has_evicted_ && small_.bytes() >= small_max_;
    slot.size = size;
    slot.expires = expires;
    slot.hits = 0;
    slot.place = remembered || filling ? Place::main : Place::small;
    queue(slot.place).push_newest(id, size);
    return false;
  }
  [[nodiscard]] std::uint64_t bytes() const override { return small_.bytes() + main_.bytes(); }

 private:
  enum class Place : std::uint8_t { absent, small, main };
  struct Slot {
    std::uint64_t size = 0;
    double expires = 0;
    std::uint32_t hits = 0;
    Place place = Place::absent;
    bool ghost = false;
  };
  static constexpr std::uint32_t promotion_hits = 2;

  Queue& queue(Place place) { return place == Place::small ? small_ : main_; }

  void remember(std::uint32_t id) {
    const std::uint64_t size = slots_[id].size;
    if (size > ghost_max_) return;
    while (ghosts_.bytes() + size > ghost_max_) forget(ghosts_.oldest());
    slots_[id].ghost = true;
    ghosts_.push_newest(id, size);
  }
  void forget(std::uint32_t id) {
    ghosts_.remove(id, slots_[id].size);
    slots_[id].ghost = false;
  }

  void evict() {
    has_evicted_ = true;
    if (main_.bytes() > main_max_ || small_.empty()) {
      evict_from_main();
    } else {
      evict_from_small();
    }
  }
  void evict_from_small() {
    while (!small_.empty()) {
      const std::uint32_t id = small_.oldest();
      Slot& slot = slots_[id];
      small_.remove(id, slot.size);
      if (slot.hits >= promotion_hits) {
        slot.hits = 0;
        slot.place = Place::main;
        main_.push_newest(id, slot.size);
      } else {
        slot.place = Place::absent;
        remember(id);
        return;
      }
    }
  }
  void evict_from_main() {
    while (!main_.empty()) {
      const std::uint32_t id = main_.oldest();
      Slot& slot = slots_[id];
      main_.remove(id, slot.size);
      if (slot.hits == 0) {
        slot.place = Place::absent;
        return;
      }
      slot.hits = std::min(slot.hits, 3U) - 1;
      main_.push_newest(id, slot.size);
    }
  }

  const std::uint64_t capacity_, small_max_, main_max_, ghost_max_;
  Links links_, ghost_links_;
  Queue small_{links_}, main_{links_}, ghosts_{ghost_links_};
  std::vector<Slot> slots_;
  bool has_evicted_ = false;
};

}  // namespace

std::unique_ptr<Policy> make_s3fifo(const PolicySettings& settings) {
  return std::make_unique<S3Fifo>(settings);
}

}  // namespace homeostat::replay
