// When a stale stored response may be used, by directive, rule, mode and trouble.
#include <ostream>

#include "cache_fixture.hpp"

namespace homeostat::cache {
namespace {

using std::chrono::seconds;
using testing::Harness;
using testing::TestRequest;

Freshness freshness_of(const char* control, const config::CacheSettings& settings = {}) {
  Harness harness(settings);
  TestRequest request;
  const StoreDecision decision = harness.judge(request, {200, {{"Cache-Control", control}}});
  EXPECT_TRUE(decision.storable()) << control;
  Freshness freshness = decision.head.freshness;
  freshness.received = Instant{};
  return freshness;
}

/// `past` its expiry.
StaleUse use(const char* control, seconds past, const StaleWindows& windows = {},
             Trouble trouble = Trouble::none, bool emergency = false) {
  const Freshness freshness = freshness_of(control);
  StaleView view{freshness, windows};
  view.now = freshness.expires() + past;
  view.trouble = trouble;
  view.emergency = emergency;
  return decide_stale(view);
}

bool bridges(const char* control, seconds past, Trouble trouble, const StaleWindows& windows = {},
             bool emergency = false) {
  const Freshness freshness = freshness_of(control);
  StaleView view{freshness, windows};
  view.now = freshness.expires() + past;
  view.trouble = trouble;
  view.emergency = emergency;
  return stale_bridges(view);
}

StaleWindows windows(int revalidate, int error, int unreachable = 0) {
  StaleWindows result;
  result.while_revalidate = seconds(revalidate);
  result.if_error = seconds(error);
  result.if_unreachable = seconds(unreachable);
  return result;
}

TEST(PurgeGrace, IsForHotObjectsThatOnlyThePurgeMadeStale) {
  Harness harness;
  TestRequest request;
  ASSERT_EQ(harness.get(request, {200, testing::fresh(60)}).reason, Reason::none);
  const RequestDecision decision = harness.cache.rules().decide(request.view());
  const ObjectPtr object = harness.find(request).object;
  const auto graced = [&](seconds after) {
    return in_purge_grace(*object, decision, seconds(10), harness.clock.now() + after);
  };
  for (unsigned i = object->refresh().hits(); i < 9; ++i) object->refresh().note_hit();
  EXPECT_FALSE(graced(seconds(0))) << "not purged";
  ASSERT_TRUE(object->soften(harness.clock.now()));
  EXPECT_FALSE(graced(seconds(0))) << "not hot";
  object->refresh().note_hit();
  EXPECT_TRUE(graced(seconds(0)));
  EXPECT_TRUE(graced(seconds(10)));
  EXPECT_FALSE(graced(seconds(11)));
  RequestDecision strict = decision;
  strict.max_age = seconds(5);
  EXPECT_TRUE(in_purge_grace(*object, strict, seconds(10), harness.clock.now() + seconds(5)));
  EXPECT_FALSE(in_purge_grace(*object, strict, seconds(10), harness.clock.now() + seconds(6)));
  EXPECT_TRUE(in_purge_grace(*object, decision, seconds(100), harness.clock.now() + seconds(59)));
  EXPECT_FALSE(in_purge_grace(*object, decision, seconds(100), harness.clock.now() + seconds(60)));
}

TEST(PurgeGrace, GivesWayToAnEmergencyOnly) {
  const Freshness freshness = freshness_of("max-age=10, must-revalidate");
  const StaleWindows none;
  StaleView view{freshness, none};
  view.now = freshness.expires() + seconds(1);
  view.purge_grace = true;
  EXPECT_EQ(decide_stale(view), StaleUse::revalidating);
  view.emergency = true;
  EXPECT_EQ(decide_stale(view), StaleUse::emergency);
}

TEST(Stale, WithoutAnybodysWordItIsValidated) {
  EXPECT_EQ(use("max-age=10", seconds(1)), StaleUse::validate);
  EXPECT_EQ(use("max-age=10", seconds(1), {}, Trouble::unreachable), StaleUse::validate);
}

TEST(Stale, IsServedWithinTheOriginsWindowAndNotBeyond) {
  const char* control = "max-age=10, stale-while-revalidate=5";
  EXPECT_EQ(use(control, seconds(0)), StaleUse::revalidating);
  EXPECT_EQ(use(control, seconds(5)), StaleUse::revalidating);
  EXPECT_EQ(use(control, seconds(6)), StaleUse::validate);
}

TEST(Stale, TheOperatorsWindowCountsOnlyWhereTheOriginIsSilent) {
  EXPECT_EQ(use("max-age=10", seconds(8), windows(9, 0)), StaleUse::revalidating);
  EXPECT_EQ(use("max-age=10, stale-while-revalidate=5", seconds(8), windows(9, 0)),
            StaleUse::validate);
  EXPECT_EQ(use("max-age=10, stale-while-revalidate=0", seconds(1), windows(9, 0)),
            StaleUse::validate);
  StaleWindows overriding = windows(9, 0);
  overriding.while_revalidate_wins = true;
  EXPECT_EQ(use("max-age=10, stale-while-revalidate=5", seconds(8), overriding),
            StaleUse::revalidating);
}

class ForbidsStale : public ::testing::TestWithParam<const char*> {};

TEST_P(ForbidsStale, WhateverElseIsSaid) {
  const std::string control =
      std::string(GetParam()) + ", max-age=10, stale-while-revalidate=60, stale-if-error=60";
  Harness harness;
  TestRequest request;
  const StoreDecision decision =
      harness.judge(request, {200, {{"Cache-Control", control}, {"ETag", "\"v\""}}});
  ASSERT_TRUE(decision.storable());
  Freshness freshness = decision.head.freshness;
  StaleWindows all = windows(60, 60, 60);
  all.while_revalidate_wins = all.if_error_wins = true;
  StaleView view{freshness, all};
  view.now = freshness.expires() + seconds(1);
  view.trouble = Trouble::unreachable;
  view.emergency = true;
  EXPECT_EQ(decide_stale(view), StaleUse::validate);
  EXPECT_FALSE(stale_bridges(view));
  EXPECT_EQ(stale_usable(freshness, all), Duration::zero());
}

INSTANTIATE_TEST_SUITE_P(Directives, ForbidsStale,
                         ::testing::Values("must-revalidate", "proxy-revalidate", "s-maxage=10",
                                           "no-cache"));

TEST(Stale, TroubleIsBridgedWithinTheWindowForFailures) {
  const char* control = "max-age=10, stale-if-error=20";
  EXPECT_EQ(use(control, seconds(20)), StaleUse::validate) << "nothing is wrong";
  EXPECT_EQ(use(control, seconds(20), {}, Trouble::error), StaleUse::origin_trouble);
  EXPECT_EQ(use(control, seconds(21), {}, Trouble::error), StaleUse::validate);
  EXPECT_TRUE(bridges(control, seconds(20), Trouble::error));
  EXPECT_FALSE(bridges(control, seconds(21), Trouble::error));
}

TEST(Stale, AnUnreachableOriginHasALongerWindowThanOneThatAnswers) {
  const StaleWindows operators = windows(0, 5, 30);
  EXPECT_FALSE(bridges("max-age=10", seconds(20), Trouble::error, operators));
  EXPECT_TRUE(bridges("max-age=10", seconds(20), Trouble::unreachable, operators));
  EXPECT_FALSE(bridges("max-age=10", seconds(31), Trouble::unreachable, operators));
  EXPECT_TRUE(
      bridges("max-age=10, stale-if-error=60", seconds(31), Trouble::unreachable, operators))
      << "the longer one counts";
}

TEST(Stale, AnEmergencyServesForAsLongAsTheOperatorAllowsAndAsksNobody) {
  StaleWindows ten_minutes;
  ten_minutes.in_emergency = seconds(600);
  const auto in_emergency = [&](const char* control, seconds past) {
    return use(control, past, ten_minutes, Trouble::none, true);
  };
  EXPECT_EQ(in_emergency("max-age=10", seconds(600)), StaleUse::emergency);
  EXPECT_EQ(in_emergency("max-age=10", seconds(601)), StaleUse::validate);
  EXPECT_EQ(in_emergency("max-age=10, stale-while-revalidate=900", seconds(601)),
            StaleUse::revalidating);
  EXPECT_TRUE(bridges("max-age=10", seconds(600), Trouble::error, ten_minutes, true));
  EXPECT_EQ(use("max-age=10", seconds(1), {}, Trouble::none, true), StaleUse::validate);
  EXPECT_FALSE(bridges("max-age=10", seconds(1), Trouble::error, {}, true));
}

TEST(Stale, ARequestThatWantsValidationGetsIt) {
  const Freshness freshness = freshness_of("max-age=10, stale-while-revalidate=60");
  const StaleWindows none;
  StaleView view{freshness, none};
  view.now = freshness.expires() - seconds(1);
  view.by_request = true;
  view.emergency = true;
  EXPECT_EQ(decide_stale(view), StaleUse::validate);
  view.trouble = Trouble::error;
  EXPECT_TRUE(stale_bridges(view)) << "fresh is better than a failure";
}

TEST(Stale, RulesGiveWindowsAndOverrideOnlyWhereTheySaySo) {
  config::CacheSettings settings;
  settings.stale_while_revalidate = seconds(1);
  settings.stale_if_error = seconds(2);
  settings.stale_if_unreachable = seconds(3);
  settings.stale_in_emergency = seconds(4);
  config::CacheRule rule;
  rule.match.path = "/own/*";
  rule.stale_if_error = seconds(40);
  settings.rules.push_back(rule);
  rule.match.path = "/over/*";
  rule.override_origin = true;
  settings.rules.push_back(rule);
  const RequestRules rules(settings);
  TestRequest request = testing::at("/other");
  StaleWindows found = rules.decide(request.view()).stale_windows();
  EXPECT_EQ(found.while_revalidate, seconds(1));
  EXPECT_EQ(found.if_error, seconds(2));
  EXPECT_EQ(found.if_unreachable, seconds(3));
  EXPECT_EQ(found.in_emergency, seconds(4));
  request.path = "/own/x";
  found = rules.decide(request.view()).stale_windows();
  EXPECT_EQ(found.while_revalidate, seconds(1));
  EXPECT_EQ(found.if_error, seconds(40));
  EXPECT_FALSE(found.if_error_wins);
  request.path = "/over/x";
  found = rules.decide(request.view()).stale_windows();
  EXPECT_TRUE(found.if_error_wins);
  EXPECT_FALSE(found.while_revalidate_wins);
}

TEST(Stale, WhatMayStillBeServedIsKeptWhenTheExpiredAreDropped) {
  config::CacheSettings settings = testing::small_settings();
  settings.stale_if_unreachable = settings.stale_in_emergency = seconds(0);
  Harness harness(settings);
  TestRequest useful, useless;
  useful.path = "/useful";
  useless.path = "/useless";
  harness.get(useful, {200, {{"Cache-Control", "max-age=10, stale-if-error=60"}}});
  harness.get(useless, {200, {{"Cache-Control", "max-age=10"}}});
  harness.clock.advance(seconds(50));
  harness.cache.drop_expired();
  EXPECT_EQ(harness.find(useful).kind, Lookup::Kind::stale);
  EXPECT_EQ(harness.find(useless).kind, Lookup::Kind::miss);
  harness.clock.advance(seconds(21));
  harness.cache.drop_expired();
  EXPECT_EQ(harness.find(useful).kind, Lookup::Kind::miss);
}

TEST(Stale, WhatAnEmergencyWouldServeIsKeptWhenTheExpiredAreDropped) {
  config::CacheSettings settings = testing::small_settings();
  settings.stale_if_unreachable = seconds(60);
  settings.stale_in_emergency = seconds(600);
  Harness harness(settings);
  harness.get({}, {200, {{"Cache-Control", "max-age=10"}}});
  harness.clock.advance(seconds(10 + 600));
  harness.cache.drop_expired();
  EXPECT_EQ(harness.find({}).kind, Lookup::Kind::stale);
  settings.stale_in_emergency = seconds(500);
  harness.cache.reload(settings);
  harness.cache.drop_expired();
  EXPECT_EQ(harness.find({}).kind, Lookup::Kind::miss) << "as the configuration in force has it";
}

TEST(StaleUseByRequest, ADirectiveOfTheRequestWinsWhetherFreshOrNot) {
  Harness harness;
  harness.get({}, {200, {{"Cache-Control", "max-age=1, stale-while-revalidate=600"}}, "page"});
  const auto wants_validation = [&](const char* control) {
    TestRequest request;
    if (*control != 0) request.fields = {{"Cache-Control", control}};
    return harness.find(request).by_request;
  };
  EXPECT_TRUE(wants_validation("no-cache"));
  harness.clock.advance(seconds(5));
  EXPECT_FALSE(wants_validation(""));
  EXPECT_FALSE(wants_validation("max-age=10"));
  for (const char* control : {"no-cache", "max-age=0", "max-age=3", "min-fresh=1"}) {
    EXPECT_TRUE(wants_validation(control)) << control;
  }
}

}  // namespace
}  // namespace homeostat::cache
