#include "rules/laws/standing_demand.hpp"

#include <gtest/gtest.h>

namespace homeostat::rules {
namespace {

DemandWindow window(double turned_away, double free_slots) {
  return {.seconds = 0.1,
          .turned_away = turned_away,
          .free_slots = free_slots,
          .limit = 20,
          .service_mean = 0.02};
}

TEST(StandingDemand, AShortBurstIsNoStandingDemand) {
  StandingDemand demand;
  for (int tick = 0; tick < 4; ++tick) EXPECT_EQ(demand.update(window(1, 0)), 0);
  for (int tick = 0; tick < 20; ++tick) EXPECT_EQ(demand.update(window(0, 5)), 0);
}

TEST(StandingDemand, TwiceTheCapacityStandsWithinHalfASecond) {
  StandingDemand demand;
  int ticks = 0;
  while (demand.update(window(2, 0)) == 0 && ticks < 100) ++ticks;  // as much rejected as served
  EXPECT_LE(ticks, 5);
}

TEST(StandingDemand, EndsWhenTheBacklogIsWorkedOff) {
  StandingDemand demand;
  for (int tick = 0; tick < 9999; ++tick) demand.update(window(20, 0));
  EXPECT_GT(demand.update(window(20, 0)), 0);
  int ticks = 0;
  while (demand.update(window(0, 6)) > 0 && ticks < 1000) ++ticks;  // 0.7 of the capacity
  EXPECT_GT(ticks, 5);
  EXPECT_LE(ticks, 20) << "an overload of any length is forgotten within two seconds";
}

TEST(StandingDemand, RejectionsBelowCapacityNeverAddUp) {
  StandingDemand demand;
  for (int tick = 0; tick < 10000; ++tick) {
    const bool spell = tick % 10 == 0;
    EXPECT_EQ(demand.update(window(spell ? 0.5 : 0, spell ? 0 : 1)), 0);
  }
}

/// What is wanted to wait once demand of `ratio` times the capacity has lasted.
std::uint32_t needed_at(double ratio) {
  StandingDemand demand;
  std::uint32_t needed = 0;
  for (int tick = 0; tick < 600; ++tick) needed = demand.update(window(2 * (ratio - 1), 0));
  return needed;
}

TEST(StandingDemand, TheFurtherBeyondTheCapacityTheShorterAQueueWillDo) {
  EXPECT_EQ(needed_at(1.2), 4) << "never more";
  EXPECT_EQ(needed_at(3), 3);  // ln(1 / 0.03) / ln(3)
  EXPECT_EQ(needed_at(5), 2);
  EXPECT_EQ(needed_at(100), 2) << "nor fewer";
}

TEST(StandingDemand, FollowsADemandThatRises) {
  StandingDemand demand;
  for (int tick = 0; tick < 600; ++tick) demand.update(window(0.4, 0));
  std::uint32_t needed = 4;
  for (int tick = 0; tick < 20; ++tick) needed = demand.update(window(18, 0));
  EXPECT_LE(needed, 2) << "within two seconds";
}

TEST(StandingDemand, ASmallSlowUpstreamIsGivenMoreTime) {
  const auto ticks_to_stand = [](double limit, double service) {
    StandingDemand demand;
    int ticks = 0;
    while (demand.update({.seconds = 0.1,
                          .turned_away = 0.1 * limit,
                          .free_slots = 0,
                          .limit = limit,
                          .service_mean = service}) == 0 &&
           ticks < 1000) {
      ++ticks;
    }
    return ticks;
  };
  EXPECT_LT(ticks_to_stand(200, 0.05), 5);
  EXPECT_GT(ticks_to_stand(2, 0.04), 10);
  EXPECT_LE(ticks_to_stand(1, 10), 20) << "two seconds at most";
}

}  // namespace
}  // namespace homeostat::rules
