#include "rules/laws/refresh_backoff.hpp"

#include <gtest/gtest.h>

namespace homeostat::rules {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Instant start{std::chrono::hours(1)};
constexpr FetchReport failure{FetchOutcome::failure, {}};
constexpr FetchReport success{FetchOutcome::success, {}};
constexpr FetchReport refused{FetchOutcome::refused, {}};

FetchReport throttled(Duration told) { return {FetchOutcome::throttled, told}; }

/// The shortest pause after this many failures in a row (u = 0).
Duration pause_after(unsigned failures, const BackoffBounds& bounds = {}) {
  BackoffState state;
  for (unsigned i = 0; i < failures; ++i) state = after(state, failure, bounds, start, 0);
  return state.next - start;
}

TEST(RefreshBackoff, DoublesWithEachFailureUpToTheLongest) {
  // Half of 1, 2, 4 ... 60 s: the other half is jitter.
  EXPECT_EQ(pause_after(1), Duration(milliseconds(500)));
  EXPECT_EQ(pause_after(2), Duration(seconds(1)));
  EXPECT_EQ(pause_after(3), Duration(seconds(2)));
  EXPECT_EQ(pause_after(6), Duration(seconds(16)));
  EXPECT_EQ(pause_after(7), Duration(seconds(30)));
  EXPECT_EQ(pause_after(1000), Duration(seconds(30)));
}

TEST(RefreshBackoff, JitterSpreadsOverTheSecondHalf) {
  EXPECT_EQ(after({}, failure, {}, start, 0.5).next - start, Duration(milliseconds(750)));
  EXPECT_LT(after({}, failure, {}, start, 0.999999).next - start, Duration(seconds(1)));
}

TEST(RefreshBackoff, ASuccessForgetsEverythingAtOnce) {
  BackoffState state;
  for (int i = 0; i < 9; ++i) state = after(state, failure, {}, start, 0);
  ASSERT_TRUE(in_trouble(state, 0, start));
  state = after(state, success, {}, start, 0);
  EXPECT_EQ(state, BackoffState{});
  EXPECT_FALSE(in_trouble(state, 0, start));
  EXPECT_TRUE(may_attempt(state, start));
}

TEST(RefreshBackoff, FailuresWithinTheToleranceChangeNothing) {
  const BackoffBounds bounds{.tolerance = 2};
  BackoffState state;
  for (int i = 0; i < 2; ++i) state = after(state, failure, bounds, start, 0);
  EXPECT_FALSE(in_trouble(state, bounds.tolerance, start));
  EXPECT_TRUE(may_attempt(state, start));
  state = after(state, failure, bounds, start, 0);
  EXPECT_TRUE(in_trouble(state, bounds.tolerance, start));
  EXPECT_EQ(state.next - start, Duration(milliseconds(500))) << "the first that counts";
}

TEST(RefreshBackoff, RetryAfterIsNeverUndercutAndNeverObeyedBeyondItsBound) {
  EXPECT_EQ(after({}, throttled(seconds(20)), {}, start, 0).next - start, Duration(seconds(20)));
  EXPECT_EQ(after({}, throttled(seconds(20)), {}, start, 0.5).next - start, Duration(seconds(21)));
  EXPECT_EQ(after({}, throttled(std::chrono::hours(9)), {}, start, 0).next - start,
            Duration(std::chrono::minutes(5)));
  EXPECT_EQ(after({}, throttled(seconds(-5)), {}, start, 0).next - start, Duration(seconds(1)));
  EXPECT_EQ(after({}, throttled({}), {}, start, 0).next - start, Duration(seconds(1)));
}

TEST(RefreshBackoff, AnOriginThatThrottlesIsBelievedTheFirstTime) {
  const BackoffBounds bounds{.tolerance = 2};
  const BackoffState state = after({}, throttled(seconds(3)), bounds, start, 0);
  EXPECT_TRUE(in_trouble(state, bounds.tolerance, start));
  EXPECT_FALSE(may_attempt(state, start + seconds(2)));
  EXPECT_TRUE(may_attempt(state, start + seconds(3)));
}

TEST(RefreshBackoff, OneAttemptAtATimeAndALostOneIsForgottenWithItsLease) {
  BackoffState state = begun({}, start, seconds(30));
  EXPECT_FALSE(may_attempt(state, start + seconds(29)));
  EXPECT_FALSE(in_trouble(state, 0, start)) << "asking is no trouble";
  EXPECT_TRUE(may_attempt(state, start + seconds(30)));
  state = after(state, failure, {}, start + seconds(1), 0);
  EXPECT_FALSE(state.attempting);
  EXPECT_TRUE(may_attempt(state, start + milliseconds(1500)));
}

TEST(RefreshBackoff, ARefusalAtTheGatePausesWithoutBlamingTheOrigin) {
  BackoffState state = after({}, refused, {}, start, 0);
  EXPECT_EQ(state.failures, 0);
  EXPECT_TRUE(in_trouble(state, 0, start)) << "stale now rather than refused again";
  EXPECT_FALSE(in_trouble(state, 0, start + milliseconds(500)));
  EXPECT_TRUE(may_attempt(state, start + milliseconds(500)));
}

TEST(RefreshBackoff, AFailingOriginIsAskedAFewTimesAnHourInsteadOfOnEveryRequest) {
  BackoffState state;
  unsigned attempts = 0;
  for (Duration at{}; at < std::chrono::hours(1); at += milliseconds(10)) {  // 100 requests/s
    if (!may_attempt(state, start + at)) continue;
    ++attempts;
    state = after(begun(state, start + at, seconds(30)), failure, {}, start + at, 0.5);
  }
  EXPECT_LE(attempts, 90U);  // 45 s apart in the end; 360 000 requests
  EXPECT_GE(attempts, 75U);
}

}  // namespace
}  // namespace homeostat::rules
