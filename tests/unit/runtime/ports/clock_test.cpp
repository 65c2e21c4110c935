#include "runtime/ports/clock.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace homeostat {
namespace {

TEST(ThreadClock, GoesOnWhileTheThreadWorksAndNotWhileItWaitsForAnother) {
  const Clock& clock = ThreadClock::instance();
  constexpr std::chrono::milliseconds work{100};
  Duration worked{};
  const Instant before = clock.now();
  std::thread busy([&] {
    const Instant begin = clock.now();
    while (worked < work) worked = clock.now() - begin;
  });
  busy.join();
  EXPECT_GE(worked, work);
  const Duration waited = clock.now() - before;
  EXPECT_GE(waited, Duration::zero());
  EXPECT_LT(waited, work);
}

}  // namespace
}  // namespace homeostat
