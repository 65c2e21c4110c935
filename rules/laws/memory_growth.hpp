// Whether memory grows beyond what it has held, as before it runs out.
//
// A working set may be high by nature: a runtime that takes the heap it was given, a
// database's cache, garbage between two collections. What was held for a while without
// running out is no danger by itself. So growth is told by a new high: `rise` more than
// the most of the last ten minutes but for the newest half to whole minute. What is
// found at first counts as held. A leak of two points a minute is seen by that; a slower
// one takes two minutes and a half from one rung of the ladder (rules/laws/pressure.hpp)
// to the next, which asks for no growth.
//
// Pure: time comes in. Thread safety: none; one owner. Bounds: 21 numbers. After ten
// minutes without a measurement it begins anew, and so it does if time goes back.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <optional>

#include "rules/engine/frame.hpp"

namespace homeostat::rules {

class MemoryGrowth {
 public:
  static constexpr double rise = 0.01;
  static constexpr Duration slot = std::chrono::seconds(30);

  /// One measurement, 0..1. True: it is a new high.
  bool update(Instant now, double memory) noexcept {
    turn_to(now.time_since_epoch() / slot, memory);
    at(*slot_) = std::max(at(*slot_), memory);
    double held = 0;
    for (std::int64_t age = newest; age < count; ++age) held = std::max(held, at(*slot_ - age));
    return memory > held + rise;
  }

 private:
  static constexpr std::int64_t count = 21;  ///< slots
  static constexpr std::int64_t newest = 2;  ///< slots that are too new to count as held

  [[nodiscard]] double& at(std::int64_t number) noexcept {
    return highs_[static_cast<std::size_t>((number % count + count) % count)];
  }
  void turn_to(std::int64_t number, double memory) noexcept {
    if (!slot_ || number < *slot_ || number - *slot_ >= count) {
      highs_.fill(memory);
    } else {
      for (std::int64_t passed = *slot_ + 1; passed <= number; ++passed) at(passed) = 0;
    }
    slot_ = number;
  }

  std::array<double, count> highs_{};  ///< the most of each slot, by its number
  std::optional<std::int64_t> slot_;   ///< of the last measurement
};

}  // namespace homeostat::rules
