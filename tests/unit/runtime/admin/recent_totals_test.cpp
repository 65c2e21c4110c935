// What advice is drawn from: the last hour, not all that was ever counted.
#include "runtime/admin/recent_totals.hpp"

#include <gtest/gtest.h>

#include "runtime/admin/pattern_recommendations.hpp"

namespace homeostat::admin {
namespace {

using namespace std::chrono_literals;

/// An endpoint over the hours: totals that only grow.
struct Service {
  void run(Duration duration, std::uint64_t requests_per_minute, double retried, double hits) {
    for (Duration done{}; done < duration; done += 1min) {
      now += 1min;
      patterns.requests += requests_per_minute;
      patterns.retries +=
          static_cast<std::uint64_t>(retried * static_cast<double>(requests_per_minute));
      const auto hit = static_cast<std::uint64_t>(hits * 100);
      cache.hits += hit;
      cache.misses += 100 - hit;
      if (recent.due(now)) recent.keep(now, {patterns}, cache);
    }
  }
  [[nodiscard]] bool storm() const {
    TrafficFigures traffic;
    EndpointFigures endpoint;
    endpoint.id = 1;
    endpoint.requests_total = patterns.requests;
    endpoint.last_5m.requests = 100;
    endpoint.last_5m.latency_avg = 0.1;
    traffic.endpoints = {endpoint};
    traffic.all_5m = endpoint.last_5m;
    const auto list = pattern_recommendations(recent.patterns(now, {patterns}), traffic);
    return std::ranges::any_of(list, [](const auto& one) { return one.type == "retry_storm"; });
  }
  RecentTotals recent;
  Instant now{1h};
  RequestPatterns patterns{.endpoint = 1};
  CacheFigures cache;
};

TEST(RecentTotals, ShowAStormAfterQuietDaysAndNotForDaysAfterIt) {
  Service service;
  service.run(240h, 60, 0, 0.9);
  EXPECT_FALSE(service.storm());
  service.run(30min, 60, 0.5, 0.9);
  EXPECT_TRUE(service.storm()) << "while it lasts";
  service.run(70min, 60, 0, 0.9);
  EXPECT_FALSE(service.storm()) << "an hour after it has ended";
}

TEST(RecentTotals, AreAllThatThereIsInTheFirstHour) {
  Service service;
  service.run(20min, 60, 0.5, 0.9);
  EXPECT_TRUE(service.storm());
}

TEST(RecentTotals, OfTheCacheAreThoseOfAnHourAndItsSizeIsTheCurrentOne) {
  Service service;
  service.run(10h, 60, 0, 0.9);
  service.run(65min, 60, 0, 0.1);
  service.cache.bytes = 7;
  const CacheFigures recent = service.recent.cache(service.now, service.cache);
  EXPECT_LT(recent.hits, recent.misses);
  EXPECT_LE(recent.hits + recent.misses, 6500U);
  EXPECT_GE(recent.hits + recent.misses, 6000U);
  EXPECT_EQ(recent.bytes, 7U);
}

TEST(RecentTotals, OfAnEndpointThatCameAnewAreNoLessThanNothing) {
  RecentTotals recent;
  const Instant start{1h};
  recent.keep(start, {RequestPatterns{.endpoint = 1, .requests = 500}}, {});
  const auto now = recent.patterns(start + 2h, {RequestPatterns{.endpoint = 1, .requests = 3}});
  EXPECT_EQ(now.at(0).requests, 0U);
}

}  // namespace
}  // namespace homeostat::admin
