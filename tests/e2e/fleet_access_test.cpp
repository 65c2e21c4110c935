// What an agent needs of Redis, and what it makes of it when it came first.
#include <gtest/gtest.h>

#include "tests/e2e/fleet.hpp"

namespace homeostat::test {
namespace {

constexpr const char* fresh_text = "Cache-Control: max-age=600\r\n";
constexpr const char* entries = "/api/v1/cache/entries/";

/// The user of docs/decisions/0015.
const std::vector<std::string> permissions = {
    "~hs:default*", "~{hs:default*", "+eval",   "+xadd",   "+xread",    "+xrange", "+xrevrange",
    "+xtrim",       "+lrange",       "+rpush",  "+get",    "+getrange", "+set",    "+setrange",
    "+exists",      "+pttl",         "+strlen", "+del",    "+unlink",   "+scan",   "+ping",
    "+info",        "+time",         "+role",   "+select", "+cluster",  "+asking"};

TEST(FleetAccess, AUserWithJustTheCommandsOfTheDocumentationIsEnough) {
  RedisServer redis;
  std::vector<std::string> user = {"ACL", "SETUSER", "agent", "on", ">long-enough-a-secret"};
  user.insert(user.end(), permissions.begin(), permissions.end());
  ASSERT_EQ(redis.run(user), "OK");
  ScriptedOrigin origin;
  origin.on("/a", [&](OriginExchange& exchange) {
    exchange.respond(200, fresh_text, std::to_string(origin.requests("/a")));
  });
  AgentConfig config = config_for(origin);
  config.workers = 1;
  config.cache = redis_section(redis.url(),
                               "user: agent, password: long-enough-a-secret, "
                               "timeout: 10s, adaptive: off, lease_above: 0s") +
                 ", warm: {save_interval: 10s}";
  RunningAgent agent(config), other(config);
  ASSERT_TRUE(Fleet::in_step(agent));
  ASSERT_TRUE(Fleet::in_step(other));
  EXPECT_EQ(agent.get("/a").status(), 200);
  ASSERT_TRUE(eventually([&] { return Fleet::writes(agent, "stored") > 0; }));
  EXPECT_TRUE(is_shared(other.get("/a")));
  const Message stored = agent.admin("PUT", std::string(entries) + "k", R"({"value": 1})");
  EXPECT_TRUE(contains(stored.body, "\"level\": \"l2\"")) << stored.body;
  const Message listed = agent.admin("GET", "/api/v1/cache/keys?level=l2");
  EXPECT_TRUE(contains(listed.body, "hs:default:data:k")) << listed.body;
  EXPECT_FALSE(contains(listed.body, "\"complete\": false")) << listed.body;
  EXPECT_EQ(agent.admin("DELETE", std::string(entries) + "k").status(), 200);
  EXPECT_EQ(agent.admin("POST", "/api/v1/cache/invalidate", R"({"patterns": ["/a*"]})").status(),
            200);
  EXPECT_TRUE(eventually([&] { return other.get("/a").body != "1"; }));
  // Nothing was refused: Redis keeps a note of what was.
  EXPECT_EQ(redis.run({"ACL", "LOG"}), "");
}

TEST(FleetAccess, WhatWasStoredBeforeTheFirstContactIsValidated) {
  RedisServer redis;
  redis.kill();
  ScriptedOrigin origin;
  origin.on("/a", [&](OriginExchange& exchange) {
    exchange.respond(200, fresh_text, std::to_string(origin.requests("/a")));
  });
  AgentConfig config = config_for(origin);
  config.workers = 1;
  config.cache = redis_section(redis.url());
  RunningAgent agent(config);
  EXPECT_EQ(agent.get("/a").body, "1");
  EXPECT_EQ(agent.get("/a").body, "1");
  // Meanwhile another agent may have invalidated it in a Redis that has forgotten it since.
  redis.restart();
  ASSERT_TRUE(Fleet::in_step(agent));
  EXPECT_TRUE(eventually([&] { return agent.get("/a").body != "1"; }));
}

TEST(FleetAccess, AReplicaIsNotBelieved) {
  Fleet fleet(1);
  fleet.count_requests("/a", fresh_text);
  fleet.store(0, "/a");
  const HeldPort nobody;
  fleet.redis.run({"REPLICAOF", "127.0.0.1", std::to_string(nobody.port())});
  EXPECT_TRUE(eventually([&] { return fleet[0].metric("homeostat_shared_in_step") == 0; }));
  EXPECT_EQ(fleet[0].get("/a?other").status(), 200) << "the application is asked";
  EXPECT_EQ(Fleet::reads(fleet[0], "untrusted"), 1);
  fleet.redis.run({"REPLICAOF", "NO", "ONE"});
  EXPECT_TRUE(Fleet::in_step(fleet[0]));
}

}  // namespace
}  // namespace homeostat::test
