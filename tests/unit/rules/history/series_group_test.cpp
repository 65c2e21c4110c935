// What a history keeps, at which resolution, and within which bounds.
#include "rules/history/series_group.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

namespace homeostat::rules {
namespace {

using namespace std::chrono_literals;

Reading good(double value) { return {value, {}, Quality::good, "test"}; }

std::vector<double> values_of(const SeriesView& view) {
  std::vector<double> out;
  for (const auto piece : {view.older, view.newer}) {
    for (const float value : piece) out.push_back(static_cast<double>(value));
  }
  return out;
}

/// One series, sampled at `every`.
class Sampled {
 public:
  explicit Sampled(const HistoryShape& shape = global_history, HistoryBudget* budget = nullptr)
      : group(1, shape, budget) {}
  void add(const Reading& reading, Duration every = 1s) {
    group.push(now, {&reading, 1});
    now += every;
  }
  [[nodiscard]] std::vector<double> window(std::chrono::seconds length,
                                           SlotFigure figure = SlotFigure::mean) const {
    const auto view = group.view(0, length, figure);
    return view ? values_of(*view) : std::vector<double>{};
  }
  SeriesGroup group;
  Instant now{1000s};
};

TEST(SeriesGroup, KeepsTheNewestSecondsInOrder) {
  Sampled sampled;
  for (int i = 0; i < 5; ++i) sampled.add(good(i));
  EXPECT_EQ(sampled.window(3s), (std::vector<double>{2, 3, 4}));
}

TEST(SeriesGroup, TakesTheMeanOfWhatFallsIntoOneSecond) {
  Sampled sampled;
  sampled.add(good(1), 500ms);
  sampled.add(good(3), 500ms);
  sampled.add(good(10));
  EXPECT_EQ(sampled.window(2s), (std::vector<double>{2, 10}));
}

TEST(SeriesGroup, MarksWhatWasNotMeasured) {
  Sampled sampled;
  sampled.add(good(1));
  sampled.add({});
  sampled.add({7, {}, Quality::stale, "test"});
  sampled.add(good(std::numeric_limits<double>::infinity()));
  sampled.add(good(5));
  const auto values = sampled.window(5s);
  ASSERT_EQ(values.size(), 5U);
  EXPECT_EQ(values[0], 1);
  for (const std::size_t i : {1U, 2U, 3U}) EXPECT_TRUE(std::isnan(values[i])) << i;
  EXPECT_EQ(values[4], 5);
}

TEST(SeriesGroup, FillsTheGapsOfASlowSamplerButNotAnOutage) {
  Sampled slow;
  for (int i = 0; i < 3; ++i) slow.add(good(i), 3s);
  EXPECT_EQ(slow.window(7s), (std::vector<double>{0, 1, 1, 1, 2, 2, 2}));
  slow.now += SeriesGroup::carry_max + 1s;
  slow.add(good(9));
  const auto values = slow.window(10s);
  EXPECT_EQ(values.back(), 9);
  EXPECT_TRUE(std::isnan(values[8]));
}

TEST(SeriesGroup, KeepsMeanLowestAndHighestOfCoarserSlots) {
  Sampled sampled;
  for (int i = 0; i < 400; ++i) sampled.add(good(i % 10));
  // 5 min need ten-second slots; 400 s are forty of them.
  const auto means = sampled.window(300s);
  ASSERT_EQ(means.size(), 30U);
  EXPECT_DOUBLE_EQ(means.front(), 4.5);
  EXPECT_EQ(sampled.window(300s, SlotFigure::low).front(), 0);
  EXPECT_EQ(sampled.window(300s, SlotFigure::high).front(), 9);
}

TEST(SeriesGroup, AnswersADayAndForgetsWhatIsOlder) {
  Sampled sampled;
  for (int minute = 0; minute < 30 * 60; ++minute) sampled.add(good(minute), 60s);
  const auto day = sampled.window(24h);
  ASSERT_EQ(day.size(), 1440U);
  EXPECT_EQ(day.back(), 30 * 60 - 1);
  EXPECT_EQ(day.front(), 30 * 60 - 1440);
  EXPECT_TRUE(sampled.window(25h).empty());
}

TEST(SeriesGroup, StaysWithinItsBoundsHoweverLongItRuns) {
  HistoryBudget budget(std::size_t{64} * 1024 * 1024);
  Sampled sampled(global_history, &budget);
  for (int i = 0; i < 200; ++i) sampled.add(good(i));
  const std::size_t full = sampled.group.bytes();
  EXPECT_EQ(budget.used(), full);
  EXPECT_LE(full, 29U * 1024);
  for (int i = 0; i < 5000; ++i) sampled.add(good(i));
  EXPECT_EQ(sampled.group.bytes(), full);
}

TEST(SeriesGroup, LeavesOutWhatTheBudgetRefusesAndGivesBackTheRest) {
  HistoryBudget budget(1000);
  {
    Sampled sampled(endpoint_history, &budget);
    for (int i = 0; i < 100; ++i) sampled.add(good(i));
    EXPECT_EQ(sampled.window(10s).back(), 99);
    EXPECT_TRUE(sampled.window(10min).empty());
    EXPECT_EQ(budget.refused(), 2U);
    EXPECT_GT(budget.used(), 0U);
  }
  EXPECT_EQ(budget.used(), 0U);
}

TEST(SeriesGroup, GetsWhatWasRefusedOnceOthersHaveGivenItBack) {
  HistoryBudget budget(1000);
  auto first = std::make_unique<Sampled>(endpoint_history, &budget);
  first->add(good(1));
  auto second = std::make_unique<Sampled>(endpoint_history, &budget);
  Sampled third(endpoint_history, &budget);
  for (int i = 0; i < 9; ++i) {
    second->add(good(i));
    third.add(good(i));
  }
  EXPECT_TRUE(third.window(1s).empty());
  const std::uint64_t refused = budget.refused();
  first.reset();
  second.reset();
  third.add(good(7));
  EXPECT_EQ(third.window(1s), (std::vector<double>{7}));
  EXPECT_EQ(budget.refused(), refused) << "each is counted once";
}

TEST(SeriesGroup, IgnoresAClockThatGoesBackwards) {
  Sampled sampled;
  sampled.add(good(1));
  sampled.now -= 500s;
  sampled.add(good(2));
  EXPECT_EQ(sampled.window(1s), (std::vector<double>{1}));
}

}  // namespace
}  // namespace homeostat::rules
