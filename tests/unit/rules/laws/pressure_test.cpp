#include "rules/laws/pressure.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>

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
  EXPECT_EQ(ladder.update(at(0, 0, 0.88)).shed_class_from, shed_nothing);
  EXPECT_EQ(ladder.update(at(1, 0, 0.90)).shed_class_from, 3);
  EXPECT_EQ(ladder.update(at(2, 0, 0.95)).shed_class_from, 2);
  EXPECT_EQ(ladder.update(at(3, 0, 0.99)).shed_class_from, 1);
}

TEST(Pressure, KeepAliveStopsFromTheSecondStepOn) {
  PressureLadder ladder;
  EXPECT_FALSE(ladder.update(at(0, 0, 0.94)).stop_keep_alive);
  EXPECT_TRUE(ladder.update(at(1, 0, 0.95)).stop_keep_alive);
  EXPECT_TRUE(ladder.update(at(2, 0, 0.5)).stop_keep_alive) << "no sooner than its class returns";
  EXPECT_FALSE(ladder.update(at(12, 0, 0.5)).stop_keep_alive);
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
  ASSERT_EQ(ladder.update(at(0, 0, 0.96)).shed_class_from, 2);
  for (int second = 1; second < 60; ++second) {
    const double memory = second % 2 == 0 ? 0.955 : 0.945;
    EXPECT_EQ(ladder.update(at(second, 0, memory)).shed_class_from, 2);
  }
}

/// The application's memory, second by second; `shed` is what the ladder said before.
using Application = std::function<double(int second, std::uint8_t shed)>;

/// Seconds in which each class was shed (3, 2, 1), and in which growth was frozen.
struct Day {
  int shed[4]{}, frozen = 0;
  double highest = 0;
};

Day simulate(int from, int to, const Application& application, double some = 0) {
  PressureLadder ladder;
  Day day;
  for (int second = 0; second < to; ++second) {
    PressureInput input = at(second, 0, application(second, ladder.current().shed_class_from));
    input.memory_some = some;
    const PressureDecision& decision = ladder.update(input);
    if (second < from) continue;
    day.highest = std::max(day.highest, *input.memory);
    for (int rank = 1; rank < 4; ++rank) day.shed[rank] += rank >= decision.shed_class_from;
    day.frozen += decision.freeze_growth || decision.ceiling_factor < 1;
  }
  return day;
}

constexpr int hours = 3600;

TEST(Pressure, MemoryThatIsHighByNatureIsLeftAlone) {
  std::mt19937 random(7);
  std::normal_distribution<double> noise(0, 0.003);
  const Day heap = simulate(0, 24 * hours, [&](int, std::uint8_t) { return 0.92 + noise(random); });
  EXPECT_EQ(heap.shed[3], 0);
  EXPECT_EQ(heap.frozen, 0);
  // Garbage that is collected every two minutes; the first rise is one like any other.
  const Day sawtooth = simulate(10 * 60, 24 * hours, [](int second, std::uint8_t) {
    return 0.70 + 0.24 * (second % 120) / 120;
  });
  EXPECT_EQ(sawtooth.shed[3], 0);
  EXPECT_EQ(sawtooth.frozen, 0);
}

TEST(Pressure, ACacheThatFillsUpIsLeftAloneOnceItIsFull) {
  const Application cache = [](int second, std::uint8_t) {
    return std::min(0.92, 0.5 + 0.001 * second);
  };
  EXPECT_GT(simulate(0, 500, cache).shed[3], 0);
  EXPECT_EQ(simulate(500, 24 * hours, cache).shed[3], 0);
}

TEST(Pressure, OneHighOfMemoryThatIsHighByNaturePasses) {
  const Day day = simulate(120, 24 * hours, [](int second, std::uint8_t) {
    return second >= 60 && second < 70 ? 0.96 : 0.92;
  });
  EXPECT_EQ(day.shed[3], 0);
  EXPECT_EQ(day.frozen, 0);
}

TEST(Pressure, MemoryThatLeaksShedsFromTheFirstRungOn) {
  for (const double per_minute : {0.02, 0.05, 0.5}) {
    double first = 0;
    PressureLadder ladder;
    for (int second = 0; first == 0 && second < 2 * hours; ++second) {
      const double memory = 0.5 + per_minute * second / 60;
      if (ladder.update(at(second, 0, memory)).shed_class_from <= 3) first = memory;
    }
    EXPECT_NEAR(first, 0.90, 0.01) << per_minute;
  }
}

TEST(Pressure, MemoryThatLeaksSlowlyShedsWhereLittleIsLeft) {
  const Application leak = [](int second, std::uint8_t) { return 0.85 + 0.0005 * second / 60; };
  EXPECT_EQ(simulate(0, 199 * 60, leak).shed[3], 0);
  EXPECT_EQ(simulate(200 * 60, 250 * 60, leak).shed[2], 50 * 60);
}

TEST(Pressure, ALeakOfWhatIsShedNeverFillsTheMemory) {
  for (const double per_minute : {0.005, 0.02, 0.1}) {
    double memory = 0.6;
    const Day day = simulate(0, 12 * hours, [&](int, std::uint8_t shed) {
      if (shed > 3) memory += per_minute / 60;  // the lowest class leaks
      return memory;
    });
    EXPECT_GT(day.shed[3], 0);
    EXPECT_LT(day.highest, 0.96) << per_minute;
  }
}

TEST(Pressure, WhatWaitsForMemoryIsNotLeftAlone) {
  const Day day = simulate(
      1, 60, [](int, std::uint8_t) { return 0.92; }, 0.2);
  EXPECT_EQ(day.shed[3], 59);
  EXPECT_EQ(day.shed[2], 0);
  EXPECT_EQ(simulate(
                1, 60, [](int, std::uint8_t) { return 0.7; }, 0.2)
                .frozen,
            0);
}

TEST(Pressure, MemoryThatIsNearlyFullShedsHoweverLongItIs) {
  const Day day = simulate(0, hours, [](int, std::uint8_t) { return 0.96; });
  EXPECT_EQ(day.shed[2], hours);
  EXPECT_EQ(day.frozen, hours);
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
