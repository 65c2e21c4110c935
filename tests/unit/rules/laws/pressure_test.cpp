#include "rules/laws/pressure.hpp"

#include <gtest/gtest.h>

namespace homeostat::rules {
namespace {

using std::chrono::seconds;

PressureInput at(int second, double cpu, double memory, bool queueing = false) {
  PressureInput input;
  input.now = Instant{} + seconds(second);
  input.cpu = cpu;
  input.memory = memory;
  input.queueing = queueing;
  return input;
}

TEST(Pressure, BusyCpuWithoutQueueingIsHealthy) {
  PressureLadder ladder;
  const PressureDecision decision = ladder.update(at(0, 0.99, 0.5, false));
  EXPECT_DOUBLE_EQ(decision.ceiling_factor, 1);
  EXPECT_FALSE(decision.freeze_growth);
  EXPECT_EQ(decision.shed_class_from, shed_nothing);
}

TEST(Pressure, CpuCeilingFollowsTheFormula) {
  EXPECT_DOUBLE_EQ(cpu_ceiling(0.90, true, 0.9), 1);
  EXPECT_NEAR(cpu_ceiling(0.95, true, 0.9), 0.5, 1e-12);
  EXPECT_DOUBLE_EQ(cpu_ceiling(1.0, true, 0.9), 0.3);
  EXPECT_DOUBLE_EQ(cpu_ceiling(1.0, false, 0.9), 1);
}

TEST(Pressure, GrowthFreezesAndThawsWithAMargin) {
  PressureLadder ladder;
  EXPECT_TRUE(ladder.update(at(0, 0.85, 0.1, true)).freeze_growth);
  EXPECT_TRUE(ladder.update(at(1, 0.82, 0.1, true)).freeze_growth);
  EXPECT_FALSE(ladder.update(at(2, 0.79, 0.1, true)).freeze_growth);
  EXPECT_FALSE(ladder.update(at(3, 0.82, 0.1, true)).freeze_growth);
  EXPECT_TRUE(ladder.update(at(4, 0.1, 0.80)).freeze_growth);
  EXPECT_TRUE(ladder.update(at(5, 0.1, 0.76)).freeze_growth);
  EXPECT_FALSE(ladder.update(at(6, 0.1, 0.74)).freeze_growth);
}

TEST(Pressure, MemoryShedsClassByClass) {
  PressureLadder ladder;
  EXPECT_EQ(ladder.update(at(0, 0, 0.89)).shed_class_from, shed_nothing);
  EXPECT_EQ(ladder.update(at(1, 0, 0.90)).shed_class_from, 3);
  EXPECT_EQ(ladder.update(at(2, 0, 0.95)).shed_class_from, 2);
  EXPECT_EQ(ladder.update(at(3, 0, 0.99)).shed_class_from, 1);
}

TEST(Pressure, SheddingIsTakenBackOneClassPerHold) {
  PressureLadder ladder;
  ASSERT_EQ(ladder.update(at(0, 0, 0.99)).shed_class_from, 1);
  EXPECT_EQ(ladder.update(at(1, 0, 0.50)).shed_class_from, 1);
  EXPECT_EQ(ladder.update(at(10, 0, 0.50)).shed_class_from, 1);
  EXPECT_EQ(ladder.update(at(11, 0, 0.50)).shed_class_from, 2);
  EXPECT_EQ(ladder.update(at(20, 0, 0.50)).shed_class_from, 2);
  EXPECT_EQ(ladder.update(at(21, 0, 0.50)).shed_class_from, 3);
  EXPECT_EQ(ladder.update(at(31, 0, 0.50)).shed_class_from, shed_nothing);
}

TEST(Pressure, OscillationInsideTheMarginKeepsTheStep) {
  PressureLadder ladder;
  ASSERT_EQ(ladder.update(at(0, 0, 0.91)).shed_class_from, 3);
  for (int second = 1; second < 60; ++second) {
    const double memory = second % 2 == 0 ? 0.91 : 0.86;
    EXPECT_EQ(ladder.update(at(second, 0, memory)).shed_class_from, 3);
  }
}

TEST(Pressure, MemoryWhoseStallLastsCountsAsTheSecondStep) {
  PressureLadder ladder;
  PressureInput input = at(0, 0, 0.4);
  input.memory_full = 0.06;
  EXPECT_EQ(ladder.update(input).shed_class_from, 2);
  input.memory_full = 0.04;
  PressureLadder calm;
  EXPECT_EQ(calm.update(input).shed_class_from, shed_nothing);
}

TEST(Pressure, MissingMeasurementsAreNoPressure) {
  PressureLadder ladder;
  PressureInput input;
  input.queueing = true;
  const PressureDecision decision = ladder.update(input);
  EXPECT_DOUBLE_EQ(decision.ceiling_factor, 1);
  EXPECT_FALSE(decision.freeze_growth);
}

TEST(Pressure, CeilingBoundsTheMaximumNotTheLimit) {
  PressureDecision decision;
  decision.ceiling_factor = 0.3;
  EXPECT_DOUBLE_EQ(limit_under(20, 1000, decision), 20);
  EXPECT_DOUBLE_EQ(limit_under(500, 1000, decision), 300);
  EXPECT_DOUBLE_EQ(limit_under(20, 1, decision), 1);
}

TEST(Pressure, MemoryCeilingIsLinearBetweenItsEnds) {
  EXPECT_DOUBLE_EQ(memory_ceiling(0.90, 0.9, 0.98), 1);
  EXPECT_NEAR(memory_ceiling(0.94, 0.9, 0.98), 0.65, 1e-12);
  EXPECT_DOUBLE_EQ(memory_ceiling(0.99, 0.9, 0.98), ceiling_factor_min);
}

}  // namespace
}  // namespace homeostat::rules
