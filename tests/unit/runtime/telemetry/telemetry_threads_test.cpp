#include <gtest/gtest.h>
#include <prometheus/metric_family.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "runtime/telemetry/telemetry.hpp"

namespace homeostat::telemetry {
namespace {

// Writers on all workers learn, collapse and record while the control plane
// collects and the admin listener scrapes: nothing may be lost or counted twice.
TEST(TelemetryThreads, LoseNothingWhileCollecting) {
  constexpr unsigned worker_count = 3;
  constexpr std::uint64_t each = 30000;
  ManualClock clock;
  config::EndpointSettings settings;
  settings.max = 100;
  settings.routes = {"/explicit/{x}"};
  Telemetry telemetry(settings, worker_count, clock);
  std::atomic<unsigned> running{worker_count};
  const auto write = [&](unsigned index) {
    WorkerTelemetry& worker = telemetry.worker(index);
    EndpointId previous = other_endpoint;
    for (std::uint64_t i = 0; i < each; ++i) {
      std::string target = "/explicit/x";
      if (i % 4 != 0) {
        target = "/p" + std::string(1, static_cast<char>('g' + i % 3)) + "/";
        target += static_cast<char>('g' + i / 1000 % 16);
        target += static_cast<char>('g' + i / 100 % 16);
      }
      RequestRecord record;
      record.method = "GET";
      record.target = target;
      record.status = i % 50 == 0 ? 500 : 200;
      record.latency = std::chrono::microseconds(10 + i % 5000);
      record.upstream_latency = record.latency;
      record.cache = CacheResult::miss;
      worker.request_started();
      record.endpoint = worker.endpoint("GET", target);
      // Sometimes an id that was looked up long before, as of a slow request.
      if (i % 7 == 0) std::swap(record.endpoint, previous);
      worker.record(record);
    }
    running.fetch_sub(1);
  };
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < worker_count; ++i) threads.emplace_back(write, i);
  std::thread scraper([&] {
    while (running.load() > 0) {
      std::vector<prometheus::MetricFamily> families;
      telemetry.families(families);
      (void)telemetry.endpoints().find("GET", "/pg/gg");
    }
  });
  while (running.load() > 0) {
    clock.advance(std::chrono::milliseconds(20));
    const TrafficFigures figures = telemetry.collect(clock.now());
    EXPECT_LE(figures.all_5m.requests, each * worker_count);
  }
  scraper.join();
  for (auto& thread : threads) thread.join();
  const TrafficTotals totals = telemetry.totals();
  EXPECT_EQ(totals.requests(), each * worker_count);
  EXPECT_EQ(totals.status[5], each * worker_count / 50);
  std::uint64_t measured = 0;
  for (const std::uint64_t bucket : totals.latency.buckets) measured += bucket;
  EXPECT_EQ(measured, each * worker_count);
  std::uint64_t per_endpoint = 0;
  for (const auto& endpoint : telemetry.collect(clock.now()).endpoints)
    per_endpoint += endpoint.requests_total;
  EXPECT_EQ(per_endpoint, each * worker_count);
  EXPECT_EQ(telemetry.in_flight(), 0U);
  EXPECT_LE(telemetry.endpoints().live_count(), settings.max);
}

}  // namespace
}  // namespace homeostat::telemetry
