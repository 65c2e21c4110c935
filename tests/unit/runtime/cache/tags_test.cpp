// Tags: where they come from, and what a purge by tag takes.
#include "cache_fixture.hpp"
#include "runtime/cache/stale.hpp"

namespace homeostat::cache {
namespace {

using std::chrono::seconds;
using testing::at;
using testing::FieldList;
using testing::Harness;
using testing::TestRequest;

FieldList tagged(const std::string& tags, const std::string& field = "Surrogate-Key") {
  return {{"Cache-Control", "max-age=60"}, {"ETag", "\"v1\""}, {field, tags}};
}

class TagsTest : public ::testing::Test {
 protected:
  static config::CacheSettings settings() {
    config::CacheSettings settings = testing::small_settings();
    config::CacheRule rule;
    rule.match.path = "/ruled/*";
    rule.tags = {"ruled"};
    settings.rules = {rule};
    return settings;
  }
  Reason store(const std::string& path, const FieldList& fields, Harness* harness = nullptr) {
    return (harness != nullptr ? *harness : harness_).get(at(path), {200, fields}).reason;
  }
  Lookup::Kind kind(const std::string& path) { return harness_.find(at(path)).kind; }
  bool stored(const std::string& path) { return kind(path) == Lookup::Kind::hit; }
  std::uint64_t purge(const std::string& tag, bool soft = false) {
    return harness_.cache.purge({.tags = {tag}, .patterns = {}, .keys = {}, .soft = soft}).by_tags;
  }
  Harness harness_{settings()};
};

TEST_F(TagsTest, APurgeTakesEveryObjectWithTheTagAndNoOther) {
  store("/1", tagged("a b"));
  store("/2", tagged("b"));
  store("/3", tagged("c"));
  store("/4", testing::fresh());
  EXPECT_EQ(purge("b"), 2U);
  EXPECT_FALSE(stored("/1"));
  EXPECT_FALSE(stored("/2"));
  EXPECT_TRUE(stored("/3"));
  EXPECT_TRUE(stored("/4"));
  EXPECT_EQ(harness_.cache.figures().entries, 2U) << "their memory is given back";
  EXPECT_EQ(purge("b"), 0U);
  EXPECT_EQ(purge("never seen"), 0U);
}

TEST_F(TagsTest, AnObjectStoredAfterThePurgeStays) {
  store("/1", tagged("a"));
  purge("a");
  store("/1", tagged("a"));
  EXPECT_TRUE(stored("/1"));
}

TEST_F(TagsTest, EachFieldSeparatesTagsInItsOwnWay) {
  store("/fastly", tagged("one,still two", "surrogate-key"));
  store("/cloudflare", tagged("three four, five", "Cache-Tag"));
  store("/varnish", tagged("six,seven eight", "XKEY"));
  EXPECT_EQ(purge("one"), 0U);
  EXPECT_EQ(purge("one,still"), 1U);
  EXPECT_EQ(purge("four"), 0U);
  EXPECT_EQ(purge("three four"), 1U);
  EXPECT_EQ(purge("seven"), 1U);
}

TEST_F(TagsTest, SeveralLinesAndFieldsAddUp) {
  FieldList fields = tagged("a");
  fields.push_back({"Surrogate-Key", "b"});
  fields.push_back({"Cache-Tag", "c"});
  store("/1", fields);
  EXPECT_EQ(purge("b"), 1U);
  store("/1", fields);
  EXPECT_EQ(purge("c"), 1U);
}

TEST_F(TagsTest, RulesGiveTagsToo) {
  store("/ruled/1", tagged("own"));
  store("/other", tagged("own2"));
  EXPECT_EQ(purge("ruled"), 1U);
  EXPECT_FALSE(stored("/ruled/1"));
  EXPECT_TRUE(stored("/other"));
}

TEST_F(TagsTest, OtherFieldsAreReadOnlyIfConfigured) {
  config::CacheSettings own = testing::small_settings();
  own.tags.fields = {"X-Tags"};
  Harness harness(own);
  store("/1", tagged("a"), &harness);
  store("/2", tagged("a", "x-tags"), &harness);
  EXPECT_EQ(harness.cache.purge({.tags = {"a"}, .patterns = {}, .keys = {}}).by_tags, 1U);
}

TEST_F(TagsTest, ALongTagCanBePurged) {
  const std::string tag(5000, 'x');
  store("/1", tagged(tag));
  store("/2", tagged(tag + "y"));
  EXPECT_EQ(purge(tag), 1U);
  EXPECT_FALSE(stored("/1"));
  EXPECT_TRUE(stored("/2"));
}

TEST_F(TagsTest, AnObjectWithTooManyTagsIsNotStored) {
  config::CacheSettings few = testing::small_settings();
  few.tags.per_object_max = 2;
  Harness harness(few);
  EXPECT_EQ(store("/1", tagged("a b a b"), &harness), Reason::none);
  EXPECT_EQ(store("/2", tagged("a b c"), &harness), Reason::tag_limit);
  EXPECT_EQ(harness.cache.reasons()[static_cast<std::size_t>(Reason::tag_limit)], 1U);
}

TEST_F(TagsTest, TagsBeyondTheBoundShareAndStayPurgeable) {
  config::CacheSettings few = testing::small_settings();
  few.tags.distinct_max = 3;
  Harness harness(few);
  constexpr int count = 2000;
  for (int i = 0; i < count; ++i) {
    ASSERT_EQ(store("/" + std::to_string(i), tagged("tag" + std::to_string(i)), &harness),
              Reason::none);
  }
  EXPECT_EQ(harness.cache.tags().slots(), 3U);
  EXPECT_EQ(harness.cache.tags().overflows(), static_cast<std::uint64_t>(count - 3));
  for (int i = 0; i < count; i += 7) {
    harness.cache.purge({.tags = {"tag" + std::to_string(i)}, .patterns = {}, .keys = {}});
    EXPECT_NE(harness.find(at("/" + std::to_string(i))).kind, Lookup::Kind::hit);
  }
  EXPECT_GT(harness.cache.figures().entries, 0U) << "a bucket is not everything";
}

TEST_F(TagsTest, SlotsOfTagsThatNobodyCarriesGoAway) {
  const std::size_t before = harness_.cache.bytes();
  for (int i = 0; i < 100; ++i) {
    store("/" + std::to_string(i), tagged("t" + std::to_string(i)));
  }
  EXPECT_EQ(harness_.cache.tags().slots(), 100U);
  testing::flush(harness_.cache);
  EXPECT_EQ(harness_.cache.tags().slots(), 0U);
  // The policy keeps a first chunk for each of its two heaps, and its sketch as it grew.
  EXPECT_LE(harness_.cache.bytes(), before + 12288) << "charged bytes come back";
}

TEST_F(TagsTest, ASoftPurgeMakesStaleAndKeepsTheValidator) {
  store("/1", tagged("a"));
  store("/2", tagged("b"));
  harness_.clock.advance(seconds(5));
  EXPECT_EQ(purge("a", true), 1U);
  EXPECT_EQ(purge("a", true), 0U) << "it is stale already";
  harness_.clock.advance(seconds(3));
  const Lookup found = harness_.find(at("/1"));
  EXPECT_EQ(found.kind, Lookup::Kind::stale);
  EXPECT_FALSE(found.by_request);
  EXPECT_EQ(found.remaining, -seconds(3)) << "stale since the purge";
  ASSERT_TRUE(found.object);
  EXPECT_EQ(found.object->head().etag(), "\"v1\"");
  EXPECT_TRUE(stored("/2"));
}

TEST_F(TagsTest, ASoftPurgedObjectIsServedStaleOnlyAsItsDirectivesAllow) {
  FieldList fields = tagged("a");
  fields[0].second = "max-age=60, stale-while-revalidate=10, stale-if-error=20";
  store("/lenient", fields);
  fields[0].second = "max-age=60, must-revalidate, stale-while-revalidate=10";
  store("/strict", fields);
  purge("a", true);
  harness_.clock.advance(seconds(10));
  const Instant now = harness_.clock.now();
  const auto use_of = [&](const char* path, Instant at_time, Trouble trouble) {
    const StaleWindows none;
    StaleView view{harness_.find(at(path)).object->freshness(), none};
    view.now = at_time;
    view.trouble = trouble;
    return decide_stale(view);
  };
  EXPECT_EQ(use_of("/lenient", now, Trouble::none), StaleUse::revalidating);
  EXPECT_EQ(use_of("/lenient", now + seconds(1), Trouble::none), StaleUse::validate);
  EXPECT_EQ(use_of("/lenient", now + seconds(1), Trouble::error), StaleUse::origin_trouble);
  EXPECT_EQ(use_of("/lenient", now + seconds(11), Trouble::error), StaleUse::validate);
  EXPECT_EQ(use_of("/strict", now, Trouble::error), StaleUse::validate);
}

TEST_F(TagsTest, ARefreshedObjectIsFreshAgainAndKeepsItsTags) {
  store("/1", tagged("a"));
  purge("a", true);
  TestRequest request = at("/1");
  FillStart start = harness_.begin(request);
  ASSERT_EQ(start.kind, FillStart::Kind::leader);
  ASSERT_TRUE(start.leader->stale());
  const Request view = request.view();
  Fields storage;
  const Response not_modified = harness_.response_view({304, {{"ETag", "\"v1\""}}, ""}, storage);
  std::optional<RefreshedHead> head =
      refreshed_head(*start.leader->stale(), harness_.cache.rules().decide(view), view,
                     not_modified, harness_.policy);
  ASSERT_TRUE(head);
  start.leader->complete_refreshed(std::move(*head), *view.fields, harness_.clock.now());
  EXPECT_TRUE(stored("/1"));
  EXPECT_EQ(purge("a"), 1U);
}

class FillAgainstPurge : public TagsTest, public ::testing::WithParamInterface<bool> {};
INSTANTIATE_TEST_SUITE_P(Tags, FillAgainstPurge, ::testing::Values(false, true),
                         [](const auto& chosen) { return chosen.param ? "soft" : "hard"; });

TEST_P(FillAgainstPurge, AFetchThatBeganBeforeThePurgeIsNotStored) {
  for (const bool known : {false, true}) {
    SCOPED_TRACE(known);
    if (known) store("/known", tagged("a"));
    TestRequest request = at("/1");
    FillStart start = harness_.begin(request);
    ASSERT_EQ(start.kind, FillStart::Kind::leader);
    purge("a", GetParam());  // nobody knows yet that the answer will carry it
    const Request view = request.view();
    start.leader->publish_head(harness_.judge(request, {200, tagged("a")}), std::nullopt,
                               *view.fields, harness_.clock.now());
    start.leader->append("old", harness_.clock.now());
    EXPECT_EQ(start.leader->complete(harness_.clock.now()), Reason::invalidated);
    EXPECT_NE(kind("/1"), Lookup::Kind::hit);
    EXPECT_EQ(store("/1", tagged("a")), Reason::none);
    EXPECT_TRUE(stored("/1"));
    testing::flush(harness_.cache);
  }
}

TEST_P(FillAgainstPurge, WhoComesAfterThePurgeDoesNotGetWhatWasUnderWayBefore) {
  TestRequest first = at("/1"), early = at("/1"), late = at("/1");
  FillStart start = harness_.begin(first);
  FillStart before = harness_.begin(early);
  ASSERT_EQ(before.kind, FillStart::Kind::follower);
  purge("a", GetParam());
  FillStart after = harness_.begin(late);
  ASSERT_EQ(after.kind, FillStart::Kind::follower) << "the tags are not known yet";
  const Request view = first.view();
  start.leader->publish_head(harness_.judge(first, {200, tagged("a")}), std::nullopt, *view.fields,
                             harness_.clock.now());
  EXPECT_TRUE(before.follower->accepts(*view.fields));
  EXPECT_FALSE(after.follower->accepts(*view.fields));
  TestRequest later = at("/1");
  EXPECT_EQ(harness_.begin(later).kind, FillStart::Kind::leader) << "now they are";
}

TEST_F(TagsTest, AValidationThatCrossesAHardPurgeBringsNothingBack) {
  store("/1", tagged("a"));
  harness_.clock.advance(seconds(61));
  TestRequest request = at("/1");
  FillStart start = harness_.begin(request);
  ASSERT_TRUE(start.leader->stale());
  purge("a");
  const Request view = request.view();
  Fields storage;
  const Response not_modified = harness_.response_view({304, {{"ETag", "\"v1\""}}, ""}, storage);
  std::optional<RefreshedHead> head =
      refreshed_head(*start.leader->stale(), harness_.cache.rules().decide(view), view,
                     not_modified, harness_.policy);
  start.leader->complete_refreshed(std::move(*head), *view.fields, harness_.clock.now());
  EXPECT_EQ(kind("/1"), Lookup::Kind::miss);
}

TEST_F(TagsTest, AHardPurgedObjectIsNotEvenValidated) {
  store("/1", tagged("a"));
  harness_.clock.advance(seconds(61));
  TestRequest request = at("/1");
  const Request view = request.view();
  const RequestDecision decision = harness_.cache.rules().decide(view);
  const Lookup found = harness_.worker.lookup(view, decision, harness_.clock.now());
  ASSERT_EQ(found.kind, Lookup::Kind::stale);
  purge("a");
  FillStart start = harness_.worker.begin_fill(view, decision, found.object, harness_.clock.now());
  EXPECT_FALSE(start.leader->stale());
}

TEST_F(TagsTest, WhoComesAfterAPurgeSharesOneNewFetchWhileTheOldOneIsUnderWay) {
  TestRequest first = at("/1"), second = at("/1"), third = at("/1");
  FillStart old = harness_.begin(first);
  old.leader->publish_head(harness_.judge(first, {200, tagged("a")}), std::nullopt,
                           *first.view().fields, harness_.clock.now());
  purge("a");
  FillStart fresh_one = harness_.begin(second);
  ASSERT_EQ(fresh_one.kind, FillStart::Kind::leader);
  EXPECT_EQ(harness_.begin(third).kind, FillStart::Kind::follower);
  fresh_one.leader->fail(Reason::upstream_failed);
  old.leader->fail(Reason::upstream_failed);
}

TEST_F(TagsTest, VariantsCarryTheirOwnTags) {
  const auto language = [](const std::string& value) {
    TestRequest request = at("/1");
    request.fields = {{"Accept-Language", value}};
    return request;
  };
  for (const char* value : {"de", "fr"}) {
    FieldList fields = tagged(value);
    fields.push_back({"Vary", "Accept-Language"});
    EXPECT_EQ(harness_.get(language(value), {200, fields}).reason, Reason::none);
  }
  EXPECT_EQ(purge("de"), 1U);
  EXPECT_NE(harness_.find(language("de")).kind, Lookup::Kind::hit);
  EXPECT_EQ(harness_.find(language("fr")).kind, Lookup::Kind::hit);
}

TEST_F(TagsTest, GroupsAreInvalidatedByUnsafeRequestsOfTheirOrigin) {
  store("/1", {{"Cache-Control", "max-age=60"}, {"Cache-Groups", "\"a\", \"b\""}});
  store("/2", {{"Cache-Control", "max-age=60"}, {"Cache-Groups", "a"}});  // no list of strings
  const auto put = [&](const std::string& host, const std::string& groups) {
    TestRequest request = at("/edit");
    request.method = "PUT";
    request.host = host;
    const Request view = request.view();
    Fields storage;
    return harness_.worker.invalidate_after(
        view, harness_.response_view({204, {{"Cache-Group-Invalidation", groups}}, ""}, storage),
        harness_.cache.rules());
  };
  EXPECT_EQ(put("other.org", "\"b\""), 0U);
  EXPECT_TRUE(stored("/1"));
  EXPECT_EQ(purge("b"), 0U) << "a group is no tag";
  EXPECT_EQ(put("example.org", "\"x\", \"b\""), 1U);
  EXPECT_FALSE(stored("/1"));
  EXPECT_TRUE(stored("/2"));
}

TEST_F(TagsTest, GroupsBelongToTheirOrigin) {
  StoreDecision decision = harness_.judge(*std::make_unique<TestRequest>(), {200, tagged("g")});
  TestRequest request = at("/1");
  FillStart start = harness_.begin(request);
  decision.head.tags.add(TagKind::group, group_name("example.org", "g"));
  const Request view = request.view();
  start.leader->publish_head(std::move(decision), std::nullopt, *view.fields, harness_.clock.now());
  start.leader->complete(harness_.clock.now());
  EXPECT_EQ(harness_.worker.invalidate_group("other.org", "g"), 0U);
  EXPECT_TRUE(stored("/1"));
  EXPECT_EQ(harness_.worker.invalidate_group("example.org", "g"), 1U);
  EXPECT_FALSE(stored("/1"));
  EXPECT_EQ(harness_.cache.figures().entries, 1U);
  EXPECT_EQ(harness_.cache.sweep(), 1U);
  EXPECT_EQ(harness_.cache.figures().entries, 0U);
  EXPECT_EQ(harness_.cache.figures().deletes, 1U);
}

}  // namespace
}  // namespace homeostat::cache
