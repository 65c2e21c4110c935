// What must never be stored, and what must never cross between users.
#include "cache_fixture.hpp"

namespace homeostat::cache {
namespace {

using testing::FieldList;
using testing::fresh;
using testing::Harness;
using testing::TestRequest;
using testing::TestResponse;

struct NeverCase {
  const char* name;
  FieldList request;
  int status;
  FieldList response;
  Reason reason;
};

class NeverStoredTest : public ::testing::TestWithParam<NeverCase> {};

TEST_P(NeverStoredTest, IsRefusedWithItsReasonAndTheNextRequestGoesUpstream) {
  Harness harness;
  TestRequest request;
  request.fields = GetParam().request;
  const testing::Outcome first = harness.get(request, {GetParam().status, GetParam().response});
  EXPECT_EQ(to_string(first.reason), to_string(GetParam().reason));
  EXPECT_EQ(harness.cache.figures().entries, 0U);
  EXPECT_NE(harness.find(request).kind, Lookup::Kind::hit);
}

INSTANTIATE_TEST_SUITE_P(
    Table, NeverStoredTest,
    ::testing::Values(
        NeverCase{
            "no_store", {}, 200, {{"Cache-Control", "max-age=60, no-store"}}, Reason::no_store},
        NeverCase{"private", {}, 200, {{"Cache-Control", "max-age=60, private"}}, Reason::private_},
        NeverCase{"private_fields",
                  {},
                  200,
                  {{"Cache-Control", "max-age=60, private=\"x-a\""}},
                  Reason::private_},
        NeverCase{"second_line",
                  {},
                  200,
                  {{"Cache-Control", "max-age=60"}, {"Cache-Control", "no-store"}},
                  Reason::no_store},
        NeverCase{"set_cookie",
                  {},
                  200,
                  {{"Cache-Control", "public, max-age=60"}, {"Set-Cookie", "a=b"}},
                  Reason::set_cookie},
        NeverCase{
            "no_cache", {}, 200, {{"Cache-Control", "max-age=60, no-cache"}}, Reason::no_cache},
        NeverCase{"vary_star",
                  {},
                  200,
                  {{"Cache-Control", "max-age=60"}, {"Vary", "Accept, *"}},
                  Reason::vary_star},
        NeverCase{"partial", {}, 206, {{"Cache-Control", "max-age=60"}}, Reason::partial},
        NeverCase{"too_many", {}, 429, {{"Cache-Control", "max-age=60"}}, Reason::status},
        NeverCase{"not_modified", {}, 304, {{"Cache-Control", "max-age=60"}}, Reason::status},
        NeverCase{"proxy_login", {}, 407, {{"Cache-Control", "max-age=60"}}, Reason::status},
        NeverCase{"bad_range", {}, 416, {{"Cache-Control", "max-age=60"}}, Reason::status},
        NeverCase{"error", {}, 500, {{"ETag", "\"1\""}}, Reason::status},
        NeverCase{"found", {}, 302, {{"ETag", "\"1\""}}, Reason::status},
        NeverCase{"no_freshness", {}, 200, {}, Reason::no_freshness},
        NeverCase{"authorization",
                  {{"Authorization", "Basic x"}},
                  200,
                  {{"Cache-Control", "max-age=60"}},
                  Reason::authorization},
        NeverCase{"request_no_store",
                  {{"Cache-Control", "no-store"}},
                  200,
                  {{"Cache-Control", "max-age=60"}},
                  Reason::request_no_store},
        NeverCase{"range_of_other_units",
                  {{"Range", "items=0-1"}},
                  200,
                  {{"Cache-Control", "max-age=60"}},
                  Reason::range},
        NeverCase{"method_override",
                  {{"X-HTTP-Method-Override", "DELETE"}},
                  200,
                  {{"Cache-Control", "max-age=60"}},
                  Reason::override_field},
        NeverCase{"original_url",
                  {{"x-original-url", "/admin"}},
                  200,
                  {{"Cache-Control", "max-age=60"}},
                  Reason::override_field},
        NeverCase{"if_match",
                  {{"If-Match", "\"a\""}},
                  200,
                  {{"Cache-Control", "max-age=60"}},
                  Reason::precondition}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(Storable, EveryCacheableStatusIsStoredWithExplicitFreshness) {
  for (const int status : {200, 201, 203, 204, 299, 300, 301, 302, 303, 307, 308, 400,
                           403, 404, 405, 410, 414, 418, 499, 500, 501, 503, 599}) {
    Harness harness;
    harness.get({}, {status, fresh(), status == 204 ? "" : "text"});
    EXPECT_EQ(harness.find({}).kind, Lookup::Kind::hit) << status;
  }
}

TEST(Storable, UnsafeAndUnknownMethodsBypass) {
  for (const char* method : {"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "get", "PROPFIND"}) {
    Harness harness;
    TestRequest request;
    request.method = method;
    EXPECT_EQ(harness.find(request).kind, Lookup::Kind::bypass) << method;
    EXPECT_EQ(harness.find(request).reason, Reason::method) << method;
  }
}

TEST(NoCacheOfAField, CountsAsThatOfTheWholeResponse) {
  Harness harness;
  TestRequest request;
  const auto judged = [&](const FieldList& fields) {
    return harness.judge(request, {200, fields});
  };
  EXPECT_EQ(judged({{"Cache-Control", "max-age=60, no-cache=\"x\""}}).reason, Reason::no_cache)
      << "it could not be validated";
  EXPECT_EQ(judged({{"Cache-Control", "max-age=60, no-cache=x"}}).reason, Reason::no_cache);
  const FieldList tagged = {
      {"Cache-Control", "max-age=60, no-cache=\"x, y\""}, {"ETag", "\"1\""}, {"X", "secret"}};
  EXPECT_TRUE(judged(tagged).storable());
  EXPECT_TRUE(judged(tagged).head.freshness.no_cache);
  harness.get(request, {200, tagged});
  EXPECT_EQ(harness.find(request).kind, Lookup::Kind::stale) << "validated before every use";
}

TEST(Storable, NoCacheWithValidatorIsStoredAndAlwaysValidated) {
  Harness harness;
  harness.get({}, {200, {{"Cache-Control", "no-cache"}, {"ETag", "\"1\""}}});
  const Lookup found = harness.find({});
  EXPECT_EQ(found.kind, Lookup::Kind::stale);
  EXPECT_FALSE(found.object->freshness().may_serve_stale());
}

TEST(Secrets, AnswersToAuthorizationAreSharedOnlyIfTheOriginSaysSo) {
  for (const char* control : {"public, max-age=60", "s-maxage=60", "must-revalidate, max-age=60"}) {
    Harness harness;
    TestRequest alice;
    alice.fields = {{"Authorization", "Bearer alice"}};
    TestRequest bob;
    bob.fields = {{"Authorization", "Bearer bob"}};
    harness.get(alice, {200, {{"Cache-Control", control}}, "shared"});
    EXPECT_EQ(harness.get(bob, {200, {}, "bob's"}).body, "shared") << control;
  }
}

TEST(Secrets, WhatAnonymousUsersStoredDoesNotAnswerAuthorization) {
  Harness harness;
  harness.get({}, {200, fresh(), "anonymous"});
  TestRequest alice;
  alice.fields = {{"Authorization", "Bearer alice"}};
  EXPECT_EQ(harness.get(alice, {200, fresh(), "alice's"}).body, "alice's");
  EXPECT_EQ(harness.get({}, {200, fresh(), "other"}).body, "anonymous");
}

TEST(Secrets, RuleForAuthenticatedContentKeepsUsersApart) {
  config::CacheSettings settings = testing::small_settings();
  config::CacheRule rule;
  rule.match.path = "/*";
  rule.authenticated = true;
  settings.rules = {rule};
  Harness harness(settings);
  TestRequest alice, bob;
  alice.fields = {{"Authorization", "Bearer alice"}};
  bob.fields = {{"Authorization", "Bearer bob"}};
  harness.get(alice, {200, fresh(), "alice's"});
  EXPECT_EQ(harness.get(bob, {200, fresh(), "bob's"}).body, "bob's");
  EXPECT_EQ(harness.get({}, {200, fresh(), "nobody's"}).body, "nobody's");
  EXPECT_EQ(harness.get(alice, {200, {}, "x"}).body, "alice's");
  EXPECT_EQ(harness.get(bob, {200, {}, "x"}).body, "bob's");
  // Invalidation of the URI takes every user's copy.
  EXPECT_EQ(harness.worker.invalidate_uri("example.org", "/", "", harness.cache.rules()), 3U);
  EXPECT_EQ(harness.find(alice).kind, Lookup::Kind::miss);
}

TEST(Secrets, AuthorizationNeverWaitsForAnotherUsersFill) {
  Harness harness;
  TestRequest anonymous, alice;
  alice.fields = {{"Authorization", "Bearer alice"}};
  const FillStart first = harness.begin(anonymous);
  const FillStart second = harness.begin(alice);
  EXPECT_EQ(first.kind, FillStart::Kind::leader);
  EXPECT_EQ(second.kind, FillStart::Kind::leader);
  TestRequest other;
  EXPECT_EQ(harness.begin(other).kind, FillStart::Kind::follower);
}

TEST(Storable, PostIsCachedOnlyByRuleAndKeyedByItsBody) {
  config::CacheSettings settings = testing::small_settings();
  config::CacheRule rule;
  rule.match.path = "/search*";
  rule.post = true;
  rule.ttl = std::chrono::seconds(60);
  settings.rules = {rule};
  Harness harness(settings);
  TestRequest post;
  post.method = "POST";
  post.path = "/search";
  post.body_hash = sha256_hex("a");
  EXPECT_TRUE(harness.cache.rules().wants_body_hash("POST", "/search"));
  EXPECT_FALSE(harness.cache.rules().wants_body_hash("POST", "/other"));
  harness.get(post, {200, {}, "answer a"});
  EXPECT_EQ(harness.find(post).kind, Lookup::Kind::hit);
  TestRequest other = post;
  other.body_hash = sha256_hex("b");
  EXPECT_EQ(harness.find(other).kind, Lookup::Kind::miss);
  TestRequest get = post;
  get.method = "GET";
  get.body_hash.clear();
  EXPECT_EQ(harness.find(get).kind, Lookup::Kind::miss);
}

TEST(NoTransform, BindsWhicheverFieldSteersTheCache) {
  testing::Harness harness;
  testing::TestRequest request;
  const testing::FieldList fields = {{"CDN-Cache-Control", "max-age=60"},
                                     {"Cache-Control", "no-transform"}};
  const StoreDecision decision = harness.judge(request, {200, fields});
  EXPECT_TRUE(decision.storable());
  EXPECT_TRUE(decision.head.no_transform);
}

}  // namespace
}  // namespace homeostat::cache
