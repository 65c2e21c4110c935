#include "tests/unit/runtime/gate/gate_fixture.hpp"

namespace homeostat::gate {
namespace {

using std::chrono::milliseconds;

class GateFiguresOf : public GateFixture {};

TEST_F(GateFiguresOf, AWindowHoldsEndpointSumsOfAllWorkers) {
  build(with_limit(10), 2);
  take(0, 3).success(milliseconds(10));
  take(1, 3).success(milliseconds(30));
  take(1, 7).success(milliseconds(5));
  clock.advance(milliseconds(100));
  const GateFigures figures = gate->collect(clock.now());
  ASSERT_EQ(figures.window.endpoints.size(), 2U);
  const rules::EndpointSamples& samples = figures.window.endpoints[0];
  EXPECT_EQ(samples.endpoint, 3U);
  EXPECT_EQ(samples.count, 2U);
  EXPECT_NEAR(samples.latency_sum, 0.040, 1e-9);
  EXPECT_NEAR(samples.latency_square_sum, 0.0010, 1e-9);
  EXPECT_NEAR(samples.latency_min, 0.010, 1e-9);
  EXPECT_EQ(figures.admitted, 3U);
  EXPECT_EQ(figures.window.length, Duration(milliseconds(100)));
}

TEST_F(GateFiguresOf, EachWindowStartsFresh) {
  build(with_limit(10));
  take().success(milliseconds(10));
  clock.advance(milliseconds(100));
  (void)gate->collect(clock.now());
  take().success(milliseconds(40));
  clock.advance(milliseconds(100));
  const GateFigures figures = gate->collect(clock.now());
  ASSERT_EQ(figures.window.endpoints.size(), 1U);
  EXPECT_EQ(figures.window.endpoints[0].count, 1U);
  EXPECT_NEAR(figures.window.endpoints[0].latency_sum, 0.040, 1e-9);
  EXPECT_NEAR(figures.window.endpoints[0].latency_min, 0.040, 1e-9);
  EXPECT_EQ(figures.admitted, 1U);
  clock.advance(milliseconds(100));
  EXPECT_TRUE(gate->collect(clock.now()).window.endpoints.empty());
}

TEST_F(GateFiguresOf, InFlightIsATimeAverageAcrossWindows) {
  build(with_limit(10), 2);
  Permit first = take(0);
  clock.advance(milliseconds(50));
  Permit second = take(1);
  clock.advance(milliseconds(50));
  EXPECT_NEAR(gate->collect(clock.now()).window.in_flight_mean, 1.5, 1e-9);
  clock.advance(milliseconds(25));
  first.ignore();
  clock.advance(milliseconds(75));
  EXPECT_NEAR(gate->collect(clock.now()).window.in_flight_mean, 1.25, 1e-9);
}

TEST(GateTotals, ShedClassesAndLimitsOfOperatorsAreNoOverload) {
  GateTotals totals;
  const auto reject = [&totals](RejectReason reason, std::uint8_t priority_class) {
    ++totals.rejected[static_cast<std::size_t>(reason)][priority_class];
  };
  for (int i = 0; i < 50; ++i) reject(RejectReason::shed_class, 3);
  reject(RejectReason::rate_limit, 0);
  reject(RejectReason::concurrency_cap, 0);
  for (int i = 0; i < 50; ++i) reject(RejectReason::too_late, 0);
  EXPECT_EQ(totals.rejected_total(), 102U);
  EXPECT_EQ(totals.overload_total(), 0U);
  reject(RejectReason::queue_full, 3);
  reject(RejectReason::deadline, 3);
  reject(RejectReason::predicted_wait, 0);
  EXPECT_EQ(totals.overload_total(), 3U);
  EXPECT_EQ(totals.overload_of(rules::critical_class), 1U);
}

TEST_F(GateFiguresOf, TheCriticalShareIsOfTheRequestsAdmittedSinceTheLastCall) {
  build(with_limit(10), 2);
  Client critical, normal;
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(admitted(ask(normal, 2, 1)));
  EXPECT_TRUE(admitted(ask(critical, 0)));
  clock.advance(milliseconds(100));
  EXPECT_DOUBLE_EQ(gate->collect(clock.now()).window.critical_share, 0.25);
  clock.advance(milliseconds(100));
  EXPECT_DOUBLE_EQ(gate->collect(clock.now()).window.critical_share, 0);
}

TEST_F(GateFiguresOf, LimitedShareIsSeenByArrivals) {
  build(with_limit(1));
  Permit first = take();
  Client waiting[3];
  for (Client& client : waiting) ASSERT_TRUE(queued(ask(client)));
  clock.advance(milliseconds(100));
  EXPECT_DOUBLE_EQ(gate->collect(clock.now()).window.limited_share, 0.75);
  clock.advance(milliseconds(50));  // nobody arrives, but the limit still binds
  EXPECT_DOUBLE_EQ(gate->collect(clock.now()).window.limited_share, 1);
}

TEST_F(GateFiguresOf, DropsQueueAndWaitsAreReported) {
  build(with_limit(1));
  Permit first = take();
  Client waiting[2];
  for (Client& client : waiting) ASSERT_TRUE(queued(ask(client)));
  clock.advance(milliseconds(40));
  GateFigures figures = gate->collect(clock.now());
  EXPECT_EQ(figures.queued, 2U);
  EXPECT_EQ(figures.queue_length, 2U);
  EXPECT_EQ(figures.queue_standing, Duration(milliseconds(40)));
  first.drop();
  waiting[0].permit.drop();
  figures = gate->collect(clock.now());
  ASSERT_EQ(figures.window.endpoints.size(), 1U);
  EXPECT_EQ(figures.window.endpoints[0].dropped, 2U);
  EXPECT_EQ(figures.window.endpoints[0].count, 0U);
  EXPECT_EQ(figures.queue_length, 0U);
  EXPECT_EQ(figures.queue_standing, Duration::zero());
  EXPECT_GE(figures.queue_wait_p95, 0.040);
  EXPECT_LE(figures.queue_wait_p95, 0.048);
}

TEST_F(GateFiguresOf, DropsAreCountedForTheirEndpointOnce) {
  build(with_limit(10), 2);
  take(0, 1).success(milliseconds(10));
  take(0, 3).drop();
  take(1, 3).drop();
  clock.advance(milliseconds(100));
  const rules::LimitWindow window = gate->collect(clock.now()).window;
  ASSERT_EQ(window.endpoints.size(), 2U);
  EXPECT_EQ(window.endpoints[0].dropped, 0U);
  EXPECT_EQ(window.endpoints[1].endpoint, 3U);
  EXPECT_EQ(window.endpoints[1].dropped, 2U);
  clock.advance(milliseconds(100));
  EXPECT_TRUE(gate->collect(clock.now()).window.endpoints.empty());
}

TEST_F(GateFiguresOf, EndpointsBeyondCapacityShareIdZero) {
  const config::AdmissionSettings settings = with_limit(10);
  gate = std::make_unique<Gate>(settings, 1, clock, 4);
  gate->worker(0).attach(context.get_executor());
  take(0, 4).success(milliseconds(1));
  take(0, 4000000).success(milliseconds(1));
  clock.advance(milliseconds(1));
  const GateFigures figures = gate->collect(clock.now());
  ASSERT_EQ(figures.window.endpoints.size(), 1U);
  EXPECT_EQ(figures.window.endpoints[0].endpoint, 0U);
  EXPECT_EQ(figures.window.endpoints[0].count, 2U);
}

TEST_F(GateFiguresOf, OnlySuccessIsSampledAndOnlyOnce) {
  build(with_limit(10));
  take().ignore();
  take().drop();
  Permit twice = take();
  twice.sample(milliseconds(7));
  EXPECT_EQ(gate->in_flight(), 1U);
  twice.success(milliseconds(900));
  clock.advance(milliseconds(1));
  const GateFigures figures = gate->collect(clock.now());
  ASSERT_EQ(figures.window.endpoints.size(), 1U);
  EXPECT_EQ(figures.window.endpoints[0].count, 1U);
  EXPECT_NEAR(figures.window.endpoints[0].latency_sum, 0.007, 1e-9);
}

TEST(WaitBuckets, BoundsContainTheirWaits) {
  for (const auto wait :
       {milliseconds(0), milliseconds(1), milliseconds(100), milliseconds(5000)}) {
    const std::size_t bucket = wait_bucket(wait);
    EXPECT_GE(wait_bucket_bound(bucket), std::chrono::duration<double>(wait).count() * 0.999);
    if (bucket > 0) {
      EXPECT_LT(wait_bucket_bound(bucket - 1), std::chrono::duration<double>(wait).count());
    }
  }
  EXPECT_EQ(wait_bucket(std::chrono::hours(1)), wait_buckets - 1);
}

}  // namespace
}  // namespace homeostat::gate
