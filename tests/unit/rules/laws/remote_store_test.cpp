#include "rules/laws/remote_store.hpp"

#include <gtest/gtest.h>

namespace homeostat::rules {
namespace {

using std::chrono::milliseconds;
using namespace std::chrono_literals;

LatencyEstimate estimate_of(Duration each, int samples = 100) {
  LatencyEstimate estimate;
  for (int i = 0; i < samples; ++i) estimate.add(each);
  return estimate;
}

TEST(LatencyEstimate, ComesToWhatIsSteady) {
  const LatencyEstimate steady = estimate_of(8ms);
  EXPECT_NEAR(std::chrono::duration<double>(steady.mean()).count(), 0.008, 1e-6);
  EXPECT_LT(steady.deviation(), 1us);
}

TEST(LatencyEstimate, OneOutlierMovesTheMeanByAnEighth) {
  LatencyEstimate estimate = estimate_of(8ms);
  estimate.add(16ms);
  EXPECT_NEAR(std::chrono::duration<double>(estimate.mean()).count(), 0.009, 1e-6);
  EXPECT_NEAR(std::chrono::duration<double>(estimate.deviation()).count(), 0.002, 1e-6);
}

TEST(LatencyEstimate, KnowsNothingBeforeItsFirstSample) {
  const LatencyEstimate none;
  EXPECT_FALSE(none.known());
  EXPECT_EQ(none.mean(), Duration::zero());
}

/// One of calls that are made one after the other.
void fail_next(StoreBreaker& breaker, Instant& now) {
  now += 1ms;
  breaker.failed(now, now + 10ms);
  now += 10ms;
}

TEST(StoreBreaker, OpensAfterFailuresInARowOnly) {
  StoreBreaker breaker;
  Instant now{};
  EXPECT_TRUE(breaker.open()) << "before anything has answered";
  breaker.connected();
  for (int i = 0; i < 10; ++i) {
    fail_next(breaker, now);
    fail_next(breaker, now);
    breaker.succeeded();
  }
  EXPECT_FALSE(breaker.open());
  fail_next(breaker, now);
  fail_next(breaker, now);
  EXPECT_FALSE(breaker.open());
  fail_next(breaker, now);
  EXPECT_TRUE(breaker.open());
}

TEST(StoreBreaker, CallsOfOnePauseAreOneFailure) {
  StoreBreaker breaker;
  breaker.connected();
  const Instant paused{1s};
  // A call each millisecond, which is given up after 50: the pause lasts that long.
  for (int i = 0; i < 50; ++i) {
    breaker.failed(paused + i * 1ms, paused + i * 1ms + 50ms);
    EXPECT_FALSE(breaker.open()) << i;
  }
  // It goes on: those made since the first was given up count once more, and so on.
  int calls = 50;
  for (; !breaker.open() && calls < 1000; ++calls) {
    breaker.failed(paused + calls * 1ms, paused + calls * 1ms + 50ms);
  }
  EXPECT_EQ(calls, 103);
}

TEST(StoreBreaker, ClosesAfterTwoAnswersInARow) {
  StoreBreaker breaker;
  Instant now{};
  breaker.connected();
  breaker.lost();
  breaker.succeeded();
  fail_next(breaker, now);
  breaker.succeeded();
  EXPECT_TRUE(breaker.open());
  breaker.succeeded();
  EXPECT_FALSE(breaker.open());
}

TEST(ReadBudget, FollowsTheStoreBetweenItsBounds) {
  const LatencyEstimate none;
  EXPECT_EQ(read_budget(none, none, 50ms), 50ms);
  EXPECT_EQ(read_budget(estimate_of(200us), none, 50ms), budget_min);
  EXPECT_NEAR(std::chrono::duration<double>(read_budget(estimate_of(4ms), none, 50ms)).count(),
              0.012, 1e-4);
  EXPECT_EQ(read_budget(estimate_of(100ms), none, 50ms), 50ms);
}

TEST(ReadBudget, IsNeverLongerThanTheOriginTakes) {
  EXPECT_NEAR(std::chrono::duration<double>(read_budget(estimate_of(10ms), estimate_of(20ms), 50ms))
                  .count(),
              0.020, 1e-4);
  EXPECT_EQ(read_budget(estimate_of(10ms), estimate_of(1ms), 50ms), budget_min);
  EXPECT_EQ(read_budget(estimate_of(10ms), estimate_of(1ms), 2ms), 2ms);
}

TEST(ReadGovernor, AsksAStoreThatIsFasterThanTheOrigin) {
  ReadGovernor governor;
  const Instant now{1h};
  EXPECT_EQ(governor.worth_asking(estimate_of(1ms), now), Worth::yes) << "nothing is known of it";
  governor.answered(500us);
  EXPECT_EQ(governor.worth_asking(estimate_of(1ms), now), Worth::yes);
  EXPECT_EQ(governor.worth_asking({}, now), Worth::yes) << "nothing is known of the origin";
}

TEST(ReadGovernor, PassesASlowStoreByAndNoticesWhenItIsFastAgain) {
  ReadGovernor governor;
  for (int i = 0; i < 100; ++i) governor.answered(30ms);
  const LatencyEstimate fast = estimate_of(1ms), slow = estimate_of(200ms);
  Instant now{1h};
  EXPECT_EQ(governor.worth_asking(fast, now), Worth::to_learn);
  EXPECT_EQ(governor.worth_asking(fast, now + 1ms), Worth::no);
  EXPECT_EQ(governor.worth_asking(slow, now + 1ms), Worth::yes) << "the origin is slower there";
  int lessons = 0;
  for (int quarter = 0; quarter < 60; ++quarter) {
    now += learning_interval;
    if (governor.worth_asking(fast, now) == Worth::to_learn) {
      ++lessons;
      governor.answered(200us);
    }
  }
  EXPECT_GT(lessons, 20);
  EXPECT_LT(lessons, 40);
  EXPECT_EQ(governor.worth_asking(fast, now + 1ms), Worth::yes);
}

// A budget is never longer than the origin takes, so that what is late says no more than that.
TEST(ReadGovernor, AStoreThatIsAlwaysLateIsSlowerThanTheOrigin) {
  ReadGovernor governor;
  const LatencyEstimate origin = estimate_of(5ms);
  governor.answered(500us);
  Instant now{1h};
  int asked = 0;
  for (int request = 0; request < 1000; ++request, now += 10ms) {
    const Worth worth = governor.worth_asking(origin, now);
    if (worth == Worth::yes) ++asked;
    if (worth != Worth::no) governor.late(read_budget(governor.store(), origin, 50ms));
  }
  EXPECT_LT(asked, 20);
}

TEST(ReadGovernor, OneLateAnswerDoesNotShutTheStoreOut) {
  ReadGovernor governor;
  for (int i = 0; i < 100; ++i) governor.answered(500us);
  governor.late(5ms);
  EXPECT_EQ(governor.worth_asking(estimate_of(5ms), Instant{1h}), Worth::yes);
}

TEST(ReadGovernor, SpendsNoReadOnARejectionWhereReadsBringNothing) {
  ReadGovernor governor;
  HitShare hits;
  Instant now{1h};
  EXPECT_TRUE(governor.worth_a_rejection(hits, now)) << "nothing is known of it";
  int reads = 0;
  for (; governor.worth_a_rejection(hits, now) && reads < 1000; ++reads) hits.add(false);
  EXPECT_GT(reads, 64) << "one bad minute says little";
  EXPECT_LT(reads, 256);
  // It has been tried just now; again in a second, and from then on it is found to be of use.
  EXPECT_FALSE(governor.worth_a_rejection(hits, now + probe_interval - 1ms));
  int probes = 0;
  for (; probes < 60 && hits.share() < hit_share_min; ++probes) {
    now += probe_interval;
    ASSERT_TRUE(governor.worth_a_rejection(hits, now));
    hits.add(true);
  }
  EXPECT_LT(probes, 10);
  EXPECT_TRUE(governor.worth_a_rejection(hits, now));
}

TEST(HitShare, OneHitInFiveIsWorthARead) {
  HitShare hits;
  for (int read = 0; read < 10'000; ++read) {
    hits.add(read % 5 == 0);
    ASSERT_GE(hits.share(), hit_share_min);
  }
}

}  // namespace
}  // namespace homeostat::rules
