// How many events happened in the last hour, to the minute, in 61 counters.
//
// Pure: time comes in. Thread safety: none; one owner.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <numeric>

#include "runtime/ports/clock.hpp"

namespace homeostat::actors {

class HourlyCount {
 public:
  /// REQUIRES: now does not go backwards by more than an hour.
  void add(Instant now, std::uint64_t events) {
    roll_to(now);
    counts_[slot_of(now)] += events;
  }

  /// Events of the last 60 to 61 minutes.
  [[nodiscard]] std::uint64_t total(Instant now) {
    roll_to(now);
    return std::accumulate(counts_.begin(), counts_.end(), std::uint64_t{0});
  }

 private:
  static constexpr std::size_t slots = 61;

  [[nodiscard]] static std::int64_t minute_of(Instant at) {
    return std::chrono::floor<std::chrono::minutes>(at.time_since_epoch()).count();
  }
  [[nodiscard]] static std::size_t slot_of(Instant at) {
    return static_cast<std::size_t>(minute_of(at)) % slots;
  }

  void roll_to(Instant now) {
    const std::int64_t minute = minute_of(now);
    if (minute - newest_ >= static_cast<std::int64_t>(slots)) counts_.fill(0);
    for (std::int64_t i = newest_ + 1;
         i <= minute && i <= newest_ + static_cast<std::int64_t>(slots); ++i) {
      counts_[static_cast<std::size_t>(i) % slots] = 0;
    }
    if (minute > newest_) newest_ = minute;
  }

  std::array<std::uint64_t, slots> counts_{};
  std::int64_t newest_ = 0;
};

}  // namespace homeostat::actors
