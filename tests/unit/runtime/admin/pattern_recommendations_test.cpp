// Advice about how clients use the application, from what was counted.
#include "runtime/admin/pattern_recommendations.hpp"

#include <gtest/gtest.h>

namespace homeostat::admin {
namespace {

TrafficFigures traffic_of(std::size_t endpoints) {
  TrafficFigures figures;
  for (std::size_t i = 1; i <= endpoints; ++i) {
    EndpointFigures endpoint;
    endpoint.id = static_cast<rules::EndpointId>(i);
    endpoint.method = "GET";
    endpoint.route = "/r" + std::to_string(i);
    endpoint.requests_total = 100'000;
    endpoint.last_5m.requests = 1000;
    endpoint.last_5m.latency_avg = 0.1;
    figures.endpoints.push_back(endpoint);
  }
  figures.all_5m.requests = 1000 * endpoints;
  figures.all_5m.latency_avg = 0.1;
  return figures;
}

RequestPatterns plain(rules::EndpointId id, std::uint64_t requests = 1000) {
  RequestPatterns out;
  out.endpoint = id;
  out.requests = out.fetched = requests;
  out.fetched_seconds = 0.1 * static_cast<double>(requests);
  return out;
}

/// Advice about the first of two endpoints that are used alike.
std::vector<Recommendation> advice(const RequestPatterns& patterns) {
  return pattern_recommendations({patterns, plain(2, patterns.requests)}, traffic_of(2));
}

TEST(PatternAdvice, IsSilentAboutOrdinaryUse) { EXPECT_TRUE(advice(plain(1)).empty()); }

TEST(PatternAdvice, NeedsEnoughRequestsAndTheirEndpoint) {
  RequestPatterns few = plain(1, 99);
  few.in_runs = 99;
  EXPECT_TRUE(advice(few).empty());
  RequestPatterns gone = plain(7);
  gone.in_runs = 1000;
  EXPECT_TRUE(advice(gone).empty());
  RequestPatterns reused = plain(1, 200'000);
  reused.in_runs = 200'000;
  EXPECT_TRUE(advice(reused).empty()) << "more than the endpoint ever had";
}

TEST(PatternAdvice, FindsListsThatAreFetchedItemByItem) {
  RequestPatterns patterns = plain(1);
  patterns.in_runs = 600;
  const auto list = advice(patterns);
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(list[0].type, "n_plus_one");
  EXPECT_EQ(list[0].message, "GET /r1 is asked for item by item");
  EXPECT_EQ(list[0].evidence,
            "in the last hour 600 of 1000 requests came in runs of 10 or more with different "
            "targets, back to back "
            "on one connection (60 %; by chance it would be 1.1 %)");
  // 1000 requests of 100 ms in five minutes; one request in the place of each ten.
  EXPECT_NEAR(list[0].gain, 1000 * 0.1 / 300 * 0.6 * 0.9, 1e-9);
}

TEST(PatternAdvice, DoesNotTakeAnEndpointThatHasTheTrafficForItemByItem) {
  RequestPatterns patterns = plain(1);
  patterns.in_runs = 800;
  EXPECT_TRUE(pattern_recommendations({patterns, plain(2, 100)}, traffic_of(2)).empty());
}

TEST(PatternAdvice, RunsByChanceFollowFromTheShareOfTheTraffic) {
  EXPECT_DOUBLE_EQ(run_share_by_chance(1, 10), 1);
  EXPECT_DOUBLE_EQ(run_share_by_chance(0, 10), 0);
  EXPECT_DOUBLE_EQ(run_share_by_chance(0.5, 1), 1);
  // Two in a row: not (other before and other after) = 1 - 0.5^2.
  EXPECT_DOUBLE_EQ(run_share_by_chance(0.5, 2), 0.75);
}

TEST(PatternAdvice, FindsPagesFarInThatAreSlow) {
  RequestPatterns patterns = plain(1);
  patterns.deep_pages = 100;
  patterns.deep_page_seconds = 50;     // 500 ms each
  patterns.fetched_seconds = 50 + 90;  // the others 100 ms each
  const auto list = advice(patterns);
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(list[0].type, "pagination");
  EXPECT_EQ(list[0].evidence,
            "in the last hour 100 of 1000 requests asked for a page from 100 on or an offset from "
            "1000 on; they "
            "took 500 ms on average, the others 100 ms");
  patterns.deep_page_seconds = 15;
  patterns.fetched_seconds = 15 + 90;
  EXPECT_TRUE(advice(patterns).empty()) << "only half as long again";
}

TEST(PatternAdvice, FindsLargeListsWithoutPages) {
  RequestPatterns patterns = plain(1);
  patterns.large_lists = 200;
  patterns.large_list_bytes = 200 * 3.0 * 1048576;
  const auto list = advice(patterns);
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(list[0].type, "pagination");
  EXPECT_NE(list[0].evidence.find("200 of 1000 responses were JSON of a mebibyte or more, 3.0 MiB"),
            std::string::npos)
      << list[0].evidence;
}

TEST(PatternAdvice, FindsTrackingParametersInKeys) {
  RequestPatterns patterns = plain(1);
  patterns.tracking_splits = 250;
  const auto list = advice(patterns);
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(list[0].type, "tracking_parameters");
  EXPECT_EQ(list[0].suggestions.front(),
            "leave them out of the key: cache.query_drop_tracking: true");
}

TEST(PatternAdvice, FindsLifetimesThatAreTooShort) {
  RequestPatterns patterns = plain(1);
  patterns.refetched = 500;
  patterns.unchanged = 490;
  patterns.unchanged_lifetime_seconds = 490 * 5.0;
  const auto list = advice(patterns);
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(list[0].type, "ttl");
  EXPECT_EQ(list[0].evidence,
            "in the last hour 490 of 500 responses that had expired were fetched again with the "
            "same content "
            "(98 %); they had been fresh for 5 s on average");
  patterns.unchanged = 400;
  EXPECT_TRUE(advice(patterns).empty()) << "a fifth had changed";
}

TEST(PatternAdvice, PutsWhatSavesMostFirstWhateverTheSeverity) {
  RequestPatterns patterns = plain(1);
  patterns.retries = 400;
  patterns.tracking_splits = 1000;
  const auto list = advice(patterns);
  ASSERT_EQ(list.size(), 2U);
  const double waiting = 1000 * 0.1 / 300;
  EXPECT_EQ(list[0].type, "tracking_parameters");
  EXPECT_EQ(list[0].severity, "info");
  EXPECT_NEAR(list[0].gain, waiting, 1e-9);
  EXPECT_EQ(list[1].type, "retry_storm");
  EXPECT_EQ(list[1].severity, "warning");
  EXPECT_NEAR(list[1].gain, 0.4 * waiting, 1e-9);
}

}  // namespace
}  // namespace homeostat::admin
