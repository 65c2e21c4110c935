// No-Vary-Search in the cache: what shares an answer, what never does, what an
// invalidation takes, and the bounds.
#include "cache_fixture.hpp"

namespace homeostat::cache {
namespace {

using testing::FieldList;
using testing::fresh;
using testing::Harness;
using testing::small_settings;
using testing::TestRequest;
using testing::TestResponse;

FieldList searched(const std::string& rule, int max_age = 60) {
  FieldList fields = fresh(max_age);
  fields.emplace_back("No-Vary-Search", rule);
  return fields;
}

TestRequest query(const std::string& text, const std::string& path = "/page",
                  const std::string& host = "example.org") {
  TestRequest request;
  request.query = text;
  request.path = path;
  request.host = host;
  return request;
}

class NoVarySearchTest : public ::testing::Test {
 protected:
  static constexpr const char* utm = "params=(\"utm\")";

  std::string body(const std::string& text, const std::string& answer,
                   const std::string& rule = utm) {
    return harness_.get(query(text), {200, rule.empty() ? fresh() : searched(rule), answer}).body;
  }
  Lookup::Kind kind(const std::string& text) { return harness_.find(query(text)).kind; }

  Harness harness_;
};

TEST_F(NoVarySearchTest, TheFirstResponseTeachesTheSecondIsShared) {
  EXPECT_EQ(body("id=1&utm=a", "first"), "first");
  EXPECT_EQ(harness_.cache.search_paths(), 1U);
  // Stored under its own query: nobody knew the rule when it was asked for.
  EXPECT_EQ(kind("id=1&utm=a"), Lookup::Kind::hit);
  EXPECT_EQ(body("id=1&utm=b", "second"), "second");
  EXPECT_EQ(body("id=1&utm=c", "third"), "second");
  EXPECT_EQ(body("id=1", "third"), "second");
  EXPECT_EQ(body("id=2&utm=c", "other"), "other");
  EXPECT_EQ(body("id=2", "x"), "other");
}

TEST_F(NoVarySearchTest, OfSeveralThatFitTheNewestAnswers) {
  body("id=1&utm=a", "first");
  harness_.clock.advance(std::chrono::seconds(1));
  body("id=1&utm=b", "second");
  EXPECT_EQ(body("id=1&utm=a", "x"), "second");
}

TEST_F(NoVarySearchTest, KeyOrderAndExceptions) {
  body("", "teach", "key-order, params, except=(\"a\" \"b\")");
  EXPECT_EQ(body("b=1&a=2&z=3", "one", "key-order, params, except=(\"a\" \"b\")"), "one");
  EXPECT_EQ(body("a=2&b=1", "x"), "one");
  EXPECT_NE(body("a=1&b=2", "other"), "one");
}

TEST_F(NoVarySearchTest, AResponseWithoutTheFieldIsItsOwnQueryOnly) {
  body("utm=a", "teach");
  EXPECT_EQ(body("utm=b", "plain", ""), "plain");
  EXPECT_EQ(body("utm=b", "x"), "plain");
  EXPECT_NE(kind("utm=c"), Lookup::Kind::hit);
}

TEST_F(NoVarySearchTest, APlainAnswerReplacesTheSharedOneForItsQuery) {
  body("utm=a", "teach");
  body("utm=b", "shared");
  TestRequest reload = query("utm=b");
  reload.fields = {{"Cache-Control", "no-cache"}};
  harness_.clock.advance(std::chrono::seconds(1));
  EXPECT_EQ(harness_.get(reload, {200, fresh(), "newer"}).body, "newer");
  EXPECT_EQ(body("utm=b", "x"), "newer");
}

TEST_F(NoVarySearchTest, AnotherRuleOfTheSamePathStandsBesideTheFirst) {
  body("utm=a&ref=a", "teach");
  body("utm=b&ref=a", "by utm");
  body("utm=b&ref=b", "teach ref", "params=(\"ref\")");
  body("utm=b&ref=c", "by ref", "params=(\"ref\")");
  EXPECT_EQ(body("utm=c&ref=a", "x"), "by utm");
  EXPECT_EQ(body("utm=b&ref=d", "x"), "by ref");
}

TEST_F(NoVarySearchTest, NeverCrossesHostsPathsMethodsUsersOrVariants) {
  body("utm=a", "teach");
  body("utm=b", "shared");
  EXPECT_EQ(harness_.find(query("utm=c", "/other")).kind, Lookup::Kind::miss);
  EXPECT_EQ(harness_.find(query("utm=c", "/page", "other.org")).kind, Lookup::Kind::miss);
  TestRequest alice = query("utm=c");
  alice.fields = {{"Authorization", "Bearer alice"}};
  EXPECT_EQ(harness_.find(alice).kind, Lookup::Kind::miss);
  FieldList varied = searched(utm);
  varied.emplace_back("Vary", "Cookie");
  TestRequest bob = query("id=9&utm=a"), carol = query("id=9&utm=b");
  bob.fields = {{"Cookie", "bob"}};
  carol.fields = {{"Cookie", "carol"}};
  EXPECT_EQ(harness_.get(bob, {200, varied, "bob's"}).body, "bob's");
  EXPECT_EQ(harness_.get(carol, {200, varied, "carol's"}).body, "carol's");
  bob.query = "utm=z&id=9";
  EXPECT_EQ(harness_.get(bob, {200, varied, "x"}).body, "bob's");
}

TEST_F(NoVarySearchTest, NoQueryCanPoseAsACanonicalOne) {
  body("utm=a", "teach");
  body("utm=b&id=1", "shared");
  for (const char* text : {"\\n1,id=1", "n1,id=1", "\\\\n1,id=1", "1,id=1"}) {
    EXPECT_EQ(harness_.find(query(text)).kind, Lookup::Kind::miss) << text;
  }
}

TEST_F(NoVarySearchTest, InvalidationOfOneQueryTakesWhatAnswersIt) {
  body("utm=a&id=1", "teach");
  body("utm=b&id=1", "shared");
  body("utm=b&id=2", "other");
  EXPECT_EQ(harness_.worker.invalidate_uri("example.org", "/page", "utm=zzz&id=1",
                                           harness_.cache.rules()),
            1U);
  EXPECT_EQ(kind("utm=b&id=1"), Lookup::Kind::miss);
  EXPECT_EQ(kind("utm=q&id=2"), Lookup::Kind::hit);
}

TEST_F(NoVarySearchTest, AFillUnderWayCannotBringBackWhatWasInvalidated) {
  body("utm=a", "teach");
  TestRequest request = query("utm=b");
  FillStart start = harness_.begin(request);
  ASSERT_EQ(start.kind, FillStart::Kind::leader);
  harness_.worker.invalidate_uri("example.org", "/page", "utm=c", harness_.cache.rules());
  StoreDecision store = harness_.judge(request, {200, searched(utm)});
  start.leader->publish_head(std::move(store), std::nullopt, request.parsed, harness_.clock.now());
  start.leader->append("old", harness_.clock.now());
  EXPECT_EQ(start.leader->complete(harness_.clock.now()), Reason::invalidated);
  EXPECT_EQ(kind("utm=c"), Lookup::Kind::miss);
}

TEST_F(NoVarySearchTest, EquivalentRequestsShareAFillAndLeaveItIfTheRuleIsGone) {
  body("utm=a", "teach");
  TestRequest first = query("utm=b"), second = query("utm=c"), same = query("utm=b");
  FillStart leader = harness_.begin(first);
  FillStart follower = harness_.begin(second);
  FillStart twin = harness_.begin(same);
  ASSERT_EQ(follower.kind, FillStart::Kind::follower);
  ASSERT_EQ(twin.kind, FillStart::Kind::follower);
  StoreDecision store = harness_.judge(first, {200, fresh()});
  leader.leader->publish_head(std::move(store), std::nullopt, first.parsed, harness_.clock.now());
  EXPECT_FALSE(follower.follower->accepts(second.parsed)) << "it is for utm=b alone";
  EXPECT_TRUE(twin.follower->accepts(same.parsed));
  leader.leader->append("only b", harness_.clock.now());
  leader.leader->complete(harness_.clock.now());
  EXPECT_EQ(body("utm=b", "x"), "only b");
  EXPECT_EQ(kind("utm=c"), Lookup::Kind::miss);
}

TEST_F(NoVarySearchTest, ValidationMovesAResponseToTheSharedKey) {
  FieldList tagged = searched(utm, 10);
  tagged.emplace_back("ETag", "\"1\"");
  harness_.get(query("utm=a"), {200, tagged, "first"});
  harness_.clock.advance(std::chrono::seconds(11));
  TestRequest request = query("utm=a");
  FillStart start = harness_.begin(request);
  ASSERT_EQ(start.kind, FillStart::Kind::leader);
  const ObjectPtr stale = start.leader->stale();
  ASSERT_TRUE(stale);
  Fields storage;
  const Request view = request.view();
  auto head =
      refreshed_head(*stale, harness_.cache.rules().decide(view), view,
                     harness_.response_view({304, {{"ETag", "\"1\""}}}, storage), harness_.policy);
  ASSERT_TRUE(head);
  start.leader->complete_refreshed(std::move(*head), *view.fields, harness_.clock.now());
  EXPECT_EQ(body("utm=b", "x"), "first");
  EXPECT_EQ(harness_.cache.figures().entries, 1U);
}

TEST_F(NoVarySearchTest, ValidationUnderTheSharedKeyKeepsVariantsApart) {
  FieldList varied = searched(utm, 10);
  varied.emplace_back("ETag", "\"1\"");
  varied.emplace_back("Vary", "Cookie");
  TestRequest alice = query("utm=a"), bob = query("utm=b");
  alice.fields = {{"Cookie", "alice"}};
  bob.fields = {{"Cookie", "bob"}};
  harness_.get(alice, {200, varied, "alice's"});
  harness_.clock.advance(std::chrono::seconds(11));
  FillStart start = harness_.begin(alice);
  ASSERT_EQ(start.kind, FillStart::Kind::leader);
  // Nothing is known of the shared key yet, so he waits for her validation.
  FillStart waits = harness_.begin(bob);
  ASSERT_EQ(waits.kind, FillStart::Kind::follower);
  const ObjectPtr stale = start.leader->stale();
  ASSERT_TRUE(stale);
  Fields storage;
  const Request view = alice.view();
  auto refreshed =
      refreshed_head(*stale, harness_.cache.rules().decide(view), view,
                     harness_.response_view({304, {{"ETag", "\"1\""}}}, storage), harness_.policy);
  ASSERT_TRUE(refreshed);
  start.leader->complete_refreshed(std::move(*refreshed), *view.fields, harness_.clock.now());
  EXPECT_FALSE(waits.follower->accepts(bob.parsed));
  EXPECT_EQ(harness_.get(bob, {200, varied, "bob's"}).body, "bob's");
  alice.query = "utm=c";
  EXPECT_EQ(harness_.get(alice, {200, varied, "x"}).body, "alice's");
}

TEST(NoVarySearchBounds, PathsAreForgottenInTheOrderTheyWereLearned) {
  config::CacheSettings settings = small_settings();
  settings.no_vary_search_max = 2;
  Harness harness(settings);
  const auto store = [&](const std::string& path, const std::string& text) {
    harness.get(query(text, path), {200, searched("params=(\"utm\")"), path});
  };
  store("/a", "utm=1");
  store("/a", "utm=2");
  EXPECT_EQ(harness.find(query("utm=3", "/a")).kind, Lookup::Kind::hit);
  store("/b", "utm=1");
  store("/c", "utm=1");
  EXPECT_EQ(harness.cache.search_paths(), 2U);
  EXPECT_EQ(harness.find(query("utm=3", "/a")).kind, Lookup::Kind::miss);
  // Learned again, it has another number: what was stored before stays away.
  store("/a", "utm=4");
  EXPECT_EQ(harness.find(query("utm=3", "/a")).kind, Lookup::Kind::miss);
}

TEST(NoVarySearchBounds, AFillOfAForgottenRuleIsNotStored) {
  config::CacheSettings settings = small_settings();
  settings.no_vary_search_max = 1;
  Harness harness(settings);
  const FieldList rule = searched("params=(\"utm\")");
  harness.get(query("utm=1", "/a"), {200, rule});
  TestRequest request = query("utm=2", "/a");
  FillStart start = harness.begin(request);
  ASSERT_EQ(start.kind, FillStart::Kind::leader);
  harness.get(query("utm=1", "/b"), {200, rule});
  StoreDecision store = harness.judge(request, {200, rule});
  start.leader->publish_head(std::move(store), std::nullopt, request.parsed, harness.clock.now());
  EXPECT_EQ(start.leader->complete(harness.clock.now()), Reason::invalidated);
}

TEST(NoVarySearchBounds, FiveRulesOfAPathAreOneTooMany) {
  Harness harness;
  for (const char* name : {"a", "b", "c", "d", "e"}) {
    harness.get(query(std::string(name) + "=0"),
                {200, searched("params=(\"" + std::string(name) + "\")")});
  }
  EXPECT_EQ(harness.cache.search_paths(), 1U);
  const std::size_t with_five = harness.cache.bytes();
  for (int round = 0; round < 50; ++round) {
    for (const char* name : {"a", "b", "c", "d", "e"}) {
      harness.get(query(std::string(name) + "=0"),
                  {200, searched("params=(\"" + std::string(name) + "\")")});
      harness.clock.advance(std::chrono::seconds(61));
    }
  }
  EXPECT_LE(harness.cache.bytes(), with_five + 8192);
}

TEST(NoVarySearchBounds, ZeroIgnoresTheField) {
  config::CacheSettings settings = small_settings();
  settings.no_vary_search_max = 0;
  Harness harness(settings);
  harness.get(query("utm=1"), {200, searched("params=(\"utm\")")});
  harness.get(query("utm=2"), {200, searched("params=(\"utm\")")});
  EXPECT_EQ(harness.cache.search_paths(), 0U);
  EXPECT_EQ(harness.find(query("utm=3")).kind, Lookup::Kind::miss);
}

TEST_F(NoVarySearchTest, WhatIsLeftOfAQueryIsNoUrlThatAnybodyAskedFor) {
  body("utm=a&id=1", "teach");
  body("utm=b&id=1", "shared");
  ASSERT_EQ(body("utm=c&id=1", "x"), "shared");
  ASSERT_EQ(harness_.get(query("b=\\n1:2", "/plain"), {200, fresh()}).reason, Reason::none);
  ASSERT_EQ(harness_.find(query("b=\\n1:2", "/plain")).kind, Lookup::Kind::hit);
  EXPECT_EQ(harness_.cache.popular(10),
            std::vector<std::string>{"http://example.org/plain?b=\\n1:2"});
}

}  // namespace
}  // namespace homeostat::cache
