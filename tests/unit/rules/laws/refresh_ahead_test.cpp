#include "rules/laws/refresh_ahead.hpp"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "rules/laws/ttl_jitter.hpp"

namespace homeostat::rules {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// A minute's lifetime.
AheadView view(Duration left, unsigned hits, Duration fetch = milliseconds(100)) {
  return {seconds(60), left, fetch, hits};
}

TEST(RefreshAhead, AColdKeyIsNeverRefreshed) {
  for (int left = 1; left <= 15; ++left) {
    EXPECT_FALSE(refresh_ahead_due(view(seconds(left), ahead_hits_min - 1, seconds(30)))) << left;
  }
}

TEST(RefreshAhead, StartsThreeGapsBeforeExpirySoThatARequestComesInTime) {
  // 50 hits in 50 s: a gap of 1 s.
  EXPECT_TRUE(refresh_ahead_due(view(seconds(3), 57)));
  EXPECT_FALSE(refresh_ahead_due(view(seconds(4), 57)));
}

TEST(RefreshAhead, StartsTwoFetchesBeforeExpirySoThatItIsDoneInTime) {
  EXPECT_TRUE(refresh_ahead_due(view(seconds(8), 255, seconds(4))));
  EXPECT_FALSE(refresh_ahead_due(view(milliseconds(8001), 255, seconds(4))));
}

TEST(RefreshAhead, NeverThrowsAwayMoreThanAQuarterOfALifetime) {
  EXPECT_FALSE(refresh_ahead_due(view(milliseconds(15001), 255, seconds(30))));
  EXPECT_TRUE(refresh_ahead_due(view(seconds(15), 255, seconds(30))));
}

TEST(RefreshAhead, IsTooLateOnceExpired) {
  EXPECT_FALSE(refresh_ahead_due(view(Duration::zero(), 255)));
  EXPECT_FALSE(refresh_ahead_due(view(seconds(-1), 255)));
}

/// Poisson arrivals at `rate` per second over `cycles` lifetimes. Fractions of
/// lifetimes in which a refresh began before expiry, and of those, in which
/// nobody asked for what it brought.
struct Outcome {
  double hidden = 0, wasted = 0, extra = 0;
};

Outcome simulate(double rate, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::exponential_distribution<double> gap(rate);
  constexpr double lifetime = 60;
  constexpr int cycles = 20000;
  Outcome outcome;
  int ahead = 0;
  bool refreshed = false;  // this cycle's object came from a refresh ahead
  for (int i = 0; i < cycles; ++i) {
    unsigned hits = 0;
    double at = 0;
    bool next = false;
    while ((at += gap(random)) < lifetime) {
      hits = std::min(hits + 1, 255U);
      const auto left =
          std::chrono::duration_cast<Duration>(std::chrono::duration<double>(lifetime - at));
      if (!refresh_ahead_due({seconds(60), left, milliseconds(200), hits})) continue;
      outcome.extra += refresh_ahead_cost({seconds(60), left, milliseconds(200), hits});
      next = true;
      break;
    }
    if (refreshed && hits == 0) ++outcome.wasted;
    refreshed = next;
    ahead += next ? 1 : 0;
  }
  outcome.hidden = static_cast<double>(ahead) / cycles;
  outcome.extra /= ahead > 0 ? ahead : 1;
  outcome.wasted /= ahead > 0 ? ahead : 1;
  return outcome;
}

TEST(RefreshAhead, HotKeysHardlyEverExpireAndAlmostNothingIsWasted) {
  for (const double rate : {0.5, 2.0, 20.0}) {
    const Outcome outcome = simulate(rate, 7);
    EXPECT_GT(outcome.hidden, 0.93) << rate;
    EXPECT_LT(outcome.wasted, 0.001) << rate;
    EXPECT_LT(outcome.extra, 0.12) << rate;
  }
  EXPECT_LT(simulate(20, 7).extra, 0.03) << "the hotter, the later";
  EXPECT_LT(simulate(0.05, 7).hidden, 0.01) << "three requests a lifetime are not hot";
}

TEST(RefreshAhead, WhatItCostsIsThePartOfTheLifetimeThrownAway) {
  EXPECT_DOUBLE_EQ(refresh_ahead_cost(view(seconds(6), 99)), 0.1);
  EXPECT_DOUBLE_EQ(refresh_ahead_cost(view(seconds(-6), 99)), 0);
  EXPECT_DOUBLE_EQ(refresh_ahead_cost({}), 1);
}

TEST(RefreshBudget, KeepsTheExtraCostBelowItsShareOfAllFetches) {
  RefreshBudget budget;
  double spent = 0;
  for (int i = 0; i < 10000; ++i) {
    budget.fetched(0.05);
    if (budget.take(0.2)) spent += 0.2;
  }
  EXPECT_LE(spent, 0.05 * 10000 + RefreshBudget::burst + 0.2);
  EXPECT_GE(spent, 0.05 * 10000);
}

TEST(RefreshBudget, WasteIsPaidBackBeforeAnythingElseIsGranted) {
  RefreshBudget budget;
  for (int i = 0; i < 100; ++i) budget.wasted();
  EXPECT_EQ(budget.left(), -RefreshBudget::burst) << "debt is bounded";
  int fetches = 0;
  while (!budget.take(0.1)) {
    budget.fetched(0.05);
    ++fetches;
  }
  EXPECT_NEAR(fetches, RefreshBudget::burst / 0.05, 2);
}

TEST(RefreshBudget, AShareOfNothingGrantsNothingAfterTheBurst) {
  RefreshBudget budget;
  int granted = 0;
  while (budget.take(1)) ++granted;
  EXPECT_EQ(granted, 10);
  for (int i = 0; i < 1000; ++i) budget.fetched(0);
  EXPECT_FALSE(budget.take(0.01));
}

TEST(TtlJitter, OnlyEverShortensAndStaysWithinItsRatio) {
  for (std::uint64_t hash = 1; hash < 1000; ++hash) {
    const Duration lifetime = jittered_lifetime(seconds(100), seconds(40), 0.1, hash);
    EXPECT_LE(lifetime, Duration(seconds(100)));
    EXPECT_GT(lifetime, Duration(seconds(94))) << "a tenth of what it still had";
    EXPECT_EQ(lifetime, jittered_lifetime(seconds(100), seconds(40), 0.1, hash));
  }
}

TEST(TtlJitter, ZeroTurnsItOffAndAnExpiredLifetimeIsLeftAlone) {
  EXPECT_EQ(jittered_lifetime(seconds(100), seconds(0), 0, 12345), Duration(seconds(100)));
  EXPECT_EQ(jittered_lifetime(seconds(100), seconds(100), 0.5, 12345), Duration(seconds(100)));
}

TEST(TtlJitter, NeighbouringHashesAreSpreadEvenly) {
  std::vector<int> tenths(10);
  for (std::uint64_t hash = 0; hash < 10000; ++hash) {
    const Duration cut = seconds(1000) - jittered_lifetime(seconds(1000), {}, 0.1, hash);
    ++tenths[static_cast<std::size_t>(cut / seconds(10))];
  }
  for (const int count : tenths) EXPECT_NEAR(count, 1000, 150);
}

}  // namespace
}  // namespace homeostat::rules
