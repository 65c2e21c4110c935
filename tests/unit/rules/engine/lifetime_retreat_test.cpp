// Longer lifetimes end bit by bit, shorter ones begin at once.
#include "rules/engine/lifetime_retreat.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace homeostat::rules {
namespace {

using namespace std::chrono_literals;

EndpointOutcome longer(EndpointId id, double share = 1) {
  EndpointOutcome out;
  out.id = id;
  out.ttl_multiplier = 2;
  out.ttl_max = 1h;
  out.ttl_share = share;
  return out;
}

using Outcomes = std::vector<EndpointOutcome>;

Outcomes applied(LifetimeRetreat& retreat, Outcomes outcomes, std::chrono::seconds at) {
  retreat.apply(outcomes, Instant{at});
  return outcomes;
}

TEST(LifetimeRetreat, LeavesWhatIsInForceAlone) {
  LifetimeRetreat retreat;
  const Outcomes out = applied(retreat, {longer(3, 0.5)}, 10s);
  ASSERT_EQ(out.size(), 1U);
  EXPECT_DOUBLE_EQ(out[0].ttl_share, 0.5);
  EXPECT_TRUE(applied(retreat, {}, 100s).empty()) << "long ago";
}

TEST(LifetimeRetreat, TakesATenthOfTheRequestsBackPerSecond) {
  LifetimeRetreat retreat;
  (void)applied(retreat, {longer(3)}, 10s);
  for (int second = 1; second < 10; ++second) {
    const Outcomes out = applied(retreat, {}, 10s + std::chrono::seconds(second));
    ASSERT_EQ(out.size(), 1U) << second;
    EXPECT_EQ(out[0].id, 3U);
    EXPECT_DOUBLE_EQ(out[0].ttl_multiplier, 2);
    EXPECT_NEAR(out[0].ttl_share, 1 - second / 10.0, 1e-9);
  }
  EXPECT_TRUE(applied(retreat, {}, 21s).empty());
}

TEST(LifetimeRetreat, KeepsWhatElseIsDoneAtTheEndpoint) {
  LifetimeRetreat retreat;
  (void)applied(retreat, {longer(3)}, 10s);
  EndpointOutcome compressed;
  compressed.id = 3;
  compressed.compress = true;
  const Outcomes out = applied(retreat, {longer(1), compressed}, 11s);
  ASSERT_EQ(out.size(), 2U);
  EXPECT_EQ(out[1].compress, true);
  EXPECT_DOUBLE_EQ(out[1].ttl_multiplier, 2);
  EXPECT_DOUBLE_EQ(out[1].ttl_share, 0.9);
}

TEST(LifetimeRetreat, LetsShorterLifetimesBeginAtOnce) {
  LifetimeRetreat retreat;
  (void)applied(retreat, {longer(3)}, 10s);
  EndpointOutcome shorter;
  shorter.id = 3;
  shorter.ttl_multiplier = 0.5;
  const Outcomes out = applied(retreat, {shorter}, 11s);
  ASSERT_EQ(out.size(), 1U);
  EXPECT_DOUBLE_EQ(out[0].ttl_multiplier, 0.5);
  EXPECT_TRUE(applied(retreat, {}, 12s).empty());
}

TEST(LifetimeRetreat, KeepsTheOrderOfTheEndpoints) {
  LifetimeRetreat retreat;
  (void)applied(retreat, {longer(2), longer(5)}, 10s);
  const Outcomes out = applied(retreat, {longer(1), longer(4)}, 11s);
  ASSERT_EQ(out.size(), 4U);
  EXPECT_TRUE(std::ranges::is_sorted(out, {}, &EndpointOutcome::id));
}

}  // namespace
}  // namespace homeostat::rules
