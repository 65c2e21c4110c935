#include "rules/laws/admission_queue.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace homeostat::rules {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// Demand stands, and is not far above the capacity.
constexpr std::uint32_t standing = 4;

TEST(AdmissionQueue, PredictedWaitIsWorkOverLimit) {
  EXPECT_EQ(predicted_wait(milliseconds(300), 10), Duration(milliseconds(30)));
  EXPECT_EQ(predicted_wait(milliseconds(300), 0.1), Duration(milliseconds(300)));
  EXPECT_EQ(predicted_wait(milliseconds(-5), 10), Duration::zero());
}

TEST(AdmissionQueue, BudgetIsGenerousInABurstAndShortWhenStanding) {
  const QueueBounds bounds{milliseconds(100), 10};
  EXPECT_EQ(wait_budget(bounds, 0, milliseconds(30), 1000), Duration(milliseconds(85)));
  EXPECT_EQ(wait_limit(bounds, 0, milliseconds(30), 1000), Duration(milliseconds(100)));
  EXPECT_EQ(wait_budget(bounds, standing, milliseconds(30), 1000), Duration(milliseconds(30)));
  EXPECT_EQ(wait_budget(bounds, standing, milliseconds(1), 1000), Duration(milliseconds(20)));
  EXPECT_EQ(wait_budget(bounds, standing, seconds(5), 1000), Duration(milliseconds(50)));
}

TEST(AdmissionQueue, ASmallUpstreamIsKeptBusyWhenStanding) {
  const QueueBounds bounds{milliseconds(100), 10};
  EXPECT_EQ(wait_budget(bounds, 4, milliseconds(40), 2), Duration(milliseconds(80)));
  EXPECT_EQ(wait_budget(bounds, 2, milliseconds(40), 2), Duration(milliseconds(40)));
  EXPECT_EQ(wait_budget(bounds, 4, milliseconds(40), 8), Duration(milliseconds(40)));
}

TEST(AdmissionQueue, ABurstMayWaitTwoServiceTimesUpToASecond) {
  const QueueBounds bounds{milliseconds(100), 10};
  EXPECT_EQ(wait_budget(bounds, 0, milliseconds(200), 1000), Duration(milliseconds(400)));
  EXPECT_EQ(wait_budget(bounds, 0, seconds(5), 1000), Duration(seconds(1)));
  EXPECT_GT(wait_limit(bounds, 0, seconds(5), 1000), Duration(seconds(1)));
}

TEST(AdmissionQueue, WithoutMaxWaitNobodyWaits) {
  const QueueBounds bounds{milliseconds(0), 10};
  for (const std::uint32_t needed : {0U, standing}) {
    EXPECT_EQ(wait_budget(bounds, needed, seconds(1), 1000), Duration::zero());
    EXPECT_EQ(wait_limit(bounds, needed, seconds(1), 1000), Duration::zero());
  }
  EXPECT_EQ(judge_arrival(bounds, QueueView{}, {}), ArrivalVerdict::predicted_wait)
      << "not even for nothing: who cannot begin goes away at once";
}

TEST(AdmissionQueue, AShortMaxWaitAlsoBoundsAStandingQueue) {
  const QueueBounds bounds{milliseconds(12), 10};
  EXPECT_LE(wait_budget(bounds, standing, milliseconds(1), 1000), Duration(milliseconds(12)));
  EXPECT_EQ(wait_limit(bounds, standing, milliseconds(1), 1000), Duration(milliseconds(12)));
}

TEST(AdmissionQueue, LateDropIsTwiceTheStandingBudgetButAtLeast50Milliseconds) {
  const QueueBounds bounds{seconds(1), 10};
  EXPECT_EQ(wait_limit(bounds, standing, milliseconds(10), 1000), Duration(milliseconds(50)));
  EXPECT_EQ(wait_limit(bounds, standing, milliseconds(40), 1000), Duration(milliseconds(80)));
  EXPECT_EQ(wait_limit(bounds, standing, seconds(1), 1000), Duration(milliseconds(100)));
}

QueueView ahead(milliseconds work, double limit, std::size_t length) {
  QueueView view;
  view.work_ahead = work;
  view.limit = limit;
  view.length = length;
  view.own_service = view.own_unloaded = milliseconds(10);
  return view;
}

TEST(AdmissionQueue, ArrivalIsJudgedByWaitDeadlineAndLength) {
  const QueueBounds bounds{milliseconds(100), 4};  // burst budget 85 ms
  EXPECT_EQ(judge_arrival(bounds, ahead(milliseconds(850), 10, 3), {}), ArrivalVerdict::join);
  EXPECT_EQ(judge_arrival(bounds, ahead(milliseconds(860), 10, 3), {}),
            ArrivalVerdict::predicted_wait);
  EXPECT_EQ(judge_arrival(bounds, ahead(milliseconds(0), 10, 4), {}), ArrivalVerdict::queue_full);
  EXPECT_EQ(judge_arrival(bounds, ahead(milliseconds(300), 10, 3), milliseconds(50)),
            ArrivalVerdict::join);  // 30 ms wait + 2 x 10 ms service
  EXPECT_EQ(judge_arrival(bounds, ahead(milliseconds(310), 10, 3), milliseconds(50)),
            ArrivalVerdict::deadline);
  EXPECT_EQ(judge_arrival(bounds, ahead(milliseconds(310), 10, 3), milliseconds(19)),
            ArrivalVerdict::too_late);  // less than 2 x 10 ms service
  EXPECT_EQ(judge_arrival(bounds, QueueView{}, Duration::zero()), ArrivalVerdict::too_late);
}

TEST(AdmissionQueue, WhatWouldDoWithoutLoadIsRefusedForTheLoad) {
  const QueueBounds bounds{milliseconds(100), 4};
  QueueView loaded = ahead(milliseconds(10), 10, 1);
  loaded.own_service = milliseconds(400);
  loaded.own_unloaded = milliseconds(40);
  EXPECT_EQ(judge_arrival(bounds, loaded, milliseconds(79)), ArrivalVerdict::too_late);
  EXPECT_EQ(judge_arrival(bounds, loaded, milliseconds(80)), ArrivalVerdict::deadline);
  EXPECT_EQ(judge_arrival(bounds, loaded, milliseconds(800)), ArrivalVerdict::deadline);
  EXPECT_EQ(judge_arrival(bounds, loaded, milliseconds(801)), ArrivalVerdict::join);
}

TEST(AdmissionQueue, BestWaitingClassIsChosen) {
  EXPECT_FALSE(choose_class({0, 0, 0, 0}, {}));
  EXPECT_EQ(choose_class({0, 0, 2, 1}, {})->priority_class, 2);
  EXPECT_EQ(choose_class({1, 9, 2, 1}, {0, 18, 18, 18})->priority_class, 0);
}

TEST(AdmissionQueue, AnOwedClassGoesFirstOnceAndPays) {
  const ClassCounts waiting{5, 0, 0, 5};
  ClassCounts credits{};
  int low = 0;
  for (int grant = 0; grant < 2000; ++grant) {
    const auto choice = choose_class(waiting, credits);
    ASSERT_TRUE(choice);
    credits = credits_after(waiting, credits, *choice);
    if (choice->priority_class == 3) ++low;
  }
  EXPECT_EQ(low, 100);  // one of each twenty
}

TEST(AdmissionQueue, EachLowerClassHasItsOwnFloor) {
  const ClassCounts waiting{5, 5, 5, 5};
  ClassCounts credits{};
  int served[4] = {};
  for (int grant = 0; grant < 4000; ++grant) {
    const auto choice = choose_class(waiting, credits);
    credits = credits_after(waiting, credits, *choice);
    ++served[choice->priority_class];
  }
  for (int index = 1; index < 4; ++index) {
    EXPECT_GE(served[index], 170);
    EXPECT_LE(served[index], 210);
  }
}

TEST(AdmissionQueue, TheFloorShareComesBeforeALongQueueOfBetterOnes) {
  const TurnAhead first = turn_ahead(milliseconds(900), 0, 0, milliseconds(20));
  EXPECT_EQ(first.work, milliseconds(380)) << "nineteen grants of a mean request";
  EXPECT_TRUE(first.by_floor);
  EXPECT_EQ(turn_ahead(milliseconds(900), 1, 15, milliseconds(20)).work, milliseconds(460))
      << "one of its class goes first, and fifteen grants have passed";
  EXPECT_FALSE(turn_ahead(milliseconds(900), 2, 0, milliseconds(20)).by_floor);
  EXPECT_EQ(turn_ahead(milliseconds(900), 2, 0, milliseconds(20)).work, milliseconds(900));
  EXPECT_FALSE(turn_ahead(milliseconds(900), 0, 0, milliseconds(0)).by_floor)
      << "nothing is known of service times";
}

TEST(AdmissionQueue, CreditsEndWithTheWait) {
  EXPECT_EQ(credits_after({1, 0, 0, 0}, {0, 7, 8, 9}, {0, false}), (ClassCounts{0, 0, 0, 0}));
}

TEST(AdmissionQueue, RetryAfterSpreadsAroundTheDrain) {
  EXPECT_EQ(retry_after(milliseconds(0), seconds(1), 0.0), seconds(1));
  EXPECT_EQ(retry_after(milliseconds(0), seconds(1), 0.999), seconds(2));
  EXPECT_EQ(retry_after(seconds(10), seconds(1), 0.0), seconds(8));
  EXPECT_EQ(retry_after(seconds(10), seconds(1), 0.999), seconds(13));
  EXPECT_EQ(retry_after(seconds(1000), seconds(1), 0.999), retry_after_max);
  EXPECT_EQ(retry_after(milliseconds(0), seconds(5), 0.0), seconds(5));
}

TEST(AdmissionQueue, RetryAfterVariesAtItsBoundsToo) {
  const auto values = [](seconds drain, seconds minimum) {
    std::map<seconds, int> count;
    for (int i = 0; i < 1000; ++i) ++count[retry_after(drain, minimum, i / 1000.0)];
    return count;
  };
  const auto most_alike = [](const std::map<seconds, int>& count) {
    int most = 0;
    for (const auto& [value, times] : count) most = std::max(most, times);
    return most;
  };
  for (const seconds minimum : {seconds(10), seconds(30), seconds(60), seconds(300)}) {
    const auto count = values(seconds(0), minimum);
    EXPECT_EQ(count.begin()->first, minimum) << "never sooner";
    EXPECT_LE(count.rbegin()->first, minimum + minimum / 4 + seconds(1));
    EXPECT_LE(most_alike(count), 350) << minimum.count();
  }
  const auto long_drain = values(seconds(1000), seconds(1));
  EXPECT_EQ(long_drain.rbegin()->first, retry_after_max);
  EXPECT_LE(most_alike(long_drain), 100);
}

TEST(AdmissionQueue, UnknownClassesCountAsTheLowest) {
  EXPECT_EQ(clamp_class(0), 0);
  EXPECT_EQ(clamp_class(3), 3);
  EXPECT_EQ(clamp_class(200), 3);
}

}  // namespace
}  // namespace homeostat::rules
