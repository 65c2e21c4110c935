#include "rules/laws/retry_budget.hpp"

#include <gtest/gtest.h>

namespace homeostat::rules {
namespace {

using namespace std::chrono_literals;

constexpr Instant start = Instant{} + 1h;

int taken(RetryBudget& budget, Instant now, std::uint64_t sent, int wanted) {
  int granted = 0;
  for (int i = 0; i < wanted; ++i) granted += budget.take(now, sent) ? 1 : 0;
  return granted;
}

TEST(RetryBudget, AddsAtMostItsShareToASustainedLoad) {
  RetryBudget budget({.ratio = 0.2, .per_second_min = 0}, start);
  std::uint64_t sent = 0;
  int granted = 0;
  for (int tenth = 1; tenth <= 1000; ++tenth) {  // 1000 requests a second, all fail
    sent += 100;
    granted += taken(budget, start + tenth * 100ms, sent, 100);
  }
  EXPECT_NEAR(granted, 0.2 * 100'000, 0.02 * 100'000);
}

TEST(RetryBudget, AFewPerSecondAreAlwaysAllowed) {
  RetryBudget budget({.ratio = 0, .per_second_min = 3}, start);
  int granted = 0;
  for (int second = 1; second <= 100; ++second) {
    granted += taken(budget, start + second * 1s, 0, 10);
  }
  EXPECT_NEAR(granted, 330, 30);
}

TEST(RetryBudget, BeginsWithTheReserveOfAQuietWindow) {
  RetryBudget budget({.ratio = 0.2, .per_second_min = 3}, start);
  EXPECT_EQ(taken(budget, start, 0, 100), 30);
}

TEST(RetryBudget, WhatWasSavedFades) {
  RetryBudget busy({.ratio = 0.2, .per_second_min = 0}, start);
  EXPECT_LE(taken(busy, start + 1h, 3'600'000, 10'000), 2000)
      << "an hour at 1000 a second pays for ten seconds";
  EXPECT_GE(taken(busy, start + 1h, 3'600'000, 10'000), 0);
  RetryBudget quiet({.ratio = 0.2, .per_second_min = 3}, start);
  EXPECT_LE(taken(quiet, start + 1h, 0, 1000), 30);
}

TEST(RetryBudget, NothingSentGrantsNothing) {
  RetryBudget budget({.ratio = 0.2, .per_second_min = 0}, start);
  EXPECT_EQ(taken(budget, start + 10s, 0, 10), 0);
}

}  // namespace
}  // namespace homeostat::rules
