// An upstream that dies, hangs, fails, is slow, and recovers: what clients get
// meanwhile, what reaches it, and how traffic comes back.
#include <gtest/gtest.h>

#include <atomic>
#include <boost/json/parse.hpp>
#include <memory>
#include <vector>

#include "tests/e2e/expiring.hpp"
#include "tests/e2e/running_agent.hpp"
#include "tests/support/waiting.hpp"

namespace homeostat::test {
namespace {

constexpr const char* quick =
    "retries: 0, breaker: {volume_min: 5, unanswered_max: 3, probe_interval: 100ms, "
    "recovery: 100ms}";

AgentConfig config_for(const std::string& url, const std::string& upstream = quick) {
  AgentConfig config;
  config.upstream_url = url;
  config.upstream = upstream;
  config.workers = 1;
  return config;
}

std::string url_of(std::uint16_t port) { return "http://127.0.0.1:" + std::to_string(port); }

/// Asks until the answer is `reason`; false if it never is.
bool refused_for(const RunningAgent& agent, const std::string& path, const std::string& reason) {
  return eventually([&] {
    const Message answer = agent.get(path);
    return answer.status() == 503 &&
           std::string(answer.get("homeostat-rejected")).starts_with(reason);
  });
}

bool served(const RunningAgent& agent, const std::string& path) {
  return eventually([&] {
    for (int i = 0; i < 5; ++i) {
      if (agent.get(path).status() != 200) return false;
    }
    return true;
  });
}

TEST(Breaker, ADeadUpstreamIsRefusedFastAndComesBackByItself) {
  const HeldPort port;
  RunningAgent agent(config_for(url_of(port.port())));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(agent.get("/page").status(), 502);
  EXPECT_TRUE(refused_for(agent, "/page", "upstream_silent"));
  const double attempts = agent.metric("homeostat_upstream_connects_total");
  Message answer;
  EXPECT_TRUE(eventually([&] {
    answer = agent.get("/page");
    return answer.status() == 503;
  }));
  EXPECT_FALSE(answer.get("retry-after").empty());
  EXPECT_GE(agent.metric("homeostat_upstream_connects_total"), attempts);
  EXPECT_EQ(agent.admin("GET", "/readyz").status(), 503);
  ScriptedOrigin returned({}, port.port());
  EXPECT_TRUE(served(agent, "/page"));
  EXPECT_EQ(agent.admin("GET", "/readyz").status(), 200);
  EXPECT_GE(agent.metric("homeostat_breaker_refused_total"), 1);
  EXPECT_GE(agent.metric("homeostat_breaker_probes_total"), 1);
}

TEST(Breaker, OnlyProbesReachWhatIsOpen) {
  ScriptedOrigin origin;
  std::atomic<bool> broken{true};
  origin.on("/shop",
            [&](OriginExchange& exchange) { exchange.respond(broken ? 500 : 200, "", ""); });
  RunningAgent agent(
      config_for(origin.url(), "breaker: {volume_min: 5, probe_interval: 1m, recovery: 100ms}"));
  // The first request of all is not yet known by its endpoint.
  for (int i = 0; i < 6; ++i) EXPECT_EQ(agent.get("/shop").status(), 500);
  for (int i = 0; i < 20; ++i) {
    const Message answer = agent.get("/shop");
    EXPECT_EQ(answer.status(), 503);
    EXPECT_EQ(answer.get("homeostat-rejected"), "upstream_failing; class=2");
  }
  EXPECT_EQ(origin.requests("/shop"), 6U);
  EXPECT_EQ(agent.get("/page").status(), 200) << "other endpoints are not to blame";
  const std::string shown = agent.admin("GET", "/api/v1/upstreams").body;
  const auto upstream = boost::json::parse(shown).as_object().at("upstreams").at(0);
  EXPECT_EQ(upstream.at("breaker").at("state").as_string(), "closed");
  EXPECT_EQ(upstream.at("endpoints_not_closed").at(0).at("endpoint").as_string(), "GET /shop");
  EXPECT_EQ(upstream.at("endpoints_not_closed").at(0).at("cause").as_string(), "failures");
}

TEST(Breaker, AnErrorThatIsFixedIsServedAgain) {
  ScriptedOrigin origin;
  std::atomic<bool> broken{true};
  origin.on("/shop",
            [&](OriginExchange& exchange) { exchange.respond(broken ? 500 : 200, "", ""); });
  RunningAgent agent(config_for(origin.url()));
  EXPECT_TRUE(refused_for(agent, "/shop", "upstream_failing"));
  broken = false;
  EXPECT_TRUE(served(agent, "/shop"));
}

TEST(Breaker, AnUpstreamThatShedsLoadByItselfIsAlive) {
  ScriptedOrigin origin;
  origin.answer("/busy", 503, "Retry-After: 1\r\n", "later");
  RunningAgent agent(config_for(origin.url()));
  for (int i = 0; i < 20; ++i) EXPECT_EQ(agent.get("/busy").body, "later");
  EXPECT_EQ(origin.requests("/busy"), 20U);
}

TEST(Breaker, AHangingUpstreamIsNoticedLongBeforeItsTimeoutAndHoldsNoPermit) {
  ScriptedOrigin origin;
  std::atomic<bool> hangs{false};
  origin.on("/page", [&](OriginExchange& exchange) {
    if (!hangs) return exchange.respond(200, "", "fine");
    (void)exchange.reader.at_end();
    exchange.alive = false;
  });
  AgentConfig config =
      config_for(origin.url(),
                 "timeout: 1h, retries: 0, breaker: {slow_call: 100ms, unanswered_max: 3, "
                 "probe_interval: 100ms, recovery: 100ms}");
  config.admission = "mode: on, limit_initial: 2, limit_max: 2, limit_min: 1, max_wait: 0ms";
  RunningAgent agent(config);
  ASSERT_EQ(agent.get("/page").body, "fine");
  hangs = true;
  std::vector<std::unique_ptr<HttpClient>> stuck;
  for (int i = 0; i < 2; ++i) {
    stuck.push_back(std::make_unique<HttpClient>(agent.port()));
    ASSERT_TRUE(stuck.back()->send(request_text("POST", "/page")));
  }
  ASSERT_TRUE(origin.wait_for_requests("/page", 3));
  EXPECT_TRUE(eventually([&] { return agent.metric("homeostat_admission_in_flight") == 0; }))
      << "both are still open";
  hangs = false;
  EXPECT_TRUE(served(agent, "/page")) << "although two calls still hang";
}

TEST(Breaker, StoredContentStandsInForADeadUpstream) {
  auto origin = std::make_unique<ScriptedOrigin>();
  origin->answer("/kept", 200, stale::expiring(), "kept");
  RunningAgent agent(config_for(origin->url()));
  ASSERT_EQ(agent.get("/kept").body, "kept");
  origin.reset();
  EXPECT_TRUE(refused_for(agent, "/page", "upstream_silent"));
  EXPECT_EQ(stale::until(agent, "/kept", "ttl=-").body, "kept");
  EXPECT_TRUE(refused_for(agent, "/page", "upstream_silent")) << "no failure was spared";
  EXPECT_GE(
      agent.metric("homeostat_admission_rejected_total{class=\"2\",reason=\"upstream_silent\"}"),
      1);
}

TEST(Breaker, ShadowRefusesNothing) {
  ScriptedOrigin origin;
  origin.answer("/shop", 500, "", "broken");
  RunningAgent agent(config_for(origin.url(), "breaker: {mode: shadow, volume_min: 5}"));
  for (int i = 0; i < 20; ++i) EXPECT_EQ(agent.get("/shop").body, "broken");
  EXPECT_EQ(origin.requests("/shop"), 20U);
  EXPECT_GE(agent.metric("homeostat_breaker_would_refuse_total"), 10);
  EXPECT_EQ(agent.metric("homeostat_breaker_refused_total"), 0);
}

TEST(Breaker, RetriesEndWithTheirBudget) {
  ScriptedOrigin origin;
  std::atomic<int> attempts{0};
  origin.on("/drops", [&](OriginExchange& exchange) {
    ++attempts;
    exchange.alive = false;
  });
  RunningAgent agent(config_for(origin.url(),
                                "retries: 5, retry_budget: {ratio: 0%, per_second_min: 0}, "
                                "breaker: {mode: off}"));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(agent.get("/drops").status(), 502);
  EXPECT_EQ(attempts, 10);
  EXPECT_EQ(agent.metric("homeostat_upstream_retries_denied_total"), 10);
}

TEST(Breaker, WhatIsResetOnAKeptConnectionIsRepeatedWithinTheBudgetToo) {
  ScriptedOrigin origin;
  std::atomic<int> attempts{0};
  origin.on("/drops", [&](OriginExchange& exchange) {
    ++attempts;
    exchange.alive = false;
  });
  RunningAgent agent(config_for(origin.url(),
                                "retries: 5, retry_budget: {ratio: 0%, per_second_min: 0}, "
                                "breaker: {mode: off}"));
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(agent.get("/page").status(), 200) << "its connection is kept";
    EXPECT_EQ(agent.get("/drops").status(), 502);
  }
  EXPECT_EQ(attempts, 10) << "the application has read each of them";
  EXPECT_EQ(agent.metric("homeostat_upstream_retries_total"), 0);
}

TEST(Breaker, OfSeveralTargetsTheOneThatErrsIsEjected) {
  ScriptedOrigin good, bad;
  bad.answer("/page", 500, "", "bad");
  AgentConfig config = config_for("[\"" + good.url() + "\", \"" + bad.url() + "\"]",
                                  "breaker: {volume_min: 100000}, "
                                  "outliers: {interval: 1s, volume_min: 10}");
  RunningAgent agent(config);
  EXPECT_TRUE(eventually([&] {
    for (int i = 0; i < 20; ++i) (void)agent.get("/page");
    return agent.admin("GET", "/api/v1/upstreams").body.find("\"outlier\"") != std::string::npos;
  }));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(agent.get("/page").status(), 200);
}

}  // namespace
}  // namespace homeostat::test
