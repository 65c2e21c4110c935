// How fast a dying actor may be restarted: at once for the first few deaths in
// a window, then only after a pause, so that a crash loop costs next to nothing.
//
// Pure: time comes in. Thread safety: none; owned by the supervisor.
#pragma once

#include <chrono>
#include <deque>

#include "runtime/ports/clock.hpp"

namespace homeostat::actors {

class RestartBudget {
 public:
  static constexpr std::size_t immediate_max = 5;
  static constexpr Duration window = std::chrono::seconds(60);
  static constexpr Duration pause = std::chrono::seconds(10);

  /// Records a death and returns how long to wait before the restart.
  [[nodiscard]] Duration on_death(Instant now) {
    while (!deaths_.empty() && now - deaths_.front() > window) deaths_.pop_front();
    deaths_.push_back(now);
    if (deaths_.size() <= immediate_max) return Duration::zero();
    deaths_.pop_front();
    return pause;
  }

 private:
  std::deque<Instant> deaths_;  ///< at most immediate_max
};

}  // namespace homeostat::actors
