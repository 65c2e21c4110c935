// Fields with `_` in their names, which applications may take for those with `-`.
#include <gtest/gtest.h>

#include "tests/e2e/cache_support.hpp"
#include "tests/e2e/running_agent.hpp"

namespace homeostat::test {
namespace {

constexpr const char* forged =
    "X_Forwarded_For: 10.0.0.1\r\nX_Forwarded_Host: evil\r\nX_HTTP_Method_Override: DELETE\r\n"
    "Accept_Language: de\r\nX-Plain: a_b\r\n";

TEST(Underscores, AreLeftOutOfRequestsAndCounted) {
  ScriptedOrigin origin;
  RunningAgent agent(origin);
  ASSERT_EQ(agent.get("/page", forged).status(), 200);
  const Message seen = origin.last_request("/page");
  for (const char* name :
       {"x_forwarded_for", "x_forwarded_host", "x_http_method_override", "accept_language"}) {
    EXPECT_EQ(seen.get(name), "") << name;
  }
  EXPECT_EQ(seen.get("x-forwarded-for"), "127.0.0.1");
  EXPECT_EQ(seen.get("x-plain"), "a_b");
  EXPECT_EQ(agent.metric("homeostat_client_fields_dropped_total"), 4);
}

TEST(Underscores, OtherCharactersAreLeftOutAsWell) {
  ScriptedOrigin origin;
  RunningAgent agent(origin);
  ASSERT_EQ(agent.get("/page", "X.Forwarded.Host: evil\r\nX!Tenant: a\r\n").status(), 200);
  EXPECT_EQ(origin.last_request("/page").get("x.forwarded.host"), "");
  EXPECT_EQ(agent.metric("homeostat_client_fields_dropped_total"), 2);
}

TEST(Underscores, PassWhereTheOperatorSaysSo) {
  ScriptedOrigin origin;
  AgentConfig config = config_for(origin);
  config.server = "header_underscores: true";
  RunningAgent agent(config);
  ASSERT_EQ(agent.get("/page", forged).status(), 200);
  EXPECT_EQ(origin.last_request("/page").get("x_forwarded_host"), "evil");
  EXPECT_EQ(agent.metric("homeostat_client_fields_dropped_total"), 0);
}

}  // namespace
}  // namespace homeostat::test
