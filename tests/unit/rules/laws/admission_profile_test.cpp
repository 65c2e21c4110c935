#include "rules/laws/admission_profile.hpp"

#include <gtest/gtest.h>

#include "rules/laws/admission_queue.hpp"
#include "rules/laws/pressure.hpp"

namespace homeostat::rules {
namespace {

using namespace std::chrono_literals;
using Wait = std::chrono::milliseconds;

QueueBounds bounds_at(Level level, std::optional<Wait> max_wait = std::nullopt) {
  const AdmissionProfile profile = admission_profile(level, max_wait);
  return {profile.max_wait, 10, profile.burst_services, profile.standing_wait};
}

constexpr Level all[] = {Level::conservative, Level::balanced, Level::aggressive};

TEST(AdmissionProfile, BalancedIsWhatHoldsWithoutAnyLevel) {
  EXPECT_EQ(admission_profile(Level::balanced), AdmissionProfile{});
  EXPECT_EQ(AdmissionProfile{}.max_wait, Duration(QueueBounds{}.max_wait));
  EXPECT_EQ(AdmissionProfile{}.burst_services, QueueBounds{}.burst_services);
  EXPECT_EQ(AdmissionProfile{}.standing_wait, QueueBounds{}.standing_wait);
  EXPECT_EQ(AdmissionProfile{}.cpu_freeze, PressureBounds{}.cpu_freeze);
}

TEST(AdmissionProfile, EachLevelHasItsBudgetsAndItsFreeze) {
  const Duration burst[] = {50ms, 100ms, 200ms};
  const Duration standing[] = {10ms, 20ms, 50ms};
  const double freeze[] = {0.75, 0.85, 0.92};
  for (std::size_t i = 0; i < std::size(all); ++i) {
    const QueueBounds bounds = bounds_at(all[i]);
    EXPECT_EQ(wait_limit(bounds, 0, 1ms, 1000), burst[i]);
    EXPECT_EQ(wait_budget(bounds, 0, 1ms, 1000), burst[i] * 17 / 20);
    EXPECT_EQ(wait_budget(bounds, 4, 1ms, 1000), standing[i]);
    EXPECT_EQ(admission_profile(all[i]).cpu_freeze, freeze[i]);
  }
}

TEST(AdmissionProfile, AWilderLevelNeverWaitsLessWhateverTheServiceTime) {
  for (const Duration service :
       {Duration(0ms), Duration(3ms), Duration(30ms), Duration(300ms), Duration(3s)}) {
    for (const double limit : {1.0, 10.0, 1000.0}) {
      for (const std::uint32_t needed : {0U, 2U, 4U}) {
        for (std::size_t i = 1; i < std::size(all); ++i) {
          const QueueBounds calmer = bounds_at(all[i - 1]), wilder = bounds_at(all[i]);
          EXPECT_LE(wait_budget(calmer, needed, service, limit),
                    wait_budget(wilder, needed, service, limit));
          EXPECT_LE(wait_limit(calmer, needed, service, limit),
                    wait_limit(wilder, needed, service, limit));
        }
      }
    }
  }
}

TEST(AdmissionProfile, MeansSomethingToASlowApplicationToo) {
  EXPECT_EQ(wait_budget(bounds_at(Level::conservative), 0, 200ms, 1000), Duration(200ms));
  EXPECT_EQ(wait_budget(bounds_at(Level::balanced), 0, 200ms, 1000), Duration(400ms));
  EXPECT_EQ(wait_budget(bounds_at(Level::aggressive), 0, 200ms, 1000), Duration(800ms));
}

TEST(AdmissionProfile, TheOperatorsMaxWaitHoldsAtEveryLevel) {
  for (const Level level : all) {
    const QueueBounds bounds = bounds_at(level, Wait(70));
    EXPECT_EQ(wait_limit(bounds, 0, 1ms, 1000), Duration(70ms));
    EXPECT_EQ(wait_budget(bounds, 0, 200ms, 1000), Duration(400ms)) << "two service times";
    EXPECT_LE(wait_budget(bounds_at(level, Wait(5)), 4, 1ms, 1000), Duration(5ms));
    EXPECT_EQ(wait_budget(bounds_at(level, Wait(0)), 0, 200ms, 1000), Duration::zero());
  }
}

TEST(AdmissionProfile, AChangedFreezeHoldsFromTheNextReadingOn) {
  PressureLadder ladder;
  const auto frozen_at = [&](double cpu) {
    return ladder.update({Instant{}, cpu, 0.1, std::nullopt, true, std::nullopt}).freeze_growth;
  };
  EXPECT_FALSE(frozen_at(0.80));
  ladder.set_cpu_freeze(admission_profile(Level::conservative).cpu_freeze);
  EXPECT_TRUE(frozen_at(0.80));
  ladder.set_cpu_freeze(admission_profile(Level::aggressive).cpu_freeze);
  EXPECT_FALSE(frozen_at(0.80));
  EXPECT_FALSE(frozen_at(0.90));
  EXPECT_TRUE(frozen_at(0.92));
}

}  // namespace
}  // namespace homeostat::rules
