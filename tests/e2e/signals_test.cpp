// SIGHUP: the configuration is read again, and a bad one changes nothing.
#include <gtest/gtest.h>

#include <csignal>

#include "tests/e2e/cache_support.hpp"
#include "tests/e2e/captured_log.hpp"
#include "tests/support/waiting.hpp"

namespace homeostat::test {
namespace {

TEST(Sighup, PutsAChangedFileIntoForce) {
  ScriptedOrigin first;
  ScriptedOrigin second;
  first.answer("/page", 200, "", "first");
  second.answer("/page", 200, "", "second");
  AgentConfig config = config_for(first);
  RunningAgent agent(config, true);
  HttpClient client(agent.port());
  ASSERT_EQ(client.request("POST", "/page").body, "first");
  config.upstream_url = second.url();
  agent.set_text(config.text());
  ASSERT_EQ(std::raise(SIGHUP), 0);
  EXPECT_TRUE(eventually([&] { return client.request("POST", "/page").body == "second"; }));
  EXPECT_EQ(agent.metric("homeostat_config_reloads_total"), 1);
}

TEST(Sighup, ABadFileChangesNothingAndIsLoggedWithItsPlace) {
  const CapturedLog log;
  ScriptedOrigin first;
  ScriptedOrigin second;
  first.answer("/page", 200, "", "first");
  second.answer("/page", 200, "", "second");
  AgentConfig config = config_for(first);
  RunningAgent agent(config, true);
  HttpClient client(agent.port());
  ASSERT_EQ(client.request("POST", "/page").body, "first");
  config.upstream_url = second.url();
  AgentConfig bad = config;
  bad.cache = "memory: lots";
  agent.set_text("nonsense: 1\n" + bad.text());
  ASSERT_EQ(std::raise(SIGHUP), 0);
  ASSERT_TRUE(
      eventually([&] { return agent.metric("homeostat_config_reload_failures_total") == 1; }));
  EXPECT_TRUE(eventually([&] { return log.count("agent.yaml:1:1: ") == 1; })) << log.text();
  EXPECT_EQ(log.count("`cache.memory`: "), 1) << log.text();
  EXPECT_EQ(client.request("POST", "/page").body, "first");
  EXPECT_EQ(agent.metric("homeostat_config_reloads_total"), 0);
  // The next signal finds a good one.
  agent.set_text(config.text());
  ASSERT_EQ(std::raise(SIGHUP), 0);
  EXPECT_TRUE(eventually([&] { return client.request("POST", "/page").body == "second"; }));
}

TEST(Reload, WhatNeedsARestartStaysAsItWasAndIsNamedEachTime) {
  const CapturedLog log;
  ScriptedOrigin origin;
  origin.answer("/kept", 200, "Cache-Control: max-age=60\r\n", "kept");
  AgentConfig config = config_for(origin);
  config.server = "body_bytes_max: 8B";
  RunningAgent agent(config);
  ASSERT_EQ(agent.get("/kept").body, "kept");
  config.cache = "enabled: false, key_prefix: other, query_sort: true";
  config.server = "connections_max: 1, body_bytes_max: 3B";
  std::string text = config.text();
  text.replace(text.find("level: error"), 12, "level: warn");
  agent.set_text(text);
  for (int time = 1; time <= 2; ++time) {
    ASSERT_EQ(agent.admin("POST", "/api/v1/rules/reload", "{}").status(), 200);
    for (const char* key : {"server.connections_max", "cache.enabled", "cache.key_prefix"}) {
      EXPECT_EQ(log.count(std::string(key) + " differs"), time) << log.text();
    }
    HttpClient one(agent.port());
    HttpClient another(agent.port());
    // What a reload may change shows that this one has come to the workers.
    for (HttpClient* client : {&one, &another}) {
      EXPECT_TRUE(eventually([&] {
        HttpClient sending(agent.port());
        return sending.request("POST", "/page", "", "four").status() == 413;
      }));
      EXPECT_TRUE(is_hit(client->get("/kept")));
    }
    EXPECT_EQ(agent.metric("homeostat_config_reloads_total"), time);
  }
  EXPECT_EQ(agent.metric("homeostat_client_connections_refused_total"), 0);
  EXPECT_EQ(origin.requests("/kept"), 1U);
}

}  // namespace
}  // namespace homeostat::test
