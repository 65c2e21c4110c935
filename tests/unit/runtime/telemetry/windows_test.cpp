#include "runtime/telemetry/windows.hpp"

#include <gtest/gtest.h>

#include <memory>

namespace homeostat::telemetry {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class Windows : public ::testing::Test {
 protected:
  Instant start_{std::chrono::hours(1)};
  WindowTimeline timeline_{start_};
  EndpointWindows windows_;
  std::unique_ptr<HistogramCounts> scratch_ = std::make_unique<HistogramCounts>();

  void tick(Duration since_start, std::uint64_t requests, std::uint64_t failed = 0,
            std::uint64_t nanoseconds = 1000000) {
    timeline_.advance(start_ + since_start);
    TrafficDelta delta;
    delta.offered = delta.answered = requests;
    delta.failed = failed;
    delta.latency_nanoseconds = requests * nanoseconds;
    if (requests > 0) {
      delta.latency = {{static_cast<std::uint16_t>(LatencyBuckets::index_of(nanoseconds)),
                        static_cast<std::uint32_t>(requests)}};
      windows_.add(timeline_, delta);
    }
  }
  WindowFigures figures(Window window) { return windows_.figures(timeline_, window, *scratch_); }
};

TEST_F(Windows, CountExactlyTheirOwnSpan) {
  for (int second = 1; second <= 600; ++second)
    tick(seconds(second), static_cast<unsigned>(second));
  // 591..600, 541..600, 301..600
  EXPECT_EQ(figures(Window::seconds_10).requests, 5955U);
  EXPECT_EQ(figures(Window::minute_1).requests, 34230U);
  EXPECT_EQ(figures(Window::minutes_5).requests, 135150U);
  EXPECT_NEAR(figures(Window::seconds_10).rate, 595.5, 1e-9);
  EXPECT_NEAR(figures(Window::minute_1).rate, 570.5, 1e-9);
  EXPECT_NEAR(figures(Window::minutes_5).rate, 450.5, 1e-9);
}

TEST_F(Windows, StateTheTrueRateRightAfterTheStart) {
  tick(seconds(1), 20);
  EXPECT_NEAR(figures(Window::seconds_10).rate, 20, 1e-9);
  EXPECT_NEAR(figures(Window::minutes_5).rate, 20, 1e-9);
}

TEST_F(Windows, StateTheTrueRateWhenTicksAreUneven) {
  Duration at{};
  for (int i = 0; i < 400; ++i) {
    const Duration step = milliseconds(100 + (i * 37) % 1900);
    at += step;
    tick(at, static_cast<std::uint64_t>(step / milliseconds(1)));  // 1000 a second
    ASSERT_NEAR(figures(Window::seconds_10).rate, 1000, 1e-6) << i;
    ASSERT_NEAR(figures(Window::minute_1).rate, 1000, 1e-6) << i;
    ASSERT_NEAR(figures(Window::minutes_5).rate, 1000, 1e-6) << i;
  }
}

TEST_F(Windows, DoNotInflateTheRateAfterAGap) {
  tick(seconds(1), 10);
  tick(seconds(61), 600);  // nobody collected for a minute
  EXPECT_NEAR(figures(Window::seconds_10).rate, 10, 1e-9);
}

TEST_F(Windows, ForgetWhatIsOlder) {
  tick(seconds(1), 5, 5);
  tick(seconds(9), 0);
  EXPECT_EQ(figures(Window::seconds_10).requests, 5U);
  EXPECT_EQ(figures(Window::seconds_10).error_ratio, 1.0);
  tick(seconds(12), 0);
  EXPECT_EQ(figures(Window::seconds_10).requests, 0U);
  EXPECT_EQ(figures(Window::seconds_10).latency_p99, 0.0);
  EXPECT_EQ(figures(Window::minute_1).requests, 5U);
  tick(seconds(66), 0);
  EXPECT_EQ(figures(Window::minute_1).requests, 0U);
  EXPECT_EQ(figures(Window::minutes_5).requests, 5U);
  tick(seconds(331), 0);
  EXPECT_EQ(figures(Window::minutes_5).requests, 0U);
}

TEST_F(Windows, ForgetAlsoWhenASliceIsNotUsedAgain) {
  tick(seconds(1), 5);
  tick(seconds(101), 1);  // the same place in the ring of 1 s slices
  EXPECT_EQ(figures(Window::seconds_10).requests, 1U);
}

TEST_F(Windows, SummarizeLatencyAndErrors) {
  tick(seconds(1), 90, 0, 1000000);
  tick(seconds(2), 9, 3, 100000000);
  tick(seconds(3), 1, 0, 2000000000);
  const WindowFigures result = figures(Window::seconds_10);
  EXPECT_NEAR(result.latency_avg, (90 * 0.001 + 9 * 0.1 + 2.0) / 100, 1e-12);
  EXPECT_NEAR(result.latency_p50, 0.001, 0.00002);
  EXPECT_NEAR(result.latency_p95, 0.1, 0.002);
  EXPECT_NEAR(result.latency_p99, 0.1, 0.002);
  EXPECT_NEAR(result.error_ratio, 0.03, 1e-12);
  EXPECT_FALSE(result.hit_ratio_known);
}

TEST_F(Windows, FollowAShiftOfTheLatencyAtTheSameRate) {
  for (int second = 1; second <= 600; ++second) {
    tick(seconds(second), 100, 0, 1000000);
    (void)figures(Window::minute_1);
    (void)figures(Window::minutes_5);
  }
  for (int second = 601; second <= 610; ++second) {
    tick(seconds(second), 100, 0, 2000000000);
    (void)figures(Window::minute_1);
  }
  EXPECT_NEAR(figures(Window::seconds_10).latency_p50, 2.0, 0.04);
  EXPECT_NEAR(figures(Window::minute_1).latency_p95, 2.0, 0.04);
  EXPECT_NEAR(figures(Window::minute_1).latency_p50, 0.001, 0.00002);
  for (int second = 611; second <= 640; ++second) {
    tick(seconds(second), 100, 0, 2000000000);
    (void)figures(Window::minutes_5);
  }
  EXPECT_NEAR(figures(Window::minutes_5).latency_p95, 2.0, 0.04);
}

TEST_F(Windows, IgnoreTimeThatGoesBack) {
  tick(seconds(5), 10);
  tick(seconds(3), 10);
  EXPECT_EQ(timeline_.last(), start_ + seconds(5));
  EXPECT_EQ(figures(Window::seconds_10).requests, 20U);
}

TEST_F(Windows, GiveMemoryBackWhenASliceIsCleared) {
  TrafficDelta wide;
  wide.offered = wide.answered = LatencyBuckets::count;
  for (std::uint16_t i = 0; i < LatencyBuckets::count; ++i) wide.latency.push_back({i, 1});
  for (int second = 1; second <= 400; ++second) {
    timeline_.advance(start_ + seconds(second));
    windows_.add(timeline_, wide);
  }
  const std::size_t busy = windows_.bytes();
  for (int second = 401; second <= 800; ++second) tick(seconds(second), 1);
  EXPECT_LT(windows_.bytes() * 8, busy);
}

}  // namespace
}  // namespace homeostat::telemetry
