#include "rules/engine/adaptive_level.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <random>

namespace homeostat::rules {
namespace {

using namespace std::chrono_literals;

class AdaptiveLevelTest : public testing::Test {
 protected:
  /// Feeds one value each second; returns the number of moves.
  int feed(double pressure, Duration total) {
    int moves = 0;
    for (Duration done{}; done < total; done += 1s) {
      now += 1s;
      if (const auto move = level.update(Pressure{pressure, "cpu.utilization"}, now)) {
        ++moves;
        last = *move;
      }
    }
    return moves;
  }

  Instant now{1h};
  AdaptiveLevel level{Level::balanced};
  LevelMove last;
};

TEST_F(AdaptiveLevelTest, RisesAfterTenSecondsOfPressureAndSaysWhy) {
  EXPECT_EQ(feed(0.95, 10s), 0);
  EXPECT_EQ(feed(0.95, 1s), 1);
  EXPECT_EQ(level.level(), Level::aggressive);
  EXPECT_EQ(last.from, Level::balanced);
  EXPECT_EQ(last.reason, "cpu.utilization: pressure 0.95 >= 0.90 for 10s");
}

TEST_F(AdaptiveLevelTest, RisesOneStepAtATime) {
  level = AdaptiveLevel(Level::conservative);
  EXPECT_EQ(feed(1.0, 11s), 1);
  EXPECT_EQ(level.level(), Level::balanced);
  EXPECT_EQ(feed(1.0, 11s), 1);
  EXPECT_EQ(level.level(), Level::aggressive);
  EXPECT_EQ(feed(1.0, 60s), 0);
}

TEST_F(AdaptiveLevelTest, FallsSlowly) {
  level = AdaptiveLevel(Level::aggressive);
  EXPECT_EQ(feed(0.1, 120s), 0);
  EXPECT_EQ(feed(0.1, 1s), 1);
  EXPECT_EQ(level.level(), Level::balanced);
  EXPECT_EQ(feed(0.1, 121s), 1);
  EXPECT_EQ(level.level(), Level::conservative);
}

TEST_F(AdaptiveLevelTest, StaysBetweenTheThresholds) {
  EXPECT_EQ(feed(0.6, 1h), 0);
  EXPECT_EQ(level.level(), Level::balanced);
}

TEST_F(AdaptiveLevelTest, ShortSpikeChangesNothing) {
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(feed(1.0, 9s), 0);
    EXPECT_EQ(feed(0.6, 1s), 0);
  }
}

TEST_F(AdaptiveLevelTest, MissingPressureRestartsTheTimers) {
  EXPECT_EQ(feed(0.95, 9s), 0);
  now += 1s;
  EXPECT_FALSE(level.update(std::nullopt, now));
  EXPECT_EQ(feed(0.95, 9s), 0);
}

TEST_F(AdaptiveLevelTest, OscillatingLoadMovesItLessAndLess) {
  // The worst case: the load falls whenever the level rises and the other way
  // round, each phase just long enough for a move.
  int first_hours = 0, later_hours = 0;
  for (int second = 0; second < 8 * 3600; ++second) {
    now += 1s;
    const double pressure = level.level() == Level::aggressive ? 0.6 : 0.95;
    const bool moved = level.update(Pressure{pressure, "x"}, now).has_value();
    if (moved) ++(second < 2 * 3600 ? first_hours : later_hours);
  }
  EXPECT_LE(first_hours, 16);
  EXPECT_LE(later_hours, 6 * 4) << "at most two pairs of moves an hour once patience is learned";
}

TEST_F(AdaptiveLevelTest, PatienceReturnsAfterAQuietTime) {
  feed(0.95, 11s);
  feed(0.1, 121s);  // down
  feed(0.95, 11s);  // relapse
  EXPECT_EQ(level.patience(), 240s);
  feed(0.6, 241s);  // down again, now after the longer patience
  EXPECT_EQ(level.level(), Level::balanced);
  feed(0.6, 11min);
  EXPECT_EQ(level.patience(), 120s);
}

/// One day of pressure by seed: white noise, a random walk, square waves of
/// random length, or an adversary that asks for whatever the level is not.
class Noise {
 public:
  explicit Noise(unsigned seed) : random_(seed), kind_(seed % 4) {}
  double next(Level level) {
    switch (kind_) {
      case 0: return uniform();
      case 1: return walk_ = std::clamp(walk_ + (uniform() - 0.5) * 0.2, 0.0, 1.0);
      case 2:
        if (--left_ <= 0) {
          left_ = 1 + static_cast<int>(uniform() * 1200);
          high_ = !high_;
        }
        return high_ ? 0.97 : 0.1;
      default: return adversary(level);
    }
  }

 private:
  double uniform() { return std::uniform_real_distribution<double>(0, 1)(random_); }
  /// Goes all the way up, waits for a random time, all the way down, and again.
  double adversary(Level level) {
    if (level == Level::aggressive) high_ = false;
    if (level == Level::conservative) high_ = true;
    if (uniform() < 0.002) high_ = !high_;
    return high_ ? 1.0 : 0.0;
  }

  std::mt19937 random_;
  unsigned kind_;
  double walk_ = 0.5;
  int left_ = 0;
  bool high_ = false;
};

class AdaptiveLevelUnderNoise : public testing::TestWithParam<unsigned> {};

TEST_P(AdaptiveLevelUnderNoise, MovesOneStepAtATimeAndNeverFlaps) {
  Noise noise(GetParam());
  AdaptiveLevel level(Level::balanced);
  std::deque<Instant> moves;
  std::optional<Instant> moved_up, moved_down;
  Instant now{1h};
  for (int second = 0; second < 24 * 3600; ++second) {
    now += 1s;
    const auto move = level.update(Pressure{noise.next(level.level()), "x"}, now);
    if (!move) continue;
    const int step = static_cast<int>(move->to) - static_cast<int>(move->from);
    ASSERT_EQ(std::abs(step), 1);
    if (step < 0) {
      for (const auto& earlier : {moved_up, moved_down}) {
        if (!earlier) continue;
        ASSERT_GE(now - *earlier, 120s) << "down too soon";
      }
      moved_down = now;
    } else {
      const Instant earlier = moved_up.value_or(now - 1h);
      ASSERT_GE(now - earlier, 10s) << "up too soon";
      moved_up = now;
    }
    moves.push_back(now);
    while (now - moves.front() > 1h) moves.pop_front();
    // A chain of two steps down and two up takes 260 s the first time, and from
    // then on twice as long each, or ten quiet minutes more.
    ASSERT_LE(moves.size(), 20U) << "in one hour";
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, AdaptiveLevelUnderNoise, testing::Range(0U, 40U));

TEST(PressureOf, TakesTheWorstUsableSignal) {
  SignalValues values{};
  EXPECT_FALSE(pressure_of(values));
  const auto set = [&](SignalId id, double value, Quality quality) {
    values[static_cast<std::size_t>(id)] = {value, {}, quality, "test"};
  };
  set(SignalId::cpu_utilization, 0.4, Quality::good);
  set(SignalId::memory_utilization, 0.99, Quality::stale);
  ASSERT_TRUE(pressure_of(values));
  EXPECT_DOUBLE_EQ(pressure_of(values)->value, 0.4);
  set(SignalId::cpu_pressure, 0.4, Quality::injected);
  EXPECT_DOUBLE_EQ(pressure_of(values)->value, 0.8);
  EXPECT_STREQ(pressure_of(values)->signal, "cpu.pressure");
  set(SignalId::admission_reject_ratio, 0.9, Quality::good);
  EXPECT_DOUBLE_EQ(pressure_of(values)->value, 1);
}

}  // namespace
}  // namespace homeostat::rules
