// The slo.* signals of configured objectives.
#include "actors/objective_board.hpp"

#include <gtest/gtest.h>

namespace homeostat::actors {
namespace {

using namespace std::chrono_literals;

class Objectives : public testing::Test {
 protected:
  void run(std::chrono::minutes time, std::uint64_t bad_of_a_thousand) {
    for (std::chrono::seconds done{0}; done < time; done += 10s) {
      figures.at += 10s;
      for (ObjectiveFigures& each : figures.objectives) each.requests_total += 1000;
      figures.objectives[0].bad_total += bad_of_a_thousand;
      board.receive(figures);
    }
  }
  [[nodiscard]] std::optional<double> value(const rules::Selector& selector) const {
    std::vector<rules::LabelledReading> readings;
    board.fill(std::array{selector}, figures.at, readings);
    if (readings.empty()) return std::nullopt;
    EXPECT_EQ(readings[0].key, selector.key);
    return readings[0].reading.value;
  }
  TrafficFigures figures = [] {
    TrafficFigures out;
    out.at = Instant(1h);
    out.objectives = {{"checkout", 0.99, 0, 0}, {"search", 0.9, 0, 0}};
    return out;
  }();
  ObjectiveBoard board;
};

TEST_F(Objectives, ShowTheWorstUnlessOneIsNamed) {
  run(20min, 100);
  EXPECT_NEAR(*value(rules::make_selector("slo.burn", {})), 10, 0.1);
  EXPECT_NEAR(*value(rules::make_selector("slo.burn", {{"objective", "checkout", true}})), 10, 0.1);
  EXPECT_EQ(value(rules::make_selector("slo.burn", {{"objective", "search", true}})), 0);
  EXPECT_EQ(value(rules::make_selector("slo.burn_slow", {{"objective", "checkout", false}})), 0);
  EXPECT_EQ(value(rules::make_selector("slo.burn", {{"objective", "none", true}})), std::nullopt);
}

TEST_F(Objectives, AreReportedWithTheirTotals) {
  run(20min, 100);
  const auto report = board.report();
  ASSERT_EQ(report.size(), 2U);
  EXPECT_EQ(report[0].figures.name, "checkout");
  EXPECT_EQ(report[0].figures.bad_total, 12000U);
  EXPECT_NEAR(report[0].burn_slow, 10, 0.1);
}

TEST_F(Objectives, TellLateAnswersFromRefusals) {
  run(20min, 100);
  EXPECT_FALSE(board.late_burn()) << "no latency is promised";
  figures.objectives.push_back({"quick", 0.99, 0, 0, 0});
  for (int tick = 0; tick < 60; ++tick) {
    figures.objectives[2].bad_total += 100;
    *figures.objectives[2].late_total += 20;
    run(1min, 0);
  }
  EXPECT_NEAR(board.late_burn().value_or(0), 20 / 6000.0 / 0.01, 0.02)
      << "windows of whole minutes";
}

TEST_F(Objectives, LeaveOtherSignalsAlone) {
  run(1min, 0);
  EXPECT_EQ(value(rules::make_selector("scrape.pool", {})), std::nullopt);
}

}  // namespace
}  // namespace homeostat::actors
