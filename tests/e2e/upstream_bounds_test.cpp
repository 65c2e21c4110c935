// How many connections to the upstream there may be, and who gets one.
#include <gtest/gtest.h>

#include "tests/e2e/running_agent.hpp"
#include "tests/support/waiting.hpp"

namespace homeostat::test {
namespace {

AgentConfig config_for(const std::string& url, const std::string& upstream) {
  AgentConfig config;
  config.upstream_url = url;
  config.upstream = upstream;
  return config;
}

TEST(Upstream, ConnectionsAreBoundedPerTarget) {
  Signal go_on;
  ScriptedOrigin origin;
  origin.on("/slow", [&](OriginExchange& exchange) {
    go_on.wait();
    exchange.respond(200, "", "done");
  });
  AgentConfig config = config_for(origin.url(), "connections_max: 1, retries: 0");
  config.workers = 1;
  RunningAgent agent(config);
  HttpClient first(agent.port());
  ASSERT_TRUE(first.send(request_text("POST", "/slow")));
  ASSERT_TRUE(origin.wait_for_requests("/slow", 1));
  HttpClient second(agent.port());
  const Message refused = second.request("POST", "/slow");
  EXPECT_EQ(refused.status(), 503);
  EXPECT_EQ(refused.get("proxy-status"), "homeostat; error=connection_limit_reached");
  go_on.set();
  EXPECT_EQ(first.read().body, "done");
}

TEST(Upstream, WhoeverIsAdmittedFindsAConnection) {
  Signal go_on;
  ScriptedOrigin origin;
  origin.on("/slow", [&](OriginExchange& exchange) {
    go_on.wait();
    exchange.respond(200, "", "done");
  });
  AgentConfig config = config_for(origin.url(), "connections_max: 1, retries: 0");
  config.admission = "mode: on, limit_initial: 10, max_wait: 1m";
  config.workers = 1;
  RunningAgent agent(config);
  HttpClient first(agent.port()), second(agent.port());
  ASSERT_TRUE(first.send(request_text("POST", "/slow")));
  ASSERT_TRUE(origin.wait_for_requests("/slow", 1));
  ASSERT_TRUE(second.send(request_text("POST", "/slow")));
  EXPECT_TRUE(eventually([&] { return agent.metric("homeostat_admission_queue_length") == 1; }));
  go_on.set();
  EXPECT_EQ(first.read().body, "done");
  EXPECT_EQ(second.read().body, "done");
  EXPECT_EQ(agent.metric("homeostat_upstream_connection_limit_total"), 0);
}

}  // namespace
}  // namespace homeostat::test
