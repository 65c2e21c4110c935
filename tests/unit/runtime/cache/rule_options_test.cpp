// What cache rules say about responses and keys: ETags, Cache-Control towards
// clients, bounds of lifetimes, queries; and what a reload of them does.
#include "cache_fixture.hpp"
#include "runtime/cache/client_fields.hpp"
#include "runtime/cache/preconditions.hpp"

namespace homeostat::cache {
namespace {

using std::chrono::seconds;
using testing::at;
using testing::FieldList;
using testing::fresh;
using testing::Harness;
using testing::TestRequest;

config::CacheSettings with(const config::CacheRule& rule) {
  config::CacheSettings settings = testing::small_settings();
  settings.rules = {rule};
  return settings;
}

config::CacheRule rule_for(std::string path) {
  config::CacheRule rule;
  rule.match.path = std::move(path);
  return rule;
}

std::string field_of(const ObjectHead& head, std::string_view wanted) {
  std::string found;
  head.for_each_field([&](std::string_view name, std::string_view value) {
    if (http::iequals(name, wanted)) found += value;
  });
  return found;
}

ObjectHead head_of(Harness& harness, const std::string& path) {
  const Lookup found = harness.find(at(path));
  EXPECT_TRUE(found.object);
  return found.object ? found.object->head() : ObjectHead{};
}

/// Validates a stored object with a 304.
void refresh(Harness& harness, const std::string& path, const FieldList& fields) {
  TestRequest request = at(path);
  request.fields = {{"Cache-Control", "no-cache"}};
  FillStart start = harness.begin(request);
  ASSERT_TRUE(start.leader && start.leader->stale());
  const Request view = request.view();
  Fields storage;
  std::optional<RefreshedHead> head =
      refreshed_head(*start.leader->stale(), harness.cache.rules().decide(view), view,
                     harness.response_view({304, fields, ""}, storage), harness.policy);
  ASSERT_TRUE(head);
  start.leader->complete_refreshed(std::move(*head), *view.fields, harness.clock.now());
}

// -- ETag -----------------------------------------------------------------------

TEST(OwnEtag, IsAddedToWhatIsStoredAndDependsOnTheBody) {
  Harness harness;
  harness.get(at("/1"), {200, fresh(), "one"});
  harness.get(at("/2"), {200, fresh(), "one"});
  harness.get(at("/3"), {200, fresh(), "two"});
  const std::string tag(head_of(harness, "/1").etag());
  EXPECT_EQ(tag.size(), 2 + OwnTags::digest_size + 8) << tag;
  EXPECT_TRUE(tag.starts_with('"') && tag.ends_with('"'));
  EXPECT_EQ(head_of(harness, "/2").etag(), tag);
  EXPECT_NE(head_of(harness, "/3").etag(), tag);
}

TEST(OwnEtag, IsTheSameHoweverTheBodyComes) {
  Harness harness;
  const std::string body(200'000, 'x');
  harness.get(at("/whole"), {200, fresh(), body, body.size()});
  TestRequest request = at("/pieces");
  FillStart start = harness.begin(request);
  const Request view = request.view();
  start.leader->publish_head(harness.judge(request, {200, fresh()}), std::nullopt, *view.fields,
                             harness.clock.now());
  for (std::size_t done = 0; done < body.size(); done += 777) {
    start.leader->append(std::string_view(body).substr(done, 777), harness.clock.now());
  }
  ASSERT_EQ(start.leader->complete(harness.clock.now()), Reason::none);
  EXPECT_EQ(head_of(harness, "/whole").etag(), head_of(harness, "/pieces").etag());
}

TEST(OwnEtag, LeavesTheOriginsAlone) {
  Harness harness;
  FieldList fields = fresh();
  fields.push_back({"ETag", "W/\"origin\""});
  harness.get(at("/1"), {200, fields});
  EXPECT_EQ(head_of(harness, "/1").etag(), "W/\"origin\"");
  harness.get(at("/missing"), {404, fresh()});
  EXPECT_EQ(head_of(harness, "/missing").etag(), "") << "only what a client can validate";
}

TEST(OwnEtag, AnswersClientsButIsNotShownToTheOrigin) {
  Harness harness;
  FieldList fields = fresh();
  fields.push_back({"Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT"});
  harness.get(at("/1"), {200, fields});
  const ObjectHead head = head_of(harness, "/1");
  const FieldList condition = {{"If-None-Match", std::string(head.etag())}};
  EXPECT_EQ(evaluate_preconditions(testing::table(condition), head), Precondition::not_modified);
  std::string upstream;
  write_validators(head, Fields{}, upstream);
  EXPECT_EQ(upstream, "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n");
}

TEST(OwnEtag, OutlivesAValidation) {
  Harness harness;
  FieldList fields = fresh();
  fields.push_back({"Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT"});
  harness.get(at("/1"), {200, fields});
  const std::string tag(head_of(harness, "/1").etag());
  refresh(harness, "/1", fresh());
  EXPECT_EQ(head_of(harness, "/1").etag(), tag);
  EXPECT_TRUE(head_of(harness, "/1").own_etag);
  FieldList now = fresh();
  now.push_back({"ETag", "\"from-origin\""});
  TestRequest request = at("/1");
  const Request view = request.view();
  Fields storage;
  EXPECT_FALSE(refreshed_head(*harness.find(request).object, harness.cache.rules().decide(view),
                              view, harness.response_view({304, now, ""}, storage), harness.policy))
      << "a version of the origin's that is not known to be the stored one";
}

TEST(OwnEtag, CanBeSwitchedOffAndOnByRule) {
  config::CacheRule rule = rule_for("/on/*");
  rule.etag = true;
  config::CacheSettings settings = with(rule);
  settings.etag = false;
  Harness harness(settings);
  harness.get(at("/on/1"), {200, fresh()});
  harness.get(at("/off"), {200, fresh()});
  EXPECT_NE(head_of(harness, "/on/1").etag(), "");
  EXPECT_EQ(head_of(harness, "/off").etag(), "");
}

// -- Cache-Control and tag fields towards clients ---------------------------------

TEST(ClientControl, IsTheRulesWhileTheOriginsDecidesHere) {
  config::CacheRule rule = rule_for("/*");
  rule.cache_control = "public, max-age=5";
  Harness harness(with(rule));
  harness.get(at("/1"), {200,
                         {{"Cache-Control", "max-age=60"},
                          {"Expires", "Sun, 06 Nov 1994 08:49:37 GMT"},
                          {"Pragma", "x"},
                          {"ETag", "\"v\""}}});
  EXPECT_EQ(field_of(head_of(harness, "/1"), "Cache-Control"), "public, max-age=5");
  EXPECT_EQ(field_of(head_of(harness, "/1"), "Expires"), "");
  harness.clock.advance(seconds(50));
  EXPECT_EQ(harness.find(at("/1")).kind, Lookup::Kind::hit);
  harness.clock.advance(seconds(11));
  EXPECT_EQ(harness.find(at("/1")).kind, Lookup::Kind::stale);
  refresh(harness, "/1", {});
  harness.clock.advance(seconds(50));
  EXPECT_EQ(harness.find(at("/1")).kind, Lookup::Kind::hit) << "a 304 knows the origin's field";
  EXPECT_EQ(field_of(head_of(harness, "/1"), "Cache-Control"), "public, max-age=5");
}

TEST(ClientControl, NeverLoosensWhatTheOriginRestricted) {
  const auto written = [](const std::string& text, const FieldList& response,
                          const FieldList& request = {}, int status = 200) {
    config::CacheRule rule = rule_for("/*");
    rule.cache_control = text;
    const RequestRules rules(with(rule));
    TestRequest asked;
    asked.fields = request;
    const Request view = asked.view();
    const Fields fields = testing::table(response);
    return std::string(
        ClientFields(rules.decide(view), *view.fields, status, fields).cache_control());
  };
  const std::string open = "public, max-age=60", closed = "no-store";
  EXPECT_EQ(written(open, {}), open);
  for (const char* restricted : {"private", "no-store", "private=\"set-cookie\"", "no-cache",
                                 "no-cache=\"x\"", "max-age=60, no-cache"}) {
    EXPECT_EQ(written(open, {{"Cache-Control", restricted}}), "") << restricted;
    EXPECT_EQ(written(closed, {{"Cache-Control", restricted}}), closed) << restricted;
  }
  EXPECT_EQ(written(open, {{"Set-Cookie", "a=b"}}), "");
  EXPECT_EQ(written(closed, {{"Set-Cookie", "a=b"}}), closed);
  EXPECT_EQ(written(open, {}, {{"Authorization", "Bearer x"}}), "");
  EXPECT_EQ(written(open, {{"Cache-Control", "public"}}, {{"Authorization", "Bearer x"}}), open);
  EXPECT_EQ(written(closed, {}, {}, 404), "") << "errors are the origin's";
}

TEST(ClientVary, NamesWhatTheRuleTellsResponsesApartBy) {
  config::CacheRule rule = rule_for("/*");
  rule.vary = {"Cookie", "X-Region"};
  Harness harness(with(rule));
  FieldList fields = fresh();
  fields.push_back({"ETag", "\"v\""});
  harness.get(at("/none"), {200, fields});
  EXPECT_EQ(field_of(head_of(harness, "/none"), "Vary"), "Cookie, X-Region");
  refresh(harness, "/none", fresh());
  EXPECT_EQ(field_of(head_of(harness, "/none"), "Vary"), "Cookie, X-Region") << "once";
  fields.push_back({"Vary", "cookie, X-Region"});
  harness.get(at("/all"), {200, fields});
  EXPECT_EQ(field_of(head_of(harness, "/all"), "Vary"), "cookie, X-Region");
}

TEST(TagFields, CanBeKeptFromClientsAndStayKnown) {
  config::CacheSettings settings = testing::small_settings();
  settings.tags.remove = true;
  Harness harness(settings);
  FieldList fields = fresh();
  fields.push_back({"Surrogate-Key", "a"});
  fields.push_back({"ETag", "\"v\""});
  harness.get(at("/1"), {200, fields});
  EXPECT_EQ(field_of(head_of(harness, "/1"), "Surrogate-Key"), "");
  refresh(harness, "/1", fresh());
  EXPECT_EQ(head_of(harness, "/1").tags.names(), std::vector<std::string>{"a"});
  FieldList other = fresh();
  other.push_back({"Surrogate-Key", "b"});
  refresh(harness, "/1", other);
  EXPECT_EQ(head_of(harness, "/1").tags.names(), std::vector<std::string>{"b"});
}

TEST(TagFields, ReachClientsByDefault) {
  Harness harness;
  FieldList fields = fresh();
  fields.push_back({"Surrogate-Key", "a"});
  harness.get(at("/1"), {200, fields});
  EXPECT_EQ(field_of(head_of(harness, "/1"), "Surrogate-Key"), "a");
}

// -- lifetimes ------------------------------------------------------------------

TEST(LifetimeBounds, HoldWhoeverGaveTheLifetime) {
  config::CacheRule rule = rule_for("/*");
  rule.ttl = seconds(100);
  rule.ttl_min = seconds(30);
  rule.ttl_max = seconds(60);
  Harness harness(with(rule));
  const auto lifetime = [&](const std::string& path, const FieldList& fields, int status = 200) {
    harness.get(at(path), {status, fields});
    return harness.find(at(path)).object->freshness().lifetime;
  };
  EXPECT_EQ(lifetime("/short", fresh(5)), seconds(30));
  EXPECT_EQ(lifetime("/fits", fresh(45)), seconds(45));
  EXPECT_EQ(lifetime("/long", fresh(600)), seconds(60));
  EXPECT_EQ(lifetime("/rule", {}), seconds(60));
  EXPECT_EQ(lifetime("/error", fresh(5), 404), seconds(5)) << "bounds are meant for answers";
  EXPECT_EQ(harness.get(at("/no-store"), {200, {{"Cache-Control", "no-store"}}}).reason,
            Reason::no_store);
  EXPECT_EQ(harness.get(at("/private"), {200, {{"Cache-Control", "private"}}}).reason,
            Reason::private_);
}

// -- queries --------------------------------------------------------------------

TEST(RuleQueries, ReplaceTheGeneralOnes) {
  config::CacheRule rule = rule_for("/search");
  rule.query_keep = {"q"};
  config::CacheSettings settings = with(rule);
  settings.query_drop = {"session"};
  Harness harness(settings);
  harness.get(at("/search", "q=1&session=a"), {200, fresh()});
  EXPECT_EQ(harness.find(at("/search", "session=b&x=y&q=1")).kind, Lookup::Kind::hit);
  EXPECT_EQ(harness.find(at("/search", "q=2")).kind, Lookup::Kind::miss);
  harness.get(at("/other", "q=1&x=1&session=a"), {200, fresh()});
  EXPECT_EQ(harness.find(at("/other", "q=1&x=1")).kind, Lookup::Kind::hit);
  EXPECT_EQ(harness.find(at("/other", "q=1")).kind, Lookup::Kind::miss);
}

TEST(RuleQueries, InvalidationFindsWhatTheyStored) {
  config::CacheRule get = rule_for("/search"), post = rule_for("/search");
  get.query_keep = {"q"};
  get.match.methods = {"GET"};
  post.post = true;
  post.ttl = seconds(60);
  post.match.methods = {"POST"};
  config::CacheSettings settings = testing::small_settings();
  settings.rules = {get, post};
  Harness harness(settings);
  TestRequest body = at("/search", "q=1&x=2");
  body.method = "POST";
  body.body_hash = sha256_hex("body");
  harness.get(at("/search", "q=1&x=2"), {200, fresh()});
  harness.get(body, {200, {}});
  EXPECT_EQ(
      harness.worker.invalidate_uri("example.org", "/search", "q=1&x=2", harness.cache.rules()),
      2U);
  EXPECT_EQ(harness.cache.figures().entries, 0U);
}

// -- why not --------------------------------------------------------------------

TEST(Uncached, TellsTheEndpointsAndTheirMainReason) {
  Harness harness;
  const auto get = [&](EndpointId endpoint, const FieldList& fields) {
    TestRequest request = at("/" + std::to_string(endpoint));
    Request view = request.view();
    view.endpoint = endpoint;
    const RequestDecision decision = harness.cache.rules().decide(view);
    const Lookup found = harness.worker.lookup(view, decision, harness.clock.now());
    FillStart start = harness.worker.begin_fill(view, decision, found.object, harness.clock.now());
    if (start.kind != FillStart::Kind::leader) return;
    Fields storage;
    const Reason reason =
        decide_store(decision, view, harness.response_view({200, fields}, storage), harness.policy,
                     harness.cache.object_bytes_max())
            .reason;
    if (reason != Reason::none) start.leader->uncacheable(reason, harness.clock.now());
  };
  for (int i = 0; i < 5; ++i) get(3, {});  // all but the first: hit-for-miss
  for (int i = 0; i < 2; ++i) get(7, {{"Cache-Control", "private"}});
  get(9, fresh());
  const auto found = harness.cache.uncached(10);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].endpoint, 3U);
  EXPECT_EQ(found[0].reason, "no-freshness");
  EXPECT_EQ(found[0].requests, 5U);
  EXPECT_EQ(found[1].reason, "private");
  EXPECT_EQ(harness.cache.uncached(1).size(), 1U);
}

// -- reload ---------------------------------------------------------------------

TEST(RuleReload, DropsWhatChangedRulesMatchAndNothingElse) {
  config::CacheRule first = rule_for("/a/*"), second = rule_for("/b/*");
  config::CacheSettings settings = testing::small_settings();
  settings.rules = {first, second};
  Harness harness(settings);
  const auto fill = [&] {
    for (const char* path : {"/a/1", "/b/1", "/c"}) harness.get(at(path), {200, fresh()});
  };
  fill();
  settings.rules[1].ttl = seconds(5);
  EXPECT_EQ(harness.cache.reload(settings), 0U) << "a lifetime is given when a response is stored";
  settings.rules[1].tags = {"b"};
  EXPECT_EQ(harness.cache.reload(settings), 1U);
  EXPECT_EQ(harness.find(at("/a/1")).kind, Lookup::Kind::hit);
  EXPECT_EQ(harness.find(at("/b/1")).kind, Lookup::Kind::miss);
  EXPECT_EQ(harness.cache.reload(settings), 0U);
  settings.tags.fields = {"X-Tags"};
  EXPECT_EQ(harness.cache.reload(settings), 2U) << "everything may have other tags";
}

TEST(RuleReload, AFetchUnderTheOldRulesIsNotStored) {
  config::CacheSettings settings = with(rule_for("/a"));
  Harness harness(settings);
  TestRequest request = at("/a");
  FillStart start = harness.begin(request);
  settings.rules[0].tags = {"new"};
  harness.cache.reload(settings);
  TestRequest later = at("/other");  // decided by the old rules, begun after the reload
  FillStart second = harness.begin(later);
  for (FillStart* fill : {&start, &second}) {
    const Request view = request.view();
    fill->leader->publish_head(harness.judge(request, {200, fresh()}), std::nullopt, *view.fields,
                               harness.clock.now());
    EXPECT_EQ(fill->leader->complete(harness.clock.now()), Reason::invalidated);
  }
}

TEST(RuleReload, AnotherKeyVersionEmptiesTheCache) {
  config::CacheSettings settings = testing::small_settings();
  Harness harness(settings);
  harness.get(at("/a"), {200, fresh()});
  settings.key_version = 2;
  EXPECT_EQ(harness.cache.reload(settings), 1U);
  EXPECT_EQ(harness.find(at("/a")).kind, Lookup::Kind::miss);
  EXPECT_EQ(harness.get(at("/a"), {200, fresh()}).reason, Reason::none);
  EXPECT_EQ(harness.cache.keys({})->keys.at(0).key, "hs:default@2:GET:example.org/a:::");
}

TEST(RuleReload, WhatDidNotTellVariantsApartIsDroppedWhenItIsToldTo) {
  config::CacheSettings settings = with(rule_for("/page"));
  Harness harness(settings);
  TestRequest alice = at("/page"), bob = at("/page");
  alice.fields = {{"X-User", "alice"}};
  bob.fields = {{"X-User", "bob"}};
  harness.get(alice, {200, fresh(), "alice's"});
  ASSERT_EQ(harness.get(bob, {200, fresh(), "bob's"}).body, "alice's") << "the leak";
  harness.get(at("/other"), {200, fresh()});
  settings.rules.front().vary = {"X-User"};
  EXPECT_EQ(harness.cache.reload(settings), 1U);
  EXPECT_EQ(harness.find(bob).kind, Lookup::Kind::miss);
  EXPECT_EQ(harness.find(at("/other")).kind, Lookup::Kind::hit);
}

}  // namespace
}  // namespace homeostat::cache
