// The agent's whole metrics page, as Prometheus' own checker sees it.
#include <gtest/gtest.h>

#include <cstdio>
#include <string>

#include "tests/e2e/compression_support.hpp"
#include "tests/e2e/fleet.hpp"
#include "tests/e2e/held_origin.hpp"
#include "tests/support/child_process.hpp"
#include "tests/support/redis_server.hpp"

namespace homeostat::test {
namespace {

/// What promtool says of a page: empty if nothing.
std::string complaints(const std::string& page) {
  const TemporaryDirectory directory;
  const std::string file = directory.write("page", page);
  FILE* checker = ::popen(("promtool check metrics < " + file + " 2>&1").c_str(), "r");
  EXPECT_NE(checker, nullptr);
  std::string said(64 * 1024, '\0');
  said.resize(std::fread(said.data(), 1, said.size(), checker));
  EXPECT_EQ(::pclose(checker) == 0, said.empty()) << said;
  return said;
}

TEST(Metrics, PromtoolAcceptsThePageOfAnAgentInWhichEverythingIsAtWork) {
  const RedisServer redis;
  const HeldPort dead;
  const TemporaryDirectory directory;
  HeldOrigin blocked("/slow");
  blocked.origin.answer("/text", 200, type + kept, text_of(20000));
  AgentConfig config = one_place(blocked.origin, "max_wait: 0s, queue_max: 1");
  config.cache = redis_section(redis.url());
  config.compression = "mode: on, level: 5";
  config.slo = "[{name: all, match: {path: /*}, target: 99%}]";
  config.alerts = "webhooks: [\"http://127.0.0.1:" + std::to_string(dead.port()) + "/\"]";
  config.optimization =
      "interval: 100ms, rules: [\"" +
      directory.write("rules.yaml",
                      "rules: [{name: always, level: conservative, when: 'cpu.utilization >= 0%', "
                      "no_data: fire, for: 0s, then: [alert: {}]}]\n") +
      "\"]";
  RunningAgent agent(config);
  for (const Coding coding : {Coding::gzip, Coding::brotli}) {
    EXPECT_EQ(agent.get("/text", accept(coding)).status(), 200);
  }
  HttpClient first(agent.port());
  ASSERT_TRUE(first.send(request_text("POST", "/slow")));
  ASSERT_TRUE(blocked.origin.wait_for_requests("/slow", 1));
  EXPECT_EQ(HttpClient(agent.port()).request("POST", "/slow").status(), 503);
  std::string page;
  EXPECT_TRUE(eventually([&] {
    page = agent.admin("GET", "/metrics").body;
    return contains(page, "homeostat_rule_transitions_total{rule=\"always\"") &&
           contains(page, "homeostat_admission_rejected_total{") &&
           contains(page, "homeostat_redis_up 1") && contains(page, "homeostat_slo_burn{");
  })) << page;
  EXPECT_EQ(complaints(page), "") << page;
  EXPECT_NE(complaints("homeostat_broken{ 1\n"), "") << "the check itself can fail";
  blocked.go_on.set();
  EXPECT_EQ(first.read().body, "done");
}

}  // namespace
}  // namespace homeostat::test
