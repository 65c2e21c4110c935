// Lifetimes and ages by arithmetic (RFC 9111 section 4.2).
#include "cache_fixture.hpp"

namespace homeostat::cache {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using testing::FieldList;
using testing::Harness;
using testing::http_date;
using testing::TestRequest;
using testing::TestResponse;

class LifetimeTest : public ::testing::Test {
 protected:
  config::CacheSettings settings_ = testing::small_settings();
  EndpointPolicy policy_;

  Duration lifetime(const FieldList& fields, int status = 200) {
    Harness harness(settings_);
    harness.policy = policy_;
    TestRequest request;
    const StoreDecision decision = harness.judge(request, {status, fields});
    EXPECT_EQ(to_string(decision.reason), "none");
    return decision.head.freshness.lifetime;
  }
  Reason refused(const FieldList& fields, int status = 200) {
    Harness harness(settings_);
    harness.policy = policy_;
    TestRequest request;
    return harness.judge(request, {status, fields}).reason;
  }
};

TEST_F(LifetimeTest, SharedMaxAgeWinsOverMaxAgeAndExpires) {
  const std::string date = http_date(ManualClock().wall_now());
  const std::string later = http_date(ManualClock().wall_now() + seconds(90));
  EXPECT_EQ(lifetime({{"Cache-Control", "max-age=60, s-maxage=10"}}), seconds(10));
  EXPECT_EQ(lifetime({{"Cache-Control", "max-age=60"}, {"Date", date}, {"Expires", later}}),
            seconds(60));
  EXPECT_EQ(lifetime({{"Date", date}, {"Expires", later}}), seconds(90));
}

TEST_F(LifetimeTest, ExpiresThatIsNoDateMeansExpired) {
  EXPECT_EQ(refused({{"Expires", "0"}}), Reason::expired);
  EXPECT_EQ(refused({{"Expires", "soon"}}), Reason::expired);
}

TEST_F(LifetimeTest, ExpiresThatIsThereTwiceMeansExpired) {
  const std::string date = http_date(ManualClock().wall_now());
  const std::string later = http_date(ManualClock().wall_now() + seconds(90));
  EXPECT_EQ(refused({{"Date", date}, {"Expires", later}, {"Expires", later}}), Reason::expired)
      << "even if both say the same";
  EXPECT_EQ(refused({{"Date", date}, {"Expires", later}, {"Expires", "0"}}), Reason::expired);
  EXPECT_EQ(refused({{"Date", date}, {"Expires", "0"}, {"Expires", later}}), Reason::expired);
  EXPECT_EQ(lifetime({{"Cache-Control", "max-age=60"}, {"Expires", "0"}, {"Expires", later}}),
            seconds(60))
      << "where it does not count, it does not matter";
}

TEST_F(LifetimeTest, TargetedFieldWinsUnlessMalformed) {
  EXPECT_EQ(lifetime({{"Cache-Control", "no-store"}, {"CDN-Cache-Control", "max-age=7"}}),
            seconds(7));
  EXPECT_EQ(refused({{"Cache-Control", "no-store"}, {"CDN-Cache-Control", "max-age=("}}),
            Reason::no_store);
}

TEST_F(LifetimeTest, NothingIsStoredWithoutExplicitFreshness) {
  EXPECT_EQ(refused({}), Reason::no_freshness);
  EXPECT_EQ(refused({{"Last-Modified", http_date(ManualClock().wall_now() - hours(24))}}),
            Reason::no_freshness);
}

TEST_F(LifetimeTest, RuleGivesTtlOnlyWhereTheOriginIsSilent) {
  config::CacheRule rule;
  rule.match.path = "/*";
  rule.ttl = seconds(100);
  settings_.rules = {rule};
  EXPECT_EQ(lifetime({}), seconds(100));
  EXPECT_EQ(lifetime({{"Cache-Control", "max-age=5"}}), seconds(5));
  EXPECT_EQ(refused({}, 404), Reason::no_freshness);
  settings_.rules[0].override_origin = true;
  EXPECT_EQ(lifetime({{"Cache-Control", "max-age=5"}}), seconds(100));
  EXPECT_EQ(refused({{"Cache-Control", "no-store"}}), Reason::no_store);
  EXPECT_EQ(refused({{"Cache-Control", "private"}}), Reason::private_);
}

TEST_F(LifetimeTest, PolicyScalesRuleTtlButNeverTheOriginsOwn) {
  config::CacheRule rule;
  rule.match.path = "/*";
  rule.ttl = seconds(100);
  settings_.rules = {rule};
  policy_.ttl_multiplier = 2.5;
  EXPECT_EQ(lifetime({}), seconds(250));
  policy_.ttl_max = seconds(120);
  EXPECT_EQ(lifetime({}), seconds(120));
  EXPECT_EQ(lifetime({{"Cache-Control", "max-age=5"}}), seconds(5));
  policy_.ttl_multiplier = 0.001;
  EXPECT_EQ(refused({}), Reason::expired);
}

TEST_F(LifetimeTest, TheBoundOfARaiseShortensNothing) {
  config::CacheRule rule;
  rule.match.path = "/*";
  rule.ttl = hours(24);
  settings_.rules = {rule};
  policy_.ttl_multiplier = 2;
  policy_.ttl_max = hours(1);
  EXPECT_EQ(lifetime({}), hours(24));
  settings_.rules[0].ttl = std::chrono::minutes(40);
  EXPECT_EQ(lifetime({}), hours(1));
  settings_.rules[0].ttl = hours(24);
  policy_.ttl_multiplier = 0.5;
  EXPECT_EQ(lifetime({}), hours(1)) << "what lowers is bounded as a whole";
}

TEST(PlainLifetime, IsSeenByRequestsThatTheMultiplierDoesNotApplyTo) {
  config::CacheSettings settings = testing::small_settings();
  config::CacheRule rule;
  rule.match.path = "/*";
  rule.ttl = seconds(100);
  settings.rules = {rule};
  Harness harness(settings);
  harness.policy.ttl_multiplier = 2;
  TestRequest request;
  ASSERT_EQ(harness.get(request, {200, {}}).reason, Reason::none);
  const Request view = request.view();
  const auto seen = [&](bool plain) {
    RequestDecision decision = harness.cache.rules().decide(view);
    decision.plain_lifetime = plain;
    return harness.worker.lookup(view, decision, harness.clock.now());
  };
  EXPECT_EQ(seen(true).kind, Lookup::Kind::hit);
  EXPECT_EQ(seen(true).remaining, seconds(100));
  EXPECT_EQ(seen(false).remaining, seconds(200));
  harness.clock.advance(seconds(150));
  EXPECT_EQ(seen(true).kind, Lookup::Kind::stale);
  EXPECT_EQ(seen(false).kind, Lookup::Kind::hit);
  harness.clock.advance(seconds(51));
  EXPECT_EQ(seen(false).kind, Lookup::Kind::stale);
}

TEST(PlainLifetime, IsTheOriginsOwnWhereTheMultiplierDoesNotReach) {
  Harness harness;
  harness.policy.ttl_multiplier = 2;
  TestRequest request;
  ASSERT_EQ(harness.get(request, {200, testing::fresh(60)}).reason, Reason::none);
  const Request view = request.view();
  RequestDecision decision = harness.cache.rules().decide(view);
  decision.plain_lifetime = true;
  EXPECT_EQ(harness.worker.lookup(view, decision, harness.clock.now()).remaining, seconds(60));
}

TEST(Age, IsTheLargerOfApparentAndCorrectedAge) {
  Response response;
  const ManualClock clock;
  response.requested = clock.now();
  response.received = clock.now() + seconds(2);
  response.received_wall = clock.wall_now();
  // Date 30 s ago, no Age: apparent age.
  EXPECT_EQ(corrected_initial_age(response, clock.wall_now() - seconds(30), seconds(0)),
            seconds(30));
  // Age 50 plus 2 s of delay wins.
  EXPECT_EQ(corrected_initial_age(response, clock.wall_now() - seconds(30), seconds(50)),
            seconds(52));
  // A Date in the future is no negative age.
  EXPECT_EQ(corrected_initial_age(response, clock.wall_now() + seconds(30), seconds(0)),
            seconds(2));
}

TEST(Age, GrowsWithTimeAndEndsFreshness) {
  Harness harness;
  TestRequest request;
  harness.get(request, {200, {{"Cache-Control", "max-age=60"}, {"Age", "20"}}});
  harness.clock.advance(seconds(39));
  Lookup found = harness.find(request);
  EXPECT_EQ(found.kind, Lookup::Kind::hit);
  EXPECT_EQ(found.age, seconds(59));
  EXPECT_EQ(found.remaining, seconds(1));
  harness.clock.advance(seconds(1));
  found = harness.find(request);
  EXPECT_EQ(found.kind, Lookup::Kind::stale);
  EXPECT_EQ(found.remaining, seconds(0));
}

TEST(Age, TooLargeToBeRepresentedIsTheLargest) {
  Harness harness;
  TestRequest request;
  const auto reason = [&](const char* age) {
    return harness.judge(request, {200, {{"Cache-Control", "max-age=60"}, {"Age", age}}}).reason;
  };
  EXPECT_EQ(reason("18446744073709551616"), Reason::expired);
  EXPECT_EQ(reason("-1"), Reason::none) << "no number at all";
}

TEST(Age, AListCountsByItsFirstMember) {
  const auto age_of = [](const FieldList& fields) {
    Harness harness;
    TestRequest request;
    FieldList all = {{"Cache-Control", "max-age=60"}};
    all.insert(all.end(), fields.begin(), fields.end());
    harness.get(request, {200, all});
    const Lookup found = harness.find(request);
    return found.kind == Lookup::Kind::hit ? std::optional(found.age) : std::nullopt;
  };
  EXPECT_EQ(age_of({{"Age", "5, 100"}}), seconds(5));
  EXPECT_EQ(age_of({{"Age", "100, 5"}}), std::nullopt) << "older than its lifetime";
  EXPECT_EQ(age_of({{"Age", "5"}, {"Age", "100"}}), seconds(5));
  EXPECT_EQ(age_of({{"Age", "five, 100"}}), seconds(0)) << "what is no number is ignored";
}

TEST(Age, WhatMayBeUsedOnceStaleIsStoredThoughItHasExpired) {
  Harness harness;
  TestRequest request;
  const auto reason = [&](const char* control, const char* age) {
    return harness.judge(request, {200, {{"Cache-Control", control}, {"Age", age}}}).reason;
  };
  EXPECT_EQ(reason("max-age=0, stale-while-revalidate=60", "0"), Reason::none);
  EXPECT_EQ(reason("max-age=10, stale-if-error=60", "30"), Reason::none);
  EXPECT_EQ(reason("max-age=10, stale-if-error=60", "80"), Reason::expired);
  EXPECT_EQ(reason("max-age=0, must-revalidate, stale-while-revalidate=60", "0"), Reason::expired);
  harness.get(request, {200, {{"Cache-Control", "max-age=0, stale-while-revalidate=60"}}, "page"});
  EXPECT_EQ(harness.find(request).kind, Lookup::Kind::stale);
}

TEST(Age, ResponseOlderThanItsLifetimeIsNotStored) {
  Harness harness;
  TestRequest request;
  EXPECT_EQ(harness.judge(request, {200, {{"Cache-Control", "max-age=60"}, {"Age", "60"}}}).reason,
            Reason::expired);
}

}  // namespace
}  // namespace homeostat::cache
