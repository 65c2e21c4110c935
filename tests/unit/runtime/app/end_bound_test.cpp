#include "runtime/app/end_bound.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <optional>

namespace homeostat::app {
namespace {

using namespace std::chrono_literals;

TEST(EndBound, ActsWhenEndingTakesTooLong) {
  std::promise<void> acted;
  EndBound bound;
  bound.arm(1ms, [&] { acted.set_value(); });
  acted.get_future().wait();
}

TEST(EndBound, DoesNothingWhereEverythingEndedInTime) {
  std::atomic<bool> acted{false};
  std::optional<EndBound> bound(std::in_place);
  bound->arm(1h, [&] { acted = true; });
  bound->arm(1ms, [&] { acted = true; });  // once is enough
  bound.reset();
  EXPECT_FALSE(acted);
}

TEST(EndBound, IsNothingUntilItIsArmed) { EndBound bound; }

}  // namespace
}  // namespace homeostat::app
