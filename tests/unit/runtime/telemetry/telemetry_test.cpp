#include "runtime/telemetry/telemetry.hpp"

#include <gtest/gtest.h>
#include <prometheus/metric_family.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

namespace homeostat::telemetry {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

class TelemetryTest : public ::testing::Test {
 protected:
  ManualClock clock_;
  Telemetry telemetry_{make_settings(), 2, clock_};

  static config::EndpointSettings make_settings() {
    config::EndpointSettings settings;
    settings.max = 200;
    return settings;
  }
  static RequestRecord request(std::string_view target, Duration latency = milliseconds(10)) {
    RequestRecord record;
    record.method = "GET";
    record.target = target;
    record.latency = latency;
    record.status = 200;
    return record;
  }
  void send(RequestRecord record, std::size_t worker = 0) {
    WorkerTelemetry& to = telemetry_.worker(worker);
    to.request_started();
    record.endpoint = to.endpoint(record.method, record.target);
    to.record(record);
  }
  TrafficFigures collect(Duration after = seconds(1)) {
    clock_.advance(after);
    return telemetry_.collect(clock_.now());
  }
  static const EndpointFigures* find(const TrafficFigures& figures, std::string_view route) {
    const auto at =
        std::find_if(figures.endpoints.begin(), figures.endpoints.end(),
                     [route](const EndpointFigures& each) { return each.route == route; });
    return at == figures.endpoints.end() ? nullptr : &*at;
  }
};

TEST_F(TelemetryTest, TellsTheSidesOfATrialApart) {
  const auto send_side = [this](Arm arm, Duration latency, int times) {
    RequestRecord record = request("/tried", latency);
    record.arm = arm;
    for (int i = 0; i < times; ++i) send(record, static_cast<std::size_t>(i) % 2);
  };
  send(request("/tried"));
  send_side(Arm::treated, milliseconds(5), 30);
  send_side(Arm::control, milliseconds(20), 40);
  const TrafficFigures figures = collect();
  const EndpointFigures* tried = find(figures, "/tried");
  ASSERT_NE(tried, nullptr);
  EXPECT_EQ(tried->last_10s.requests, 71U) << "of either side, and of none";
  ASSERT_TRUE(tried->arms.has_value());
  EXPECT_EQ(tried->arms->last_10s[0].requests, 30U);
  EXPECT_NEAR(tried->arms->last_10s[0].latency_avg, 0.005, 1e-4);
  EXPECT_EQ(tried->arms->last_10s[1].requests, 40U);
  EXPECT_NEAR(tried->arms->last_10s[1].latency_avg, 0.02, 1e-4);
  const TrafficFigures later = collect(seconds(30));
  const EndpointFigures* minute = find(later, "/tried");
  ASSERT_TRUE(minute != nullptr && minute->arms.has_value());
  EXPECT_EQ(minute->arms->last_10s[0].requests, 0U);
  EXPECT_EQ(minute->arms->last_1m[0].requests, 30U);
  // A trial that ended is forgotten.
  (void)collect(Telemetry::arms_idle_max);
  EXPECT_FALSE(find(collect(), "/tried")->arms.has_value());
}

TEST_F(TelemetryTest, AddsUpTheWorkersPerEndpoint) {
  for (int i = 0; i < 60; ++i)
    send(request("/book/" + std::to_string(i)), static_cast<std::size_t>(i) % 2);
  for (int i = 0; i < 40; ++i) send(request("/health", milliseconds(1)), 1);
  const TrafficFigures figures = collect();
  const EndpointFigures* book = find(figures, "/book/{id}");
  ASSERT_NE(book, nullptr);
  EXPECT_EQ(book->method, "GET");
  EXPECT_EQ(book->last_10s.requests, 60U);
  EXPECT_NEAR(book->last_10s.rate, 60, 1e-9);
  EXPECT_NEAR(book->last_10s.latency_p95, 0.01, 0.0002);
  EXPECT_EQ(book->requests_total, 60U);
  EXPECT_EQ(book->last_seen, clock_.now());
  EXPECT_EQ(figures.all_10s.requests, 100U);
  EXPECT_NEAR(figures.all_10s.latency_p50, 0.01, 0.0002);
  EXPECT_NEAR(figures.all_10s.latency_avg, 0.0064, 1e-9);
  EXPECT_EQ(find(figures, "other"), nullptr) << "the first request is counted where it belongs";
  EXPECT_FALSE(figures.upstream_known);
}

TEST_F(TelemetryTest, AnAnswerMakesAnEndpointKnownBeforeItsRequestHasEnded) {
  WorkerTelemetry& worker = telemetry_.worker(0);
  EXPECT_EQ(worker.endpoint("GET", "/book/1"), other_endpoint);
  const EndpointId book = worker.answered("GET", "/book/1", 200);
  EXPECT_NE(book, other_endpoint);
  EXPECT_EQ(worker.endpoint("GET", "/book/2"), book);
  EXPECT_EQ(worker.answered("GET", "/book/2", 200), book);
  EXPECT_EQ(worker.answered("GET", "/scanned", 404), other_endpoint)
      << "that says nothing about what there is";
  EXPECT_EQ(collect().all_10s.requests, 0U) << "nothing was recorded";
  // In two positions, so that none has so many values that it becomes `{value}`.
  for (std::size_t i = 0; i < make_settings().max; ++i) {
    const std::string target = "/a" + std::to_string(i / 5) + "/b" + std::to_string(i % 5);
    static_cast<void>(worker.answered("GET", target, 200));
  }
  EXPECT_EQ(worker.answered("GET", "/one/more", 200), other_endpoint);
  EXPECT_EQ(worker.overflows(), 0U) << "record() counts it";
}

TEST_F(TelemetryTest, DeliversEachRequestOnce) {
  send(request("/a"));
  EXPECT_EQ(collect().all_10s.requests, 1U);
  EXPECT_EQ(collect().all_10s.requests, 1U);
  send(request("/a"));
  EXPECT_EQ(telemetry_.totals().requests(), 2U);
  EXPECT_EQ(collect().all_1m.requests, 2U);
}

TEST_F(TelemetryTest, KeepsRejectedRequestsOutOfLatencyAndErrors) {
  send(request("/a", milliseconds(100)));
  for (int i = 0; i < 9; ++i) {
    RequestRecord rejected = request("/a", Duration(1));
    rejected.status = 503;
    rejected.rejected = true;
    send(rejected);
  }
  const TrafficFigures figures = collect();
  const EndpointFigures* endpoint = find(figures, "/a");
  ASSERT_NE(endpoint, nullptr);
  EXPECT_EQ(endpoint->last_10s.requests, 1U);
  EXPECT_NEAR(endpoint->last_10s.rate, 10, 1e-9);
  EXPECT_EQ(endpoint->last_10s.error_ratio, 0.0);
  EXPECT_NEAR(endpoint->last_10s.latency_p50, 0.1, 0.002);
  EXPECT_NEAR(figures.all_10s.latency_p50, 0.1, 0.002);
  EXPECT_EQ(endpoint->requests_total, 10U);
  EXPECT_EQ(endpoint->errors_total, 0U);
}

TEST_F(TelemetryTest, CountsErrorsAndTruncationButNotClientErrors) {
  const auto with = [](std::uint16_t status) {
    RequestRecord record = request("/a");
    record.status = status;
    return record;
  };
  send(with(200));
  send(with(404));
  send(with(500));
  RequestRecord cut = with(200);
  cut.truncated = cut.upstream_error = true;
  send(cut);
  const TrafficFigures figures = collect();
  EXPECT_NEAR(figures.all_10s.error_ratio, 0.5, 1e-12);
}

TEST_F(TelemetryTest, DefinesTheHitRatioOverCacheableRequests) {
  const auto with = [](CacheResult result) {
    RequestRecord record = request("/a");
    record.cache = result;
    return record;
  };
  EXPECT_FALSE(collect().all_10s.hit_ratio_known);
  send(with(CacheResult::bypass));
  send(with(CacheResult::uncacheable));
  send(with(CacheResult::none));
  EXPECT_FALSE(collect().all_10s.hit_ratio_known);
  for (const auto result : {CacheResult::hit, CacheResult::hit, CacheResult::stale,
                            CacheResult::collapsed, CacheResult::miss, CacheResult::revalidated}) {
    send(with(result));
  }
  const TrafficFigures figures = collect();
  EXPECT_TRUE(figures.all_10s.hit_ratio_known);
  EXPECT_NEAR(figures.all_10s.hit_ratio, 4.0 / 6.0, 1e-12);
}

TEST_F(TelemetryTest, WatchesTheUpstreamApart) {
  for (int i = 0; i < 8; ++i) {
    RequestRecord passed = request("/a", milliseconds(50));
    passed.upstream_latency = milliseconds(40);
    send(passed);
  }
  RequestRecord timeout = request("/a", seconds(30));
  timeout.status = 504;
  timeout.upstream_timeout = true;
  send(timeout);
  RequestRecord rescued = request("/a");  // stale-if-error: the client saw a 200
  rescued.upstream_error = true;
  rescued.cache = CacheResult::stale;
  send(rescued);
  RequestRecord hit = request("/a");
  hit.cache = CacheResult::hit;
  send(hit);
  const TrafficFigures figures = collect();
  EXPECT_TRUE(figures.upstream_known);
  EXPECT_NEAR(figures.upstream_error_ratio, 0.2, 1e-12);
  EXPECT_NEAR(figures.upstream_latency_p95, 0.04, 0.0008);
  EXPECT_NEAR(figures.all_10s.error_ratio, 1.0 / 11.0, 1e-12);
}

TEST_F(TelemetryTest, LetsNoScannerFillTheTable) {
  for (int i = 0; i < 1000; ++i) {
    const std::string target =
        std::string("/wp-") + static_cast<char>('g' + i % 20) + "/x" + std::to_string(i) + ".php";
    RequestRecord probe = request(target);
    probe.status = 404;
    send(probe);
  }
  const TrafficFigures figures = collect();
  EXPECT_EQ(telemetry_.endpoints().live_count(), 0U);
  ASSERT_EQ(figures.endpoints.size(), 1U);
  EXPECT_EQ(figures.endpoints[0].id, other_endpoint);
  EXPECT_EQ(figures.endpoints[0].requests_total, 1000U);
}

TEST_F(TelemetryTest, CountsTheOverflowAsOther) {
  const std::string letters = "ghijklmnopqrstuvwxyz";
  int sent = 0;
  for (const char a : letters) {
    for (const char b : letters) {
      send(request(std::string("/") + a + "/" + b));
      ++sent;
    }
  }
  const TrafficFigures figures = collect();
  EXPECT_EQ(telemetry_.endpoints().live_count(), 200U);
  const EndpointFigures* other = find(figures, "other");
  ASSERT_NE(other, nullptr);
  EXPECT_EQ(other->requests_total, static_cast<std::uint64_t>(sent) - 200U);
  EXPECT_EQ(telemetry_.worker(0).overflows(), static_cast<std::uint64_t>(sent) - 200U);
}

TEST_F(TelemetryTest, HandsTotalsOnWhenEndpointsCollapse) {
  std::uint64_t sent = 0;
  RequestRecord in_flight = request("/user/wgg");  // will end after the collapse
  for (std::size_t i = 0; i < 60; ++i) {
    std::string name = "/user/w";
    name += static_cast<char>('g' + i / 16);
    name += static_cast<char>('g' + i % 16);
    send(request(name));
    ++sent;
    if (i == 0) in_flight.endpoint = telemetry_.worker(0).endpoint("GET", name);
    if (i % 10 == 0) collect();
  }
  telemetry_.worker(0).record(in_flight);
  telemetry_.worker(1).record(in_flight);
  sent += 2;
  const TrafficFigures figures = collect();
  ASSERT_EQ(figures.endpoints.size(), 1U);
  EXPECT_EQ(figures.endpoints[0].route, "/user/{value}");
  EXPECT_EQ(figures.endpoints[0].requests_total, sent);
  EXPECT_EQ(telemetry_.worker(0).slot(in_flight.endpoint), nullptr) << "retired slots are freed";
  EXPECT_EQ(telemetry_.totals().requests(), sent);
}

TEST_F(TelemetryTest, ReleasesTheWindowsOfSilentEndpoints) {
  send(request("/a"));
  collect();
  EXPECT_GT(telemetry_.window_bytes(), 0U);
  for (int i = 0; i < 11; ++i) collect(minutes(1));
  EXPECT_EQ(telemetry_.window_bytes(), 0U);
  const TrafficFigures silent = collect();
  ASSERT_NE(find(silent, "/a"), nullptr);
  EXPECT_EQ(find(silent, "/a")->requests_total, 1U);
  send(request("/a"));
  EXPECT_EQ(find(collect(), "/a")->last_10s.requests, 1U);
}

TEST_F(TelemetryTest, BoundsTheWindowsMemoryAtTheExpenseOfQuietEndpoints) {
  constexpr std::size_t bound = 256 * 1024;
  Telemetry telemetry(make_settings(), 1, clock_, bound);
  const std::string letters = "ghijklmnop";
  bool was_tight = false;
  TrafficFigures figures;
  for (std::size_t tick = 0; tick < 66; ++tick) {
    for (const char letter : letters) {
      for (std::size_t bucket = tick % 5; bucket < LatencyBuckets::count; bucket += 5) {
        const std::string target = std::string("/") + letter;
        RequestRecord record =
            request(target, std::chrono::nanoseconds(LatencyBuckets::lower(bucket)));
        telemetry.worker(0).record(record);
        if (letter == 'k') telemetry.worker(0).record(record);
      }
    }
    clock_.advance(seconds(5));
    figures = telemetry.collect(clock_.now());
    ASSERT_LE(telemetry.window_bytes(), bound);
    was_tight = was_tight || telemetry.window_bytes() > bound / 2;
  }
  EXPECT_TRUE(was_tight);
  const std::uint64_t busiest = find(figures, "/k")->last_5m.requests;
  EXPECT_EQ(busiest, figures.all_5m.requests / 11 * 2) << "the busiest endpoint keeps its history";
  EXPECT_LT(find(figures, "/g")->last_5m.requests, busiest / 4);
}

TEST_F(TelemetryTest, CountsRequestsInFlightAndConnections) {
  telemetry_.worker(0).request_started();
  telemetry_.worker(1).request_started();
  telemetry_.worker(1).connection_opened();
  EXPECT_EQ(telemetry_.in_flight(), 2U);
  EXPECT_EQ(telemetry_.connections(), 1U);
  telemetry_.worker(0).record(request("/a"));
  telemetry_.worker(1).connection_closed();
  EXPECT_EQ(telemetry_.in_flight(), 1U);
  EXPECT_EQ(telemetry_.connections(), 0U);
}

TEST_F(TelemetryTest, ExportsWhatWasCountedUntilNow) {
  send(request("/a", milliseconds(3)));
  send(request("/a", seconds(60)));
  RequestRecord rejected = request("/a");
  rejected.status = 503;
  rejected.rejected = true;
  send(rejected);
  std::vector<prometheus::MetricFamily> families;
  telemetry_.families(families);  // no collect before
  std::map<std::string, prometheus::MetricFamily> by_name;
  for (auto& family : families) by_name[family.name] = family;
  const auto& durations = by_name["homeostat_request_duration_seconds"];
  ASSERT_EQ(durations.metric.size(), 1U);
  const auto& histogram = durations.metric[0].histogram;
  EXPECT_EQ(histogram.sample_count, 2U);
  EXPECT_NEAR(histogram.sample_sum, 60.003, 1e-9);
  for (const auto& bucket : histogram.bucket) {
    const std::uint64_t expected = bucket.upper_bound < 0.003 ? 0U
                                   : bucket.upper_bound < 60  ? 1U
                                                              : 2U;
    EXPECT_EQ(bucket.cumulative_count, expected) << bucket.upper_bound;
  }
  EXPECT_EQ(by_name["homeostat_requests_total"].metric.size(), 2U);
  EXPECT_EQ(by_name["homeostat_requests_rejected_total"].metric[0].counter.value, 1);
  EXPECT_EQ(by_name["homeostat_requests_failed_total"].metric[0].counter.value, 0);
  EXPECT_EQ(by_name["homeostat_endpoints"].metric[0].gauge.value, 1);
  EXPECT_EQ(collect().all_10s.requests, 2U) << "a scrape takes nothing from the windows";
}

}  // namespace
}  // namespace homeostat::telemetry
