// How clients use endpoints, as counted from single requests.
#include "runtime/proxy/pattern_watch.hpp"

#include <gtest/gtest.h>

#include <string>

namespace homeostat::proxy {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr rules::EndpointId items = 3;

class PatternWatchTest : public ::testing::Test {
 protected:
  struct Sent {
    std::string target = "/item/1";
    std::uint64_t client = 1;
    std::string cache_key{};
    int status = 200;
    bool json = false;
    std::uint64_t bytes = 100;
    Duration latency = milliseconds(10);
    rules::EndpointId endpoint = items;
  };

  void send(const Sent& sent, RequestRun& run) {
    WatchedRequest request;
    request.client = sent.client;
    request.host = "app";
    request.target = sent.target;
    const std::string_view target = sent.target;
    request.path = target.substr(0, target.find('?'));
    if (request.path.size() < target.size()) request.query = target.substr(request.path.size() + 1);
    request.cache_key = sent.cache_key;
    request.json = sent.json;
    request.now = now;
    telemetry::RequestRecord record;
    record.endpoint = sent.endpoint;
    record.status = static_cast<std::uint16_t>(sent.status);
    record.upstream_latency = sent.latency;
    record.response_bytes = sent.bytes;
    watch.note(request, record, run);
  }
  void send(const Sent& sent) { send(sent, connection); }

  RequestPatterns counted(rules::EndpointId endpoint = items) const {
    std::vector<RequestPatterns> totals;
    watch.add_to(totals);
    for (const RequestPatterns& one : totals) {
      if (one.endpoint == endpoint) return one;
    }
    return {};
  }

  PatternMemories memories;
  PatternWatch watch{memories};
  RequestRun connection;
  Instant now{std::chrono::hours(1)};
};

TEST_F(PatternWatchTest, CountsRunsOfOneTemplateWithDifferentTargets) {
  for (int i = 0; i < 9; ++i) send({.target = "/item/" + std::to_string(i)});
  EXPECT_EQ(counted().in_runs, 0U) << "nine are no run yet";
  send({.target = "/item/9"});
  EXPECT_EQ(counted().in_runs, 10U);
  send({.target = "/item/10"});
  EXPECT_EQ(counted().in_runs, 11U);
}

TEST_F(PatternWatchTest, ARunEndsWithAnotherTemplateTheSameTargetOrAPause) {
  const auto nine = [this] {
    for (int i = 0; i < 9; ++i) send({.target = "/item/" + std::to_string(i)});
  };
  nine();
  send({.target = "/list", .endpoint = 4});
  nine();
  now += seconds(2);
  nine();
  send({.target = "/item/8"});
  EXPECT_EQ(counted().in_runs, 0U) << "the same again";
  now += seconds(2);
  nine();
  EXPECT_EQ(counted().in_runs, 0U);
  RequestRun other;
  send({.target = "/item/77"}, other);
  EXPECT_EQ(counted().in_runs, 0U) << "of another connection";
}

TEST_F(PatternWatchTest, CountsRetriesOfWhatFailedForTheSameClient) {
  send({.status = 503});
  send({.client = 2});
  send({.target = "/item/2"});
  EXPECT_EQ(counted().retries, 0U);
  now += seconds(9);
  send({});
  EXPECT_EQ(counted().retries, 1U);
  now += seconds(2);
  send({});
  EXPECT_EQ(counted().retries, 1U) << "long after the failure";
}

TEST_F(PatternWatchTest, CountsPagesFarInWithTheirTime) {
  send({.target = "/items?page=99"});
  send({.target = "/items?sort=a&offset=999"});
  EXPECT_EQ(counted().deep_pages, 0U);
  send({.target = "/items?page=100", .latency = seconds(2)});
  send({.target = "/items?sort=a&offset=1000", .latency = seconds(1)});
  EXPECT_EQ(counted().deep_pages, 2U);
  EXPECT_NEAR(counted().deep_page_seconds, 3, 1e-9);
  EXPECT_NEAR(counted().fetched_seconds, 3.02, 1e-9);
}

TEST_F(PatternWatchTest, CountsLargeListsThatNoParameterDivides) {
  constexpr std::uint64_t large = PatternWatch::large_bytes;
  send({.target = "/items?limit=50", .json = true, .bytes = large});
  send({.target = "/items", .json = false, .bytes = large});
  send({.target = "/items", .json = true, .bytes = large - 1});
  EXPECT_EQ(counted().large_lists, 0U);
  send({.target = "/items?sort=name", .json = true, .bytes = large});
  EXPECT_EQ(counted().large_lists, 1U);
  EXPECT_NEAR(counted().large_list_bytes, static_cast<double>(large), 0.5);
}

TEST_F(PatternWatchTest, CountsMissesThatOnlyATrackingParameterMade) {
  const auto miss = [this](const std::string& query) {
    send({.target = "/page?" + query, .cache_key = "GET app/page?" + query});
  };
  miss("a=1&utm_source=x");
  EXPECT_EQ(counted().tracking_splits, 0U) << "nothing was fetched before";
  miss("a=1&utm_source=y");
  miss("gclid=7&a=1");
  EXPECT_EQ(counted().tracking_splits, 2U);
  miss("a=2&utm_source=y");
  miss("a=1");
  EXPECT_EQ(counted().tracking_splits, 2U);
  now += seconds(700);
  miss("a=1&utm_source=z");
  EXPECT_EQ(counted().tracking_splits, 2U) << "expired meanwhile, perhaps";
}

TEST_F(PatternWatchTest, ATrackingParameterThatIsNoPartOfTheKeySplitsNothing) {
  send({.target = "/page?a=1&utm_source=x", .cache_key = "GET app/page?a=1"});
  send({.target = "/page?a=1&utm_source=y", .cache_key = "GET app/page?a=1"});
  EXPECT_EQ(counted().tracking_splits, 0U);
}

TEST_F(PatternWatchTest, CountsRefetchesAndHowLongTheUnchangedHadBeenFresh) {
  watch.note_refetch(items, true, seconds(5));
  watch.note_refetch(items, true, seconds(7));
  watch.note_refetch(items, false, seconds(100));
  EXPECT_EQ(counted().refetched, 3U);
  EXPECT_EQ(counted().unchanged, 2U);
  EXPECT_NEAR(counted().unchanged_lifetime_seconds, 12, 1e-9);
}

TEST_F(PatternWatchTest, WatchesNoMoreEndpointsThanItHasRoomFor) {
  for (rules::EndpointId id = 1; id <= PatternWatch::rows_max + 10; ++id) {
    send({.endpoint = id});
  }
  std::vector<RequestPatterns> totals;
  watch.add_to(totals);
  EXPECT_EQ(totals.size(), PatternWatch::rows_max);
  PatternWatch second(memories);
  RequestRun run;
  second.note({}, {}, run);
  second.add_to(totals);
  EXPECT_EQ(totals.size(), PatternWatch::rows_max) << "the endpoint of everything unknown";
}

TEST_F(PatternWatchTest, AddsUpTheWorkers) {
  send({});
  PatternWatch second(memories);
  second.note_refetch(items, true, seconds(1));
  std::vector<RequestPatterns> totals;
  watch.add_to(totals);
  second.add_to(totals);
  ASSERT_EQ(totals.size(), 1U);
  EXPECT_EQ(totals[0].requests, 1U);
  EXPECT_EQ(totals[0].refetched, 1U);
}

// -- whether content is the same ----------------------------------------------------

cache::ObjectPtr stored(const std::string& body, const std::string& tag = {}, bool own = false) {
  cache::ObjectHead head;
  head.start(200, "OK");
  if (!tag.empty()) head.add_field("ETag", tag);
  head.own_etag = own;
  cache::Body parts;
  for (std::size_t at = 0; at < body.size();) {
    cache::BodyPart& part = parts.emplace_back(cache::BodyPart{cache::Block::allocate(4096), 0});
    part.size = std::min(body.size() - at, part.block->capacity());
    std::copy_n(body.data() + at, part.size, part.block->data());
    at += part.size;
  }
  return cache::Object::make(std::move(head), std::move(parts));
}

TEST(SameContent, IsToldByTagsOrByTheBodies) {
  EXPECT_EQ(same_content(*stored("a"), *stored("a")), true);
  EXPECT_EQ(same_content(*stored("a"), *stored("b")), false);
  EXPECT_EQ(same_content(*stored("a", "\"1\""), *stored("b", "\"1\"")), true)
      << "the application says so";
  EXPECT_EQ(same_content(*stored("a", "\"1\""), *stored("bb", "\"1\"")), false);
  EXPECT_EQ(same_content(*stored("a", "\"1\""), *stored("a", "\"2\"")), true)
      << "two replicas with tags of their own";
}

TEST(SameContent, OfALargeBodyNeedsATag) {
  const std::string large(100'000, 'x');
  EXPECT_EQ(same_content(*stored(large), *stored(large)), std::nullopt);
  EXPECT_EQ(same_content(*stored(large), *stored(large + "x")), false);
  EXPECT_EQ(same_content(*stored(large, "\"h\"", true), *stored(large, "\"h\"", true)), true)
      << "the agent's own tag is a hash";
  EXPECT_EQ(same_content(*stored(large, "\"h\"", true), *stored(large, "\"i\"", true)), false);
  EXPECT_EQ(same_content(*stored(large, "\"1\""), *stored(large, "\"2\"")), false);
}

}  // namespace
}  // namespace homeostat::proxy
