// Request collapsing within one thread: states, bytes, bounds, back-pressure.
#include <boost/asio/io_context.hpp>

#include "cache_fixture.hpp"

namespace homeostat::cache {
namespace {

using std::chrono::seconds;
using testing::fresh;
using testing::Harness;
using testing::TestRequest;

std::string read_all(FillReader& reader) {
  std::string text;
  std::string_view views[3];
  while (const std::size_t count = reader.gather(views)) {
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < count; ++i) {
      text += views[i];
      bytes += views[i].size();
    }
    if (bytes == 0) break;
    reader.consume(bytes);
  }
  return text;
}

std::string pattern(std::size_t size) {
  std::string text(size, ' ');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + (i * 7 + i / 251) % 26);
  return text;
}

class FillTest : public ::testing::Test {
 protected:
  FillTest() : FillTest(testing::small_settings()) {}
  explicit FillTest(const config::CacheSettings& settings) : harness_(settings) {}

  FillLeader lead(const std::string& path = "/") {
    request_.path = path;
    FillStart start = harness_.begin(request_);
    EXPECT_EQ(start.kind, FillStart::Kind::leader);
    return std::move(*start.leader);
  }
  FillReader follow(const std::string& path = "/") {
    TestRequest request;
    request.path = path;
    FillStart start = harness_.begin(request);
    EXPECT_EQ(start.kind, FillStart::Kind::follower);
    return std::move(*start.follower);
  }
  bool publish(FillLeader& leader, std::optional<std::uint64_t> length = std::nullopt,
               const testing::FieldList& fields = fresh()) {
    const Request view = request_.view();
    return leader.publish_head(harness_.judge(request_, {200, fields}), length, *view.fields,
                               now());
  }
  Instant now() const { return harness_.clock.now(); }
  Lookup::Kind found(const std::string& path = "/") {
    TestRequest request;
    request.path = path;
    return harness_.find(request).kind;
  }

  Harness harness_;
  TestRequest request_;
  boost::asio::io_context io_;
};

TEST_F(FillTest, FollowersStreamWhatTheLeaderAppendsAndTheObjectIsStored) {
  FillLeader leader = lead();
  FillReader own = leader.reader();
  FillReader follower = follow();
  EXPECT_EQ(follower.state(), FillState::waiting);
  EXPECT_EQ(follower.head(), nullptr);
  EXPECT_TRUE(publish(leader));
  ASSERT_NE(follower.head(), nullptr);
  EXPECT_EQ(follower.head()->status, 200);
  leader.append("first ", now());
  EXPECT_EQ(read_all(follower), "first ");
  leader.append("second", now());
  FillReader late = follow();
  EXPECT_EQ(leader.complete(now()), Reason::none);
  EXPECT_EQ(read_all(follower), "second");
  EXPECT_TRUE(follower.finished());
  EXPECT_EQ(read_all(late), "first second");
  EXPECT_EQ(read_all(own), "first second");
  EXPECT_EQ(testing::body_of(*harness_.find({}).object), "first second");
  EXPECT_EQ(harness_.cache.figures().collapsed, 2U);
}

TEST_F(FillTest, BodiesOfAllSizesArriveWhole) {
  for (const std::size_t size : {0U, 1U, 8191U, 8192U, 8193U, 70000U, 300000U}) {
    for (const bool known : {false, true}) {
      const std::string path = "/" + std::to_string(size) + (known ? "k" : "u");
      const std::string body = pattern(size);
      FillLeader leader = lead(path);
      publish(leader, known ? std::optional<std::uint64_t>(size) : std::nullopt);
      FillReader reader = leader.reader();
      // Both ways of writing: into the fill's memory, and by copy.
      std::size_t sent = 0;
      while (sent < size / 2) {
        const std::span<char> room = leader.prepare();
        const std::size_t count = std::min({room.size(), size / 2 - sent, std::size_t{5000}});
        body.copy(room.data(), count, sent);
        leader.commit(count, now());
        sent += count;
      }
      leader.append(std::string_view(body).substr(sent), now());
      EXPECT_EQ(leader.complete(now()), Reason::none) << path;
      EXPECT_EQ(read_all(reader), body) << path;
      TestRequest again;
      again.path = path;
      EXPECT_EQ(testing::body_of(*harness_.find(again).object), body) << path;
    }
  }
}

TEST_F(FillTest, SmallBodiesOfUnknownLengthDoNotKeepBigBlocks) {
  FillLeader leader = lead();
  publish(leader);
  leader.append("tiny", now());
  leader.complete(now());
  EXPECT_LT(harness_.find({}).object->memory(), 1024U);
}

TEST_F(FillTest, TruncatedBodyFailsAndIsNotStored) {
  FillLeader leader = lead();
  FillReader follower = follow();
  publish(leader, 10);
  leader.append("12345", now());
  EXPECT_EQ(leader.complete(now()), Reason::truncated);
  EXPECT_EQ(read_all(follower), "12345");
  EXPECT_EQ(follower.state(), FillState::failed);
  EXPECT_FALSE(follower.finished());
  EXPECT_EQ(found(), Lookup::Kind::miss);
}

TEST_F(FillTest, MoreThanAnnouncedFails) {
  FillLeader leader = lead();
  publish(leader, 4);
  EXPECT_EQ(leader.prepare().size(), 4U);
  leader.append("12345", now());
  EXPECT_TRUE(leader.done());
  EXPECT_EQ(found(), Lookup::Kind::miss);
}

TEST_F(FillTest, LostLeaderFailsItsFollowersAndTheNextRequestLeads) {
  std::optional<FillLeader> leader(lead());
  FillReader follower = follow();
  leader.reset();
  EXPECT_EQ(follower.state(), FillState::failed);
  EXPECT_EQ(follower.reason(), Reason::upstream_failed);
  lead();
}

TEST_F(FillTest, UncacheableSendsFollowersAway) {
  FillLeader leader = lead();
  FillReader follower = follow();
  leader.uncacheable(Reason::set_cookie, now());
  EXPECT_EQ(follower.state(), FillState::uncacheable);
  EXPECT_EQ(follower.reason(), Reason::set_cookie);
  TestRequest next;
  EXPECT_EQ(harness_.begin(next).kind, FillStart::Kind::pass);
}

TEST_F(FillTest, AnswerThatMayNotBeStoredEndsTheStaleOneButAnErrorDoesNot) {
  for (const Reason reason : {Reason::status, Reason::no_store}) {
    harness_.clock.advance(seconds(5));
    harness_.get({}, {200, fresh(1)});
    harness_.clock.advance(seconds(2));
    FillLeader leader = lead();
    ASSERT_TRUE(leader.stale());
    leader.uncacheable(reason, now());
    EXPECT_EQ(found(), reason == Reason::status ? Lookup::Kind::stale : Lookup::Kind::miss);
  }
}

TEST_F(FillTest, LeavingReadersDoNotStopTheFill) {
  FillLeader leader = lead();
  { const FillReader gone = leader.reader(); }
  publish(leader);
  leader.append("text", now());
  EXPECT_EQ(leader.complete(now()), Reason::none);
  EXPECT_EQ(found(), Lookup::Kind::hit);
}

TEST_F(FillTest, FollowerOfAnotherVariantIsToldSo) {
  request_.fields = {{"Accept-Language", "de"}};
  FillLeader leader = lead();
  TestRequest english;
  english.fields = {{"Accept-Language", "en"}};
  FillStart start = harness_.begin(english);
  ASSERT_EQ(start.kind, FillStart::Kind::follower);
  testing::FieldList fields = fresh();
  fields.emplace_back("Vary", "Accept-Language");
  publish(leader, std::nullopt, fields);
  EXPECT_FALSE(start.follower->accepts(english.parsed));
  EXPECT_TRUE(start.follower->accepts(request_.parsed));
  // It asks again and leads a fill of its own.
  FillStart again = harness_.begin(english);
  EXPECT_EQ(again.kind, FillStart::Kind::leader);
}

TEST_F(FillTest, WaitCallsBackOncePerNewsOnTheReadersExecutor) {
  FillLeader leader = lead();
  FillReader reader = leader.reader();
  int calls = 0;
  reader.wait(io_.get_executor(), [&] { ++calls; });
  io_.poll();
  EXPECT_EQ(calls, 0);
  publish(leader);
  EXPECT_EQ(calls, 0);  // posted, never called inside
  io_.restart();
  io_.poll();
  EXPECT_EQ(calls, 1);
  leader.append("x", now());
  io_.restart();
  io_.poll();
  EXPECT_EQ(calls, 1);                                // nobody waits
  reader.wait(io_.get_executor(), [&] { ++calls; });  // but there is news
  io_.restart();
  io_.poll();
  EXPECT_EQ(calls, 2);
}

TEST_F(FillTest, CancelledAndDestroyedWaitsNeverCallBack) {
  FillLeader leader = lead();
  FillReader cancelled = leader.reader();
  std::optional<FillReader> destroyed(leader.reader());
  bool called = false;
  cancelled.wait(io_.get_executor(), [&] { called = true; });
  destroyed->wait(io_.get_executor(), [&] { called = true; });
  publish(leader);  // both callbacks are posted now
  cancelled.cancel();
  destroyed.reset();
  io_.poll();
  EXPECT_FALSE(called);
}

class BoundedFillTest : public FillTest {
 protected:
  static config::CacheSettings settings() {
    config::CacheSettings settings = testing::small_settings();
    settings.object_bytes_max = 100000;
    return settings;
  }
  BoundedFillTest() : FillTest(settings()) {}
};

TEST_F(BoundedFillTest, KnownLengthAboveTheBoundIsRefusedOnTheHead) {
  TestRequest request;
  testing::TestResponse response{200, fresh(), "", 100001};
  EXPECT_EQ(harness_.judge(request, response).reason, Reason::too_large);
  response.content_length = 100000;
  EXPECT_EQ(harness_.judge(request, response).reason, Reason::none);
}

TEST_F(BoundedFillTest, UnknownLengthBeyondTheBoundStreamsWithoutBeingStored) {
  const std::string chunk = pattern(50000);
  FillLeader leader = lead();
  FillReader slow = leader.reader();
  FillReader fast = follow();
  publish(leader);
  std::string sent, fast_text, slow_text;
  for (int i = 0; i < 4; ++i) {
    leader.append(chunk, now());
    sent += chunk;
    fast_text += read_all(fast);
  }
  EXPECT_FALSE(leader.storing());
  EXPECT_EQ(harness_.cache.fill_bytes(), 0U);
  EXPECT_EQ(leader.backlog(), sent.size());

  bool drained = false;
  leader.wait_drained(60000, io_.get_executor(), [&] { drained = true; });
  io_.poll();
  EXPECT_FALSE(drained);
  std::string_view views[8];
  while (leader.backlog() > 60000) {
    ASSERT_GT(slow.gather(views), 0U);
    slow_text += views[0];
    slow.consume(views[0].size());
  }
  io_.restart();
  io_.poll();
  EXPECT_TRUE(drained);
  // Too late to join: the beginning is gone.
  TestRequest late;
  EXPECT_EQ(harness_.begin(late).kind, FillStart::Kind::pass);
  EXPECT_EQ(leader.complete(now()), Reason::too_large);
  slow_text += read_all(slow);
  EXPECT_EQ(slow_text, sent);
  EXPECT_EQ(fast_text, sent);
  EXPECT_TRUE(slow.finished());
  EXPECT_EQ(found(), Lookup::Kind::miss);
}

TEST_F(BoundedFillTest, LastReaderLeavingDrains) {
  FillLeader leader = lead();
  std::optional<FillReader> reader(leader.reader());
  publish(leader);
  leader.append(pattern(200000), now());
  bool drained = false;
  leader.wait_drained(0, io_.get_executor(), [&] { drained = true; });
  reader.reset();
  io_.poll();
  EXPECT_TRUE(drained);
  EXPECT_EQ(leader.readers(), 0U);
}

TEST(FillMemory, IsBoundedAndGivenBack) {
  config::CacheSettings settings = testing::small_settings();
  settings.memory = config::mebibyte;
  settings.object_bytes_max = 512 * config::kibibyte;
  Harness harness(settings);
  const std::size_t bound = settings.memory / 2;
  {
    std::vector<FillLeader> leaders;
    std::vector<TestRequest> requests(20);
    Reason refused = Reason::none;
    for (std::size_t i = 0; i < requests.size(); ++i) {
      requests[i].path = "/" + std::to_string(i);
      FillStart start = harness.begin(requests[i]);
      if (start.kind != FillStart::Kind::leader) {
        refused = start.reason;
        break;
      }
      leaders.push_back(std::move(*start.leader));
      const Request view = requests[i].view();
      leaders.back().publish_head(harness.judge(requests[i], {200, fresh()}), 128 * 1024,
                                  *view.fields, harness.clock.now());
      EXPECT_LE(harness.cache.fill_bytes(), bound);
    }
    EXPECT_EQ(refused, Reason::fill_memory);
    EXPECT_EQ(leaders.size(), 4U);
  }
  EXPECT_EQ(harness.cache.fill_bytes(), 0U);
}

TEST(FillMemory, RunningOutHalfWayTurnsTheFillIntoAStream) {
  config::CacheSettings settings = testing::small_settings();
  settings.memory = config::mebibyte;
  settings.object_bytes_max = config::mebibyte;
  Harness harness(settings);
  TestRequest request;
  FillStart start = harness.begin(request);
  const Request view = request.view();
  start.leader->publish_head(harness.judge(request, {200, fresh()}), std::nullopt, *view.fields,
                             harness.clock.now());
  FillReader reader = start.leader->reader();
  const std::string body = pattern(700000);
  start.leader->append(body, harness.clock.now());
  EXPECT_FALSE(start.leader->storing());
  EXPECT_EQ(start.leader->complete(harness.clock.now()), Reason::fill_memory);
  EXPECT_EQ(read_all(reader), body);
}

}  // namespace
}  // namespace homeostat::cache
