#include "rules/laws/lease_length.hpp"

#include <gtest/gtest.h>

namespace homeostat::rules {
namespace {

using namespace std::chrono_literals;

LatencyEstimate steady(Duration latency) {
  LatencyEstimate estimate;
  for (int i = 0; i < 200; ++i) estimate.add(latency);
  return estimate;
}

TEST(LeaseTerms, PayOnlyWhereTheApplicationIsSlow) {
  const auto store = steady(1ms);
  EXPECT_FALSE(lease_length(steady(5ms), store, 20ms, 5s));
  EXPECT_TRUE(lease_length(steady(30ms), store, 20ms, 5s));
  EXPECT_FALSE(lease_length(steady(30ms), steady(4ms), 20ms, 5s)) << "a tenth would be too much";
  EXPECT_TRUE(lease_length(steady(1ms), steady(4ms), 0ms, 5s)) << "always";
  EXPECT_FALSE(lease_length(steady(1s), store, 20ms, 0ms)) << "never";
}

TEST(LeaseTerms, LastTwiceWhatTheApplicationTakesWithinBounds) {
  const auto store = steady(1ms);
  EXPECT_EQ(lease_length({}, store, 20ms, 5s), Duration(1s)) << "not known yet";
  EXPECT_EQ(lease_length({}, store, 20ms, 300ms), Duration(300ms));
  EXPECT_EQ(lease_length(steady(25ms), store, 20ms, 5s), Duration(200ms));
  EXPECT_EQ(lease_length(steady(10s), store, 20ms, 5s), Duration(5s));
  const auto usual = lease_length(steady(500ms), store, 20ms, 5s);
  ASSERT_TRUE(usual);
  EXPECT_GE(*usual, Duration(1s));
  EXPECT_LE(*usual, Duration(1010ms));
}

}  // namespace
}  // namespace homeostat::rules
