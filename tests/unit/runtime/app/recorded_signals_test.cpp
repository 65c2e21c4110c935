// Which endpoints are recorded and shown as metrics.
#include "runtime/app/recorded_signals.hpp"

#include <gtest/gtest.h>

namespace homeostat::app {
namespace {

/// Endpoints by id, each with so many requests in the last minute.
ControlReport report_of(const std::vector<std::uint64_t>& requests) {
  auto traffic = std::make_shared<TrafficFigures>();
  for (std::size_t i = 0; i < requests.size(); ++i) {
    EndpointFigures endpoint;
    endpoint.id = static_cast<EndpointId>(i);
    endpoint.method = "GET";
    endpoint.route = "/" + std::to_string(i);
    endpoint.last_1m.requests = requests[i];
    traffic->endpoints.push_back(endpoint);
  }
  ControlReport report;
  report.traffic = traffic;
  return report;
}

std::vector<rules::EndpointId> ids(const std::vector<rules::EndpointFrame>& frames) {
  std::vector<rules::EndpointId> out;
  for (const auto& frame : frames) out.push_back(frame.id);
  return out;
}

TEST(RecordedEndpoints, AreTheBusiestAndBounded) {
  std::vector<std::uint64_t> requests(300);
  for (std::size_t i = 0; i < requests.size(); ++i) requests[i] = i + 1;
  RecordedEndpoints endpoints;
  const auto found = ids(endpoints.update(report_of(requests)));
  ASSERT_EQ(found.size(), RecordedEndpoints::endpoints_max);
  EXPECT_EQ(found.front(), 250U);
  EXPECT_EQ(found.back(), 299U);
}

TEST(RecordedEndpoints, DoNotComeAndGoWithEveryMinute) {
  std::vector<std::uint64_t> requests(80, 100);
  RecordedEndpoints endpoints;
  const auto first = ids(endpoints.update(report_of(requests)));
  for (std::size_t i = 0; i < requests.size(); ++i) requests[i] += i * 7 % 80;
  EXPECT_EQ(ids(endpoints.update(report_of(requests))), first) << "other ranks, the same set";
  requests[first.front()] = 0;
  const auto later = ids(endpoints.update(report_of(requests)));
  EXPECT_EQ(later.size(), RecordedEndpoints::endpoints_max) << "another takes the place";
  EXPECT_NE(later.front(), first.front());
}

TEST(RecordedEndpoints, MakePlaceForMuchBusierOnes) {
  std::vector<std::uint64_t> requests(50, 1);
  RecordedEndpoints endpoints;
  (void)endpoints.update(report_of(requests));
  requests.resize(150, 1000);
  for (const rules::EndpointId id : ids(endpoints.update(report_of(requests)))) EXPECT_GE(id, 50U);
}

TEST(RecordedEndpoints, OfStaleFiguresAreNone) {
  ControlReport report = report_of({5});
  RecordedEndpoints endpoints;
  EXPECT_EQ(endpoints.update(report).size(), 1U);
  report.signals[static_cast<std::size_t>(rules::SignalId::traffic_rate)].quality =
      rules::Quality::stale;
  EXPECT_TRUE(endpoints.update(report).empty());
}

TEST(RecordedSelected, NamesObjectivesAsTheRuleLanguageDoes) {
  ControlReport report;
  ObjectiveReport objective;
  objective.figures.name = "checkout";
  objective.burn = 3;
  report.objectives = {objective};
  report.selected = {{"scrape.pool", {7, {}, rules::Quality::good, "scrape"}}};
  const auto found = recorded_selected(report);
  EXPECT_EQ(found.at("scrape.pool").value, 7);
  EXPECT_EQ(found.at("slo.burn{objective=\"checkout\"}").value, 3);
}

}  // namespace
}  // namespace homeostat::app
