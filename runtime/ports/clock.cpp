#include "runtime/ports/clock.hpp"

#include <ctime>

namespace homeostat {

SystemClock& SystemClock::instance() noexcept {
  // Never destroyed: a thread that is abandoned at shutdown may still ask.
  static SystemClock& clock = *new SystemClock;
  return clock;
}

Instant SystemClock::now() const noexcept { return std::chrono::steady_clock::now(); }
WallTime SystemClock::wall_now() const noexcept { return std::chrono::system_clock::now(); }

ThreadClock& ThreadClock::instance() noexcept {
  static ThreadClock& clock = *new ThreadClock;  // never destroyed, as above
  return clock;
}

Instant ThreadClock::now() const noexcept {
  timespec used{};
  // Fails only for clocks that the kernel does not have; this one is of POSIX.
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return Instant(std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec));
}
WallTime ThreadClock::wall_now() const noexcept { return SystemClock::instance().wall_now(); }

Instant ManualClock::now() const noexcept {
  return start_ + Duration(elapsed_.load(std::memory_order_acquire));
}

WallTime ManualClock::wall_now() const noexcept {
  return wall_ + std::chrono::duration_cast<WallTime::duration>(
                     Duration(elapsed_.load(std::memory_order_acquire)));
}

void ManualClock::advance(Duration by) noexcept {
  elapsed_.fetch_add(by.count(), std::memory_order_acq_rel);
}

}  // namespace homeostat
