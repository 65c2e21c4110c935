#include "runtime/proxy/deadline_wheel.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <random>
#include <vector>

#include "runtime/ports/clock.hpp"

namespace homeostat::proxy {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Alarm final : Deadline {
  void on_deadline() override {
    ++fired;
    if (action) action();
  }
  int fired = 0;
  std::function<void()> action;
};

class Wheel : public testing::Test {
 protected:
  void pass(Duration by) {
    clock.advance(by);
    wheel.advance(clock.now());
  }
  ManualClock clock;
  boost::asio::io_context context;
  DeadlineWheel wheel{context, clock};
};

TEST_F(Wheel, FiresOnceAndAtMostOneTickLate) {
  Alarm alarm;
  wheel.arm(alarm, clock.now() + milliseconds(250));
  pass(milliseconds(249));
  EXPECT_EQ(alarm.fired, 0);
  EXPECT_TRUE(alarm.armed());
  pass(DeadlineWheel::tick);
  EXPECT_EQ(alarm.fired, 1);
  EXPECT_FALSE(alarm.armed());
  pass(seconds(300));
  EXPECT_EQ(alarm.fired, 1);
  EXPECT_EQ(wheel.size(), 0U);
}

TEST_F(Wheel, AfterAPauseWhatHasComeMeanwhileIsReadFirst) {
  Alarm alarm;
  const Instant before = clock.now();
  wheel.arm(alarm, before + seconds(30));
  EXPECT_FALSE(wheel.stood_still_since(before));
  clock.advance(std::chrono::minutes(10));
  EXPECT_TRUE(wheel.stood_still_since(before)) << "already before the timer has come";
  context.run_one();
  EXPECT_EQ(alarm.fired, 0);
  EXPECT_TRUE(wheel.stood_still_since(before));
  EXPECT_FALSE(wheel.stood_still_since(clock.now())) << "it is over";
  clock.advance(DeadlineWheel::tick);
  context.run_one();
  EXPECT_EQ(alarm.fired, 1);
}

TEST_F(Wheel, NeverFiresEarlyWhateverTheTimes) {
  std::mt19937 random(7);
  std::uniform_int_distribution<int> delay(1, 300'000);
  struct Timed final : Deadline {
    void on_deadline() override { fired_at = clock->now(); }
    ManualClock* clock = nullptr;
    Instant due{}, fired_at{};
  };
  std::vector<std::unique_ptr<Timed>> all;
  for (int i = 0; i < 500; ++i) {
    auto& one = all.emplace_back(std::make_unique<Timed>());
    one->clock = &clock;
    one->due = clock.now() + milliseconds(delay(random));
    wheel.arm(*one, one->due);
  }
  const milliseconds step{33};
  for (int i = 0; i < 10'000; ++i) pass(step);
  for (const auto& one : all) {
    ASSERT_GE(one->fired_at, one->due);
    ASSERT_LE(one->fired_at - one->due, DeadlineWheel::tick + step);
  }
}

TEST_F(Wheel, PostponingMovesItWithoutFiring) {
  Alarm alarm;
  for (int i = 0; i < 50; ++i) {
    wheel.arm(alarm, clock.now() + seconds(1));
    pass(milliseconds(900));
    ASSERT_EQ(alarm.fired, 0);
  }
  EXPECT_EQ(wheel.size(), 1U);
  pass(milliseconds(300));
  EXPECT_EQ(alarm.fired, 1);
}

TEST_F(Wheel, AnEarlierDeadlineReplacesALaterOne) {
  Alarm alarm;
  wheel.arm(alarm, clock.now() + seconds(60));
  wheel.arm(alarm, clock.now() + seconds(1));
  pass(milliseconds(1200));
  EXPECT_EQ(alarm.fired, 1);
}

TEST_F(Wheel, WhatIsDisarmedOrDestroyedStaysSilent) {
  Alarm alarm;
  wheel.arm(alarm, clock.now() + seconds(1));
  wheel.disarm(alarm);
  wheel.disarm(alarm);
  {
    Alarm gone;
    wheel.arm(gone, clock.now() + seconds(1));
    EXPECT_EQ(wheel.size(), 1U);
  }
  EXPECT_EQ(wheel.size(), 0U);
  pass(seconds(5));
  EXPECT_EQ(alarm.fired, 0);
}

TEST_F(Wheel, DeadlinesBeyondOneRoundWait) {
  Alarm alarm;
  const auto round = DeadlineWheel::tick * static_cast<int>(DeadlineWheel::slots);
  wheel.arm(alarm, clock.now() + round * 3);
  for (int i = 0; i < 29; ++i) pass(round / 10);
  EXPECT_EQ(alarm.fired, 0);
  pass(round / 5);
  EXPECT_EQ(alarm.fired, 1);
}

TEST_F(Wheel, APauseLongerThanARoundFindsEverythingDue) {
  std::vector<std::unique_ptr<Alarm>> all;
  for (int i = 0; i < 2000; ++i) {
    all.push_back(std::make_unique<Alarm>());
    wheel.arm(*all.back(), clock.now() + milliseconds(100) * i);
  }
  pass(std::chrono::hours(1));
  for (const auto& alarm : all) ASSERT_EQ(alarm->fired, 1);
}

TEST_F(Wheel, ACallbackMayArmDisarmAndDestroy) {
  Alarm again;
  Alarm victim;
  auto doomed = std::make_unique<Alarm>();
  again.action = [&] {
    wheel.disarm(victim);
    doomed.reset();
    if (again.fired < 3) wheel.arm(again, clock.now() + milliseconds(100));
  };
  wheel.arm(again, clock.now() + milliseconds(10));
  wheel.arm(victim, clock.now() + milliseconds(10));
  wheel.arm(*doomed, clock.now() + milliseconds(10));
  for (int i = 0; i < 20; ++i) pass(milliseconds(100));
  EXPECT_EQ(again.fired, 3);
  EXPECT_EQ(victim.fired, 0);
  EXPECT_EQ(wheel.size(), 0U);
}

}  // namespace
}  // namespace homeostat::proxy
