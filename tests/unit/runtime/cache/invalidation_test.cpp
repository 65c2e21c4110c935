#include "cache_fixture.hpp"

namespace homeostat::cache {
namespace {

using std::chrono::seconds;
using testing::at;
using testing::FieldList;
using testing::fresh;
using testing::Harness;
using testing::TestRequest;

class InvalidationTest : public ::testing::Test {
 protected:
  static config::CacheSettings settings() {
    config::CacheSettings settings = testing::small_settings();
    config::CacheRule rule;
    rule.match.path = "/books/*";
    rule.invalidate_on = {"/admin/*"};
    settings.rules = {rule};
    return settings;
  }
  void store(const std::string& path, const std::string& query = {}) {
    EXPECT_EQ(harness_.get(at(path, query), {200, fresh()}).reason, Reason::none);
  }
  bool stored(const std::string& path, const std::string& query = {}) {
    return harness_.find(at(path, query)).kind == Lookup::Kind::hit;
  }
  std::size_t after(const std::string& method, const std::string& path, int status,
                    const FieldList& fields = {}) {
    TestRequest request = at(path);
    request.method = method;
    const Request view = request.view();
    Fields storage;
    return harness_.worker.invalidate_after(view, harness_.response_view({status, fields}, storage),
                                            harness_.cache.rules());
  }
  Harness harness_{settings()};
};

TEST_F(InvalidationTest, SuccessfulUnsafeRequestDropsItsTargetOnly) {
  store("/a");
  store("/a", "x=1");
  store("/b");
  EXPECT_EQ(after("POST", "/a", 204), 1U);
  EXPECT_FALSE(stored("/a"));
  EXPECT_TRUE(stored("/a", "x=1"));
  EXPECT_TRUE(stored("/b"));
}

TEST_F(InvalidationTest, ErrorsDropNothing) {
  store("/a");
  EXPECT_EQ(after("DELETE", "/a", 404), 0U);
  EXPECT_EQ(after("DELETE", "/a", 500), 0U);
  EXPECT_TRUE(stored("/a"));
  EXPECT_EQ(after("DELETE", "/a", 303), 1U);
}

TEST_F(InvalidationTest, LocationAndContentLocationOfTheSameHost) {
  for (const char* path : {"/l", "/c", "/d"}) store(path);
  after("POST", "/x", 201, {{"Location", "http://EXAMPLE.org/l"}, {"Content-Location", "/c#f"}});
  EXPECT_FALSE(stored("/l"));
  EXPECT_FALSE(stored("/c"));
  after("POST", "/x", 201, {{"Location", "http://other.org/d"}});
  after("POST", "/x", 201, {{"Location", "//other.org/d"}});
  EXPECT_TRUE(stored("/d"));
}

TEST_F(InvalidationTest, RulesNameWhatElseChanges) {
  store("/books/1");
  store("/other");
  EXPECT_EQ(after("PUT", "/admin/reload", 200), 1U);
  EXPECT_FALSE(stored("/books/1"));
  EXPECT_TRUE(stored("/other"));
}

TEST_F(InvalidationTest, FlushByPatternAndAll) {
  for (const char* path : {"/books/1", "/books/2", "/authors/1", "/other"}) store(path);
  EXPECT_GT(testing::flush(harness_.cache, "/books/1").bytes, 0U);
  EXPECT_FALSE(stored("/books/1"));
  EXPECT_TRUE(stored("/books/2"));
  EXPECT_EQ(testing::flush(harness_.cache, "/nothing*").entries(), 0U);
  EXPECT_EQ(testing::flush(harness_.cache, "/authors/*").entries(), 1U);
  EXPECT_FALSE(stored("/authors/1"));
  EXPECT_TRUE(stored("/other"));
  testing::flush(harness_.cache);
  EXPECT_EQ(harness_.cache.figures().entries, 0U);
}

TEST_F(InvalidationTest, LongPathsAreFlushedByPatternToo) {
  const std::string path = "/books/" + std::string(400, 'x');
  store(path);
  testing::flush(harness_.cache, "/books/*");
  EXPECT_FALSE(stored(path));
}

TEST_F(InvalidationTest, DropExpiredTakesOnlyWhatIsOver) {
  harness_.get(at("/short"), {200, fresh(10)});
  harness_.get(at("/long"), {200, fresh(1000)});
  EXPECT_EQ(harness_.cache.drop_expired(), 0U);
  harness_.clock.advance(seconds(11));
  EXPECT_EQ(harness_.cache.drop_expired(), 0U) << "it may stand in for a silent origin";
  harness_.clock.advance(config::CacheSettings{}.stale_if_unreachable);
  EXPECT_EQ(harness_.cache.drop_expired(), 0U) << "an emergency would serve it";
  harness_.clock.advance(config::CacheSettings{}.stale_in_emergency);
  EXPECT_GT(harness_.cache.drop_expired(), 0U);
  EXPECT_EQ(harness_.cache.figures().entries, 1U);
  EXPECT_EQ(harness_.cache.figures().expirations, 1U);
  EXPECT_TRUE(stored("/long"));
}

TEST_F(InvalidationTest, FlushDuringAFillIsNotUndoneByIt) {
  for (const bool by_pattern : {true, false}) {
    TestRequest request = at("/books/9");
    FillStart start = harness_.begin(request);
    ASSERT_EQ(start.kind, FillStart::Kind::leader);
    const Request view = request.view();
    start.leader->publish_head(harness_.judge(request, {200, fresh()}), std::nullopt, *view.fields,
                               harness_.clock.now());
    start.leader->append("old", harness_.clock.now());
    if (by_pattern) {
      testing::flush(harness_.cache, "/books/*");
    } else {
      after("PUT", "/books/9", 200);
    }
    // Who comes after the invalidation must not get what was under way before.
    TestRequest later = at("/books/9");
    FillStart second = harness_.begin(later);
    EXPECT_EQ(second.kind, FillStart::Kind::leader);
    EXPECT_EQ(start.leader->complete(harness_.clock.now()), Reason::invalidated);
    EXPECT_FALSE(stored("/books/9"));
  }
}

TEST_F(InvalidationTest, HitForMissIsRememberedForItsTimeOnly) {
  EXPECT_EQ(harness_.get({}, {200, {}}).reason, Reason::no_freshness);
  TestRequest request;
  FillStart pass = harness_.begin(request);
  EXPECT_EQ(pass.kind, FillStart::Kind::pass);
  EXPECT_EQ(pass.reason, Reason::hit_for_miss);
  harness_.clock.advance(seconds(1));
  EXPECT_EQ(harness_.get({}, {200, fresh()}).reason, Reason::none);
  EXPECT_EQ(harness_.find({}).kind, Lookup::Kind::hit);
}

}  // namespace
}  // namespace homeostat::cache
