// What operators see of the cache's tenants, and of lifetimes that are cut.
#include <gtest/gtest.h>

#include "tests/unit/runtime/admin/admin_fixture.hpp"

namespace homeostat::admin::test {
namespace {

class CacheManagement : public AdminFixture {};

TEST_F(CacheManagement, InvalidationNamesTenants) {
  start();
  const Answer answer = send_json("POST", "/api/v1/cache/invalidate", R"({"tenants":["acme"]})");
  EXPECT_EQ(answer.status, 200U);
  EXPECT_EQ(at(answer.json(), "details.by_tenants"), 10);
  ASSERT_EQ(cache.purges.size(), 1U);
  EXPECT_EQ(cache.purges[0].tenants, std::vector<std::string>{"acme"});
  EXPECT_EQ(send_json("POST", "/api/v1/cache/invalidate", R"({"tenants":[""]})").status, 422U);
  EXPECT_EQ(cache.purges.size(), 1U);
}

TEST_F(CacheManagement, CacheStatsNameTheLargestTenants) {
  start();
  cache.tenants_now = {3, {{"acme", 7}, {"other", 2}}};
  const json::object body = get("/api/v1/cache/stats").json();
  EXPECT_EQ(at(body, "cache_statistics.tenants.known"), 3);
  const auto& largest = at(body, "cache_statistics.tenants.largest").as_array();
  ASSERT_EQ(largest.size(), 2U);
  EXPECT_EQ(largest[0].at("tenant"), "acme");
  EXPECT_EQ(largest[0].at("entries"), 7);
}

TEST_F(CacheManagement, StatusExplainsLifetimesThatAreCut) {
  start();
  ControlReport report;
  auto traffic = std::make_shared<TrafficFigures>();
  EndpointFigures endpoint;
  endpoint.id = 7;
  endpoint.method = "GET";
  endpoint.route = "/price";
  traffic->endpoints.push_back(endpoint);
  report.traffic = traffic;
  publish(report);
  cache.lowered = {{7, std::chrono::seconds(30), 60, 12}, {8, std::chrono::seconds(1), 1800, 9}};
  const json::object body = get("/api/v1/performance/status").json();
  const auto& lowered = at(body, "performance_status.lowered_lifetimes").as_array();
  ASSERT_EQ(lowered.size(), 1U) << "an endpoint that nobody knows has no name";
  EXPECT_EQ(lowered[0].at("endpoint"), "GET /price");
  EXPECT_EQ(lowered[0].at("lifetime_max_seconds").to_number<double>(), 30);
  EXPECT_EQ(lowered[0].at("summary"),
            "at most 30 s: fetched again about 12 times, its content changes about every 60 s");
}

}  // namespace
}  // namespace homeostat::admin::test
