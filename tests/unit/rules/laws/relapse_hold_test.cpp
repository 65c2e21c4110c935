#include "rules/laws/relapse_hold.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace homeostat::rules {
namespace {

using namespace std::chrono_literals;
using Instant = RelapseHold::Instant;
using Duration = RelapseHold::Duration;

RelapseHold::Terms terms(Duration own) { return RelapseHold::Terms(own); }

/// Holds in force, in minutes, when it comes back `away` after each end.
std::vector<long> holds(const RelapseHold::Terms& own, Duration away, int times) {
  RelapseHold law;
  Instant now{1h};
  std::vector<long> minutes;
  for (int i = 0; i < times; ++i) {
    law.begin(now, own);
    minutes.push_back(std::chrono::floor<std::chrono::minutes>(law.hold(own)).count());
    now += law.hold(own);
    law.end(now);
    now += away;
  }
  return minutes;
}

TEST(RelapseHold, DoublesWithEachRelapseUpToItsBound) {
  EXPECT_EQ(holds(terms(1min), 20s, 7), (std::vector<long>{1, 2, 4, 8, 16, 20, 20}));
  EXPECT_EQ(holds(terms(5min), 20s, 4), (std::vector<long>{5, 10, 20, 20}));
}

TEST(RelapseHold, OfAnEmergencyIsFiveMinutesAtMost) {
  const auto emergency = [](Duration own) {
    return RelapseHold::Terms(own, RelapseHold::emergency_hold_max);
  };
  EXPECT_EQ(holds(emergency(1min), 20s, 6), (std::vector<long>{1, 2, 4, 5, 5, 5}));
  EXPECT_EQ(holds(emergency(10min), 20s, 3), (std::vector<long>{10, 10, 10})) << "its own";
}

TEST(RelapseHold, NeverShortensAHoldBeyondItsBound) {
  EXPECT_EQ(holds(terms(2h), 20s, 3), (std::vector<long>{120, 120, 120}));
}

TEST(RelapseHold, AQuietTimeResetsIt) {
  EXPECT_EQ(holds(terms(1min), 11min, 4), (std::vector<long>{1, 1, 1, 1}));
  // As long as the hold in force, once that is longer than ten minutes.
  RelapseHold law;
  Instant now{1h};
  for (int i = 0; i < 6; ++i) {
    law.begin(now, terms(1min));
    law.end(now += law.hold(terms(1min)));
  }
  EXPECT_TRUE(law.remembers(now + 20min, terms(1min)));
  EXPECT_FALSE(law.remembers(now + 21min, terms(1min)));
  law.begin(now + 21min, terms(1min));
  EXPECT_EQ(law.hold(terms(1min)), Duration(1min));
}

TEST(RelapseHold, LeavesRulesWithoutHoldAlone) {
  EXPECT_EQ(holds(terms(0s), 1s, 4), (std::vector<long>{0, 0, 0, 0}));
  RelapseHold law;
  law.begin(Instant{1h}, terms(0s));
  law.end(Instant{1h});
  EXPECT_FALSE(law.remembers(Instant{1h}, terms(0s))) << "nothing to remember";
}

TEST(RelapseHold, BeginsAtMostSevenTimesInAnyHour) {
  for (const Duration own : {Duration(1min), Duration(2min), Duration(5min), Duration(20min)}) {
    RelapseHold law;
    Instant now{1h};
    std::vector<Instant> begins;
    while (now < Instant{13h}) {
      law.begin(now, own);
      begins.push_back(now);
      law.end(now += law.hold(own));
      now += 1s;
    }
    for (std::size_t i = 7; i < begins.size(); ++i) EXPECT_GE(begins[i] - begins[i - 7], 1h);
  }
}

TEST(RelapseHold, AnEndForcedFromOutsideProvesNothing) {
  RelapseHold law;
  law.begin(Instant{1h}, terms(1min));
  law.end(Instant{1h});
  law.begin(Instant{1h}, terms(1min));
  ASSERT_EQ(law.hold(terms(1min)), Duration(2min));
  law.reset();
  law.begin(Instant{1h}, terms(1min));
  EXPECT_EQ(law.hold(terms(1min)), Duration(1min));
}

}  // namespace
}  // namespace homeostat::rules
