#include "rules/laws/effect_test.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <random>
#include <vector>

namespace homeostat::rules {
namespace {

TEST(EffectTest, ComputesTheMixtureLikelihoodRatio) {
  // d = 1, 2, 3, c = 1: S = 6, V = 14, M = sqrt(1/4) * (14 / (14 - 36/4))^(3/2) = 2.3427.
  EffectTest test;
  for (const double d : {1.0, 2.0, 3.0}) test.add(d);
  const double ratio = 0.5 * std::pow(14.0 / 5.0, 1.5);
  EXPECT_NEAR(test.estimate().confidence, 1 - 1 / ratio, 1e-12);
  EXPECT_DOUBLE_EQ(test.estimate().mean, 2);
}

TEST(EffectTest, HasAnIntervalWhoseEndsAreJustNotRefuted) {
  // At a mean on the interval's end M of the differences to it is 1/error.
  const std::vector<double> values{0.3, 0.5, 0.1, 0.4, 0.35, 0.2, 0.45, 0.3};
  EffectTest test({.error = 0.05, .prior = 1, .samples_min = 100});
  for (const double d : values) test.add(d);
  const EffectEstimate estimate = test.estimate();
  for (const double end : {estimate.low, estimate.high}) {
    double sum = 0, squares = 0;
    for (const double d : values) {
      sum += d - end;
      squares += (d - end) * (d - end);
    }
    const auto n = static_cast<double>(values.size());
    const double ratio =
        std::sqrt(1 / (n + 1)) * std::pow(squares / (squares - sum * sum / (n + 1)), n / 2);
    EXPECT_NEAR(ratio, 20, 1e-6);
  }
}

TEST(EffectTest, SaysNothingOfNothing) {
  EffectTest test;
  EXPECT_EQ(test.estimate().samples, 0U);
  EXPECT_TRUE(std::isinf(test.estimate().low));
  for (int i = 0; i < 100; ++i) EXPECT_EQ(test.add(0), EffectVerdict::undecided);
  EXPECT_EQ(test.estimate().confidence, 0);
  test.add(std::numeric_limits<double>::quiet_NaN());
  test.add(std::numeric_limits<double>::infinity());
  EXPECT_EQ(test.estimate().samples, 100U);
}

TEST(EffectTest, WaitsForItsFirstSamples) {
  EffectTest test;
  for (std::size_t i = 1; i < EffectTestBounds{}.samples_min; ++i) {
    EXPECT_EQ(test.add(1.0 + 0.001 * static_cast<double>(i)), EffectVerdict::undecided);
  }
  EXPECT_EQ(test.add(1.0), EffectVerdict::better);
}

TEST(EffectTest, IsSymmetricAndDoesNotDependOnTheUnit) {
  std::mt19937 random(3);
  std::normal_distribution<double> noise(0.4, 1);
  EffectTest plain, negated, scaled;
  for (int i = 0; i < 60; ++i) {
    const double d = noise(random);
    plain.add(d);
    negated.add(-d);
    scaled.add(1000 * d);
  }
  EXPECT_NEAR(plain.estimate().confidence, negated.estimate().confidence, 1e-9);
  EXPECT_NEAR(plain.estimate().confidence, scaled.estimate().confidence, 1e-9);
  EXPECT_NEAR(plain.estimate().low, -negated.estimate().high, 1e-9);
  EXPECT_NEAR(plain.estimate().low * 1000, scaled.estimate().low, 1e-6);
}

/// Share of 4000 streams of `samples` that end in any verdict.
double verdict_rate(int samples, const std::function<double(std::mt19937&)>& draw) {
  std::mt19937 random(42);
  int verdicts = 0;
  constexpr int streams = 4000;
  for (int s = 0; s < streams; ++s) {
    EffectTest test;
    for (int i = 0; i < samples && test.verdict() == EffectVerdict::undecided; ++i) {
      test.add(draw(random));
    }
    if (test.verdict() != EffectVerdict::undecided) ++verdicts;
  }
  return static_cast<double>(verdicts) / streams;
}

// Looked at after every sample, for a thousand samples: a fixed-size t test at
// 5 % would be wrong more than a third of the time.
TEST(EffectTest, KeepsItsErrorRateHoweverOftenItIsLookedAt) {
  std::normal_distribution<double> normal(0, 3);
  EXPECT_LE(verdict_rate(1000, [&](auto& random) { return normal(random); }), 0.05);
}

TEST(EffectTest, KeepsItsErrorRateUnderHeavyTailsAndChangingNoise) {
  std::student_t_distribution<double> heavy(3);
  EXPECT_LE(verdict_rate(300, [&](auto& random) { return heavy(random); }), 0.05);
  int i = 0;
  std::normal_distribution<double> normal(0, 1);
  EXPECT_LE(
      verdict_rate(300, [&](auto& random) { return normal(random) * (++i % 7 == 0 ? 6 : 1); }),
      0.05);
}

TEST(EffectTest, FindsAnEffectOfItsNoisesSizeWithinThirtySamples) {
  std::normal_distribution<double> normal(1, 1);
  EXPECT_GE(verdict_rate(30, [&](auto& random) { return normal(random); }), 0.95);
}

}  // namespace
}  // namespace homeostat::rules
