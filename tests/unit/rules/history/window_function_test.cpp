// The arithmetic of the window functions.
#include "rules/history/window_function.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace homeostat::rules {
namespace {

using std::chrono::seconds;
constexpr float gap = std::numeric_limits<float>::quiet_NaN();

double over(const std::vector<float>& slots, WindowFunction function, double parameter = 0,
            double step = 1) {
  const std::size_t half = slots.size() / 2;
  const std::span<const float> all(slots);
  const SeriesView view{all.first(half), all.subspan(half), step};
  const auto length = static_cast<std::int64_t>(static_cast<double>(slots.size()) * step);
  return evaluate_window(view, {function, seconds(length), parameter});
}

TEST(WindowFunction, SummarizesASteadySeries) {
  const std::vector<float> slots{4, 1, 3, 2, 5};
  EXPECT_DOUBLE_EQ(over(slots, WindowFunction::average), 3);
  EXPECT_DOUBLE_EQ(over(slots, WindowFunction::maximum), 5);
  EXPECT_DOUBLE_EQ(over(slots, WindowFunction::minimum), 1);
}

TEST(WindowFunction, TakesQuantilesByNearestRank) {
  std::vector<float> slots;
  for (int i = 100; i >= 1; --i) slots.push_back(static_cast<float>(i));
  EXPECT_DOUBLE_EQ(over(slots, WindowFunction::quantile, 0), 1);
  EXPECT_DOUBLE_EQ(over(slots, WindowFunction::quantile, 0.5), 50);
  EXPECT_DOUBLE_EQ(over(slots, WindowFunction::quantile, 0.95), 95);
  EXPECT_DOUBLE_EQ(over(slots, WindowFunction::quantile, 1), 100);
}

TEST(WindowFunction, ReportsATrendAsTheChangeOverTheWindow) {
  EXPECT_NEAR(over({0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, WindowFunction::trend), 10, 1e-9);
  EXPECT_NEAR(over({9, 8, 7, 6, 5, 4, 3, 2, 1, 0}, WindowFunction::trend), -10, 1e-9);
  EXPECT_NEAR(over({5, 5, 5, 5}, WindowFunction::trend), 0, 1e-9);
  // The same line, every other slot of ten seconds missing.
  EXPECT_NEAR(over({0, gap, 2, gap, 4, gap, 6, gap}, WindowFunction::trend, 0, 10), 8, 1e-9);
}

TEST(WindowFunction, PredictsAlongTheLineOfLeastSquares) {
  EXPECT_NEAR(over({0, 1, 2, 3, 4}, WindowFunction::predict, 6), 10, 1e-9);
  EXPECT_NEAR(over({0, 1, 2, 3, 4}, WindowFunction::predict, 60, 10), 10, 1e-9);
  EXPECT_NEAR(over({3, 3, 3}, WindowFunction::predict, 100), 3, 1e-9);
}

TEST(WindowFunction, TakesTheRateForTheMeanOfTheIncreases) {
  EXPECT_DOUBLE_EQ(over({gap, 2, 4, 0, 2}, WindowFunction::rate), 2);
  EXPECT_DOUBLE_EQ(over({10, 10, 10}, WindowFunction::rate, 0, 10), 10) << "per second already";
}

TEST(WindowFunction, KnowsNothingUnlessHalfOfTheWindowIsCovered) {
  constexpr std::array all{WindowFunction::average, WindowFunction::maximum,
                           WindowFunction::minimum, WindowFunction::rate,
                           WindowFunction::trend,   WindowFunction::predict,
                           WindowFunction::quantile};
  for (const WindowFunction function : all) {
    EXPECT_TRUE(std::isnan(over({gap, gap, gap, gap}, function, 0.5)));
    EXPECT_TRUE(std::isnan(over({gap, gap, gap, gap, 1, 2, 3}, function, 0.5)));
    EXPECT_FALSE(std::isnan(over({gap, gap, gap, 1, 2, 3}, function, 0.5)));
  }
}

TEST(WindowFunction, NeedsEnoughSamplesForALine) {
  EXPECT_TRUE(std::isnan(over({1, 2}, WindowFunction::trend)));
  EXPECT_FALSE(std::isnan(over({1, 2, 3}, WindowFunction::trend)));
}

}  // namespace
}  // namespace homeostat::rules
