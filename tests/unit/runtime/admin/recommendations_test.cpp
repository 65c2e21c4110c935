// GET /performance/recommendations and what it is made of.
#include "runtime/admin/recommendations.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "runtime/admin/score.hpp"
#include "tests/unit/runtime/admin/admin_fixture.hpp"

namespace homeostat::admin::test {
namespace {

using rules::SignalId;

void set(ControlReport& report, SignalId id, double value, std::optional<double> change) {
  const auto index = static_cast<std::size_t>(id);
  report.signals[index] = {value, report.at_steady, rules::Quality::good, "test"};
  report.trends.at(index) = change;
}

EndpointFigures endpoint(const char* route, std::uint64_t requests, double average,
                         double bytes = 100) {
  EndpointFigures out;
  out.method = "GET";
  out.route = route;
  out.last_5m.requests = requests;
  out.last_5m.latency_avg = average;
  out.last_5m.latency_p95 = 3 * average;
  out.last_5m.response_bytes_avg = bytes;
  return out;
}

std::shared_ptr<TrafficFigures> traffic(std::vector<EndpointFigures> endpoints) {
  auto out = std::make_shared<TrafficFigures>();
  double seconds = 0, bytes = 0, requests = 0;
  for (const EndpointFigures& one : endpoints) {
    const auto count = static_cast<double>(one.last_5m.requests);
    requests += count;
    seconds += count * one.last_5m.latency_avg;
    bytes += count * one.last_5m.response_bytes_avg;
  }
  out->all_5m.requests = static_cast<std::uint64_t>(requests);
  out->all_5m.latency_avg = requests > 0 ? seconds / requests : 0;
  out->all_5m.response_bytes_avg = requests > 0 ? bytes / requests : 0;
  out->endpoints = std::move(endpoints);
  return out;
}

TEST(CapacityForecast, SaysWhenALimitIsReached) {
  ControlReport report;
  report.at = WallTime{std::chrono::hours(1)};
  set(report, SignalId::memory_utilization, 0.80, 0.05);  // 40 minutes
  const auto list = capacity_recommendations(report);
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(list[0].message, "memory reaches its limit at about 1970-01-01T01:40:00.000Z");
  EXPECT_EQ(list[0].severity, "critical");
  EXPECT_EQ(list[0].evidence, "80.0 % now, +5.0 points in 10 min");
  EXPECT_EQ(list[0].gain, 0) << "without traffic nobody waits";
  report.traffic = traffic({endpoint("/a", 3000, 0.1)});
  // Ten requests a second would fail, at two seconds each, for the rest of the day.
  EXPECT_NEAR(capacity_recommendations(report)[0].gain, 10 * 2 * (1 - 40.0 / (24 * 60)), 1e-9);
}

TEST(CapacityForecast, CountsOnlyWhatExceedsALimitThatDoesNotKill) {
  ControlReport report;
  report.traffic = traffic({endpoint("/a", 3000, 0.1)});
  set(report, SignalId::cpu_utilization, 0.50, 0.02);  // 250 minutes, then 2.88 CPUs a day
  const double rest = 1 - 250.0 / 1440;
  const double beyond = rest - std::log(1 + 2.88 * rest) / 2.88;
  EXPECT_NEAR(capacity_recommendations(report)[0].gain, 10 * 2 * beyond, 1e-9);
  set(report, SignalId::cpu_utilization, 0.50, std::nullopt);
  set(report, SignalId::traffic_latency_p95, 1.0, 0.1);  // 100 minutes; 7.2 times the limit a day
  const double slow = 1 - 100.0 / 1440;
  EXPECT_NEAR(capacity_recommendations(report)[0].gain,
              10 * 0.1 * (slow - std::log(1 + 7.2 * slow) / 7.2), 1e-9);
}

TEST(ExpectedGain, OfALimitIsTheMeanLossOverTheNextDay) {
  using std::chrono::hours;
  EXPECT_DOUBLE_EQ(share_at_limit(hours(0)), 1);
  EXPECT_DOUBLE_EQ(share_at_limit(hours(18)), 0.25);
  EXPECT_DOUBLE_EQ(share_at_limit(hours(48)), 0);
  // By sums over small steps instead of the integral.
  double sum = 0;
  for (int i = 0; i < 100'000; ++i) {
    const double days = (i + 0.5) / 100'000;
    const double used = 1 + 3 * (days - 0.25);
    sum += used > 1 ? 1 - 1 / used : 0;
  }
  EXPECT_NEAR(share_beyond_limit(hours(6), 3), sum / 100'000, 1e-6);
  EXPECT_DOUBLE_EQ(share_beyond_limit(hours(24), 3), 0);
  EXPECT_DOUBLE_EQ(share_beyond_limit(hours(1), 0), 0);
}

TEST(CacheAdvice, IsWorthTheWaitingThatMoreHitsWouldSave) {
  CacheFigures recent;
  recent.hits = 200;
  recent.misses = 800;
  recent.stores = 0;
  WindowFigures all;
  all.requests = 300;  // 3600 an hour, of which 1000 are lookups; 0.5 s of waiting a second
  all.latency_avg = 0.5;
  const auto list = cache_recommendations(recent, all);
  ASSERT_EQ(list.size(), 1U);
  EXPECT_NEAR(list[0].gain, 0.5 * (1000.0 / 3600) * 0.3 / 0.8, 1e-12);
  recent.hits = 800;
  recent.misses = 200;
  recent.evictions = 360;
  const auto evicting = cache_recommendations(recent, all);
  ASSERT_EQ(evicting.size(), 1U);
  EXPECT_NEAR(evicting[0].gain, 0.5 * 0.1 * 0.8, 1e-12);
}

TEST(CapacityForecast, IsAWarningWhileThereIsTime) {
  ControlReport report;
  set(report, SignalId::cpu_utilization, 0.50, 0.02);  // 250 minutes
  ASSERT_EQ(capacity_recommendations(report).size(), 1U);
  EXPECT_EQ(capacity_recommendations(report)[0].severity, "warning");
}

TEST(CapacityForecast, IsMadeOfEverythingThatHasALimit) {
  struct Case {
    SignalId signal;
    double now, change;  ///< reaches its limit in 100 minutes
    const char *message, *evidence;
  };
  for (const Case& one : {
           Case{SignalId::disk_utilization, 0.80, 0.02, "disk reaches its limit at about ",
                "80.0 % now, +2.0 points in 10 min"},
           Case{SignalId::redis_memory, 0.50, 0.05, "the memory of Redis reaches its limit at ",
                "50.0 % now, +5.0 points in 10 min"},
           Case{SignalId::traffic_latency_p95, 1.0, 0.1,
                "the 95th percentile of all answers reaches 2s at about ",
                "1s now, +100ms in 10 min"},
           Case{SignalId::admission_in_flight, 30, 7,
                "what is at the application at a time reaches 100 at about ",
                "30 now, +7 in 10 min"},
       }) {
    ControlReport report;
    report.at = WallTime{std::chrono::hours(1)};
    set(report, SignalId::admission_limit, 100, std::nullopt);
    set(report, one.signal, one.now, one.change);
    const auto list = capacity_recommendations(report);
    ASSERT_EQ(list.size(), 1U) << one.message;
    EXPECT_TRUE(list[0].message.starts_with(one.message)) << list[0].message;
    EXPECT_TRUE(list[0].message.ends_with("1970-01-01T02:40:00.000Z")) << list[0].message;
    EXPECT_EQ(list[0].evidence, one.evidence);
    EXPECT_EQ(list[0].severity, "warning");
  }
}

TEST(CapacityForecast, OfWhatIsAtTheApplicationNeedsAKnownLimit) {
  ControlReport report;
  set(report, SignalId::admission_in_flight, 30, 7);
  EXPECT_TRUE(capacity_recommendations(report).empty());
  set(report, SignalId::admission_limit, 100, std::nullopt);
  set(report, SignalId::admission_in_flight, 30, 4);
  EXPECT_TRUE(capacity_recommendations(report).empty()) << "less than a twentieth is noise";
}

TEST(CapacityForecast, IsSilentWithoutATrend) {
  ControlReport report;
  set(report, SignalId::memory_utilization, 0.80, 0.005);  // noise
  set(report, SignalId::cpu_utilization, 0.50, -0.1);
  set(report, SignalId::disk_utilization, 0.50, std::nullopt);
  EXPECT_TRUE(capacity_recommendations(report).empty());
  set(report, SignalId::memory_utilization, 0.80, 0.5);
  report.signals[static_cast<std::size_t>(SignalId::memory_utilization)].quality =
      rules::Quality::stale;
  EXPECT_TRUE(capacity_recommendations(report).empty());
}

TEST(CompressionAdvice, NamesWhatLeavesUncompressedByItsShareOfTheBytes) {
  const auto figures = traffic({endpoint("/large", 100, 0.1, 3000), endpoint("/small", 1000, 0.1),
                                endpoint("/rare", 5, 0.1, 90'000)});
  const auto list = compression_recommendations(*figures, {});
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(list[0].message, "GET /large is sent as the application sends it");
  // 1000 bytes a second, of which 60 % would not take 80 ns each.
  EXPECT_NEAR(list[0].gain, 1000 * 0.6 * 80e-9, 1e-15);
}

TEST(CompressionAdvice, IsAboutTheEndpointsThatAreNotCompressed) {
  const auto figures = traffic({endpoint("/a", 100, 0.1, 3000), endpoint("/b", 100, 0.1, 3000)});
  figures->endpoints[0].id = 7;
  figures->endpoints[1].id = 8;
  const auto list = compression_recommendations(*figures, [](EndpointId id) { return id == 7; });
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(list[0].message, "GET /b is sent as the application sends it");
}

TEST(CompressionAdvice, KeepsTheBestOfManyWhateverTheirNumbers) {
  std::vector<EndpointFigures> many(20, endpoint("/some", 100, 0.1, 2000));
  many.push_back(endpoint("/largest", 100, 0.1, 90'000));
  const auto list = compression_recommendations(*traffic(std::move(many)), {});
  ASSERT_EQ(list.size(), 5U);
  EXPECT_EQ(list[0].message, "GET /largest is sent as the application sends it");
}

TEST(UncachedRecommendations, NameTheRouteAndWhatHelps) {
  EndpointFigures one = endpoint("/book/{id}", 300, 0.5);
  one.id = 4;
  one.requests_total = 500;
  const auto advice = uncached_recommendations(
      {{4, "no-freshness", 300}, {5, "private", 300}, {4, "too-large", 99}, {4, "private", 501}},
      *traffic({one}), 0.8);
  ASSERT_EQ(advice.size(), 1U) << "unknown routes, little and impossible evidence are left out";
  EXPECT_EQ(advice[0].message, "GET /book/{id} is not cached: no-freshness");
  EXPECT_NE(advice[0].suggestions.at(0).find("ttl"), std::string::npos);
  EXPECT_NE(advice[0].evidence.find("300"), std::string::npos);
  EXPECT_NEAR(advice[0].gain, 0.5 * 0.8 * 300 / 500, 1e-12) << "half a second of waiting a second";
}

TEST(Ranking, FollowsTheGainAndAsksForSeverityOnlyWhereThatIsEqual) {
  std::vector<Recommendation> list{{"a", "info", "1", {"s"}, "e", 0.9},
                                   {"b", "critical", "2", {"s"}, "e", 0.1},
                                   {"c", "info", "3", {"s"}, "e", 1.0},
                                   {"d", "warning", "4", {"s"}, "e", 0.9},
                                   {"control", "critical", "5", {"s"}, "e", 0}};
  rank(list);
  std::string order;
  for (const Recommendation& advice : list) order += advice.message;
  EXPECT_EQ(order, "53412") << "what makes the others doubtful comes first";
}

TEST(OverallScore, WeighsEndpointsByTheirRequests) {
  ControlReport report;
  EXPECT_FALSE(overall_score(report).has_value());
  report.traffic = traffic({endpoint("/fast", 300, 0.01), endpoint("/slow", 100, 2)});
  const double fast = optimization_score(report.traffic->endpoints[0].last_5m);
  const double slow = optimization_score(report.traffic->endpoints[1].last_5m);
  EXPECT_NEAR(*overall_score(report), (3 * fast + slow) / 4, 1e-12);
}

TEST(OptimizationScore, FollowsItsFormula) {
  WindowFigures best;
  best.latency_p95 = 0.01;
  EXPECT_DOUBLE_EQ(optimization_score(best), 1);
  best.hit_ratio_known = true;
  best.hit_ratio = 0;
  EXPECT_DOUBLE_EQ(optimization_score(best), 0.8);
  WindowFigures slow;
  slow.latency_p95 = 4;
  slow.error_ratio = 0.025;
  slow.hit_ratio_known = true;
  slow.hit_ratio = 0.5;
  EXPECT_DOUBLE_EQ(optimization_score(slow), 0.5 * 0.25 + 0.3 * 0.5 + 0.2 * 0.5);
  slow.error_ratio = 1;
  EXPECT_DOUBLE_EQ(optimization_score(slow), 0.5 * 0.25 + 0.2 * 0.5);
}

// Nothing that is better for clients may lower the score, over the whole range.
TEST(OptimizationScore, IsMonotoneInWhatItMeasures) {
  for (double latency = 0; latency <= 20; latency += 0.25) {
    for (double errors = 0; errors <= 0.2; errors += 0.01) {
      for (double hits = 0; hits <= 1; hits += 0.1) {
        WindowFigures here;
        here.latency_p95 = latency;
        here.error_ratio = errors;
        here.hit_ratio = hits;
        here.hit_ratio_known = true;
        WindowFigures slower = here, failing = here, missing = here;
        slower.latency_p95 += 0.5;
        failing.error_ratio += 0.01;
        missing.hit_ratio = std::max(0.0, hits - 0.1);
        const double score = optimization_score(here);
        ASSERT_GE(score, optimization_score(slower));
        ASSERT_GE(score, optimization_score(failing));
        ASSERT_GE(score, optimization_score(missing));
        ASSERT_TRUE(score >= 0 && score <= 1);
      }
    }
  }
}

class Recommendations : public AdminFixture {
 protected:
  /// What is answered while these are the figures.
  json::object answer_to(std::vector<EndpointFigures> endpoints, ControlReport report = {}) {
    report.at = clock.wall_now();
    report.traffic = traffic(std::move(endpoints));
    publish(std::move(report));
    start();
    return get("/api/v1/performance/recommendations").json();
  }
};

TEST_F(Recommendations, AreRankedWithActionsAndAScore) {
  ControlReport report;
  set(report, SignalId::memory_utilization, 0.90, 0.05);
  const json::object body =
      answer_to({endpoint("/slow", 200, 3), endpoint("/fast", 1000, 0.01)}, std::move(report));
  const json::array& list = at(body, "recommendations").as_array();
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list[0].at("type"), "capacity");
  EXPECT_EQ(list[1].at("type"), "latency");
  // 4 requests a second would fail once memory is used up in 20 minutes.
  EXPECT_NEAR(list[0].at("expected_gain").to_number<double>(), 4 * 2 * (1 - 20.0 / 1440), 1e-9);
  // 200 x 3 s in five minutes, of which a p95 of 9 s could become 2 s.
  EXPECT_NEAR(list[1].at("expected_gain").to_number<double>(), 2 * (1 - 2.0 / 9), 1e-9);
  const json::array& actions = at(body, "priority_actions").as_array();
  ASSERT_EQ(actions.size(), 2U);
  EXPECT_EQ(actions[1], "GET /slow is slow: add a cache rule for it or raise its ttl");
  EXPECT_GT(at(body, "overall_score").to_number<double>(), 0.8);
}

TEST_F(Recommendations, KeepTheWorstEndpointThoughItCameLast) {
  std::vector<EndpointFigures> many(30, endpoint("/slow", 200, 1));
  many.push_back(endpoint("/slowest", 5000, 9));
  const json::object body = answer_to(std::move(many));
  const json::array& list = at(body, "recommendations").as_array();
  ASSERT_EQ(list.size(), 10U);
  EXPECT_EQ(list[0].at("message"), "GET /slowest is slow");
}

TEST_F(Recommendations, PutAFailureThatCostsMoreBeforeASlowRouteThatCostsLess) {
  std::vector<EndpointFigures> two{endpoint("/slow", 100, 1), endpoint("/failing", 30'000, 0.01)};
  two[1].last_5m.error_ratio = 0.5;
  const json::object body = answer_to(std::move(two));
  const json::array& list = at(body, "recommendations").as_array();
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list[0].at("type"), "errors");
  EXPECT_NEAR(list[0].at("expected_gain").to_number<double>(), 100 * 0.5 * 2, 1e-9);
  EXPECT_NEAR(list[1].at("expected_gain").to_number<double>(), (1 - 2.0 / 3) / 3, 1e-9);
}

TEST_F(Recommendations, AreEmptyWhenNothingIsKnown) {
  start();
  const json::object body = get("/api/v1/performance/recommendations").json();
  EXPECT_TRUE(at(body, "recommendations").as_array().empty());
  EXPECT_TRUE(at(body, "priority_actions").as_array().empty());
  EXPECT_TRUE(at(body, "overall_score").is_null());
}

}  // namespace
}  // namespace homeostat::admin::test
