#include "cache_fixture.hpp"

namespace homeostat::cache {
namespace {

using std::chrono::seconds;
using testing::FieldList;
using testing::fresh;
using testing::Harness;
using testing::TestRequest;

TEST(PathPattern, MatchesAnyRunOfCharactersPerStar) {
  EXPECT_TRUE(PathPattern("/a/*").matches("/a/"));
  EXPECT_TRUE(PathPattern("/a/*").matches("/a/b/c"));
  EXPECT_FALSE(PathPattern("/a/*").matches("/a"));
  EXPECT_TRUE(PathPattern("*").matches(""));
  EXPECT_TRUE(PathPattern("/a*/c*e").matches("/abc/c/d/e"));
  EXPECT_FALSE(PathPattern("/a*/c*e").matches("/abc/c/d/f"));
  EXPECT_FALSE(PathPattern("").matches("/"));
  EXPECT_TRUE(PathPattern("/x").matches("/x"));
  EXPECT_FALSE(PathPattern("/x").matches("/xx"));
}

TEST(PathPattern, ManyStarsStayCheap) {
  std::string pattern;
  for (int i = 0; i < 50; ++i) pattern += "a*";
  EXPECT_FALSE(PathPattern(pattern + "b").matches(std::string(5000, 'a')));
}

struct DirectiveCase {
  const char* name;
  FieldList fields;
  Lookup::Kind kind;
};

class RequestDirectiveTest : public ::testing::TestWithParam<DirectiveCase> {};

// The stored response is 20 s old and fresh for 40 s more.
TEST_P(RequestDirectiveTest, DecidesWhetherTheStoredResponseIsUsed) {
  Harness harness;
  harness.get({}, {200, fresh(60)});
  harness.clock.advance(seconds(20));
  TestRequest request;
  request.fields = GetParam().fields;
  const Lookup found = harness.find(request);
  EXPECT_EQ(found.kind, GetParam().kind);
  EXPECT_EQ(found.by_request, GetParam().kind == Lookup::Kind::stale);
}

INSTANTIATE_TEST_SUITE_P(
    Directives, RequestDirectiveTest,
    ::testing::Values(
        DirectiveCase{"none", {}, Lookup::Kind::hit},
        DirectiveCase{"no_cache", {{"Cache-Control", "no-cache"}}, Lookup::Kind::stale},
        DirectiveCase{"pragma", {{"Pragma", "no-cache"}}, Lookup::Kind::stale},
        DirectiveCase{"pragma_overruled",
                      {{"Pragma", "no-cache"}, {"Cache-Control", "max-age=30"}},
                      Lookup::Kind::hit},
        DirectiveCase{"max_age_0", {{"Cache-Control", "max-age=0"}}, Lookup::Kind::stale},
        DirectiveCase{"max_age_19", {{"Cache-Control", "max-age=19"}}, Lookup::Kind::stale},
        DirectiveCase{"max_age_20", {{"Cache-Control", "max-age=20"}}, Lookup::Kind::hit},
        DirectiveCase{"min_fresh_40", {{"Cache-Control", "min-fresh=40"}}, Lookup::Kind::hit},
        DirectiveCase{"min_fresh_41", {{"Cache-Control", "min-fresh=41"}}, Lookup::Kind::stale},
        DirectiveCase{"only_if_cached", {{"Cache-Control", "only-if-cached"}}, Lookup::Kind::hit}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(RequestRules, OnlyIfCachedIsReportedOnAMiss) {
  Harness harness;
  TestRequest request;
  request.fields = {{"Cache-Control", "only-if-cached"}};
  const Request view = request.view();
  EXPECT_TRUE(harness.cache.rules().decide(view).only_if_cached);
  const Lookup found = harness.find(request);
  EXPECT_EQ(found.kind, Lookup::Kind::miss);
  EXPECT_EQ(found.reason, Reason::only_if_cached);
}

TEST(RequestRules, HeadIsAnsweredFromGetAndStoresNothing) {
  Harness harness;
  TestRequest head;
  head.method = "HEAD";
  EXPECT_EQ(harness.get(head, {200, fresh(), ""}).reason, Reason::head_request);
  EXPECT_EQ(harness.find({}).kind, Lookup::Kind::miss);
  harness.get({}, {200, fresh()});
  EXPECT_EQ(harness.find(head).kind, Lookup::Kind::hit);
}

TEST(RequestRules, BypassRuleAndDisabledCache) {
  config::CacheSettings settings = testing::small_settings();
  config::CacheRule rule;
  rule.match.path = "/private/*";
  rule.bypass = true;
  settings.rules = {rule};
  Harness harness(settings);
  TestRequest request = testing::at("/private/a");
  EXPECT_EQ(harness.find(request).reason, Reason::rule_bypass);
  settings.enabled = false;
  Harness off(settings);
  EXPECT_EQ(off.find({}).reason, Reason::disabled);
}

TEST(RequestRules, FirstMatchingRuleWinsByMethod) {
  config::CacheSettings settings = testing::small_settings();
  config::CacheRule posts, all;
  posts.match = {"/a*", {"POST"}};
  posts.post = true;
  all.match = {"/*", {}};
  settings.rules = {posts, all};
  const RequestRules rules(settings);
  EXPECT_EQ(rules.match("POST", "/a")->path.text(), "/a*");
  EXPECT_EQ(rules.match("GET", "/a")->path.text(), "/*");
  EXPECT_EQ(rules.match("HEAD", "/a")->path.text(), "/*");
  EXPECT_EQ(rules.match("POST", "/b"), nullptr);
}

}  // namespace
}  // namespace homeostat::cache
