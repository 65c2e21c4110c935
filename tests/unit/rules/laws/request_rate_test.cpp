#include "rules/laws/request_rate.hpp"

#include <gtest/gtest.h>

#include <random>

namespace homeostat::rules {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr std::int64_t second = 1'000'000'000;
constexpr std::int64_t start = 1000 * second;

TEST(RequestRate, AnUnknownBucketLetsABurstThroughAndThenOneEachInterval) {
  const RequestRate rate = request_rate(10, seconds(1), 3);
  std::int64_t bucket = 0;
  for (const std::int64_t remaining : {2, 1, 0}) {
    const RateVerdict verdict = judge_rate(rate, bucket, start);
    ASSERT_TRUE(verdict.allowed);
    EXPECT_EQ(verdict.remaining, remaining);
    bucket = verdict.full_at;
  }
  const RateVerdict refused = judge_rate(rate, bucket, start);
  EXPECT_FALSE(refused.allowed);
  EXPECT_EQ(refused.wait, milliseconds(100));
  EXPECT_EQ(refused.full_at, bucket) << "a refused request uses up nothing";
  EXPECT_TRUE(judge_rate(rate, bucket, start + second / 10).allowed);
  EXPECT_FALSE(judge_rate(rate, bucket, start + second / 10 - 1).allowed);
}

TEST(RequestRate, IdleTimeGivesBackNoMoreThanTheBurst) {
  const RequestRate rate = request_rate(600, seconds(60), 5);
  std::int64_t bucket = judge_rate(rate, 0, start).full_at;
  const std::int64_t later = start + 3600 * second;
  int through = 0;
  for (int i = 0; i < 20; ++i) {
    const RateVerdict verdict = judge_rate(rate, bucket, later);
    if (!verdict.allowed) break;
    bucket = verdict.full_at;
    ++through;
  }
  EXPECT_EQ(through, 5);
}

TEST(RequestRate, WhatIsReturnedWasNeverTaken) {
  const RequestRate rate = request_rate(1, seconds(1), 2);
  const std::int64_t once = judge_rate(rate, 0, start).full_at;
  const std::int64_t twice = judge_rate(rate, once, start).full_at;
  EXPECT_EQ(rate_returned(rate, twice), once);
  EXPECT_TRUE(judge_rate(rate, rate_returned(rate, twice), start).allowed);
}

TEST(RequestRate, NoClientEverGetsMoreThanBurstAndRateAllow) {
  std::minstd_rand random(1);
  for (int round = 0; round < 200; ++round) {
    const auto burst = static_cast<std::int64_t>(1 + random() % 50);
    const double requests = 1 + static_cast<double>(random() % 1000);
    const RequestRate rate = request_rate(requests, seconds(1), burst);
    std::int64_t bucket = 0, now = start, through = 0;
    for (int i = 0; i < 2000; ++i) {
      now += static_cast<std::int64_t>(random() % 3'000'000);
      const RateVerdict verdict = judge_rate(rate, bucket, now);
      bucket = verdict.full_at;
      through += verdict.allowed ? 1 : 0;
      const double most =
          static_cast<double>(burst) + static_cast<double>(now - start) / second * requests;
      ASSERT_LE(static_cast<double>(through), most + 1e-3);
      ASSERT_GE(verdict.remaining, 0);
      ASSERT_LT(verdict.remaining, burst);
      ASSERT_EQ(verdict.wait == nanoseconds(0), verdict.remaining > 0);
    }
  }
}

TEST(RequestRate, AClientThatAsksAllTheTimeGetsTheWholeRate) {
  for (const double requests : {1.0, 7.0, 333.0, 5000.0}) {
    const RequestRate rate = request_rate(requests, seconds(1), 3);
    const std::int64_t step = rate.interval.count() / 7 + 1;
    std::int64_t bucket = 0, through = 0;
    for (std::int64_t now = start; now < start + 100 * rate.interval.count(); now += step) {
      const RateVerdict verdict = judge_rate(rate, bucket, now);
      bucket = verdict.full_at;
      through += verdict.allowed ? 1 : 0;
    }
    EXPECT_GE(through, 100);
    EXPECT_LE(through, 103);
  }
}

TEST(RequestRate, WhatAFleetHasUsedIsWaitedForAndNoLonger) {
  const RequestRate rate = request_rate(50, seconds(1), 100);
  const std::int64_t bucket = start + 10 * second;  // five agents let 100 through each
  const RateVerdict refused = judge_rate(rate, bucket, start);
  EXPECT_FALSE(refused.allowed);
  EXPECT_EQ(refused.wait, milliseconds(8020));
  EXPECT_EQ(rate_window(rate, refused), 9);
  EXPECT_FALSE(judge_rate(rate, bucket, start + refused.wait.count() - 1).allowed);
  EXPECT_TRUE(judge_rate(rate, bucket, start + refused.wait.count()).allowed);
}

TEST(RequestRate, AnotherRateOrBurstHasAnotherKey) {
  const RequestRate rate = request_rate(1000, hours(24), 1000);
  EXPECT_EQ(rate_key(rate), rate_key(request_rate(1000, hours(24), 1000)));
  EXPECT_NE(rate_key(rate), rate_key(request_rate(1000, hours(1), 1000)));
  EXPECT_NE(rate_key(rate), rate_key(request_rate(1000, hours(24), 999)));
  EXPECT_NE(rate_key({nanoseconds(1), 2}), rate_key({nanoseconds(2), 1}));
}

TEST(RequestRate, TheWindowNeverPromisesMoreThanTheRate) {
  const RequestRate rate = request_rate(100, seconds(1), 250);
  const RateVerdict first = judge_rate(rate, 0, start);
  EXPECT_EQ(first.remaining, 249);
  EXPECT_EQ(rate_window(rate, first), 3);
  const RequestRate slow = request_rate(1, seconds(60), 1);
  const RateVerdict last = judge_rate(slow, 0, start);
  EXPECT_EQ(last.remaining, 0);
  EXPECT_EQ(rate_window(slow, last), 60);
}

TEST(RequestRate, RetryAfterIsNeverTooEarlyAndIsSpread) {
  EXPECT_EQ(rate_retry_after(milliseconds(1), 0.0), seconds(1));
  EXPECT_EQ(rate_retry_after(milliseconds(1), 0.999), seconds(2));
  EXPECT_EQ(rate_retry_after(milliseconds(40'001), 0.0), seconds(41));
  EXPECT_EQ(rate_retry_after(milliseconds(40'001), 0.999), seconds(51));
  EXPECT_EQ(rate_retry_after(hours(1), 0.999), seconds(3660));
}

TEST(RequestRate, ExtremesStayWithinBounds) {
  const RequestRate fastest = request_rate(1e9, seconds(1), 1'000'000'000);
  EXPECT_EQ(fastest.interval, nanoseconds(1));
  EXPECT_TRUE(judge_rate(fastest, 0, start).allowed);
  const RequestRate slowest = request_rate(1, hours(24), 1'000'000'000);
  EXPECT_LE(slowest.burst * slowest.interval.count(), 366 * 24 * 3600 * second);
  EXPECT_TRUE(judge_rate(slowest, 0, start).allowed);
}

}  // namespace
}  // namespace homeostat::rules
