#include "rules/laws/outliers.hpp"

#include <gtest/gtest.h>

namespace homeostat::rules {
namespace {

using namespace std::chrono_literals;
using Found = std::vector<std::size_t>;

Found find(const std::vector<OutlierView>& targets, const OutlierBounds& bounds = {}) {
  return find_outliers(targets, bounds);
}

TEST(Outliers, ATargetThatFailsMoreThanItsPeersIsFound) {
  EXPECT_EQ(find({{1000, 10}, {1000, 12}, {1000, 300}, {1000, 8}}), (Found{2}));
}

TEST(Outliers, OneOfTwoCanStandOut) { EXPECT_EQ(find({{100, 40}, {100, 0}}), (Found{0})); }

TEST(Outliers, WhatAllSufferFromSinglesOutNobody) {
  EXPECT_EQ(find({{1000, 480}, {1000, 500}, {1000, 520}}), Found{});
  EXPECT_EQ(find({{1000, 1000}, {1000, 1000}}), Found{});
  EXPECT_EQ(find({{1000, 0}, {1000, 0}}), Found{});
}

TEST(Outliers, ASmallDifferenceIsNoneHoweverCertain) {
  EXPECT_EQ(find({{1'000'000, 40'000}, {1'000'000, 0}}), Found{}) << "four points";
  EXPECT_EQ(find({{1'000'000, 60'000}, {1'000'000, 0}}), (Found{0})) << "six";
}

TEST(Outliers, ChanceIsNoReason) {
  EXPECT_EQ(find({{60, 6}, {60, 2}, {60, 1}}), Found{}) << "nine points, but only two deviations";
}

TEST(Outliers, FewCallsSayNothing) {
  EXPECT_EQ(find({{49, 49}, {1000, 0}}), Found{});
  EXPECT_EQ(find({{1000, 900}, {49, 0}}), Found{}) << "nor do few calls of the peers";
}

TEST(Outliers, TheWorstGoFirstAndOnlySoManyGo) {
  const std::vector<OutlierView> ten = {{500, 5},   {500, 250}, {500, 4}, {500, 400}, {500, 5},
                                        {500, 300}, {500, 6},   {500, 5}, {500, 350}, {500, 5}};
  EXPECT_EQ(find(ten), (Found{3, 8, 5})) << "three of ten";
  EXPECT_EQ(find({{500, 5}, {500, 400}, {500, 300}}), (Found{1})) << "one is always allowed";
}

TEST(Outliers, ThoseAlreadyOutUseUpTheShareAndAreNoPeers) {
  EXPECT_EQ(find({{500, 500, true}, {500, 5}, {500, 400}}), Found{});
  EXPECT_EQ(find({{500, 500, true}, {500, 5}, {500, 4}, {500, 6}, {500, 400}, {500, 5}, {500, 7}}),
            (Found{4}))
      << "two of seven";
}

TEST(Outliers, TheLastTargetStays) {
  OutlierBounds all;
  all.ejected_max = 1;
  EXPECT_EQ(find({{500, 400}, {500, 5}}, all), (Found{0}));
  EXPECT_EQ(find({{500, 400}}, all), Found{});
  EXPECT_EQ(find({}, all), Found{});
}

TEST(Outliers, EachEjectionLastsLonger) {
  const OutlierBounds bounds;
  EXPECT_EQ(ejection_time(1, bounds), Duration(30s));
  EXPECT_EQ(ejection_time(3, bounds), Duration(90s));
  EXPECT_EQ(ejection_time(1'000'000, bounds), Duration(5min));
}

}  // namespace
}  // namespace homeostat::rules
