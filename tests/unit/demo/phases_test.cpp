#include "runtime/app/demo/phases.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace homeostat::demo {
namespace {

using std::chrono::duration;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Phases, OverloadIsTheGivenMultipleOfTheCapacity) {
  const Plan plan = plan_run(60, 600, 4);
  ASSERT_EQ(plan.size(), 3U);
  EXPECT_DOUBLE_EQ(plan[warm_up].rate, 300);
  EXPECT_DOUBLE_EQ(plan[overload_phase].rate, 2400);
  EXPECT_DOUBLE_EQ(plan[recovery].rate, 300);
}

TEST(Phases, TwoRunsAndTheProbeFitIntoTheStory) {
  for (const unsigned length : {30U, 60U, 120U, 600U}) {
    const double total =
        duration<double>(2 * total_length(plan_run(length, 600, 4)) + probe_length(length)).count();
    EXPECT_LE(total, length);
    EXPECT_GE(total, 0.8 * length);
  }
}

TEST(Phases, AShortStoryStillHasPhasesOfUsefulLength) {
  const Plan plan = plan_run(20, 600, 4);
  for (const Phase& phase : plan) EXPECT_GE(phase.length, seconds(1));
}

TEST(Phases, FindsThePhaseOfAnInstant) {
  const Plan plan{{"a", seconds(1), 1}, {"b", seconds(2), 1}, {"c", seconds(3), 1}};
  EXPECT_EQ(phase_at(plan, seconds(0)), 0U);
  EXPECT_EQ(phase_at(plan, milliseconds(999)), 0U);
  EXPECT_EQ(phase_at(plan, seconds(1)), 1U);
  EXPECT_EQ(phase_at(plan, seconds(3)), 2U);
  EXPECT_EQ(phase_at(plan, seconds(60)), 2U);
  EXPECT_EQ(phase_start(plan, 0), seconds(0));
  EXPECT_EQ(phase_start(plan, 2), seconds(3));
  EXPECT_EQ(total_length(plan), seconds(6));
}

}  // namespace
}  // namespace homeostat::demo
