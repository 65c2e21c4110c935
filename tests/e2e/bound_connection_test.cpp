// Connections to the application that one user's credentials may have come to stand for.
#include <gtest/gtest.h>

#include <string>

#include "tests/e2e/running_agent.hpp"

namespace homeostat::test {
namespace {

TEST(BoundConnection, AConnectionThatCredentialsMayHaveBoundServesNobodyElse) {
  // Servers of these schemes take whoever comes on a connection for who logged in on it.
  for (const char* scheme : {"NTLM", "negotiate", "Kerberos"}) {
    ScriptedOrigin origin;
    AgentConfig config = config_for(origin);
    config.workers = 1;  // each has connections of its own
    RunningAgent agent(config);
    ASSERT_EQ(agent.get("/a").status(), 200);
    ASSERT_EQ(agent.get("/b").status(), 200);
    ASSERT_EQ(origin.connections(), 1U) << "others are kept";
    const std::string credentials = "Authorization: " + std::string(scheme) + " TlRMTVNTUAAB\r\n";
    ASSERT_EQ(agent.get("/c", credentials).status(), 200);
    ASSERT_EQ(agent.get("/d").status(), 200);
    EXPECT_EQ(origin.connections(), 2U) << scheme;
    ASSERT_EQ(agent.get("/e", "Authorization: Basic eDp5\r\n").status(), 200);
    ASSERT_EQ(agent.get("/f").status(), 200);
    EXPECT_EQ(origin.connections(), 2U) << "these speak for one request";
  }
}

}  // namespace
}  // namespace homeostat::test
