// Whom a fetch under way may answer besides the request that began it (RFC 9111
// section 4), and that nobody waits for what cannot be shared.
#include "fill_fixture.hpp"

namespace homeostat::cache {
namespace {

using std::chrono::seconds;
using testing::FieldList;
using testing::FillTest;
using testing::fresh;
using testing::TestRequest;

class SharingTest : public FillTest {
 protected:
  static FieldList control(const std::string& text, const std::string& age = {}) {
    FieldList fields = {{"Cache-Control", text}, {"ETag", "\"1\""}};
    if (!age.empty()) fields.emplace_back("Age", age);
    return fields;
  }
  RequestDecision decide(TestRequest& request) {
    return harness_.cache.rules().decide(request.view());
  }
  /// What a follower with `wishes` is told of a response with `fields`.
  Reason told(const FieldList& fields, const std::string& wishes = {}) {
    const std::string path = "/" + std::to_string(++asked_);
    FillLeader leader = lead(path);
    TestRequest request = testing::at(path);
    if (!wishes.empty()) request.fields = {{"Cache-Control", wishes}};
    FillStart start = harness_.begin(request);
    EXPECT_EQ(start.kind, FillStart::Kind::follower);
    publish(leader, std::nullopt, fields);
    EXPECT_TRUE(start.follower->accepts(request.parsed));
    return start.follower->refusal(decide(request), now());
  }
  FillStart::Kind kind(const std::string& path = "/") {
    TestRequest request = testing::at(path);
    return harness_.begin(request).kind;
  }
  void refresh(FillLeader& leader, const FieldList& fields) {
    const Request view = request_.view();
    Fields storage;
    auto head = refreshed_head(*leader.stale(), harness_.cache.rules().decide(view), view,
                               harness_.response_view({304, fields}, storage), harness_.policy);
    ASSERT_TRUE(head);
    leader.complete_refreshed(std::move(*head), *view.fields, now());
  }

 private:
  int asked_ = 0;
};

TEST_F(SharingTest, OnlyWhatMayBeReusedWithoutValidationAnswersOthers) {
  EXPECT_EQ(told(control("max-age=60")), Reason::none);
  EXPECT_EQ(told(control("no-cache")), Reason::no_cache);
  EXPECT_EQ(told(control("max-age=60, no-cache")), Reason::no_cache);
  EXPECT_EQ(told(control("max-age=60, no-cache=\"X-Name\"")), Reason::no_cache);
  EXPECT_EQ(told(control("max-age=60, stale-while-revalidate=600", "100")), Reason::none);
  EXPECT_EQ(told(control("max-age=60, stale-while-revalidate=600, stale-if-error=900", "800")),
            Reason::expired);
  EXPECT_EQ(told(control("max-age=60, stale-if-error=600", "100")), Reason::expired);
}

TEST_F(SharingTest, AFollowersOwnDirectivesCount) {
  EXPECT_EQ(told(control("max-age=600", "100"), "max-age=5"), Reason::request_directive);
  EXPECT_EQ(told(control("max-age=600", "100"), "max-age=200"), Reason::none);
  EXPECT_EQ(told(control("max-age=600", "100"), "min-fresh=550"), Reason::request_directive);
  EXPECT_EQ(told(control("max-age=600", "100"), "min-fresh=450"), Reason::none);
}

TEST_F(SharingTest, WhatExpiresWhileItStreamsAnswersNobodyFromThenOn) {
  FillLeader leader = lead();
  TestRequest request;
  FillReader follower = follow();
  publish(leader, std::nullopt, fresh(10));
  EXPECT_EQ(follower.refusal(decide(request), now()), Reason::none);
  harness_.clock.advance(seconds(11));
  EXPECT_EQ(follower.refusal(decide(request), now()), Reason::expired);
  EXPECT_EQ(kind(), FillStart::Kind::leader);
}

TEST_F(SharingTest, ALifetimeThatIsNotEverybodysIsNotAFollowersEither) {
  Freshness freshness;
  freshness.received = now();
  freshness.initial_age = seconds(30);
  freshness.lifetime = seconds(60);
  freshness.plain_lifetime = seconds(20);
  RequestDecision decision;
  EXPECT_EQ(sharing_refusal(freshness, decision, now()), Reason::none);
  decision.plain_lifetime = true;
  EXPECT_EQ(sharing_refusal(freshness, decision, now()), Reason::expired);
}

TEST_F(SharingTest, OnceKnownToBeForItsRequestAloneNobodyJoinsOrIsJoined) {
  FillLeader first = lead();
  publish(first, std::nullopt, control("no-cache"));
  // Neither the first nor each other, though none of them has an answer yet.
  FillLeader second = lead(), third = lead();
  EXPECT_EQ(harness_.cache.figures().collapsed, 0U);
  first.append("first", now());
  EXPECT_EQ(first.complete(now()), Reason::none);
  // Stored: who validates it does so for himself.
  FillLeader fourth = lead();
  EXPECT_TRUE(fourth.stale());
  EXPECT_EQ(kind(), FillStart::Kind::leader);
  EXPECT_EQ(harness_.cache.figures().collapsed, 0U);
}

TEST_F(SharingTest, WhatIsStoredWithNoCacheIsNeverWaitedForHoweverLongAgoThatWasLearned) {
  harness_.get({}, {200, control("no-cache")});
  harness_.clock.advance(seconds(300));
  FillLeader leader = lead();
  ASSERT_TRUE(leader.stale());
  EXPECT_EQ(kind(), FillStart::Kind::leader);
}

TEST_F(SharingTest, A304ThatForbidsReuseReleasesNobodyWithTheStoredResponse) {
  harness_.get({}, {200, control("max-age=10")});
  harness_.clock.advance(seconds(11));
  FillLeader leader = lead();
  FillReader follower = follow();
  TestRequest request;
  refresh(leader, control("no-cache"));
  EXPECT_EQ(follower.refusal(decide(request), now()), Reason::no_cache);
  EXPECT_EQ(kind(), FillStart::Kind::leader);
  EXPECT_EQ(kind(), FillStart::Kind::leader) << "and it is not waited for either";
}

TEST_F(SharingTest, CollapsingReturnsWithAResponseThatMayBeReused) {
  config::CacheSettings settings = testing::small_settings();
  settings.negative_ttl = std::chrono::hours(1);
  testing::Harness harness(settings);
  TestRequest one, two;
  FillStart first = harness.begin(one);
  first.leader->publish_head(harness.judge(one, {200, control("no-cache")}), std::nullopt,
                             one.parsed, now());
  FillStart second = harness.begin(two);
  ASSERT_EQ(second.kind, FillStart::Kind::leader) << "not joined";
  second.leader->publish_head(harness.judge(two, {200, fresh(10)}), std::nullopt, two.parsed,
                              now());
  EXPECT_EQ(second.leader->complete(harness.clock.now()), Reason::none);
  first.leader.reset();
  harness.clock.advance(seconds(11));
  FillStart third = harness.begin(one);
  ASSERT_EQ(third.kind, FillStart::Kind::leader);
  EXPECT_EQ(harness.begin(two).kind, FillStart::Kind::follower);
}

// -- variants -----------------------------------------------------------------------------------

class VariantsInFlight : public FillTest {
 protected:
  TestRequest in(const std::string& language) {
    TestRequest request;
    request.fields = {{"Accept-Language", language}};
    return request;
  }
  void publish_varying(FillLeader& leader, TestRequest& request) {
    FieldList fields = fresh();
    fields.emplace_back("Vary", "Accept-Language");
    leader.publish_head(harness_.judge(request, {200, fields}), std::nullopt, request.parsed,
                        now());
  }
};

TEST_F(VariantsInFlight, EachVariantIsFetchedOnceWhileNoneIsStoredYet) {
  TestRequest german = in("de"), english = in("en"), french = in("fr");
  FillStart first = harness_.begin(german);
  publish_varying(*first.leader, german);
  FillStart second = harness_.begin(english);
  ASSERT_EQ(second.kind, FillStart::Kind::leader);
  FillStart follower = harness_.begin(english);
  ASSERT_EQ(follower.kind, FillStart::Kind::follower);
  EXPECT_EQ(harness_.begin(german).kind, FillStart::Kind::follower);
  FillStart third = harness_.begin(french);
  ASSERT_EQ(third.kind, FillStart::Kind::leader);
  publish_varying(*second.leader, english);
  EXPECT_TRUE(follower.follower->accepts(english.parsed));
  EXPECT_FALSE(follower.follower->accepts(german.parsed));
  first.leader->append("deutsch", now());
  second.leader->append("english", now());
  EXPECT_EQ(second.leader->complete(now()), Reason::none);
  EXPECT_EQ(first.leader->complete(now()), Reason::none);
  EXPECT_EQ(testing::body_of(*harness_.find(english).object), "english");
  EXPECT_EQ(testing::body_of(*harness_.find(german).object), "deutsch");
  EXPECT_EQ(harness_.begin(french).kind, FillStart::Kind::follower) << "still the same fetch";
}

TEST_F(VariantsInFlight, AResponseThatVariesOnSomethingElseIsToldFromTheGuess) {
  TestRequest german = in("de"), english = in("en");
  english.fields.emplace_back("X-User", "a");
  FillStart first = harness_.begin(german);
  publish_varying(*first.leader, german);
  FillStart second = harness_.begin(english);
  FieldList fields = fresh();
  fields.emplace_back("Vary", "X-User");
  second.leader->publish_head(harness_.judge(english, {200, fields}), std::nullopt, english.parsed,
                              now());
  second.leader->append("of a", now());
  EXPECT_EQ(second.leader->complete(now()), Reason::none);
  TestRequest other = in("en");
  other.fields.emplace_back("X-User", "b");
  EXPECT_EQ(harness_.find(other).kind, Lookup::Kind::miss);
  EXPECT_EQ(testing::body_of(*harness_.find(english).object), "of a");
}

}  // namespace
}  // namespace homeostat::cache
