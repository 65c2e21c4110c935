// What is fetched before anybody asks: from a list, from what was popular, and never in
// the way of those who do ask.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <thread>

#include "tests/e2e/fleet.hpp"

namespace homeostat::test {
namespace {

constexpr const char* fresh_text = "Cache-Control: max-age=600\r\n";

std::string url_of(const std::string& target) { return "http://shop.example" + target; }

std::string job(const RunningAgent& agent) { return agent.admin("GET", "/api/v1/cache/warm").body; }

bool finished(const RunningAgent& agent) {
  return eventually([&] { return contains(job(agent), "\"state\": \"done\""); });
}

AgentConfig warm_config(const ScriptedOrigin& origin, const std::string& warm) {
  AgentConfig config = config_for(origin);
  config.cache = "warm: {rate: 1000, " + warm + "}";
  return config;
}

std::string contents(const std::string& path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

TEST(WarmUp, FetchesAListAtTheStartUnderTheNameClientsUse) {
  ScriptedOrigin origin;
  origin.answer("/a", 200, fresh_text, "a");
  origin.answer("/private", 200, "Cache-Control: no-store\r\n", "x");
  RunningAgent agent(warm_config(origin,
                                 "urls: ['http://shop.example/a', "
                                 "'http://shop.example/private']"));
  ASSERT_TRUE(finished(agent)) << job(agent);
  EXPECT_TRUE(contains(job(agent), "\"total\": 2")) << job(agent);
  EXPECT_TRUE(contains(job(agent), "\"fetched\": 1")) << job(agent);
  EXPECT_TRUE(contains(job(agent), "\"uncacheable\": 1")) << job(agent);
  const Message answer = agent.get("http://shop.example/a");
  EXPECT_TRUE(is_hit(answer)) << answer.head;
  EXPECT_EQ(origin.requests("/a"), 1U);
  EXPECT_EQ(agent.metric("homeostat_warm_up_urls{result=\"fetched\"}"), 1);
}

TEST(WarmUp, OnDemandAndOnlyOneAtATime) {
  ScriptedOrigin origin;
  Signal go;
  origin.on("/slow", [&](OriginExchange& exchange) {
    go.wait();
    exchange.respond(200, fresh_text, "x");
  });
  RunningAgent agent(warm_config(origin, "at_start: false"));
  EXPECT_TRUE(contains(job(agent), "\"job\": null")) << job(agent);
  const std::string body =
      R"({"urls": [")" + url_of("/slow") + R"(", ")" + url_of("/b") + R"("], "reason": "sale"})";
  const Message begun = agent.admin("POST", "/api/v1/cache/warm", body);
  EXPECT_EQ(begun.status(), 202) << begun.body;
  EXPECT_TRUE(origin.wait_for_requests("/slow", 1));
  EXPECT_EQ(agent.admin("POST", "/api/v1/cache/warm", body).status(), 409);
  go.set();
  ASSERT_TRUE(finished(agent)) << job(agent);
  EXPECT_TRUE(is_hit(agent.get(url_of("/slow"))));
  EXPECT_EQ(agent.admin("POST", "/api/v1/cache/warm", "{}").status(), 422);
  EXPECT_EQ(agent.admin("POST", "/api/v1/cache/warm", R"({"from": "list", "limit": 0})").status(),
            422);
}

TEST(WarmUp, WhatWasPopularIsBackAfterARestart) {
  ScriptedOrigin origin;
  origin.answer("/popular", 200, fresh_text, "x");
  origin.answer("/rare", 200, fresh_text, "x");
  TemporaryDirectory directory;
  const std::string file = directory.path() + "/popular";
  const std::string warm = "popular_max: 1, file: " + file;
  {
    RunningAgent agent(warm_config(origin, warm));
    ASSERT_TRUE(finished(agent));
    EXPECT_TRUE(contains(job(agent), "\"total\": 0")) << "there was nothing yet";
    for (int i = 0; i < 5; ++i) {
      EXPECT_EQ(agent.get("http://shop.example/popular").status(), 200);
    }
    for (int i = 0; i < 2; ++i) EXPECT_EQ(agent.get("http://shop.example/rare").status(), 200);
  }
  EXPECT_EQ(contents(file), "http://shop.example/popular\n");
  RunningAgent agent(warm_config(origin, warm));
  ASSERT_TRUE(finished(agent)) << job(agent);
  EXPECT_TRUE(is_hit(agent.get("http://shop.example/popular")));
  EXPECT_EQ(origin.requests("/popular"), 2U);
  EXPECT_EQ(origin.requests("/rare"), 1U);
}

TEST(WarmUp, TakesWhatIsPopularInTheFleetFromRedisAndNotFromTheApplication) {
  Fleet fleet(1, "warm: {rate: 1000, save_interval: 1s}");
  fleet.origin.answer("/popular", 200, fresh_text, "x");
  const std::string target = "http://shop.example/popular";
  fleet.store(0, target);
  EXPECT_TRUE(is_hit(fleet[0].get(target)));
  ASSERT_TRUE(eventually([&] {
    return contains(fleet.redis.run({"GET", "{hs:default}:popular"}), target);
  }));
  RunningAgent& second = fleet.add();
  ASSERT_TRUE(finished(second)) << job(second);
  // At its start it may have been too early for Redis: asked again until it was not.
  ASSERT_TRUE(eventually([&] {
    const std::string last = job(second);
    if (contains(last, "\"state\": \"done\"") && contains(last, "\"total\": 1")) return true;
    static_cast<void>(second.admin("POST", "/api/v1/cache/warm", R"({"from": "popular"})"));
    return false;
  })) << job(second);
  const Message answer = second.get(target);
  EXPECT_TRUE(is_hit(answer)) << answer.head;
  EXPECT_FALSE(is_shared(answer)) << "it is in memory already";
  EXPECT_EQ(fleet.origin.requests("/popular"), 1U);
}

TEST(WarmUp, ReadinessWaitsForItButNotForEver) {
  ScriptedOrigin origin;
  Signal go;
  origin.on("/slow", [&](OriginExchange& exchange) {
    go.wait();
    exchange.respond(200, fresh_text, "x");
  });
  RunningAgent patient(warm_config(origin, "urls: ['http://shop.example/slow'], ready_max: 10m"));
  EXPECT_TRUE(origin.wait_for_requests("/slow", 1));
  EXPECT_EQ(patient.admin("GET", "/readyz").status(), 503);
  EXPECT_TRUE(contains(patient.admin("GET", "/readyz").body, "warm_up"));
  RunningAgent hasty(warm_config(origin, "urls: ['http://shop.example/slow'], ready_max: 1s"));
  EXPECT_TRUE(eventually([&] { return hasty.admin("GET", "/readyz").status() == 200; }));
  go.set();
  EXPECT_TRUE(eventually([&] { return patient.admin("GET", "/readyz").status() == 200; }));
}

TEST(WarmUp, GivesWayToThoseWhoAsk) {
  ScriptedOrigin origin;
  Signal go;
  origin.on("/busy", [&](OriginExchange& exchange) {
    go.wait();
    exchange.respond(200, "Cache-Control: no-store\r\n", "x");
  });
  AgentConfig config = warm_config(origin, "at_start: false");
  config.admission = "mode: on, limit_initial: 2, limit_max: 2, limit_min: 2, max_wait: 1m";
  RunningAgent agent(config);
  std::thread first([&] { EXPECT_EQ(agent.get("/busy?1").status(), 200); });
  std::thread second([&] { EXPECT_EQ(agent.get("/busy?2").status(), 200); });
  EXPECT_TRUE(origin.wait_for_requests("/busy", 2));
  EXPECT_EQ(
      agent.admin("POST", "/api/v1/cache/warm", R"({"urls": ["http://shop.example/a"]})").status(),
      202);
  EXPECT_TRUE(eventually([&] { return contains(job(agent), "\"state\": \"held\""); }))
      << job(agent);
  EXPECT_EQ(origin.requests("/a"), 0U);
  go.set();
  first.join();
  second.join();
  EXPECT_TRUE(finished(agent)) << job(agent);
  EXPECT_EQ(origin.requests("/a"), 1U);
}

}  // namespace
}  // namespace homeostat::test
