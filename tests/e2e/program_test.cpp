// The program itself, as a person starts it: its commands, its log, its exit codes.
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <csignal>

#include "runtime/app/commands.hpp"
#include "runtime/app/demo/agent_config.hpp"
#include "tests/e2e/cache_support.hpp"
#include "tests/support/child_process.hpp"

namespace homeostat::test {
namespace {

/// Where a started agent says that it serves.
std::uint16_t port_of(ChildProcess& agent) {
  const auto line = agent.wait_for_line("serving on 127.0.0.1:");
  EXPECT_TRUE(line) << agent.output();
  if (!line) return 0;
  const std::size_t at = line->find("serving on 127.0.0.1:") + 21;
  return static_cast<std::uint16_t>(std::strtoul(line->c_str() + at, nullptr, 10));
}

TEST(Program, ProxiesAndCachesWithTwoFlags) {
  ScriptedOrigin origin;
  origin.answer("/kept", 200, "Cache-Control: max-age=60\r\n", "kept");
  ChildProcess agent({HOMEOSTAT_BINARY, "run", "--listen", "127.0.0.1:0", "--upstream",
                      origin.url(), "--set", "admin.listen=127.0.0.1:0"});
  HttpClient client(port_of(agent));
  EXPECT_EQ(client.get("/kept").body, "kept");
  EXPECT_TRUE(is_hit(client.get("/kept")));
  EXPECT_EQ(client.request("POST", "/page").status(), 200);
  EXPECT_EQ(origin.requests("/kept"), 1U);
  agent.signal(SIGTERM);
  EXPECT_EQ(agent.wait_for_exit(), 0) << agent.output();
}

TEST(Program, CheckNamesThePlaceOfAnErrorAndFails) {
  const TemporaryDirectory directory;
  const std::string good = directory.write(
      "good.yaml", "listen: 127.0.0.1:8080\nupstream: {url: http://127.0.0.1:9000}\n");
  ChildProcess fine({HOMEOSTAT_BINARY, "check", "--config", good});
  EXPECT_EQ(fine.wait_for_exit(), 0) << fine.output();
  const std::string bad = directory.write(
      "bad.yaml", "listen: 127.0.0.1:8080\nupstream: {url: http://127.0.0.1:9000}\ncachee: {}\n");
  for (const char* command : {"check", "run"}) {
    ChildProcess refused({HOMEOSTAT_BINARY, command, "--config", bad});
    EXPECT_EQ(refused.wait_for_exit(), 1) << command;
    EXPECT_TRUE(contains(refused.output(), "bad.yaml:3:1: ")) << refused.output();
    EXPECT_TRUE(contains(refused.output(), "cachee")) << refused.output();
  }
}

TEST(Program, WritesAnAccessLogOnlyWhereItIsAskedFor) {
  ScriptedOrigin origin;
  const auto start = [&](const std::string& access) {
    return std::vector<std::string>{HOMEOSTAT_BINARY, "run",
                                    "--listen",       "127.0.0.1:0",
                                    "--upstream",     origin.url(),
                                    "--set",          "admin.listen=127.0.0.1:0",
                                    "--set",          "log.format=json",
                                    "--set",          "log.access.enabled=" + access,
                                    "--set",          "log.access.sample=100%"};
  };
  ChildProcess telling(start("true"));
  HttpClient client(port_of(telling));
  ASSERT_EQ(client.get("/page?token=hidden").status(), 200);
  const auto line = telling.wait_for_line("\"/page\"");
  ASSERT_TRUE(line) << telling.output();
  const boost::json::object said = boost::json::parse(*line).as_object();
  EXPECT_EQ(said.at("status"), 200);
  EXPECT_EQ(said.at("method"), "GET");
  EXPECT_FALSE(contains(telling.output(), "hidden")) << telling.output();
  ChildProcess silent(start("false"));
  HttpClient other(port_of(silent));
  ASSERT_EQ(other.get("/page").status(), 200);
  silent.signal(SIGTERM);
  EXPECT_EQ(silent.wait_for_exit(), 0);
  EXPECT_FALSE(contains(silent.output(), "/page")) << silent.output();
}

TEST(Program, SaysNeitherPathNorQueryOfAWebhook) {
  ScriptedOrigin origin;
  const HeldPort dead;
  const TemporaryDirectory directory;
  const std::string hook = "http://127.0.0.1:" + std::to_string(dead.port());
  const std::string file = directory.write(
      "agent.yaml", "listen: 127.0.0.1:0\nupstream: {url: " + origin.url() +
                        "}\nadmin: {listen: 127.0.0.1:0}\nalerts: {webhooks: [\"" + hook +
                        "/T0/secret?x=secret\"]}\noptimization:\n  interval: 100ms\n  rules: [" +
                        directory.write("rules.yaml",
                                        "rules: [{name: always, level: conservative, when: "
                                        "'cpu.utilization >= 0%', no_data: fire, for: 0s, then: "
                                        "[alert: {}]}]\n") +
                        "]\n");
  ChildProcess agent({HOMEOSTAT_BINARY, "run", "--config", file});
  EXPECT_TRUE(agent.wait_for_line(hook + "/***")) << agent.output();
  EXPECT_FALSE(contains(agent.output(), "secret")) << agent.output();
}

TEST(Demo, ItsConfigurationAndRulesAreGood) {
  const TemporaryDirectory directory;
  const std::string rules = directory.write("rules.yaml", demo::agent_rules());
  const std::string file =
      directory.write("agent.yaml", demo::agent_config(9000, rules, directory.path() + "/app.pid"));
  app::RunOptions options;
  options.config = file;
  const config::LoadResult loaded = app::load(options);
  EXPECT_TRUE(loaded.ok()) << config::format(loaded.diagnostics);
}

}  // namespace
}  // namespace homeostat::test
