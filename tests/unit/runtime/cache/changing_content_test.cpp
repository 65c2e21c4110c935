// Lifetimes of rules where content changes faster: what is cut, what is not, and what is told.
#include "cache_fixture.hpp"
#include "runtime/cache/change_control.hpp"

namespace homeostat::cache {
namespace {

using std::chrono::seconds;
using testing::FieldList;
using testing::Harness;
using testing::TestRequest;

class ChangingContent : public ::testing::Test {
 protected:
  StoreDecision judge(const FieldList& fields = {}) {
    Harness harness(settings());
    TestRequest request;
    const Request view = request.view();
    RequestDecision decision = harness.cache.rules().decide(view);
    decision.lifetime_bound = bound_;
    Fields storage;
    return decide_store(decision, view, harness.response_view({200, fields}, storage), policy_,
                        harness.cache.object_bytes_max());
  }
  seconds lifetime(const FieldList& fields = {}) {
    return std::chrono::duration_cast<seconds>(judge(fields).head.freshness.lifetime);
  }
  config::CacheSettings settings() {
    config::CacheSettings settings = testing::small_settings();
    settings.rules = {rule_};
    return settings;
  }
  static config::CacheRule standard() {
    config::CacheRule rule;
    rule.match.path = "/*";
    rule.ttl = seconds(100);
    return rule;
  }
  config::CacheRule rule_ = standard();
  EndpointPolicy policy_;
  homeostat::rules::LifetimeBound bound_{seconds(30), 0.25, true};
};

TEST_F(ChangingContent, ARulesLifetimeIsCut) {
  EXPECT_EQ(lifetime(), seconds(30));
  EXPECT_TRUE(judge().head.lowered);
  bound_.at_most = seconds(3);
  EXPECT_EQ(lifetime(), seconds(25)) << "not below its part";
  bound_.at_most = seconds(200);
  EXPECT_EQ(lifetime(), seconds(100)) << "never longer";
  EXPECT_FALSE(judge().head.lowered);
}

TEST_F(ChangingContent, WhatTheOriginStatesIsNotTouched) {
  EXPECT_EQ(lifetime({{"Cache-Control", "max-age=80"}}), seconds(80));
  EXPECT_FALSE(judge({{"Cache-Control", "max-age=80"}}).head.lowered);
  EXPECT_EQ(lifetime({{"Cache-Control", "s-maxage=80"}}), seconds(80));
  rule_.override_origin = true;
  EXPECT_EQ(lifetime({{"Cache-Control", "max-age=80"}}), seconds(30)) << "there the rule decides";
}

TEST_F(ChangingContent, AMultipliedLifetimeIsCutAlso) {
  policy_.ttl_multiplier = 2;
  EXPECT_EQ(lifetime(), seconds(50)) << "a quarter of what it would be";
  bound_.at_most = seconds(150);
  EXPECT_EQ(lifetime(), seconds(150));
  EXPECT_EQ(judge().head.freshness.plain_lifetime, Duration(seconds(100)));
  bound_.at_most = seconds(60);
  EXPECT_EQ(judge().head.freshness.plain_lifetime, Duration(seconds(60)));
}

TEST_F(ChangingContent, TheOperatorsBoundsStay) {
  rule_.ttl_min = seconds(50);
  EXPECT_EQ(lifetime(), seconds(50));
  rule_ = standard();
  rule_.ttl_max = seconds(20);
  EXPECT_EQ(lifetime(), seconds(20));
}

TEST_F(ChangingContent, ShadowOnlyTells) {
  bound_.act = false;
  EXPECT_EQ(lifetime(), seconds(100));
  EXPECT_TRUE(judge().head.lowered);
}

TEST(ChangeControl, BoundsAnEndpointByWhatWasSeenOfIt) {
  ChangeControl control;
  EXPECT_EQ(control.bound(7), Duration::max());
  for (int i = 0; i < 20; ++i) control.observe(7, {true, seconds(60)});
  for (int i = 0; i < 20; ++i) control.observe(8, {false, seconds(60)});
  EXPECT_LT(control.bound(7), Duration(seconds(60)));
  EXPECT_EQ(control.bound(8), Duration::max());
  EXPECT_EQ(control.figures().changed, 20U);
  EXPECT_EQ(control.figures().unchanged, 20U);
}

TEST(ChangeControl, TellsOnlyWhatIsCutNow) {
  ChangeControl control;
  for (int i = 0; i < 20; ++i) control.observe(7, {true, seconds(60)});
  for (int i = 0; i < 20; ++i) control.observe(9, {true, seconds(6)});
  EXPECT_TRUE(control.lowered(10).empty()) << "a bound above the rule's lifetime cuts nothing";
  control.stored(7, true);
  control.stored(9, true);
  EXPECT_EQ(control.figures().lowered, 2U);
  const std::vector<LoweredLifetime> told = control.lowered(10);
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told.front().endpoint, 9) << "the fastest first";
  EXPECT_EQ(told.front().lifetime_max, control.bound(9));
  EXPECT_NEAR(told.front().changes_per_hour,
              0.5 * 3600 / std::chrono::duration<double>(control.bound(9)).count(), 1);
  EXPECT_EQ(control.lowered(1).size(), 1U);
  control.stored(7, false);
  EXPECT_EQ(control.lowered(10).size(), 1U);
}

TEST(ChangeControl, EndpointsBeyondItsBoundKeepTheirRulesLifetimes) {
  ChangeControl control;
  const auto beyond = static_cast<EndpointId>(ChangeControl::endpoints_max);
  for (int i = 0; i < 20; ++i) control.observe(beyond, {true, seconds(60)});
  control.stored(beyond, true);
  EXPECT_EQ(control.bound(beyond), Duration::max());
  EXPECT_TRUE(control.lowered(10).empty());
}

TEST(ChangeControl, IsToldByEveryStore) {
  config::CacheSettings settings = testing::small_settings();
  config::CacheRule rule;
  rule.match.path = "/ruled";
  rule.ttl = seconds(100);
  settings.rules = {rule};
  Harness harness(settings);
  harness.cache.changes().stored(0, true);
  TestRequest request = testing::at("/stated");
  harness.get(request, {200, testing::fresh()});
  EXPECT_EQ(harness.cache.changes().figures().lowered, 1U) << "not about what the origin states";
  request.path = "/ruled";
  harness.get(request, {200, {}});
  EXPECT_EQ(harness.cache.changes().figures().lowered, 0U);
}

}  // namespace
}  // namespace homeostat::cache
