#include "runtime/compress/compress_pool.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <vector>

#include "tests/unit/runtime/compress/gunzip.hpp"

namespace homeostat::compress {
namespace {

constexpr std::chrono::seconds deadline{30};

/// A job that reports its output through a future.
struct Tracked {
  std::promise<std::string> promise;
  std::future<std::string> future = promise.get_future();
};

CompressJob job_for(const std::shared_ptr<std::string>& input,
                    const std::shared_ptr<Tracked>& tracked) {
  CompressJob job;
  job.input = *input;
  job.owner = input;
  job.done = [tracked](bool ok, std::string& output) {
    tracked->promise.set_value(ok ? std::move(output) : std::string("failed"));
  };
  return job;
}

/// Occupies the pool's only thread until released. The job shares the state, so
/// that the blocker may go before the job has quite returned.
class Blocker {
 public:
  explicit Blocker(CompressPool& pool) {
    std::future<void> running = state_->running.get_future();
    CompressJob job;
    job.done = [state = state_](bool, std::string&) {
      std::future<void> released = state->release.get_future();
      state->running.set_value();
      released.wait();
    };
    EXPECT_TRUE(pool.submit(std::move(job)));
    EXPECT_EQ(running.wait_for(deadline), std::future_status::ready);
  }
  ~Blocker() { release(); }
  void release() {
    if (!released_) state_->release.set_value();
    released_ = true;
  }

 private:
  struct State {
    std::promise<void> running;
    std::promise<void> release;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
  bool released_ = false;
};

TEST(CompressPool, CompressesInTheBackground) {
  CompressPool pool;
  auto input = std::make_shared<std::string>(100000, 'a');
  auto tracked = std::make_shared<Tracked>();
  ASSERT_TRUE(pool.submit(job_for(input, tracked)));
  ASSERT_EQ(tracked->future.wait_for(deadline), std::future_status::ready);
  const std::string output = tracked->future.get();
  EXPECT_EQ(testing::gunzip(output).text, *input);
  const CompressFigures figures = pool.figures();
  EXPECT_EQ(figures.jobs, 1U);
  EXPECT_EQ(figures.bytes_in, 100000U);
  EXPECT_EQ(figures.bytes_out, output.size());
}

TEST(CompressPool, KeepsTheInputAliveUntilTheJobIsDone) {
  CompressPool pool;
  auto tracked = std::make_shared<Tracked>();
  std::weak_ptr<std::string> watched;
  {
    Blocker blocker(pool);
    auto input = std::make_shared<std::string>(5000, 'b');
    watched = input;
    ASSERT_TRUE(pool.submit(job_for(input, tracked)));
    input.reset();
    EXPECT_FALSE(watched.expired());
  }
  ASSERT_EQ(tracked->future.wait_for(deadline), std::future_status::ready);
  EXPECT_EQ(testing::gunzip(tracked->future.get()).text, std::string(5000, 'b'));
  pool.shutdown();
  EXPECT_TRUE(watched.expired());
}

TEST(CompressPool, RefusesBeyondItsBounds) {
  CompressPoolOptions options;
  options.queue_max = 2;
  options.queue_bytes_max = 100;
  CompressPool pool(options);
  Blocker blocker(pool);
  const auto nothing = [](bool, std::string&) {};
  const std::string sixty(60, 'x');
  const std::string hundred_one(101, 'x');
  EXPECT_FALSE(pool.submit({hundred_one, nullptr, 5, nothing}));
  EXPECT_TRUE(pool.submit({sixty, nullptr, 5, nothing}));
  EXPECT_FALSE(pool.submit({sixty, nullptr, 5, nothing}));
  EXPECT_TRUE(pool.submit({"x", nullptr, 5, nothing}));
  EXPECT_FALSE(pool.submit({"x", nullptr, 5, nothing}));
  EXPECT_FALSE(pool.submit({"x", nullptr, 5, nullptr}));
  EXPECT_EQ(pool.figures().refused, 4U);
}

TEST(CompressPool, DropsWaitingJobsOnShutdownAndRefusesNewOnes) {
  CompressPool pool;
  auto waiting = std::make_shared<Tracked>();
  std::future<std::string> never = std::move(waiting->future);
  auto input = std::make_shared<std::string>("abc");
  auto blocker = std::make_unique<Blocker>(pool);
  ASSERT_TRUE(pool.submit(job_for(input, waiting)));
  waiting.reset();
  std::future<void> stopped = std::async(std::launch::async, [&pool] { pool.shutdown(); });
  ASSERT_EQ(never.wait_for(deadline), std::future_status::ready);
  EXPECT_THROW(never.get(), std::future_error);  // destroyed without running
  blocker->release();
  ASSERT_EQ(stopped.wait_for(deadline), std::future_status::ready);
  pool.shutdown();
  EXPECT_FALSE(pool.submit({"x", nullptr, 5, [](bool, std::string&) {}}));
}

TEST(CompressPool, ServesManySubmittersOnSeveralThreads) {
  CompressPoolOptions options;
  options.threads = 3;
  options.queue_max = 1000;
  CompressPool pool(options);
  auto input = std::make_shared<std::string>(2000, 'c');
  std::vector<std::shared_ptr<Tracked>> all(200);
  for (auto& tracked : all) tracked = std::make_shared<Tracked>();
  std::vector<std::future<void>> submitters;
  for (std::size_t t = 0; t < 4; ++t) {
    submitters.push_back(std::async(std::launch::async, [&, t] {
      for (std::size_t i = t; i < all.size(); i += 4)
        EXPECT_TRUE(pool.submit(job_for(input, all[i])));
    }));
  }
  for (auto& submitter : submitters) submitter.get();
  for (auto& tracked : all) {
    ASSERT_EQ(tracked->future.wait_for(deadline), std::future_status::ready);
    EXPECT_EQ(testing::gunzip(tracked->future.get()).text, *input);
  }
  EXPECT_EQ(pool.figures().jobs, 200U);
}

}  // namespace
}  // namespace homeostat::compress
