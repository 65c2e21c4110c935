// Which requests are good, objective by objective.
#include "runtime/telemetry/objectives.hpp"

#include <gtest/gtest.h>

namespace homeostat::telemetry {
namespace {

using namespace std::chrono_literals;

config::ObjectiveSettings objective(std::string name, config::RequestMatch match,
                                    std::chrono::milliseconds latency = 0ms) {
  return {std::move(name), std::move(match), 0.99, latency};
}

TrafficDelta delta(std::uint64_t offered, std::uint64_t failed,
                   const std::vector<std::pair<Duration, std::uint32_t>>& answered) {
  TrafficDelta out;
  out.offered = offered;
  out.failed = failed;
  for (const auto& [latency, count] : answered) {
    const auto nanoseconds = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(latency).count());
    out.latency.push_back(
        {static_cast<std::uint16_t>(LatencyBuckets::index_of(nanoseconds)), count});
    out.answered += count;
  }
  return out;
}

TEST(Objectives, CountFailuresAndRejectionsAgainstAvailability) {
  Objectives objectives({objective("all", {"*", {}})});
  objectives.add(1, {"GET", "/a"}, delta(100, 3, {{10ms, 90}}));
  const auto figures = objectives.figures();
  ASSERT_EQ(figures.size(), 1U);
  EXPECT_EQ(figures[0].name, "all");
  EXPECT_EQ(figures[0].requests_total, 100U);
  EXPECT_EQ(figures[0].bad_total, 13U) << "3 failed, 10 rejected";
  EXPECT_FALSE(figures[0].late_total) << "no latency is promised";
}

TEST(Objectives, CountSlowAnswersAgainstLatency) {
  Objectives objectives({objective("fast", {"*", {}}, 300ms)});
  objectives.add(1, {"GET", "/a"}, delta(100, 50, {{10ms, 60}, {290ms, 20}, {350ms, 20}}));
  EXPECT_EQ(objectives.figures()[0].bad_total, 20U) << "a failure that was quick is not slow";
  EXPECT_EQ(objectives.figures()[0].late_total, 20U);
  objectives.add(1, {"GET", "/a"}, delta(50, 0, {{10ms, 40}}));
  EXPECT_EQ(objectives.figures()[0].bad_total, 30U) << "10 rejected";
  EXPECT_EQ(objectives.figures()[0].late_total, 20U) << "who was rejected did not wait too long";
}

TEST(Objectives, TakeOnlyTheirOwnRoutesAndMethods) {
  Objectives objectives(
      {objective("checkout", {"/checkout*", {"POST"}}), objective("books", {"*/book/*", {}})});
  objectives.add(1, {"POST", "/checkout/{id}"}, delta(10, 1, {{10ms, 10}}));
  objectives.add(2, {"GET", "/checkout/{id}"}, delta(10, 1, {{10ms, 10}}));
  objectives.add(3, {"GET", "/v1/book/{id}"}, delta(5, 2, {{10ms, 5}}));
  EXPECT_EQ(objectives.figures()[0].requests_total, 10U);
  EXPECT_EQ(objectives.figures()[1].requests_total, 5U);
  EXPECT_EQ(objectives.figures()[1].bad_total, 2U);
}

}  // namespace
}  // namespace homeostat::telemetry
