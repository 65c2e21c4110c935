// A reload of the upstream's settings: what is known of the targets stays known, and names
// that cannot be looked up hold up nothing.
#include <gtest/gtest.h>

#include <csignal>

#include "tests/e2e/captured_log.hpp"
#include "tests/e2e/running_agent.hpp"
#include "tests/support/waiting.hpp"

namespace homeostat::test {
namespace {

/// Too long for a name: it leads nowhere without anybody being asked.
const std::string nowhere = "http://" + std::string(200, 'x') + ":80";

int reload(RunningAgent& agent, const AgentConfig& config) {
  agent.set_text(config.text());
  return agent.admin("POST", "/api/v1/rules/reload", "{}").status();
}

/// A worker has the settings that say so.
bool takes_only_three_bytes(const RunningAgent& agent) {
  return eventually([&] {
    HttpClient sending(agent.port());
    return sending.request("POST", "/page", "", "four").status() == 413;
  });
}

TEST(UpstreamReload, AnOpenBreakerStaysOpen) {
  const HeldPort dead;
  AgentConfig config;
  config.upstream_url = "http://127.0.0.1:" + std::to_string(dead.port());
  config.upstream = "retries: 0, breaker: {unanswered_max: 2, probe_interval: 1m}";
  config.workers = 1;
  RunningAgent agent(config);
  ASSERT_TRUE(eventually([&] { return agent.get("/page").status() == 503; }));
  config.upstream += ", timeout: 5s";
  config.server = "body_bytes_max: 3B";
  ASSERT_EQ(reload(agent, config), 200);
  ASSERT_TRUE(takes_only_three_bytes(agent));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(agent.get("/page").status(), 503) << "502: it was asked";
}

TEST(UpstreamReload, ConnectionsToATargetThatStaysAreKept) {
  ScriptedOrigin origin;
  AgentConfig config = config_for(origin);
  config.workers = 1;
  RunningAgent agent(config);
  HttpClient client(agent.port());
  ASSERT_EQ(client.request("POST", "/page").status(), 200);
  config.upstream = "timeout: 5s";
  config.server = "body_bytes_max: 3B";
  ASSERT_EQ(reload(agent, config), 200);
  ASSERT_TRUE(takes_only_three_bytes(agent));
  EXPECT_EQ(client.request("POST", "/page").status(), 200);
  EXPECT_EQ(origin.connections(), 1U);
}

TEST(UpstreamReload, ANewNameThatLeadsNowhereLeavesTheTargetsAndTheRestTakesEffect) {
  const CapturedLog log;
  ScriptedOrigin first;
  ScriptedOrigin second;
  first.answer("/page", 200, "", "first");
  second.answer("/page", 200, "", "second");
  AgentConfig config = config_for(first);
  RunningAgent agent(config);
  config.upstream_url = nowhere;
  config.server = "body_bytes_max: 3B";
  ASSERT_EQ(reload(agent, config), 200);
  EXPECT_TRUE(takes_only_three_bytes(agent));
  EXPECT_TRUE(eventually([&] { return log.count("the upstream stays as it was") > 0; }));
  EXPECT_EQ(agent.get("/page").body, "first");
  config.upstream_url = second.url();
  ASSERT_EQ(reload(agent, config), 200);
  EXPECT_TRUE(eventually([&] { return agent.get("/page").body == "second"; }));
}

TEST(UpstreamReload, ANewNameTakesEffectOnceItIsKnown) {
  ScriptedOrigin first;
  ScriptedOrigin second;
  first.answer("/page", 200, "", "first");
  second.answer("/page", 200, "", "second");
  AgentConfig config = config_for(first);
  RunningAgent agent(config);
  config.upstream_url = "http://localhost:" + std::to_string(second.port());
  ASSERT_EQ(reload(agent, config), 200);
  EXPECT_TRUE(eventually([&] { return agent.get("/page").body == "second"; }));
}

TEST(UpstreamReload, ManySighupsAtOnceAreFewReloadsAndHoldUpNoEnd) {
  ScriptedOrigin origin;
  AgentConfig config = config_for(origin);
  RunningAgent agent(config, true);
  ASSERT_EQ(agent.get("/page").status(), 200);
  for (int i = 0; i < 500; ++i) ASSERT_EQ(std::raise(SIGHUP), 0);
  ASSERT_TRUE(eventually([&] { return agent.metric("homeostat_config_reloads_total") >= 1; }));
  EXPECT_LT(agent.metric("homeostat_config_reloads_total"), 100);
  ASSERT_EQ(std::raise(SIGTERM), 0);
  agent.join();
}

}  // namespace
}  // namespace homeostat::test
