// GET /events of a whole agent: what a watcher sees of an overload and a reload.
#include <gtest/gtest.h>

#include "tests/e2e/running_agent.hpp"
#include "tests/support/child_process.hpp"
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
  // A rule that stays pending, about a value that only the test has.
  const TemporaryDirectory directory;
  const std::string path = directory.write("rules.yaml", R"(rules:
  - name: memory-short
    level: conservative
    when: memory.utilization > 98%
    for: 5m
    until: memory.utilization < 97%
    then:
      - alert: {severity: warning, summary: Memory is short}
)");
  AgentConfig config = config_for(origin);
  config.optimization = "rules: [\"" + path + "\"], interval: 100ms";
  RunningAgent agent(config);
  Socket socket = connect_tcp(agent.admin_port());
  ASSERT_TRUE(socket.send("GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  std::string seen;
  EXPECT_NE(read_until(socket, seen, "\r\n\r\n").find("text/event-stream"), std::string::npos);
  EXPECT_LT(agent.admin("POST", "/api/v1/test/performance?metric=memory&value=99&for=10m").status(),
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
