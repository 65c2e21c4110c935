// Purging by key, URL and pattern, and listing what is stored.
#include <algorithm>

#include "cache_fixture.hpp"

namespace homeostat::cache {
namespace {

using std::chrono::seconds;
using testing::at;
using testing::FieldList;
using testing::fresh;
using testing::Harness;
using testing::TestRequest;

// -- keys and URLs ----------------------------------------------------------------

TEST(PurgeByKey, TakesOneVariantOrAllOrAUrl) {
  Harness harness;
  const auto store = [&](const char* language) {
    TestRequest request = at("/1", "b=2&a=1");
    request.fields = {{"Accept-Language", language}};
    FieldList fields = fresh();
    fields.push_back({"Vary", "Accept-Language"});
    harness.get(request, {200, fields});
  };
  const auto purge = [&](const std::string& key) {
    return harness.cache.purge({.tags = {}, .patterns = {}, .keys = {key}}).by_keys;
  };
  store("de");
  store("fr");
  const std::string de = "hs:default:GET:example.org/1:a=1&b=2:accept-language=de:";
  EXPECT_EQ(purge(de), 1U);
  EXPECT_EQ(purge(de), 0U);
  store("de");
  EXPECT_EQ(purge("hs:default:GET:example.org/1:a=1&b=2::"), 2U);
  store("de");
  store("fr");
  EXPECT_EQ(purge("https://EXAMPLE.org/1?a=1&b=2"), 2U);
  EXPECT_EQ(purge("https://example.org/2"), 0U);
  EXPECT_EQ(purge("https://"), 0U);
}

TEST(PurgeByPattern, ComparesKeysIfItDoesNotLookLikeAPath) {
  Harness harness;
  harness.get(at("/a/1", "x=1"), {200, fresh()});
  harness.get(at("/a/2"), {200, fresh()});
  harness.get(at("/b"), {200, fresh()});
  EXPECT_EQ(testing::flush(harness.cache, "hs:default:GET:example.org/a/*:x=1:*").by_patterns, 1U);
  EXPECT_EQ(testing::flush(harness.cache, "hs:*").by_patterns, 2U);
}

TEST(PurgeByPattern, OfKeysReachesFillsUnderWayThatMayFit) {
  Harness harness;
  for (const bool fits : {true, false}) {
    TestRequest request = at(fits ? "/a" : "/b");
    FillStart start = harness.begin(request);
    testing::flush(harness.cache, "hs:default:GET:example.org/a:*");
    const Request view = request.view();
    start.leader->publish_head(harness.judge(request, {200, fresh()}), std::nullopt, *view.fields,
                               harness.clock.now());
    EXPECT_EQ(start.leader->complete(harness.clock.now()),
              fits ? Reason::invalidated : Reason::none);
  }
}

TEST(PurgeByPattern, SoftKeepsTheObject) {
  Harness harness;
  harness.get(at("/a"), {200, fresh()});
  PurgeRequest request;
  request.patterns = {"/a"};
  request.soft = true;
  EXPECT_EQ(harness.cache.purge(request).by_patterns, 1U);
  EXPECT_EQ(harness.find(at("/a")).kind, Lookup::Kind::stale);
  EXPECT_EQ(harness.cache.figures().entries, 1U);
}

// -- listing --------------------------------------------------------------------

TEST(KeyListing, ShowsEveryObjectOnceOverPages) {
  Harness harness;
  for (int i = 0; i < 500; ++i) {
    FieldList fields = fresh(60 + i);
    fields.push_back({"Surrogate-Key", i % 2 == 0 ? "even" : "odd"});
    harness.get(at("/" + std::to_string(i)), {200, fields});
  }
  std::vector<std::string> seen;
  CacheKeyQuery query{.pattern = {}, .limit = 70, .cursor = {}};
  for (int pages = 0; pages < 20; ++pages) {
    const auto page = harness.cache.keys(query);
    ASSERT_TRUE(page);
    EXPECT_EQ(page->total_found, 500U);
    EXPECT_LE(page->keys.size(), 70U);
    for (const CacheKey& key : page->keys) seen.push_back(key.key);
    // What comes and goes between pages does not disturb those that stay.
    harness.get(at("/new" + std::to_string(pages)), {200, fresh()});
    if (page->next_cursor.empty()) break;
    query.cursor = page->next_cursor;
  }
  std::erase_if(seen, [](const std::string& key) { return key.find("/new") != key.npos; });
  std::sort(seen.begin(), seen.end());
  EXPECT_EQ(seen.size(), 500U);
  EXPECT_EQ(std::unique(seen.begin(), seen.end()), seen.end());
}

TEST(KeyListing, TellsTtlSizeAndTagsAndSkipsThePurged) {
  Harness harness;
  FieldList fields = fresh(60);
  fields.push_back({"Surrogate-Key", "a b"});
  harness.get(at("/x"), {200, fields});
  harness.clock.advance(seconds(70));
  auto page = harness.cache.keys({.pattern = "/x*", .limit = 10, .cursor = {}});
  ASSERT_EQ(page->keys.size(), 1U);
  EXPECT_EQ(page->keys[0].key, "hs:default:GET:example.org/x:::");
  EXPECT_EQ(page->keys[0].ttl, -seconds(10));
  EXPECT_EQ(page->keys[0].expires, harness.clock.wall_now() - seconds(10));
  EXPECT_GT(page->keys[0].bytes, 100U);
  EXPECT_EQ(page->keys[0].tags, (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(harness.cache.keys({.pattern = "/y*", .limit = 10, .cursor = {}})->keys.empty());
  harness.cache.purge({.tags = {"b"}, .patterns = {}, .keys = {}});
  page = harness.cache.keys({.pattern = {}, .limit = 10, .cursor = {}});
  EXPECT_TRUE(page->keys.empty());
  for (const char* bad : {"x", "1", "1-2", "1-2-", "100-1-1", "1-2-3-4", "-1-2-3"}) {
    EXPECT_FALSE(harness.cache.keys({.pattern = {}, .limit = 1, .cursor = bad})) << bad;
  }
}

TEST(PurgeByKey, FindsTheRuleOfAUrlHoweverItIsEncoded) {
  config::CacheSettings settings = testing::small_settings();
  config::CacheRule rule;
  rule.match.path = "/~bob*";
  rule.query_drop = {"utm"};
  settings.rules = {rule};
  Harness harness(settings);
  const auto store = [&] { harness.get(at("/~bob", "utm=1"), {200, fresh()}); };
  store();
  EXPECT_EQ(
      harness.cache.purge({.tags = {}, .patterns = {}, .keys = {"http://example.org/%7Ebob?utm=2"}})
          .by_keys,
      1U);
  store();
  EXPECT_EQ(harness.worker.invalidate_uri("example.org", "/%7ebob", "utm=3", harness.cache.rules()),
            1U);
  EXPECT_EQ(harness.cache.shared_locations("http://example.org/%7Ebob?utm=4"),
            harness.cache.shared_locations("http://example.org/~bob?utm=4"));
}

}  // namespace
}  // namespace homeostat::cache
