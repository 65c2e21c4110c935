// GET /events of a whole agent: what a watcher sees of an overload and a reload.
#include <gtest/gtest.h>

#include "tests/e2e/running_agent.hpp"
#include "tests/support/socket.hpp"

namespace homeostat::test {
namespace {

/// Reads until `wanted` has come; what was read either way.
std::string read_until(Socket& socket, std::string& seen, const std::string& wanted) {
  while (seen.find(wanted) == std::string::npos) {
    if (socket.receive(seen) != Socket::Received::bytes) break;
  }
  return seen;
}

TEST(Events, TellAnOverloadAndAReload) {
  ScriptedOrigin origin;
  AgentConfig config = config_for(origin);
  config.optimization = "rules: [builtin], level: aggressive, interval: 100ms";
  RunningAgent agent(config);
  Socket socket = connect_tcp(agent.admin_port());
  ASSERT_TRUE(socket.send("GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  std::string seen;
  EXPECT_NE(read_until(socket, seen, "\r\n\r\n").find("text/event-stream"), std::string::npos);
  EXPECT_LT(agent.admin("POST", "/api/v1/test/performance?metric=cpu&value=99&for=1s").status(),
            300);
  read_until(socket, seen, "\"to\":\"pending\"");
  EXPECT_NE(seen.find("event: change"), std::string::npos) << seen;
  EXPECT_NE(seen.find("\"to\":\"pending\""), std::string::npos) << seen;
  agent.set_text("listen: 5\n");
  EXPECT_EQ(agent.admin("POST", "/api/v1/rules/reload", "{}").status(), 422);
  read_until(socket, seen, "\"status\":\"refused\"");
  EXPECT_NE(seen.find("event: reload"), std::string::npos) << seen;
}

}  // namespace
}  // namespace homeostat::test
