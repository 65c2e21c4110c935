// The breaker's law by arithmetic: when it opens, what passes meanwhile, how
// traffic comes back.
#include "rules/laws/circuit_breaker.hpp"

#include <gtest/gtest.h>

namespace homeostat::rules {
namespace {

using namespace std::chrono_literals;
using enum CallResult;

constexpr Instant start = Instant{} + 1h;

struct Bench {
  explicit Bench(const BreakerBounds& bounds = {}) : breaker(bounds, start) {}

  void report(CallResult result, int times = 1) {
    for (int i = 0; i < times; ++i) breaker.report(result, now, now);
  }
  [[nodiscard]] BreakerState state() const { return breaker.state(now); }
  /// Of a thousand calls with evenly spread dice, how many pass now.
  [[nodiscard]] int passing() const {
    int passed = 0;
    for (int i = 0; i < 1000; ++i) {
      CircuitBreaker copy = breaker;
      passed += copy.admit(now, (i + 0.5) / 1000) == BreakerVerdict::refuse ? 0 : 1;
    }
    return passed;
  }

  CircuitBreaker breaker;
  Instant now = start;
};

TEST(CircuitBreaker, OpensAtTheFailureRatioAndNotBelow) {
  Bench below;
  for (int i = 0; i < 100; ++i) {
    below.report(failed, 3);
    below.report(answered);
  }
  EXPECT_EQ(below.state(), BreakerState::closed) << "75 % of 400 calls";
  Bench above;
  above.report(answered, 4);
  above.report(failed, 15);
  EXPECT_EQ(above.state(), BreakerState::closed) << "15 of 19 are less than the volume";
  above.report(failed);
  EXPECT_EQ(above.state(), BreakerState::open) << "16 of 20";
  EXPECT_EQ(above.breaker.cause(), BreakerCause::failures);
}

TEST(CircuitBreaker, ALeapOfTheClockOpensNothingAndPassesOneProbe) {
  Bench healthy;
  for (int i = 0; i < 100; ++i) healthy.report(i % 2 == 0 ? answered : failed);
  healthy.now += 10min;
  healthy.report(answered);
  EXPECT_EQ(healthy.state(), BreakerState::closed);
  Bench open;
  open.report(failed, 20);
  open.now += 10min;
  EXPECT_EQ(open.breaker.admit(open.now, 0.5), BreakerVerdict::probe);
  EXPECT_EQ(open.breaker.admit(open.now, 0.5), BreakerVerdict::refuse);
  EXPECT_LE(open.breaker.wait(open.now), 10s);
}

TEST(CircuitBreaker, AFewFailuresAreNoVolume) {
  Bench bench;
  bench.report(failed, 19);
  EXPECT_EQ(bench.state(), BreakerState::closed);
  bench.report(failed);
  EXPECT_EQ(bench.state(), BreakerState::open);
}

TEST(CircuitBreaker, AHealthyPastDoesNotDelayIt) {
  Bench bench;
  bench.report(answered, 100'000);
  bench.report(failed, 20);
  EXPECT_EQ(bench.state(), BreakerState::open) << "twenty in a row";
}

TEST(CircuitBreaker, WhatIsLongAgoCountsLess) {
  Bench bench;
  bench.report(failed, 16);
  bench.now += 60s;
  bench.report(answered, 1);
  bench.report(failed, 16);
  EXPECT_EQ(bench.state(), BreakerState::closed) << "six windows later: too few calls again";
}

TEST(CircuitBreaker, AnswersReportedLateCountAsIfInTime) {
  Bench bench;
  bench.now += 1s;
  bench.breaker.report(failed, bench.now, bench.now, 100);
  bench.report(answered);
  bench.report(failed, 19);
  bench.report(answered);
  bench.report(failed, 19);
  EXPECT_EQ(bench.state(), BreakerState::closed) << "39 of about 140 calls failed";
}

TEST(CircuitBreaker, SilenceOpensItAfterAFewSigns) {
  Bench bench;
  bench.report(unanswered, 4);
  bench.report(failed);
  bench.report(unanswered, 4);
  EXPECT_EQ(bench.state(), BreakerState::closed) << "an error is an answer";
  bench.report(silent);
  EXPECT_EQ(bench.state(), BreakerState::open);
  EXPECT_EQ(bench.breaker.cause(), BreakerCause::silence);
}

TEST(CircuitBreaker, SlowAnswersOpenItByTheirShare) {
  Bench bench;
  bench.report(answered, 5);
  bench.report(slow, 19);
  EXPECT_EQ(bench.state(), BreakerState::closed);
  bench.report(slow);
  EXPECT_EQ(bench.state(), BreakerState::open) << "20 of 25";
  EXPECT_EQ(bench.breaker.cause(), BreakerCause::slowness);
  bench.now += 1s;
  bench.report(slow);
  EXPECT_EQ(bench.state(), BreakerState::open) << "a slow answer is no cure of slowness";
  bench.report(answered);
  EXPECT_EQ(bench.state(), BreakerState::recovering);
}

TEST(CircuitBreaker, OpenLetsAtMostTwoProbesASecondThrough) {
  Bench bench;
  bench.report(unanswered, 5);
  int probes = 0;
  for (int i = 0; i < 100'000; ++i, bench.now += 100us) {  // ten seconds, none answered
    probes += bench.breaker.admit(bench.now, 0) == BreakerVerdict::refuse ? 0 : 1;
  }
  EXPECT_GE(probes, 15);
  EXPECT_LE(probes, 20);
}

TEST(CircuitBreaker, ATrickleIsNeverRefused) {
  Bench bench;
  bench.report(unanswered, 5);
  for (int i = 0; i < 10; ++i) {
    bench.now += 1s;
    EXPECT_EQ(bench.breaker.admit(bench.now, 0.999), BreakerVerdict::probe);
    bench.report(unanswered);
  }
}

TEST(CircuitBreaker, AProbeIsOverdueFourIntervalsAfterItWasDue) {
  Bench bench;
  EXPECT_FALSE(bench.breaker.overdue(bench.now + 1h)) << "closed";
  bench.report(unanswered, 5);
  EXPECT_FALSE(bench.breaker.overdue(bench.now + 2999ms));
  EXPECT_TRUE(bench.breaker.overdue(bench.now + 3s));
  bench.now += 3s;
  EXPECT_EQ(bench.breaker.admit(bench.now, 0), BreakerVerdict::probe);
  EXPECT_FALSE(bench.breaker.overdue(bench.now + 2s)) << "one was just sent";
  bench.breaker.eject(bench.now, 1s);
  EXPECT_FALSE(bench.breaker.overdue(bench.now + 30s)) << "who is ejected is not probed";
}

TEST(CircuitBreaker, TrafficComesBackGraduallyAndInFull) {
  Bench bench;
  bench.report(unanswered, 5);
  bench.now += 1s;
  EXPECT_EQ(bench.passing(), 1000) << "a probe is due, no dice";
  EXPECT_EQ(bench.breaker.admit(bench.now, 0.9), BreakerVerdict::probe);
  EXPECT_EQ(bench.passing(), 0);
  bench.report(answered);
  EXPECT_NEAR(bench.passing(), 100, 2);
  bench.now += 1s;
  EXPECT_NEAR(bench.passing(), 316, 2) << "half of the time: the square root of a tenth";
  bench.now += 1s;
  EXPECT_EQ(bench.passing(), 1000);
  EXPECT_EQ(bench.state(), BreakerState::closed) << "without a further call";
}

TEST(CircuitBreaker, ARecoveryThatFailsEndsAtOnce) {
  Bench bench;
  bench.report(unanswered, 5);
  bench.now += 1s;
  bench.report(answered);
  bench.now += 100ms;
  bench.report(failed);
  EXPECT_EQ(bench.state(), BreakerState::recovering) << "one alone is an accident";
  bench.report(failed, 3);
  EXPECT_EQ(bench.state(), BreakerState::open) << "4 of 5";
  EXPECT_EQ(bench.passing(), 0);
}

TEST(CircuitBreaker, WhatBeganBeforeSaysNothingAboutTheCure) {
  Bench bench;
  bench.report(failed, 20);
  const Instant before = bench.now - 1s;
  bench.now += 100ms;
  bench.breaker.report(answered, before, bench.now);
  EXPECT_EQ(bench.state(), BreakerState::open) << "one of the lucky ones";
  bench.report(answered);
  EXPECT_EQ(bench.state(), BreakerState::recovering);
  for (int i = 0; i < 50; ++i) bench.breaker.report(unanswered, before, bench.now);
  EXPECT_EQ(bench.state(), BreakerState::recovering) << "they were lost before";
}

TEST(CircuitBreaker, AfterAPauseAnyAnswerIsASignOfLifeButOnce) {
  Bench bench;
  bench.now += 20s;
  bench.report(silent, 5);
  bench.now += 100ms;
  bench.breaker.report(slow, bench.now - 3s, bench.now);
  EXPECT_EQ(bench.state(), BreakerState::recovering) << "the pause is over";
  bench.now += 4s;
  bench.report(silent, 5);
  bench.breaker.report(slow, bench.now - 3s, bench.now);
  EXPECT_EQ(bench.state(), BreakerState::open) << "it was no pause";
  bench.now += 5s;
  bench.report(slow);
  EXPECT_EQ(bench.state(), BreakerState::open) << "nor is this what it was before";
  bench.report(answered);
  EXPECT_EQ(bench.state(), BreakerState::recovering);
}

TEST(CircuitBreaker, AServiceThatTurnsSlowIsNoticedWhateverItsPast) {
  Bench bench;
  bench.report(answered, 100'000);
  bench.report(slow, 19);
  EXPECT_EQ(bench.state(), BreakerState::closed);
  bench.report(slow);
  EXPECT_EQ(bench.breaker.cause(), BreakerCause::slowness);
}

TEST(CircuitBreaker, AnEjectionEndsByTimeWithoutProbes) {
  Bench bench;
  bench.breaker.eject(bench.now, 30s);
  bench.now += 29s;
  EXPECT_EQ(bench.passing(), 0);
  bench.report(answered, 10);
  EXPECT_EQ(bench.state(), BreakerState::open) << "late answers do not shorten it";
  bench.now += 1s;
  EXPECT_NEAR(bench.passing(), 100, 2);
  bench.now += 2s;
  EXPECT_EQ(bench.state(), BreakerState::closed);
}

TEST(CircuitBreaker, IsQuietOnlyWhenTheLastCallWasAnswered) {
  Bench bench;
  EXPECT_TRUE(bench.breaker.quiet());
  bench.report(failed);
  EXPECT_FALSE(bench.breaker.quiet());
  bench.report(answered);
  EXPECT_TRUE(bench.breaker.quiet());
}

TEST(SlowCalls, AreThoseFarAboveTheUsual) {
  Duration usual{};
  for (std::uint64_t answers = 0; answers < 200; ++answers) {
    if (answers < 10) {
      EXPECT_EQ(slow_bound(usual, answers, 2s), Duration::max()) << answers;
    }
    usual = usual_after(usual, answers, answers % 2 == 0 ? 400ms : 600ms);
  }
  EXPECT_NEAR(static_cast<double>(usual / 1us), 500'000, 5'000);
  EXPECT_NEAR(static_cast<double>(slow_bound(usual, 200, 2s) / 1us), 5'000'000, 50'000);
  EXPECT_EQ(slow_bound(10ms, 200, 2s), Duration(2s)) << "what nobody notices is not slow";
}

TEST(SlowCalls, OneOutlierChangesLittleAndMinutesChangeTheUsual) {
  const Duration once = usual_after(100ms, 1000, 1h);
  EXPECT_LE(once, Duration(102ms));
  Duration usual = 100ms;
  int calls = 0;
  while (slow_bound(usual, 1000, 2s) < Duration(5s)) {
    usual = usual_after(usual, 1000, 5s);
    ++calls;
  }
  EXPECT_GE(calls, 100) << "a minute of probes";
  EXPECT_LE(calls, 1000);
}

}  // namespace
}  // namespace homeostat::rules
