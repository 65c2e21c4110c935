#include "rules/engine/adaptive_waits.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace homeostat::rules {
namespace {

using namespace std::chrono_literals;

class AdaptiveWaitsTest : public testing::Test {
 protected:
  /// Feeds one value each second; returns the number of moves.
  int feed(std::optional<double> burn, Duration total) {
    int moves = 0;
    for (Duration done{}; done < total; done += 1s) {
      now += 1s;
      if (const auto move = waits.update(burn, now)) {
        ++moves;
        last = *move;
      }
    }
    return moves;
  }

  Instant now{1h};
  AdaptiveWaits waits;
  LevelMove last;
};

TEST_F(AdaptiveWaitsTest, AreAsAtBalancedWhileNothingIsPromised) {
  EXPECT_EQ(feed(std::nullopt, 24h), 0);
  EXPECT_EQ(waits.level(), Level::balanced);
}

TEST_F(AdaptiveWaitsTest, GetShorterWithinSecondsOnceLateAnswersSpendTheBudget) {
  EXPECT_EQ(feed(0.8, 1h), 0) << "less than it allows";
  EXPECT_EQ(feed(1.5, 11s), 1);
  EXPECT_EQ(waits.level(), Level::conservative);
  EXPECT_EQ(last.from, Level::balanced);
  EXPECT_EQ(last.to, Level::conservative);
  EXPECT_EQ(last.reason, "late answers: pressure 1.00 >= 0.90 for 10s");
}

TEST_F(AdaptiveWaitsTest, GetLongerAfterMinutesInWhichHardlyAnyIsSpent) {
  EXPECT_EQ(feed(0.1, 300s), 0);
  EXPECT_EQ(feed(0.1, 1s), 1);
  EXPECT_EQ(waits.level(), Level::aggressive);
  EXPECT_EQ(feed(0.1, 24h), 0);
  EXPECT_EQ(feed(1, 22s), 2) << "one step after the other";
  EXPECT_EQ(waits.level(), Level::conservative);
}

TEST_F(AdaptiveWaitsTest, AreTriedLongerLessAndLessWhereThatIsNoGood) {
  int first_hour = 0, later = 0;
  for (int second = 0; second < 8 * 3600; ++second) {
    now += 1s;
    const double burn = waits.level() == Level::conservative ? 0 : 5;
    if (waits.update(burn, now)) ++(second < 3600 ? first_hour : later);
  }
  EXPECT_LE(first_hour, 7);
  EXPECT_LE(later, 2 * 7) << "one try an hour";
}

TEST_F(AdaptiveWaitsTest, MoveRarelyWhateverTheNoise) {
  for (unsigned seed = 0; seed < 40; ++seed) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<double> uniform(0, 1.2);
    waits = AdaptiveWaits();
    double burn = 0.5;
    int moves = 0;
    for (int second = 0; second < 24 * 3600; ++second) {
      now += 1s;
      // White, a walk, or what the level is not made for.
      if (seed % 3 == 0) burn = uniform(random);
      if (seed % 3 == 1) burn = std::clamp(burn + (uniform(random) - 0.6) * 0.1, 0.0, 2.0);
      if (seed % 3 == 2) burn = waits.level() == Level::aggressive ? 2 : 0;
      if (waits.update(burn, now)) ++moves;
    }
    EXPECT_LE(moves, 24 * 6) << "seed " << seed;
  }
}

}  // namespace
}  // namespace homeostat::rules
