// W-TinyLFU (Einziger, Friedman, Manes, TOS'17) with the adaptive window of
// Middleware'18, as Caffeine 3.1 does it for weighted entries: an LRU window of 1 %
// at first, a segmented LRU main (80 % protected), a candidate leaving the window
// stays if the sketch has seen it more often than the victim; the window's
// size climbs on the hit ratio of samples of 10 x the number of entries.
#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "bench/replay/policy.hpp"

namespace homeostat::replay {
namespace {

/// Caffeine's: 4 rows of 4-bit counters, 4 columns per entry and row, halved when
/// 10 x the entries were counted.
class Sketch {
 public:
  void ensure_capacity(std::size_t entries) {
    const std::size_t columns = std::bit_ceil(std::max<std::size_t>(entries, 16)) * 4;
    if (!counters_.empty() && columns <= columns_) return;
    columns_ = columns;
    counters_.assign(4 * columns_, 0);
    sample_size_ = 10 * std::max<std::size_t>(entries, 16);
    size_ = 0;
  }
  [[nodiscard]] bool ready() const { return !counters_.empty(); }
  [[nodiscard]] std::size_t sample_size() const { return sample_size_; }
  [[nodiscard]] unsigned frequency(std::uint32_t id) const {
    unsigned lowest = 15;
    for (std::size_t row = 0; row < 4; ++row) {
      lowest = std::min<unsigned>(lowest, counters_[at(id, row)]);
    }
    return lowest;
  }
  void increment(std::uint32_t id) {
    if (!ready()) return;
    bool added = false;
    for (std::size_t row = 0; row < 4; ++row) {
      std::uint8_t& counter = counters_[at(id, row)];
      if (counter == 15) continue;
      ++counter;
      added = true;
    }
    if (added && ++size_ == sample_size_) halve();
  }

 private:
  [[nodiscard]] std::size_t at(std::uint32_t id, std::size_t row) const {
    std::uint64_t mixed = (id + 1 + row * 0x1000000000U) * 0x9E3779B97F4A7C15U;
    mixed = (mixed ^ (mixed >> 29U)) * 0xBF58476D1CE4E5B9U;
    return row * columns_ + static_cast<std::size_t>((mixed >> 32U) & (columns_ - 1));
  }
  void halve() {
    std::size_t odd = 0;
    for (std::uint8_t& counter : counters_) {
      odd += counter & 1U;
      counter = static_cast<std::uint8_t>(counter >> 1U);
    }
    size_ = (size_ - (odd >> 2U)) >> 1U;
  }
  std::vector<std::uint8_t> counters_;
  std::size_t columns_ = 0, sample_size_ = 0, size_ = 0;
};

class WTinyLfu final : public Policy {
 public:
  explicit WTinyLfu(const PolicySettings& settings)
      : capacity_(settings.capacity),
        window_max_(capacity_ - static_cast<std::uint64_t>(main_share * double(capacity_))),
        protected_max_(static_cast<std::uint64_t>(protected_share *
                                                  static_cast<double>(capacity_ - window_max_))),
        step_(-step_share * static_cast<double>(capacity_)),
        links_(settings.objects),
        slots_(settings.objects),
        random_(settings.seed | 1U) {}

  bool access(std::uint32_t id, std::uint64_t size, double now, double expires) override {
    Slot& slot = slots_[id];
    if (slot.place != Place::absent && slot.expires <= now) drop(id);
    const bool hit = slot.place != Place::absent;
    if (hit) {
      sketch_.increment(id);
      ++sample_hits_;
      on_hit(id);
    } else {
      ++sample_misses_;
      add(id, size, expires);
    }
    climb();
    return hit;
  }
  [[nodiscard]] std::uint64_t bytes() const override {
    return window_.bytes() + probation_.bytes() + protected_.bytes();
  }

 private:
  enum class Place : std::uint8_t { absent, window, probation, guarded };
  struct Slot {
    std::uint64_t size = 0;
    double expires = 0;
    Place place = Place::absent;
  };
  static constexpr double main_share = 0.99, protected_share = 0.80;
  static constexpr double step_share = 0.0625, step_decay = 0.98, restart_change = 0.05;
  static constexpr unsigned hash_flood_frequency = 6;

  Queue& queue(Place place) {
    return place == Place::window ? window_ : place == Place::probation ? probation_ : protected_;
  }
  void move(std::uint32_t id, Place to) {
    Slot& slot = slots_[id];
    queue(slot.place).remove(id, slot.size);
    slot.place = to;
    queue(to).push_newest(id, slot.size);
  }
  void drop(std::uint32_t id) {
    Slot& slot = slots_[id];
    queue(slot.place).remove(id, slot.size);
    slot.place = Place::absent;
    --entries_;
  }

  void on_hit(std::uint32_t id) {
    const Place place = slots_[id].place;
    // What could never be protected stays where it is, as Caffeine does.
    const bool promotes = place == Place::probation && slots_[id].size <= protected_max_;
    move(id, promotes ? Place::guarded : place);
    if (promotes) demote();
  }
  void demote() {
    while (protected_.bytes() > protected_max_ && !protected_.empty()) {
      move(protected_.oldest(), Place::probation);
    }
  }

  void add(std::uint32_t id, std::uint64_t size, double expires) {
    ++entries_;
    if (bytes() + size >= capacity_ / 2) sketch_.ensure_capacity(entries_);
    sketch_.increment(id);
    Slot& slot = slots_[id];
    slot = {size, expires, Place::window};
    if (size > capacity_) {
      slot.place = Place::absent;
      --entries_;
      return;
    }
    if (size > window_max_) {
      window_.push_oldest(id, size);
    } else {
      window_.push_newest(id, size);
    }
    evict();
  }

  void evict() {
    std::uint32_t candidate = Links::none;
    while (window_.bytes() > window_max_ && !window_.empty()) {
      const std::uint32_t id = window_.oldest();
      move(id, Place::probation);
      if (candidate == Links::none) candidate = id;
    }
    evict_from_main(candidate);
  }

  [[nodiscard]] std::uint32_t next_of(std::uint32_t id) {
    return queue(slots_[id].place).newer(id);
  }

  void evict_from_main(std::uint32_t candidate) {
    Place candidates = Place::probation, victims = Place::probation;
    std::uint32_t victim = probation_.oldest();
    while (bytes() > capacity_) {
      if (candidate == Links::none && candidates == Place::probation) {
        candidate = window_.oldest();
        candidates = Place::window;
      }
      if (candidate == Links::none && victim == Links::none) {
        if (victims == Place::window) return;
        victims = victims == Place::probation ? Place::guarded : Place::window;
        victim = queue(victims).oldest();
        continue;
      }
      if (victim == Links::none) {
        drop(std::exchange(candidate, next_of(candidate)));
      } else if (candidate == Links::none) {
        drop(std::exchange(victim, next_of(victim)));
      } else if (candidate == victim) {
        victim = next_of(victim);
        drop(std::exchange(candidate, Links::none));
      } else if (admits(candidate, victim)) {
        drop(std::exchange(victim, next_of(victim)));
        candidate = next_of(candidate);
      } else {
        drop(std::exchange(candidate, next_of(candidate)));
      }
    }
  }

  [[nodiscard]] bool admits(std::uint32_t candidate, std::uint32_t victim) {
    const unsigned own = sketch_.frequency(candidate), other = sketch_.frequency(victim);
    if (own > other) return true;
    if (own < hash_flood_frequency) return false;
    random_ ^= random_ << 13U;
    random_ ^= random_ >> 7U;
    random_ ^= random_ << 17U;
    return (random_ & 127U) == 0;
  }

  void climb() {
    const std::uint64_t requests = sample_hits_ + sample_misses_;
    if (!sketch_.ready()) {
      sample_hits_ = sample_misses_ = 0;
      previous_hit_ratio_ = 0;
      return;
    }
    if (requests < sketch_.sample_size()) return;
    const double ratio = static_cast<double>(sample_hits_) / static_cast<double>(requests);
    const double change = ratio - previous_hit_ratio_;
    const double amount = change >= 0 ? step_ : -step_;
    step_ = std::abs(change) >= restart_change
                ? std::copysign(step_share * static_cast<double>(capacity_), amount)
                : step_decay * amount;
    previous_hit_ratio_ = ratio;
    sample_hits_ = sample_misses_ = 0;
    if (amount > 0) {
      grow_window(static_cast<std::uint64_t>(amount));
    } else {
      shrink_window(static_cast<std::uint64_t>(-amount));
    }
  }
  void grow_window(std::uint64_t amount) {
    std::uint64_t quota = std::min(amount, protected_max_);
    protected_max_ -= quota;
    window_max_ += quota;
    demote();
    for (;;) {
      std::uint32_t id = probation_.oldest();
      if (id == Links::none || slots_[id].size > quota) id = protected_.oldest();
      if (id == Links::none || slots_[id].size > quota) break;
      quota -= slots_[id].size;
      move(id, Place::window);
    }
    protected_max_ += quota;
    window_max_ -= quota;
  }
  void shrink_window(std::uint64_t amount) {
    std::uint64_t quota = std::min(amount, window_max_ > 0 ? window_max_ - 1 : 0);
    protected_max_ += quota;
    window_max_ -= quota;
    while (!window_.empty() && slots_[window_.oldest()].size <= quota) {
      quota -= slots_[window_.oldest()].size;
      move(window_.oldest(), Place::probation);
    }
    protected_max_ -= quota;
    window_max_ += quota;
  }

  const std::uint64_t capacity_;
  std::uint64_t window_max_, protected_max_;
  double step_;
  Links links_;
  Queue window_{links_}, probation_{links_}, protected_{links_};
  std::vector<Slot> slots_;
  Sketch sketch_;
  std::uint64_t random_;
  std::size_t entries_ = 0;
  std::uint64_t sample_hits_ = 0, sample_misses_ = 0;
  double previous_hit_ratio_ = 0;
};

}  // namespace

std::unique_ptr<Policy> make_wtinylfu(const PolicySettings& settings) {
  return std::make_unique<WTinyLfu>(settings);
}

}  // namespace homeostat::replay
