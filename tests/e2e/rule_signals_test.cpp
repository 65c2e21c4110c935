// Rules over the application's own metrics, objectives and the past; replaying
// and explaining them.
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json/parse.hpp>

#include "runtime/app/explain_command.hpp"
#include "runtime/app/top_command.hpp"
#include "tests/e2e/running_agent.hpp"
#include "tests/support/child_process.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/waiting.hpp"

namespace homeostat::test {
namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(RuleSignals, ARuleActsOnTheApplicationsOwnMetrics) {
  ScriptedOrigin origin;
  origin.answer("/metrics", 200, "Content-Type: text/plain\r\n",
                "# TYPE pool gauge\npool{name=\"main\"} 48\npool{name=\"jobs\"} 1\n");
  const TemporaryDirectory directory;
  const std::string path = directory.write("rules.yaml", R"(rules:
  - name: pool-runs-dry
    level: conservative
    when: scrape.pool{name="main"} > 45
    then: [throttle: {to: 50%}]
)");
  AgentConfig config = config_for(origin);
  config.monitor = "interval: 100ms, scrape_interval: 1s, scrape: " + origin.url() + "/metrics";
  config.optimization = "rules: [\"" + path + "\"], interval: 100ms";
  RunningAgent agent(config);
  EXPECT_TRUE(eventually([&] { return contains(agent.status(), "pool-runs-dry"); }))
      << agent.status();
  EXPECT_GE(agent.metric("homeostat_scrapes_total"), 1);
  const auto body = [&](const char* route) {
    return boost::json::parse(agent.admin("GET", std::string("/api/v1/") + route).body);
  };
  const auto text = app::explanation_of("pool-runs-dry", body("rules"), body("performance/status"),
                                        body("performance/profiles"));
  ASSERT_TRUE(text);
  EXPECT_TRUE(contains(*text, "firing since ")) << *text;
  EXPECT_TRUE(contains(*text, "scrape.pool{name=\"main\"} = 48")) << *text;
  EXPECT_TRUE(contains(*text, "throttle")) << *text;
  EXPECT_FALSE(app::explanation_of("nothing", body("rules"), body("performance/status"),
                                   body("performance/profiles")));
}

TEST(TopScreen, FitsTheWindow) {
  ScriptedOrigin origin;
  RunningAgent agent(origin);
  EXPECT_EQ(agent.get("/page").status(), 200);
  const auto screen = [&](app::ScreenSize size) {
    const auto body = [&](const char* route) {
      return boost::json::parse(
          agent.admin("GET", std::string("/api/v1/performance/") + route).body);
    };
    return app::top_screen(body("status"), body("report"), size);
  };
  EXPECT_TRUE(eventually([&] { return contains(screen({40, 200}), "GET /page"); }));
  const std::string small = screen({5, 20});
  EXPECT_EQ(std::count(small.begin(), small.end(), '\n'), 4);
  for (std::size_t begin = 0; begin < small.size();) {
    const std::size_t end = small.find('\n', begin);
    EXPECT_LE(end - begin, 20U);
    begin = end + 1;
  }
}

TEST(RuleSignals, AnObjectiveCountsTheRequestsOfItsRoutes) {
  ScriptedOrigin origin;
  origin.answer("/checkout", 500, "", "broken");
  AgentConfig config = config_for(origin);
  config.slo = "[{name: checkout, match: {path: /checkout*}, target: 99%}]";
  RunningAgent agent(config);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(agent.get("/checkout").status(), 500);
  EXPECT_EQ(agent.get("/fine").status(), 200);
  // What came before the first reading of the counts is in no difference of two.
  EXPECT_TRUE(eventually([&] {
    static_cast<void>(agent.get("/checkout"));
    return agent.metric("homeostat_slo_burn{objective=\"checkout\",pair=\"fast\"}") > 99;
  })) << agent.admin("GET", "/api/v1/performance/report").body;
}

TEST(RuleSignals, ARuleSeesTheSharedTierGoAndComeBack) {
  ScriptedOrigin origin;
  RedisServer redis({"--maxmemory", "64mb"});
  const TemporaryDirectory directory;
  const std::string path = directory.write("rules.yaml", R"(rules:
  - {name: tier-answers, when: redis.connected == 1 and redis.memory > 0%, then: [throttle: {to: 90%}]}
  - {name: tier-is-gone, when: redis.connected == 0, then: [throttle: {to: 80%}]}
)");
  AgentConfig config = config_for(origin);
  config.cache = "redis: {url: \"" + redis.url() + "\"}";
  config.optimization = "rules: [\"" + path + "\"], interval: 100ms";
  RunningAgent agent(config);
  const auto acts = [&](const std::string& rule) {
    const auto status = boost::json::parse(agent.status());
    const auto& active = status.at("performance_status").at("active_optimizations").as_array();
    return active.size() == 1 && rule == active[0].at("name").as_string().c_str();
  };
  EXPECT_TRUE(eventually([&] { return acts("tier-answers"); })) << agent.status();
  redis.kill();
  EXPECT_TRUE(eventually([&] { return acts("tier-is-gone"); })) << agent.status();
  redis.restart();
  EXPECT_TRUE(eventually([&] { return acts("tier-answers"); })) << agent.status();
}

TEST(RuleSignals, WhatTheAgentRecordedCanBeReplayed) {
  ScriptedOrigin origin;
  const TemporaryDirectory directory;
  AgentConfig config = config_for(origin);
  config.monitor =
      "interval: 100ms, record: {every: 1s, file: \"" + directory.path() + "/signals.csv\"}";
  RunningAgent agent(config);
  const auto replay = [&](const std::string& body) {
    return agent.admin("POST", "/api/v1/rules/replay", body);
  };
  const std::string rules =
      R"({"rules": "rules:\n  - {name: alive, when: agent.memory > 1MiB, then: [alert: {}]}\n"})";
  EXPECT_TRUE(eventually([&] { return contains(replay(rules).body, "\"activations\": 1"); }))
      << replay(rules).body;
  const Message bad =
      replay(R"({"rules": "rules:\n  - {name: a, when: cpu > 1, then: [alert: {}]}\n"})");
  EXPECT_EQ(bad.status(), 422);
  EXPECT_TRUE(contains(bad.body, "unknown signal 'cpu'")) << bad.body;
}

TEST(RuleSignals, TwoRuleSetsCanBeComparedOverGivenSignals) {
  ScriptedOrigin origin;
  RunningAgent agent(origin);
  const Message answer = agent.admin("POST", "/api/v1/rules/replay", R"({
    "signals": "time,cpu.utilization\n10,0.5\n11,0.95\n12,0.95\n",
    "rules": "rules: [{name: busy, when: cpu.utilization > 99%, then: [throttle: ]}]",
    "compare": "rules: [{name: busy, when: cpu.utilization > 90%, then: [throttle: ]}]"})");
  ASSERT_EQ(answer.status(), 200) << answer.body;
  const auto body = boost::json::parse(answer.body);
  EXPECT_EQ(body.at("replay").at("rules").at(0).at("activations"), 0);
  EXPECT_EQ(body.at("compare").at("rules").at(0).at("activations"), 1);
  EXPECT_EQ(body.at("compare").at("events").at(0).at("at"), "1970-01-01T00:00:11Z");
}

}  // namespace
}  // namespace homeostat::test
