// A ceiling goes down at once and up in steps.
#include "rules/laws/step_limit.hpp"

#include <gtest/gtest.h>

namespace homeostat::rules {
namespace {

using namespace std::chrono_literals;

TEST(StepLimit, GoesDownAtOnce) {
  StepLimit ceiling(1, 0.1);
  EXPECT_DOUBLE_EQ(ceiling.towards(0.3, Instant{1s}), 0.3);
}

TEST(StepLimit, GoesUpByTheTimeThatPassed) {
  StepLimit ceiling(1, 0.1);
  EXPECT_DOUBLE_EQ(ceiling.towards(0.3, Instant{1s}), 0.3);
  EXPECT_DOUBLE_EQ(ceiling.towards(1, Instant{2s}), 0.4);
  EXPECT_DOUBLE_EQ(ceiling.towards(1, Instant{2500ms}), 0.45);
  EXPECT_DOUBLE_EQ(ceiling.towards(0.5, Instant{30s}), 0.5) << "no further than wanted";
  EXPECT_DOUBLE_EQ(ceiling.towards(1, Instant{30s}), 0.5) << "no time has passed";
}

TEST(StepLimit, DoesNotRiseByTheTimeBeforeItsFirstUse) {
  StepLimit ceiling(0.5, 0.1);
  EXPECT_DOUBLE_EQ(ceiling.towards(1, Instant{100s}), 0.5);
}

}  // namespace
}  // namespace homeostat::rules
