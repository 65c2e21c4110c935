// Emergency mode as an operator sees it: entered, acted on, alerted, left.
#include <gtest/gtest.h>

#include <atomic>

#include "tests/e2e/cache_support.hpp"
#include "tests/support/alertmanager.hpp"
#include "tests/support/child_process.hpp"
#include "tests/support/waiting.hpp"

namespace homeostat::test {
namespace {

AgentConfig emergency_config(const ScriptedOrigin& origin, const ScriptedOrigin& webhook,
                             const std::string& rules_path) {
  AgentConfig config = config_for(origin);
  config.optimization = "rules: [\"" + rules_path + "\"], interval: 100ms";
  config.alerts = "webhooks: [\"" + webhook.url() + "/hook\"], timeout: 2s";
  return config;
}

TEST(Emergency, InjectedMemoryEntersItAlertsAndStaleIsServed) {
  ScriptedOrigin origin;
  ScriptedOrigin webhook;
  std::atomic<int> fetches{0};
  origin.on("/page", [&](OriginExchange& exchange) {
    ++fetches;
    exchange.respond(200, "Cache-Control: max-age=1\r\n", "kept");
  });
  const TemporaryDirectory directory;
  const std::string path = directory.write("rules.yaml", R"(rules:
  - name: memory-gone
    level: conservative
    when: memory.utilization > 98%
    for: 0s
    until: memory.utilization < 97%
    then:
      - emergency: {}
      - alert: {severity: critical, summary: Memory is gone}
)");
  RunningAgent agent(emergency_config(origin, webhook, path));
  ASSERT_EQ(agent.get("/page").body, "kept");
  const Message injected =
      agent.admin("POST", "/api/v1/test/performance?metric=memory&value=99&for=1m", "{}");
  ASSERT_LT(injected.status(), 300) << injected.body;
  ASSERT_TRUE(eventually([&] { return agent.metric("homeostat_emergency") == 1; }))
      << agent.status();
  EXPECT_TRUE(contains(agent.status(), "injected"));
  ASSERT_TRUE(webhook.wait_for_requests("/hook", 1));
  EXPECT_TRUE(eventually([&] { return contains(webhook.last_request("/hook").body, "Homeostat"); }))
      << webhook.last_request("/hook").body;
  // Past its second the object is stale, and good enough in an emergency.
  EXPECT_TRUE(eventually([&] {
    const Message response = agent.get("/page");
    return response.body == "kept" && contains(response.get("cache-status"), "ttl=-");
  })) << agent.get("/page").get("cache-status");
}

/// Of what passes through several loops and another program's own timers.
constexpr std::chrono::seconds long_patience{60};

/// What is measured on this machine is replaced, so that only the test decides.
void inject_memory(const RunningAgent& agent, const std::string& utilization) {
  for (const std::string& query : {"metric=memory&value=" + utilization,
                                   std::string("metric=memory.full_pressure&value=0%25")}) {
    const Message answer =
        agent.admin("POST", "/api/v1/test/performance?" + query + "&for=10m", "{}");
    ASSERT_LT(answer.status(), 300) << answer.body;
  }
}

TEST(Emergency, IsAnAlertInAlertmanagerUntilItIsLeft) {
  ScriptedOrigin origin;
  const Alertmanager alertmanager;
  AgentConfig config = config_for(origin);
  config.optimization = "rules: [], interval: 100ms, emergency_leave_after: 1s";
  config.alerts = "alertmanager: \"" + alertmanager.url() + "\"";
  RunningAgent agent(config);
  ASSERT_TRUE(
      eventually([&] { return agent.metric("homeostat_cache_bytes_max") > 0; }, long_patience));
  const double whole_cache = agent.metric("homeostat_cache_bytes_max");

  inject_memory(agent, "99");
  ASSERT_TRUE(eventually([&] { return agent.metric("homeostat_emergency") == 1; }, long_patience))
      << agent.status();
  EXPECT_TRUE(eventually(
      [&] { return agent.metric("homeostat_cache_bytes_max") < 0.6 * whole_cache; }, long_patience))
      << agent.status();
  boost::json::array listed;
  ASSERT_TRUE(eventually(
      [&] {
        listed = alertmanager.listed("HomeostatEmergency");
        return listed.size() == 1;
      },
      long_patience))
      << alertmanager.output();
  EXPECT_EQ(listed[0].at("status").at("state"), "active");
  EXPECT_EQ(listed[0].at("labels").at("severity"), "critical");
  EXPECT_EQ(listed[0].at("labels").at("injected"), "true");

  inject_memory(agent, "10");
  EXPECT_TRUE(eventually([&] { return agent.metric("homeostat_emergency") == 0; }, long_patience))
      << agent.status();
  EXPECT_TRUE(
      eventually([&] { return alertmanager.listed("HomeostatEmergency").empty(); }, long_patience))
      << alertmanager.output();
  EXPECT_TRUE(eventually([&] { return agent.metric("homeostat_cache_bytes_max") == whole_cache; },
                         long_patience))
      << agent.status();
}

}  // namespace
}  // namespace homeostat::test
