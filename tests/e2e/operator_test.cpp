// What an operator does about rules and emergencies: panic switch, taking a reload
// back, trying an action on a part of the requests.
#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/json/parse.hpp>
#include <csignal>
#include <set>

#include "tests/e2e/compression_support.hpp"
#include "tests/support/child_process.hpp"
#include "tests/support/waiting.hpp"

namespace homeostat::test {
namespace {

TEST(PanicSwitch, TwoSignalsTurnEmergencyModeOnAndOff) {
  ScriptedOrigin origin;
  RunningAgent agent(config_for(origin), true);
  ASSERT_EQ(agent.metric("homeostat_emergency"), 0);
  ASSERT_EQ(::kill(::getpid(), SIGUSR1), 0);
  ASSERT_TRUE(eventually([&] { return agent.metric("homeostat_emergency") == 1; }))
      << agent.status();
  EXPECT_TRUE(contains(agent.status(), "SIGUSR1")) << agent.status();
  ASSERT_EQ(::kill(::getpid(), SIGUSR2), 0);
  EXPECT_TRUE(eventually([&] { return agent.metric("homeostat_emergency") == 0; }))
      << agent.status();
}

TEST(PanicSwitch, TheLevelEmergencyHoldsUntilAnotherIsSet) {
  ScriptedOrigin origin;
  RunningAgent agent(origin);
  const auto level = [&](const std::string& name) {
    return agent.admin("PUT", "/api/v1/performance/level",
                       R"({"level": ")" + name + R"(", "reason": "drill"})");
  };
  ASSERT_EQ(level("emergency").status(), 202);
  ASSERT_TRUE(eventually([&] { return agent.metric("homeostat_emergency") == 1; }));
  EXPECT_TRUE(contains(agent.status(), "drill")) << agent.status();
  ASSERT_EQ(level("balanced").status(), 202);
  EXPECT_TRUE(eventually([&] { return agent.metric("homeostat_emergency") == 0; }));
}

TEST(PanicSwitch, ActsWhateverTheModeOfOptimizationIs) {
  for (const std::string mode : {"\"off\"", "shadow"}) {
    ScriptedOrigin origin;
    ScriptedOrigin webhook;
    AgentConfig config = config_for(origin);
    config.optimization = "mode: " + mode + ", rules: [], interval: 100ms";
    config.alerts = "webhooks: [\"" + webhook.url() + "/hook\"], timeout: 2s";
    RunningAgent agent(config);
    const auto level = [&](const std::string& name) {
      return agent.admin("PUT", "/api/v1/performance/level",
                         R"({"level": ")" + name + R"(", "reason": "drill"})");
    };
    ASSERT_EQ(level("emergency").status(), 202);
    EXPECT_TRUE(webhook.wait_for_requests("/hook", 1)) << mode;
    EXPECT_TRUE(eventually([&] { return contains(agent.status(), "panic switch: drill"); }))
        << agent.status();
    EXPECT_FALSE(contains(agent.status(), "shadow: panic")) << "in force, not computed";
    ASSERT_EQ(level("balanced").status(), 202);
    EXPECT_TRUE(eventually([&] { return agent.metric("homeostat_emergency") == 0; })) << mode;
  }
}

/// The rules in force that throttle, as GET /rules lists them.
std::set<std::string> rules_of(const RunningAgent& agent) {
  std::set<std::string> names;
  const auto body = boost::json::parse(agent.admin("GET", "/api/v1/rules").body);
  for (const auto& rule : body.at("rules").as_array()) {
    names.emplace(rule.at("name").as_string());
  }
  return names;
}

TEST(RuleRollback, PutsTheRulesBeforeTheLastReloadInForceAgain) {
  ScriptedOrigin origin;
  const TemporaryDirectory directory;
  const auto write = [&directory](const std::string& name) {
    return directory.write(
        "rules.yaml",
        "rules:\n  - {name: " + name + ", when: cpu.utilization > 99.9%, then: [throttle: ]}\n");
  };
  AgentConfig config = config_for(origin);
  config.optimization = "rules: [\"" + write("old") + "\"], interval: 100ms";
  RunningAgent agent(config);
  const auto post = [&](const char* what) {
    return agent.admin("POST", std::string("/api/v1/rules/") + what, R"({"reason": "test"})");
  };
  EXPECT_EQ(post("rollback").status(), 409) << "nothing was reloaded yet";
  (void)write("new");
  ASSERT_EQ(post("reload").status(), 200);
  ASSERT_TRUE(eventually([&] { return rules_of(agent) == std::set<std::string>{"new"}; }));
  ASSERT_EQ(post("reload").status(), 200) << "that changes nothing";
  const Message back = post("rollback");
  ASSERT_EQ(back.status(), 200) << back.body;
  EXPECT_TRUE(eventually([&] { return rules_of(agent) == std::set<std::string>{"old"}; }));
  // Once more: the newer ones again.
  ASSERT_EQ(post("rollback").status(), 200);
  EXPECT_TRUE(eventually([&] { return rules_of(agent) == std::set<std::string>{"new"}; }));
}

TEST(Rollout, AnActionAppliesToAPartOfTheRequestsFirst) {
  ScriptedOrigin origin;
  origin.answer("/text", 200, type, text_of(4000));
  const TemporaryDirectory directory;
  const std::string path = directory.write("rules.yaml", R"(rules:
  - name: compress-half
    level: conservative
    scope: endpoint
    when: endpoint.rate > 0/s
    hold: 10m
    then: [compress: {}]
    rollout: 50%
    effect: {improve: endpoint.latency_avg, within: 10m}
)");
  AgentConfig config = config_for(origin);
  config.optimization = "rules: [\"" + path + "\"], interval: 100ms";
  config.compression = "level: 5";  // whatever the CPU does
  RunningAgent agent(config);
  int compressed = 0, plain = 0;
  ASSERT_TRUE(eventually([&] {
    const Message answer = agent.get("/text", accept(Coding::gzip));
    EXPECT_EQ(answer.status(), 200);
    ++(answer.get("content-encoding") == "gzip" ? compressed : plain);
    return compressed > 0;
  })) << agent.status();
  plain = 0;
  EXPECT_TRUE(eventually([&] {
    ++(agent.get("/text", accept(Coding::gzip)).get("content-encoding") == "gzip" ? compressed
                                                                                  : plain);
    return plain >= 5 && compressed >= 5;
  })) << compressed
      << " compressed, " << plain << " not";
  const auto body = boost::json::parse(agent.status());
  const auto& active = body.at("performance_status").at("active_optimizations").as_array();
  ASSERT_EQ(active.size(), 1U) << agent.status();
  EXPECT_EQ(active[0].at("share"), 0.5);
  EXPECT_EQ(active[0].at("effect").at("verdict"), "running");
  EXPECT_EQ(active[0].at("effect").at("design"), "concurrent");
  EXPECT_EQ(agent.metric("homeostat_rule_effects_total{verdict=\"running\"}"), 1);
}

}  // namespace
}  // namespace homeostat::test
