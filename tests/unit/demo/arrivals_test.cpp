#include "runtime/app/demo/arrivals.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <vector>

namespace homeostat::demo {
namespace {

using std::chrono::duration;
using std::chrono::seconds;

std::vector<Arrival> all_of(ArrivalSchedule schedule) {
  std::vector<Arrival> arrivals;
  while (const auto arrival = schedule.next()) arrivals.push_back(*arrival);
  return arrivals;
}

const Plan steady{{"steady", seconds(100), 200}};

TEST(ArrivalSchedule, SameSeedSameRequests) {
  const auto first = all_of(ArrivalSchedule(steady, 7));
  const auto second = all_of(ArrivalSchedule(steady, 7));
  ASSERT_EQ(first.size(), second.size());
  for (std::size_t i = 0; i < first.size(); ++i) {
    EXPECT_EQ(first[i].at, second[i].at);
    EXPECT_EQ(first[i].kind, second[i].kind);
    EXPECT_EQ(first[i].item, second[i].item);
  }
}

TEST(ArrivalSchedule, AnotherSeedOtherRequests) {
  const auto first = all_of(ArrivalSchedule(steady, 1));
  const auto second = all_of(ArrivalSchedule(steady, 2));
  ASSERT_FALSE(first.empty());
  EXPECT_NE(first.front().at, second.front().at);
}

TEST(ArrivalSchedule, CountLiesWithinFourDeviationsOfTheRate) {
  const double expected = 200 * 100;
  const auto count = static_cast<double>(all_of(ArrivalSchedule(steady, 3)).size());
  EXPECT_NEAR(count, expected, 4 * std::sqrt(expected));
}

// Of a Poisson process only: gaps whose deviation equals their mean, and
// counts per second whose variance equals their mean.
TEST(ArrivalSchedule, IsAPoissonProcess) {
  const auto arrivals = all_of(ArrivalSchedule(steady, 4));
  double sum = 0, squares = 0;
  std::vector<double> counts(100);
  for (std::size_t i = 1; i < arrivals.size(); ++i) {
    const double gap = duration<double>(arrivals[i].at - arrivals[i - 1].at).count();
    sum += gap;
    squares += gap * gap;
    counts[static_cast<std::size_t>(duration<double>(arrivals[i].at).count())] += 1;
  }
  const auto gaps = static_cast<double>(arrivals.size() - 1);
  const double mean = sum / gaps;
  EXPECT_NEAR(std::sqrt(squares / gaps - mean * mean) / mean, 1, 0.05);
  double variance = 0;
  for (const double count : counts) variance += (count - 200) * (count - 200) / 100;
  EXPECT_GT(variance, 100);  // 200 +- 28 expected; a metronome would have 0
  EXPECT_LT(variance, 340);
}

TEST(ArrivalSchedule, FollowsThePhases) {
  const Plan plan{{"calm", seconds(20), 50}, {"rush", seconds(20), 400}, {"calm", seconds(20), 50}};
  std::vector<double> counts(3);
  Duration last{};
  for (const Arrival& arrival : all_of(ArrivalSchedule(plan, 5))) {
    EXPECT_GE(arrival.at, last);
    EXPECT_EQ(arrival.phase, phase_at(plan, arrival.at));
    last = arrival.at;
    counts[arrival.phase] += 1;
  }
  EXPECT_NEAR(counts[0], 1000, 130);
  EXPECT_NEAR(counts[1], 8000, 360);
  EXPECT_NEAR(counts[2], 1000, 130);
}

TEST(ArrivalSchedule, KeepsTheMix) {
  const auto arrivals = all_of(ArrivalSchedule(steady, 6));
  std::array<double, request_kinds> counts{};
  for (const Arrival& arrival : arrivals) counts[static_cast<std::size_t>(arrival.kind)] += 1;
  for (std::size_t i = 0; i < request_kinds; ++i) {
    EXPECT_NEAR(counts[i] / static_cast<double>(arrivals.size()), request_shares[i], 0.02) << i;
  }
}

TEST(ArrivalSchedule, APhaseWithoutRateIsSilent) {
  EXPECT_TRUE(all_of(ArrivalSchedule({{"silence", seconds(5), 0}}, 1)).empty());
}

TEST(Zipf, FirstItemsAreMoreFrequentAndAllArePossible) {
  const Zipf zipf(4);  // weights 12 : 6 : 4 : 3
  EXPECT_EQ(zipf.draw(0), 0U);
  EXPECT_EQ(zipf.draw(0.47), 0U);
  EXPECT_EQ(zipf.draw(0.49), 1U);
  EXPECT_EQ(zipf.draw(0.73), 2U);
  EXPECT_EQ(zipf.draw(0.89), 3U);
  EXPECT_EQ(zipf.draw(0.999999), 3U);
}

}  // namespace
}  // namespace homeostat::demo
