// The agent's whole metrics page, as Prometheus' own checker sees it.
#include <gtest/gtest.h>

#include <cstdio>
#include <string>

#include "tests/e2e/running_agent.hpp"
#include "tests/support/scripted_origin.hpp"

namespace homeostat::test {
namespace {

TEST(Metrics, PromtoolAcceptsThePageOfAWorkingAgent) {
  ScriptedOrigin origin;
  AgentConfig config = config_for(origin);
  RunningAgent agent(config);
  for (const char* path : {"/one", "/one", "/two"}) EXPECT_GT(agent.get(path).status(), 0);
  const std::string page = agent.admin("GET", "/metrics", "").body;
  ASSERT_NE(page.find("homeostat_requests_total"), std::string::npos);
  FILE* checker = ::popen("promtool check metrics 2>&1", "w");
  ASSERT_NE(checker, nullptr);
  EXPECT_EQ(std::fwrite(page.data(), 1, page.size(), checker), page.size());
  EXPECT_EQ(::pclose(checker), 0) << page;
}

}  // namespace
}  // namespace homeostat::test
