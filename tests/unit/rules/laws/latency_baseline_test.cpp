#include "rules/laws/latency_baseline.hpp"

#include <gtest/gtest.h>

#include "rules/laws/drop_guard.hpp"

namespace homeostat::rules {
namespace {

using std::chrono::milliseconds;

LimitWindow window_of(std::initializer_list<EndpointSamples> endpoints) {
  LimitWindow window;
  window.length = std::chrono::seconds(1);
  window.endpoints = endpoints;
  return window;
}

EndpointSamples samples(EndpointId id, std::uint64_t count, double mean) {
  const double exact = static_cast<double>(count);
  return {id, count, exact * mean, exact * mean * mean * 2, mean};  // CV = 1
}

WindowMerge merged(std::initializer_list<EndpointSamples> endpoints) {
  WindowMerge merge;
  merge.add(window_of(endpoints));
  return merge;
}

TEST(LatencyBaseline, QueueIsLittlesLawOverTheBaseline) {
  LatencyBaseline baseline;
  baseline.replace(merged({samples(1, 100, 0.02)}));
  const Congestion congestion = baseline.judge(merged({samples(1, 800, 0.025)}));
  EXPECT_NEAR(congestion.ratio, 1.25, 1e-9);
  EXPECT_NEAR(congestion.queue, 800 * 0.005, 1e-9);  // 4 of 20 in flight queue
  EXPECT_NEAR(congestion.cv_square, 1, 1e-9);
}

TEST(LatencyBaseline, AMixShiftIsNotQueueing) {
  LatencyBaseline baseline;
  baseline.replace(merged({samples(1, 98, 0.01), samples(2, 50, 0.11)}));
  EXPECT_NEAR(baseline.judge(merged({samples(1, 10, 0.01), samples(2, 90, 0.11)})).ratio, 1, 1e-9);
}

TEST(LatencyBaseline, RareSlowEndpointsAskForMoreSamples) {
  LatencyBaseline baseline;
  const WindowMerge mix = merged({samples(1, 98, 0.01), samples(2, 2, 0.5)});
  baseline.replace(mix);
  EXPECT_GT(baseline.judge(mix).cv_square, 10);
}

TEST(LatencyBaseline, NewEndpointsAreLearntFromTheFirstThirtySamples) {
  LatencyBaseline baseline;
  baseline.replace(merged({samples(1, 100, 0.02)}));
  baseline.adopt_new(merged({samples(2, 1, 0.3)}), 1);
  baseline.adopt_new(merged({samples(2, 29, 0.1)}), 1);
  EXPECT_NEAR(baseline.of(2), (0.3 + 2.9) / 30, 1e-9);
  baseline.adopt_new(merged({samples(2, 100, 9)}), 1);
  EXPECT_NEAR(baseline.of(2), (0.3 + 2.9) / 30, 1e-9);
  baseline.adopt_new(merged({samples(3, 30, 0.4)}), 2);
  EXPECT_NEAR(baseline.of(3), 0.2, 1e-9);
}

TEST(LatencyBaseline, ProbesJumpOnSignificantAndAverageOtherwise) {
  LatencyBaseline baseline;
  baseline.replace(merged({samples(1, 100, 0.02)}));
  EXPECT_FALSE(baseline.correct(merged({samples(1, 100, 0.022)}), 3).significant);
  EXPECT_NEAR(baseline.of(1), 0.021, 1e-9);
  const BaselineShift shift = baseline.correct(merged({samples(1, 100, 0.042)}), 3);
  EXPECT_TRUE(shift.significant);
  EXPECT_NEAR(shift.ratio, 2, 1e-9);
  EXPECT_NEAR(baseline.of(1), 0.042, 1e-9);
}

TEST(LatencyBaseline, LowersOnlyBeyondDoubt) {
  LatencyBaseline baseline;
  baseline.replace(merged({samples(1, 100, 0.02)}));
  baseline.lower(merged({samples(1, 100, 0.018)}), 0.5);
  EXPECT_NEAR(baseline.of(1), 0.02, 1e-9);
  baseline.lower(merged({samples(1, 100, 0.01)}), 0.5);
  EXPECT_NEAR(baseline.of(1), 0.015, 1e-9);
  baseline.lower(merged({samples(1, 100, 0.05)}), 0.5);
  EXPECT_NEAR(baseline.of(1), 0.015, 1e-9);
}

TEST(WindowMerge, AddsUpAndBoundsEndpointIds) {
  WindowMerge merge;
  LimitWindow window = window_of({samples(1, 10, 0.01), samples(5000000, 5, 0.02)});
  window.in_flight_mean = 4;
  window.limited_share = 1;
  merge.add(window);
  window.in_flight_mean = 8;
  window.limited_share = 0;
  merge.add(window);
  EXPECT_DOUBLE_EQ(merge.seconds(), 2);
  EXPECT_DOUBLE_EQ(merge.in_flight(), 6);
  EXPECT_DOUBLE_EQ(merge.limited(), 0.5);
  EXPECT_EQ(merge.samples(), 30U);
  ASSERT_EQ(merge.endpoints().size(), 2U);
  EXPECT_EQ(merge.endpoints()[1].endpoint, 0U);
  merge.clear();
  EXPECT_EQ(merge.samples(), 0U);
  merge.add(window);
  EXPECT_EQ(merge.endpoints().size(), 2U);
}

/// One window of one endpoint.
bool cut(DropGuard& guard, Instant now, std::uint64_t dropped, std::uint64_t answered,
         EndpointId endpoint = 1) {
  LimitWindow window;
  window.now = now;
  EndpointSamples samples;
  samples.endpoint = endpoint;
  samples.count = answered;
  samples.dropped = dropped;
  window.endpoints.push_back(samples);
  return guard.update(window, LatencyBaseline());
}

TEST(DropGuard, ReactsToASurgeThenGetsUsedToIt) {
  DropGuard guard;
  Instant now{};
  EXPECT_FALSE(cut(guard, now, 0, 100));
  now += milliseconds(1500);
  EXPECT_FALSE(cut(guard, now, 1, 2));  // one is an accident
  now += milliseconds(300);
  EXPECT_TRUE(cut(guard, now, 50, 50));
  now += milliseconds(100);
  EXPECT_FALSE(cut(guard, now, 50, 50));  // at most every 200 ms
  int cuts = 0;
  for (int index = 0; index < 200; ++index) {
    now += milliseconds(250);
    cuts += cut(guard, now, 50, 50) ? 1 : 0;
  }
  EXPECT_GT(cuts, 5);
  EXPECT_LT(cuts, 40);
  EXPECT_FALSE(guard.complaint());
}

}  // namespace
}  // namespace homeostat::rules
