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
  for (int tick = 0; tick < 4; ++tick) EXPECT_FALSE(demand.update(window(1, 0)));
  for (int tick = 0; tick < 20; ++tick) EXPECT_FALSE(demand.update(window(0, 5)));
}

TEST(StandingDemand, TwiceTheCapacityStandsWithinHalfASecond) {
  StandingDemand demand;
  int ticks = 0;
  while (!demand.update(window(2, 0)) && ticks < 100) ++ticks;  // as much rejected as served
  EXPECT_LE(ticks, 5);
}

TEST(StandingDemand, EndsWhenTheBacklogIsWorkedOff) {
  StandingDemand demand;
  for (int tick = 0; tick < 10000; ++tick) demand.update(window(20, 0));
  EXPECT_TRUE(demand.standing());
  int ticks = 0;
  while (demand.update(window(0, 6)) && ticks < 1000) ++ticks;  // 0.7 of the capacity
  EXPECT_GT(ticks, 5);
  EXPECT_LE(ticks, 20) << "an overload of any length is forgotten within two seconds";
}

TEST(StandingDemand, RejectionsBelowCapacityNeverAddUp) {
  StandingDemand demand;
  for (int tick = 0; tick < 10000; ++tick) {
    const bool spell = tick % 10 == 0;
    EXPECT_FALSE(demand.update(window(spell ? 0.5 : 0, spell ? 0 : 1)));
  }
}

TEST(StandingDemand, ASmallSlowUpstreamIsGivenMoreTime) {
  const auto ticks_to_stand = [](double limit, double service) {
    StandingDemand demand;
    int ticks = 0;
    while (!demand.update({.seconds = 0.1,
                           .turned_away = 0.1 * limit,
                           .free_slots = 0,
                           .limit = limit,
                           .service_mean = service}) &&
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
