// Several workers at once: readers without locks, writers, flushes, shrinking,
// and fills followed across threads. Meant to be run under ThreadSanitizer too.
#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <future>
#include <latch>
#include <random>
#include <thread>

#include "cache_fixture.hpp"

namespace homeostat::cache {
namespace {

using testing::fresh;
using testing::table;
using testing::TestRequest;

constexpr std::chrono::seconds deadline{30};

/// One data plane thread: an io_context and a worker of its own.
class Loop {
 public:
  explicit Loop(Cache& cache) : guard_(io_.get_executor()), worker(cache) {
    thread_ = std::thread([this] { io_.run(); });
  }
  ~Loop() {
    guard_.reset();
    thread_.join();
  }
  boost::asio::io_context::executor_type executor() { return io_.get_executor(); }
  void run(std::function<void()> task) { boost::asio::post(io_, std::move(task)); }

 private:
  boost::asio::io_context io_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_;
  std::thread thread_;

 public:
  Worker worker;
};

/// Follows a fill on its own loop until the end.
class Client : public std::enable_shared_from_this<Client> {
 public:
  Client(Loop& loop, FillReader reader) : loop_(loop), reader_(std::move(reader)) {}
  std::future<std::string> result() { return promise_.get_future(); }

  void step() {
    const FillState state = reader_->state();
    std::string_view views[4];
    while (const std::size_t count = reader_->gather(views)) {
      std::size_t bytes = 0;
      for (std::size_t i = 0; i < count; ++i) {
        text_ += views[i];
        bytes += views[i].size();
      }
      if (bytes == 0) break;
      reader_->consume(bytes);
    }
    if (reader_->finished() || state == FillState::failed || state == FillState::uncacheable) {
      std::string end = state == FillState::failed ? "failed" : "";
      reader_.reset();
      promise_.set_value(std::move(text_) + end);
      return;
    }
    reader_->wait(loop_.executor(), [self = shared_from_this()] { self->step(); });
  }

 private:
  Loop& loop_;
  std::optional<FillReader> reader_;
  std::string text_;
  std::promise<std::string> promise_;
};

class CollapseTest : public ::testing::Test {
 protected:
  static config::CacheSettings settings() {
    config::CacheSettings settings = testing::small_settings();
    settings.object_bytes_max = 300000;
    return settings;
  }
  ManualClock clock_;
  Cache cache_{settings(), clock_, 42};
  Worker origin_{cache_};
  EndpointPolicy policy_;
  TestRequest request_;

  FillStart begin(Worker& worker, TestRequest& request) {
    const Request view = request.view();
    const RequestDecision decision = cache_.rules().decide(view);
    return worker.begin_fill(view, decision, nullptr, clock_.now());
  }
  void publish(FillLeader& leader, std::optional<std::uint64_t> length) {
    const Request view = request_.view();
    const testing::FieldList list = fresh();
    const Fields fields = table(list);
    Response response;
    response.status = 200;
    response.reason_phrase = "OK";
    response.fields = &fields;
    response.received = response.requested = clock_.now();
    response.received_wall = clock_.wall_now();
    leader.publish_head(decide_store(cache_.rules().decide(view), view, response, policy_, 300000),
                        length, *view.fields, clock_.now());
  }
  std::vector<std::future<std::string>> follow(std::vector<std::unique_ptr<Loop>>& loops,
                                               std::size_t count) {
    std::vector<std::future<std::string>> results;
    std::latch joined(static_cast<std::ptrdiff_t>(count));
    for (std::size_t i = 0; i < count; ++i) {
      Loop& loop = *loops[i % loops.size()];
      auto promise = std::make_shared<std::promise<std::future<std::string>>>();
      auto pending = promise->get_future();
      loop.run([this, &loop, &joined, promise] {
        TestRequest request;
        FillStart start = begin(loop.worker, request);
        EXPECT_EQ(start.kind, FillStart::Kind::follower);
        auto client = std::make_shared<Client>(loop, std::move(*start.follower));
        promise->set_value(client->result());
        client->step();
        joined.count_down();
      });
      results.push_back(pending.get());
    }
    joined.wait();
    return results;
  }
};

TEST_F(CollapseTest, ManyReadersOnSeveralThreadsGetTheSameBytesFromOneFill) {
  std::vector<std::unique_ptr<Loop>> loops;
  for (int i = 0; i < 4; ++i) loops.push_back(std::make_unique<Loop>(cache_));
  FillStart start = begin(origin_, request_);
  ASSERT_EQ(start.kind, FillStart::Kind::leader);
  auto results = follow(loops, 100);
  std::string sent;
  publish(*start.leader, std::nullopt);
  for (int i = 0; i < 200; ++i) {
    const std::string chunk(997, static_cast<char>('a' + i % 26));
    start.leader->append(chunk, clock_.now());
    sent += chunk;
  }
  EXPECT_EQ(start.leader->complete(clock_.now()), Reason::none);
  for (auto& result : results) {
    ASSERT_EQ(result.wait_for(deadline), std::future_status::ready);
    EXPECT_EQ(result.get(), sent);
  }
  EXPECT_EQ(cache_.figures().collapsed, 100U);
  EXPECT_EQ(cache_.figures().stores, 1U);
}

TEST_F(CollapseTest, LeaderFailureReachesEveryReader) {
  std::vector<std::unique_ptr<Loop>> loops;
  for (int i = 0; i < 3; ++i) loops.push_back(std::make_unique<Loop>(cache_));
  FillStart start = begin(origin_, request_);
  auto results = follow(loops, 30);
  publish(*start.leader, 1000);
  start.leader->append("half", clock_.now());
  start.leader.reset();
  for (auto& result : results) {
    ASSERT_EQ(result.wait_for(deadline), std::future_status::ready);
    EXPECT_EQ(result.get(), "halffailed");
  }
  EXPECT_EQ(cache_.figures().stores, 0U);
}

TEST_F(CollapseTest, SlowReaderHoldsBackAStreamThatIsNotStored) {
  std::vector<std::unique_ptr<Loop>> loops;
  loops.push_back(std::make_unique<Loop>(cache_));
  loops.push_back(std::make_unique<Loop>(cache_));
  FillStart start = begin(origin_, request_);
  auto results = follow(loops, 8);
  publish(*start.leader, std::nullopt);
  // The leader's side, paced by wait_drained on a loop of the test's own.
  boost::asio::io_context io;
  std::string sent;
  std::uint64_t highest = 0;
  const std::string chunk(50000, 'c');
  std::function<void()> produce = [&] {
    while (sent.size() < 5000000) {
      if (!start.leader->storing() && start.leader->backlog() > 200000) {
        start.leader->wait_drained(100000, io.get_executor(), produce);
        return;
      }
      start.leader->append(chunk, clock_.now());
      sent += chunk;
      if (!start.leader->storing()) highest = std::max(highest, start.leader->backlog());
    }
    start.leader->complete(clock_.now());
  };
  const auto work = boost::asio::make_work_guard(io);
  boost::asio::post(io, produce);
  while (!start.leader->done()) ASSERT_GT(io.run_one_for(deadline), 0U);
  for (auto& result : results) {
    ASSERT_EQ(result.wait_for(deadline), std::future_status::ready);
    EXPECT_EQ(result.get(), sent);
  }
  EXPECT_LE(highest, 200000U + 300000U + 2 * chunk.size());
  EXPECT_EQ(cache_.figures().stores, 0U);
}

TEST(Threads, ReadersWritersFlushAndShrinkTogether) {
  config::CacheSettings settings = testing::small_settings();
  settings.memory = 512 * config::kibibyte;
  ManualClock clock;
  Cache cache(settings, clock, 42);
  constexpr int rounds = 4000;
  std::atomic<std::uint64_t> hits{0}, wrong{0};
  std::latch begin(4);
  const auto traffic = [&](std::uint64_t seed) {
    Worker worker(cache);
    EndpointPolicy policy;
    std::mt19937_64 random(seed);
    begin.arrive_and_wait();
    for (int i = 0; i < rounds; ++i) {
      const std::uint64_t number = std::min(random() % 400, random() % 400);
      TestRequest request = testing::at("/" + std::to_string(number));
      const std::string user = number % 4 == 0 ? std::to_string(random() % 3) : "-";
      if (number % 4 == 0) request.fields = {{"X-A", user}};
      const std::string begins = request.path + " " + user + " ";
      const Request view = request.view();
      const RequestDecision decision = cache.rules().decide(view);
      const Lookup found = worker.lookup(view, decision, clock.now());
      if (found.kind == Lookup::Kind::hit) {
        hits.fetch_add(1);
        if (!testing::body_of(*found.object).starts_with(begins)) wrong.fetch_add(1);
        continue;
      }
      FillStart start = worker.begin_fill(view, decision, found.object, clock.now());
      if (start.kind != FillStart::Kind::leader) continue;
      testing::FieldList list = fresh(5);
      if (number % 4 == 0) list.emplace_back("Vary", "X-A");
      const Fields fields = table(list);
      Response response;
      response.status = 200;
      response.fields = &fields;
      response.received = response.requested = clock.now();
      response.received_wall = clock.wall_now();
      start.leader->publish_head(
          decide_store(decision, view, response, policy, cache.object_bytes_max()), std::nullopt,
          *view.fields, clock.now());
      start.leader->append(begins + std::string(number * 10, 'x'), clock.now());
      start.leader->complete(clock.now());
      if (i % 50 == 0) worker.invalidate_uri(request.host, request.path, "", cache.rules());
    }
  };
  std::vector<std::thread> threads;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) threads.emplace_back(traffic, seed);
  threads.emplace_back([&] {
    begin.arrive_and_wait();
    for (int i = 0; i < 300; ++i) {
      switch (i % 5) {
        case 0: testing::flush(cache, "/1*"); break;
        case 1: cache.shrink_to(i % 2 == 0 ? 0.3 : 1.0); break;
        case 2: clock.advance(std::chrono::milliseconds(100)); break;
        case 3: cache.drop_expired(); break;
        default: {
          const CacheFigures figures = cache.figures();
          EXPECT_LE(figures.bytes, settings.memory);
        }
      }
    }
  });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong.load(), 0U);
  EXPECT_GT(hits.load(), 100U);
  testing::flush(cache);
  EXPECT_EQ(cache.figures().entries, 0U);
  EXPECT_EQ(cache.fill_bytes(), 0U);
}

TEST(Epochs, GarbageWaitsForTheReaderThatMaySeeIt) {
  struct Node final : Retirable {
    explicit Node(bool& flag) : freed(flag) {}
    ~Node() override { freed = true; }
    bool& freed;
  };
  EpochDomain domain;
  Garbage garbage(domain);
  EpochSlot early(domain), late(domain);
  bool freed = false;
  {
    const EpochGuard inside(early);
    garbage.retire(std::make_unique<Node>(freed));
    { const EpochGuard nested(early); }
    EXPECT_EQ(garbage.reclaim(), 1U);
    EXPECT_FALSE(freed);
  }
  const EpochGuard after(late);  // entered after the unlink: no obstacle
  EXPECT_EQ(garbage.reclaim(), 0U);
  EXPECT_TRUE(freed);
}

TEST(Epochs, SlotsAreBoundedAndReused) {
  EpochDomain domain;
  std::vector<std::unique_ptr<EpochSlot>> slots;
  for (std::size_t i = 0; i < EpochDomain::slots_max; ++i) {
    slots.push_back(std::make_unique<EpochSlot>(domain));
  }
  EXPECT_THROW(EpochSlot extra(domain), std::length_error);
  slots.pop_back();
  EXPECT_NO_THROW(EpochSlot again(domain));
}

}  // namespace
}  // namespace homeostat::cache
