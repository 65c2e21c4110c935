#include "runtime/compress/compress_pool.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <vector>

#include "runtime/compress/json_tightener.hpp"
#include "runtime/compress/whole_encoder.hpp"
#include "tests/unit/runtime/compress/texts.hpp"

namespace homeostat::compress {
namespace {

constexpr std::chrono::seconds deadline{30};

/// A job that reports its output through a future.
struct Tracked {
  std::promise<std::string> promise;
  std::future<std::string> future = promise.get_future();
};

std::string to_text(JobResult result) {
  switch (result) {
    case JobResult::done: return "done";
    case JobResult::not_worthwhile: return "not worthwhile";
    case JobResult::not_json: return "not json";
    case JobResult::undecodable: return "undecodable";
    case JobResult::failed: break;
  }
  return "failed";
}

CompressJob job_for(const std::shared_ptr<std::string>& input,
                    const std::shared_ptr<Tracked>& tracked) {
  CompressJob job;
  job.pieces = {*input};
  job.owner = input;
  job.recipe.target = rules::Coding::gzip;
  job.recipe.effort = 5;
  job.done = [tracked](JobResult result, std::string& output) {
    tracked->promise.set_value(result == JobResult::done ? std::move(output) : to_text(result));
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
    job.done = [state = state_](JobResult, std::string&) {
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
  CompressPool pool(SystemClock::instance());
  auto input = std::make_shared<std::string>(100000, 'a');
  auto tracked = std::make_shared<Tracked>();
  ASSERT_TRUE(pool.submit(job_for(input, tracked)));
  ASSERT_EQ(tracked->future.wait_for(deadline), std::future_status::ready);
  const std::string output = tracked->future.get();
  EXPECT_EQ(testing::decoded(rules::Coding::gzip, output), *input);
  const CompressFigures figures = pool.figures();
  const CodingFigures& gzip = figures.codings[rules::index_of(rules::Coding::gzip)];
  EXPECT_EQ(gzip.variants, 1U);
  EXPECT_EQ(gzip.bytes_in, 100000U);
  EXPECT_EQ(gzip.bytes_out, output.size());
}

TEST(CompressPool, KeepsTheInputAliveUntilTheJobIsDone) {
  CompressPool pool(SystemClock::instance());
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
  EXPECT_EQ(testing::decoded(rules::Coding::gzip, tracked->future.get()), std::string(5000, 'b'));
  pool.shutdown();
  EXPECT_TRUE(watched.expired());
}

TEST(CompressPool, RefusesBeyondItsBounds) {
  CompressPoolOptions options;
  options.queue_max = 2;
  options.queue_bytes_max = 100;
  CompressPool pool(SystemClock::instance(), options);
  Blocker blocker(pool);
  const auto job = [](std::string_view text) {
    return CompressJob{{text}, nullptr, {}, [](JobResult, std::string&) {}};
  };
  const std::string sixty(60, 'x');
  const std::string hundred_one(101, 'x');
  EXPECT_FALSE(pool.submit(job(hundred_one)));
  EXPECT_TRUE(pool.submit(job(sixty)));
  EXPECT_FALSE(pool.submit(job(sixty)));
  EXPECT_TRUE(pool.submit(job("x")));
  EXPECT_FALSE(pool.submit(job("x")));
  EXPECT_FALSE(pool.submit({{"x"}, nullptr, {}, nullptr}));
  EXPECT_EQ(pool.figures().refused, 4U);
}

TEST(CompressPool, DropsWaitingJobsOnShutdownAndRefusesNewOnes) {
  CompressPool pool(SystemClock::instance());
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
  EXPECT_FALSE(pool.submit({{"x"}, nullptr, {}, [](JobResult, std::string&) {}}));
}

TEST(CompressPool, ServesManySubmittersOnSeveralThreads) {
  CompressPoolOptions options;
  options.threads = 3;
  options.queue_max = 1000;
  CompressPool pool(SystemClock::instance(), options);
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
    EXPECT_EQ(testing::decoded(rules::Coding::gzip, tracked->future.get()), *input);
  }
  EXPECT_EQ(pool.figures().codings[rules::index_of(rules::Coding::gzip)].variants, 200U);
}

/// Runs one recipe over `input`, given in two pieces.
std::string run(CompressPool& pool, const std::string& input, const Recipe& recipe) {
  auto tracked = std::make_shared<Tracked>();
  CompressJob job;
  const std::string_view all = input;
  job.pieces = {all.substr(0, all.size() / 2), all.substr(all.size() / 2)};
  job.recipe = recipe;
  job.done = [tracked](JobResult result, std::string& output) {
    tracked->promise.set_value(result == JobResult::done ? std::move(output) : to_text(result));
  };
  EXPECT_TRUE(pool.submit(std::move(job)));
  EXPECT_EQ(tracked->future.wait_for(deadline), std::future_status::ready);
  return tracked->future.get();
}

TEST(CompressPool, DecodesTightensAndEncodesInThatOrder) {
  using rules::Coding;
  CompressPool pool(SystemClock::instance());
  const std::string json = testing::json_text(20000);
  const config::JsonSettings both{true, true};
  std::string tight;
  ASSERT_TRUE(tighten_json(json, both, tight));
  std::string encoded;
  ASSERT_TRUE(encode_whole(Coding::brotli, 5, json, json.size(), encoded));

  EXPECT_EQ(run(pool, encoded, {.source = Coding::brotli}), json);
  EXPECT_EQ(run(pool, json, {.json = both}), tight);
  EXPECT_EQ(run(pool, encoded, {.source = Coding::brotli, .json = both}), tight);
  const std::string again =
      run(pool, encoded,
          {.source = Coding::brotli, .json = both, .target = Coding::brotli, .effort = 9});
  EXPECT_EQ(testing::decoded(Coding::brotli, again), tight);
  const std::string zstd = run(pool, json, {.json = both, .target = Coding::zstd, .effort = 3});
  EXPECT_EQ(testing::decoded(Coding::zstd, zstd), tight);
  const CompressFigures figures = pool.figures();
  EXPECT_EQ(figures.tightened, 4U);
  EXPECT_EQ(figures.decode_results[0], 3U);
  EXPECT_EQ(figures.codings[rules::index_of(Coding::zstd)].bytes_in, tight.size());
}

TEST(CompressPool, GivesUpNoBodyBecauseItsThreadHadToWait) {
  using rules::Coding;
  // Seconds pass at each look at this clock, while the pool's thread works for milliseconds.
  const testing::Hurrying clock;
  CompressPool pool(clock);
  const std::string text = testing::json_text(1000000);
  for (const Coding coding : {Coding::gzip, Coding::brotli, Coding::zstd}) {
    std::string encoded;
    ASSERT_TRUE(encode_whole(coding, 1, text, text.size(), encoded));
    EXPECT_EQ(run(pool, encoded, {.source = coding}), text) << rules::coding_name(coding);
  }
  EXPECT_EQ(pool.figures().decode_results[static_cast<std::size_t>(DecodeResult::ok)], 3U);
}

TEST(CompressPool, LeavesAloneWhatDoesNotGetSmallerOrCannotBeRead) {
  using rules::Coding;
  CompressPool pool(SystemClock::instance());
  const std::string noise = testing::noise(20000);
  EXPECT_EQ(run(pool, noise, {.target = Coding::zstd, .effort = 9}), "not worthwhile");
  EXPECT_EQ(run(pool, noise, {.json = {true, false}}), "not json");
  EXPECT_EQ(run(pool, noise, {.source = Coding::gzip}), "undecodable");
  EXPECT_EQ(run(pool, "[1,2,3,4]", {.json = {true, true}}), "not worthwhile");
  // Text that is no JSON is still compressed.
  const std::string text = "// " + testing::json_text(20000);
  const std::string zstd =
      run(pool, text, {.json = {true, true}, .target = Coding::zstd, .effort = 3});
  EXPECT_EQ(testing::decoded(Coding::zstd, zstd), text);
  EXPECT_EQ(pool.figures().not_worthwhile, 2U);
  EXPECT_EQ(pool.figures().not_json, 2U);
}

TEST(CompressPool, MeasuresWhatItDoes) {
  using rules::Coding;
  CompressPool pool(SystemClock::instance());
  const auto ratio = [&pool] {
    return pool.costs().current()[rules::index_of(Coding::gzip)][4].ratio;
  };
  const double before = ratio();
  for (int i = 0; i < 30; ++i) {
    run(pool, std::string(100000, 'a'), {.target = Coding::gzip, .effort = 5});
  }
  EXPECT_LT(ratio(), before);
  EXPECT_GE(ratio(), before / CostTable::trust * 0.999) << "never trusted without bound";
}

}  // namespace
}  // namespace homeostat::compress
