// Validators, 304 in both directions, Cache-Status.
#include "cache_fixture.hpp"
#include "runtime/cache/cache_status.hpp"
#include "runtime/cache/preconditions.hpp"

namespace homeostat::cache {
namespace {

using std::chrono::seconds;
using testing::FieldList;
using testing::Harness;
using testing::http_date;
using testing::table;
using testing::TestRequest;
using testing::TestResponse;

class ConditionalTest : public ::testing::Test {
 protected:
  Harness harness_;
  WallTime modified_ = harness_.clock.wall_now() - seconds(1000);
  FieldList stored_ = {{"Cache-Control", "max-age=60"},
                       {"Content-Type", "text/plain"},
                       {"ETag", "\"one\""},
                       {"Last-Modified", http_date(modified_)},
                       {"X-Custom", "kept"}};

  ObjectPtr object() {
    harness_.get({}, {200, stored_});
    return harness_.find({}).object;
  }
  Precondition evaluate(const FieldList& request) {
    return evaluate_preconditions(table(request), object()->head());
  }
};

TEST_F(ConditionalTest, IfNoneMatchComparesWeaklyAndWins) {
  EXPECT_EQ(evaluate({{"If-None-Match", "\"one\""}}), Precondition::not_modified);
  EXPECT_EQ(evaluate({{"If-None-Match", "W/\"one\""}}), Precondition::not_modified);
  EXPECT_EQ(evaluate({{"If-None-Match", "\"zero\", \"one\""}}), Precondition::not_modified);
  EXPECT_EQ(evaluate({{"If-None-Match", "*"}}), Precondition::not_modified);
  EXPECT_EQ(evaluate({{"If-None-Match", "\"two\""}}), Precondition::send);
  EXPECT_EQ(evaluate({{"If-None-Match", "\"two\""}, {"If-Modified-Since", http_date(modified_)}}),
            Precondition::send);
}

TEST_F(ConditionalTest, IfModifiedSinceComparesDates) {
  EXPECT_EQ(evaluate({{"If-Modified-Since", http_date(modified_)}}), Precondition::not_modified);
  EXPECT_EQ(evaluate({{"If-Modified-Since", http_date(modified_ - seconds(1))}}),
            Precondition::send);
  EXPECT_EQ(evaluate({{"If-Modified-Since", "yesterday"}}), Precondition::send);
  EXPECT_EQ(evaluate({}), Precondition::send);
}

TEST_F(ConditionalTest, ErrorsAreNeverNotModified) {
  harness_.get({}, {404, stored_});
  EXPECT_EQ(
      evaluate_preconditions(table({{"If-None-Match", "*"}}), harness_.find({}).object->head()),
      Precondition::send);
}

TEST_F(ConditionalTest, NotModifiedHeadHasValidatorsAndNoContentFields) {
  std::string head;
  write_not_modified(object()->head(), head);
  EXPECT_TRUE(head.starts_with("HTTP/1.1 304 Not Modified\r\n"));
  EXPECT_NE(head.find("ETag: \"one\"\r\n"), std::string::npos);
  EXPECT_NE(head.find("Cache-Control: max-age=60\r\n"), std::string::npos);
  EXPECT_NE(head.find("Date: "), std::string::npos);
  EXPECT_EQ(head.find("Content-"), std::string::npos);
  EXPECT_EQ(head.find("Last-Modified"), std::string::npos);
}

TEST_F(ConditionalTest, NotModifiedOfACodedBodyHasItsWeakTag) {
  std::string head;
  write_not_modified(object()->head(), head, true);
  EXPECT_NE(head.find("ETag: W/\"one\"\r\n"), std::string::npos) << head;
}

TEST_F(ConditionalTest, IfRangeByDateTellsNoCodedBodyFromAnother) {
  stored_.push_back({"Date", http_date(harness_.clock.wall_now())});
  const ObjectPtr stored = object();
  const FieldList by_date = {{"If-Range", http_date(modified_)}},
                  by_tag = {{"If-Range", "\"one\""}};
  EXPECT_TRUE(range_applies(table(by_date), stored->head(), false));
  EXPECT_FALSE(range_applies(table(by_date), stored->head(), true));
  EXPECT_TRUE(range_applies(table(by_tag), stored->head(), true));
}

TEST_F(ConditionalTest, ValidatorsForTheOrigin) {
  std::string fields;
  write_validators(object()->head(), Fields{}, fields);
  EXPECT_EQ(fields,
            "If-None-Match: \"one\"\r\nIf-Modified-Since: " + http_date(modified_) + "\r\n");
}

TEST_F(ConditionalTest, WireHeadIsReadyToSendWithoutHopByHopAndDynamicFields) {
  stored_.insert(stored_.end(), {{"Connection", "x-hop, close"},
                                 {"X-Hop", "1"},
                                 {"Keep-Alive", "timeout=5"},
                                 {"Transfer-Encoding", "chunked"},
                                 {"Age", "3"}});
  const std::string head(object()->wire_head());
  EXPECT_TRUE(head.starts_with("HTTP/1.1 200 OK\r\n"));
  EXPECT_TRUE(head.ends_with("Content-Length: 4\r\n"));
  EXPECT_NE(head.find("X-Custom: kept\r\n"), std::string::npos);
  for (const char* absent : {"Connection", "X-Hop", "Keep-Alive", "Transfer-Encoding", "Age:"}) {
    EXPECT_EQ(head.find(absent), std::string::npos) << absent;
  }
}

class RefreshTest : public ConditionalTest {
 protected:
  /// The stored response goes stale, a 304 with `fields` comes.
  std::optional<ObjectHead> refreshed(const FieldList& fields) {
    ObjectPtr stored = object();
    harness_.clock.advance(seconds(100));
    TestRequest request;
    const Request view = request.view();
    Fields storage;
    const Response answer = harness_.response_view({304, fields}, storage);
    auto refreshed =
        refreshed_head(*stored, harness_.cache.rules().decide(view), view, answer, harness_.policy);
    if (!refreshed) return std::nullopt;
    return std::move(refreshed->head);
  }
};

TEST_F(RefreshTest, UpdatesFieldsAndFreshnessButNotContentFields) {
  const auto head = refreshed({{"Cache-Control", "max-age=30"},
                               {"ETag", "\"one\""},
                               {"X-Custom", "new"},
                               {"Content-Type", "text/html"},
                               {"Content-Length", "0"}});
  ASSERT_TRUE(head);
  EXPECT_EQ(head->status, 200);
  EXPECT_EQ(head->freshness.lifetime, seconds(30));
  EXPECT_EQ(head->freshness.age(harness_.clock.now()), seconds(0));
  EXPECT_EQ(head->content_type(), "text/plain");
  EXPECT_NE(head->block().find("X-Custom: new\r\n"), std::string_view::npos);
  EXPECT_EQ(head->block().find("kept"), std::string_view::npos);
  EXPECT_EQ(head->block().find("Content-Length"), std::string_view::npos);
}

TEST_F(RefreshTest, SilentNotModifiedKeepsTheStoredLifetime) {
  const auto head = refreshed({{"Date", http_date(harness_.clock.wall_now() + seconds(100))}});
  ASSERT_TRUE(head);
  EXPECT_EQ(head->freshness.lifetime, seconds(60));
  EXPECT_EQ(head->freshness.age(harness_.clock.now()), seconds(0));
}

TEST_F(RefreshTest, AnotherEntityOrAProhibitionEndsTheStoredResponse) {
  EXPECT_FALSE(refreshed({{"ETag", "\"two\""}}));
  EXPECT_FALSE(refreshed({{"Cache-Control", "no-store"}}));
  EXPECT_FALSE(refreshed({{"Set-Cookie", "a=b"}}));
}

TEST_F(RefreshTest, StoresTheRefreshedObjectSharingTheBody) {
  ObjectPtr before = object();
  harness_.clock.advance(seconds(100));
  TestRequest request;
  FillStart start = harness_.begin(request);
  ASSERT_EQ(start.kind, FillStart::Kind::leader);
  ASSERT_EQ(start.leader->stale(), before);
  TestRequest second;
  FillStart follower = harness_.begin(second);
  ASSERT_EQ(follower.kind, FillStart::Kind::follower);
  Fields storage;
  const Request view = request.view();
  const Response answer = harness_.response_view({304, {{"Cache-Control", "max-age=5"}}}, storage);
  auto head =
      refreshed_head(*before, harness_.cache.rules().decide(view), view, answer, harness_.policy);
  ASSERT_TRUE(head);
  start.leader->complete_refreshed(std::move(*head), *view.fields, harness_.clock.now());
  const Lookup found = harness_.find({});
  ASSERT_EQ(found.kind, Lookup::Kind::hit);
  EXPECT_EQ(found.object->body().front().block, before->body().front().block);
  EXPECT_EQ(found.remaining, seconds(5));
  EXPECT_EQ(follower.follower->state(), FillState::complete);
  EXPECT_EQ(follower.follower->object(), found.object);
  EXPECT_EQ(harness_.cache.figures().entries, 1U);
}

TEST(CacheStatus, WritesRfc9211Members) {
  const auto text = [](const CacheStatus& status) {
    std::string out;
    write_cache_status(status, out);
    return out;
  };
  CacheStatus hit;
  hit.hit = true;
  hit.ttl = std::chrono::milliseconds(12900);
  EXPECT_EQ(text(hit), "homeostat; hit; ttl=12");
  CacheStatus miss;
  miss.forward = Forward::uri_miss;
  miss.forward_status = 200;
  miss.stored = true;
  miss.collapsed = true;
  EXPECT_EQ(text(miss), "homeostat; fwd=uri-miss; fwd-status=200; stored; collapsed");
  CacheStatus refused;
  refused.forward = Forward::bypass;
  refused.detail = Reason::range;
  refused.ttl = seconds(-3);
  EXPECT_EQ(text(refused), "homeostat; fwd=bypass; ttl=-3; detail=range");
}

TEST(CacheStatus, EveryReasonHasItsOwnToken) {
  std::vector<std::string_view> tokens;
  for (std::size_t i = 0; i < reason_count; ++i)
    tokens.push_back(to_string(static_cast<Reason>(i)));
  for (const std::string_view token : tokens) {
    EXPECT_FALSE(token.empty());
    EXPECT_EQ(std::count(tokens.begin(), tokens.end(), token), 1) << token;
  }
}

}  // namespace
}  // namespace homeostat::cache
