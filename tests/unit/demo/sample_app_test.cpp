#include "runtime/app/demo/sample_app.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <thread>

#include "runtime/app/demo/event_loop.hpp"
#include "runtime/app/demo/fetch.hpp"
#include "runtime/app/demo/load_generator.hpp"
#include "runtime/app/demo/sample_work.hpp"
#include "tests/support/socket.hpp"

namespace homeostat::demo {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class RunningApp {
 public:
  explicit RunningApp(unsigned workers = 4, std::size_t backlog = 100)
      : app_({"127.0.0.1:0", workers, backlog, 1000}), thread_([this] { app_.run(false); }) {}
  ~RunningApp() {
    app_.stop();
    thread_.join();
  }
  [[nodiscard]] std::uint16_t port() const { return app_.port(); }

 private:
  SampleApp app_;
  std::thread thread_;
};

TEST(SampleApp, AnswersEveryEndpoint) {
  const RunningApp app;
  EXPECT_EQ(fetch(app.port(), "/health"), R"({"status":"ok"})");
  const auto report = fetch_json(app.port(), "/api/report/3");
  ASSERT_TRUE(report);
  EXPECT_EQ(number_at(*report, "/report"), 3);
  const auto search = fetch_json(app.port(), "/api/search?q=lamp");
  ASSERT_TRUE(search);
  EXPECT_EQ(search->at("query").as_string(), "q=lamp");
  EXPECT_EQ(fetch(app.port(), "/nothing"), std::nullopt);
  EXPECT_EQ(fetch(app.port(), "/checkout"), std::nullopt);  // POST only
  EXPECT_EQ(fetch(app.port(), "/api/report/3x"), std::nullopt);
}

TEST(SampleApp, CountsRequestsButNotItsOwnObservation) {
  const RunningApp app;
  ASSERT_TRUE(fetch(app.port(), "/api/report/1"));
  ASSERT_TRUE(fetch(app.port(), "/health"));
  const auto stats = fetch_json(app.port(), "/stats");
  ASSERT_TRUE(stats);
  EXPECT_EQ(number_at(*stats, "/requests"), 1);
  EXPECT_EQ(number_at(*stats, "/workers"), 4);
}

TEST(SampleWork, SizesAreAsDocumented) {
  EXPECT_NEAR(static_cast<double>(report_document(1, 1000).size()), 2048, 700);
  EXPECT_NEAR(static_cast<double>(catalog_document(1).size()), 100e3, 15e3);
  EXPECT_EQ(catalog_document(4), catalog_document(4));
  EXPECT_NE(entity_tag_of(catalog_document(4)), entity_tag_of(catalog_document(5)));
}

TEST(SampleWork, TheResultDependsOnEveryRound) {
  EXPECT_NE(burn_cpu(1, 1000), burn_cpu(1, 999));
  EXPECT_NE(burn_cpu(1, 1000), burn_cpu(2, 1000));
}

/// Runs the load to its end and returns what became of it.
RunStatistics run_load(std::uint16_t port, const Plan& plan, std::size_t connections) {
  EventLoop loop;
  LoadGenerator load(loop.context(), SystemClock::instance(), plan, {port, 1, connections});
  load.start([&] { loop.finish(); });
  int looks = 0;
  EXPECT_TRUE(loop.run(milliseconds(100), [&] { return ++looks < 300; }));
  return load.statistics();
}

TEST(LoadGenerator, EveryOfferedRequestGetsExactlyOneOutcome) {
  const RunningApp app;
  const RunStatistics statistics = run_load(app.port(), {{"calm", milliseconds(500), 40}}, 100);
  const Tally& tally = statistics.phase(0).all;
  EXPECT_GT(tally.offered, 5U);
  EXPECT_EQ(tally.offered, tally.good + tally.rejected + tally.failed);
  EXPECT_GT(tally.good, 0U);
  EXPECT_GT(statistics.bytes(), 1000U);
  const auto stats = fetch_json(app.port(), "/stats");
  ASSERT_TRUE(stats);
  // Of those that failed, the application may have heard or not.
  EXPECT_LE(number_at(*stats, "/requests"), static_cast<double>(tally.offered));
  EXPECT_GE(number_at(*stats, "/requests"), static_cast<double>(tally.good + tally.rejected));
}

TEST(LoadGenerator, AFullBacklogIsBookedAsRejected) {
  const RunningApp app(1, 1);
  const RunStatistics statistics = run_load(app.port(), {{"rush", milliseconds(500), 600}}, 1000);
  EXPECT_GT(statistics.phase(0).all.rejected, 0U);
}

TEST(LoadGenerator, AQueueLongerThanPatienceIsBookedAsFailed) {
  const RunningApp app(1, 10000);  // one worker needs about 4 s for this
  const RunStatistics statistics = run_load(app.port(), {{"rush", milliseconds(500), 600}}, 1000);
  const Tally& tally = statistics.phase(0).all;
  EXPECT_GT(tally.failed, tally.offered / 3);
  EXPECT_EQ(tally.rejected, 0U);
}

TEST(LoadGenerator, ARequestWithoutAFreeConnectionFails) {
  const RunningApp app(1, 10000);
  const RunStatistics statistics = run_load(app.port(), {{"rush", milliseconds(300), 400}}, 1);
  EXPECT_GT(statistics.phase(0).all.failed, statistics.offered() / 2);
}

TEST(LoadGenerator, NobodyListeningIsAFailureNotAHang) {
  const test::HeldPort port;
  const RunStatistics statistics = run_load(port.port(), {{"calm", milliseconds(200), 100}}, 100);
  EXPECT_GT(statistics.offered(), 0U);
  EXPECT_EQ(statistics.phase(0).all.failed, statistics.offered());
}

TEST(SampleApp, ABadAddressIsAClearError) {
  EXPECT_THROW(SampleApp({"localhost", 1, 1, 1}), std::runtime_error);
  EXPECT_THROW(SampleApp({"127.0.0.1:http", 1, 1, 1}), std::runtime_error);
}

}  // namespace
}  // namespace homeostat::demo
