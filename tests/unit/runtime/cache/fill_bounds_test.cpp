// Fills at their bounds: size, memory, readers that lag behind.
#include "fill_fixture.hpp"

namespace homeostat::cache {
namespace {

using testing::FillTest;
using testing::fresh;
using testing::Harness;
using testing::pattern;
using testing::read_all;
using testing::TestRequest;

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
  EXPECT_GE(harness_.cache.fill_bytes(), sent.size()) << "what the slow reader needs is counted";
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
  EXPECT_LE(harness_.cache.fill_bytes(), 64 * config::kibibyte) << "read by all: given back";
  EXPECT_EQ(found(), Lookup::Kind::miss);
}

/// A fill too large to store with one reader behind and one that waits.
class LaggardTest : public BoundedFillTest {
 protected:
  LaggardTest() {
    publish(leader_);
    leader_.append(pattern(200000), now());
    (void)read_all(fast_);
    slow_->wait_cut_off(io_.get_executor(), [this] { ++told_; });
  }
  int times_told() {
    io_.restart();
    io_.poll();
    return told_;
  }

  FillLeader leader_ = lead();
  std::optional<FillReader> slow_ = leader_.reader();
  FillReader fast_ = follow();
  int told_ = 0;
};

TEST_F(LaggardTest, IsToldOnceThatItIsCutOffAndItsBlocksStayUntilItLeaves) {
  EXPECT_EQ(times_told(), 0) << "more bytes are no news while it sends";
  std::string_view views[8];
  ASSERT_GT(slow_->gather(views), 0U);
  const std::string before(views[0]);
  leader_.cut_off_laggards(60000);
  EXPECT_TRUE(slow_->cut_off());
  EXPECT_FALSE(fast_.cut_off());
  EXPECT_EQ(times_told(), 1);
  EXPECT_EQ(views[0], before);
  bool drained = false;
  leader_.wait_drained(60000, io_.get_executor(), [&] { drained = true; });
  slow_.reset();
  io_.restart();
  io_.poll();
  EXPECT_TRUE(drained);
  EXPECT_EQ(times_told(), 1);
}

TEST_F(LaggardTest, IsLeftAloneWhileNobodyWaitsForIt) {
  leader_.append(pattern(10), now());  // the fast one has something to do
  leader_.cut_off_laggards(60000);
  EXPECT_FALSE(slow_->cut_off());
  EXPECT_EQ(times_told(), 0);
}

TEST_F(LaggardTest, IsForgivenWhenItComesCloseInTime) {
  leader_.wait_drained(60000, io_.get_executor(), [] {});
  leader_.cut_off_laggards(60000);
  EXPECT_TRUE(slow_->cut_off());
  slow_->consume(150000);
  EXPECT_FALSE(slow_->cut_off());
}

TEST_F(LaggardTest, WithinTheAllowedLagIsNoLaggard) {
  slow_->consume(150000);
  leader_.cut_off_laggards(60000);
  EXPECT_FALSE(slow_->cut_off());
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
