// The subcommands that end by themselves: check and replay.
#include <gtest/gtest.h>

#include <cstdlib>

#include "runtime/app/commands.hpp"
#include "runtime/app/replay_command.hpp"
#include "tests/support/child_process.hpp"

namespace homeostat::test {
namespace {

TEST(Check, TakesTheExamples) {
  ASSERT_EQ(::setenv("HOMEOSTAT_ADMIN_TOKEN", "0123456789abcdef", 1), 0);
  for (const char* name : {"homeostat.yaml", "minimal.yaml"}) {
    app::RunOptions options;
    options.config = std::string(HOMEOSTAT_SOURCE_DIR "/config/examples/") + name;
    const config::LoadResult loaded = app::load(options);
    EXPECT_TRUE(loaded.ok()) << config::format(loaded.diagnostics);
  }
  ::unsetenv("HOMEOSTAT_ADMIN_TOKEN");
}

TEST(Check, NamesThePlaceOfEveryUrlThatCannotBeUsed) {
  const TemporaryDirectory directory;
  app::RunOptions options;
  options.config = directory.write("agent.yaml",
                                   "listen: 127.0.0.1:8080\n"
                                   "upstream: {url: http://127.0.0.1:9000}\n"
                                   "alerts:\n"
                                   "  alertmanager: http://127.0.0.1:9093/?x=1\n"
                                   "  webhooks:\n"
                                   "    - http://127.0.0.1/good\n"
                                   "    - http://127.0.0.1/%zz\n"
                                   "optimization:\n"
                                   "  memory_hook: http://127.0.0.1/%zz\n"
                                   "monitor:\n"
                                   "  scrape: http://127.0.0.1/%zz\n");
  const config::LoadResult loaded = app::load(options);
  const std::string errors = config::format(loaded.diagnostics);
  EXPECT_EQ(loaded.diagnostics.size(), 4U) << errors;
  for (const char* part :
       {"agent.yaml:4:17: `alerts.alertmanager`: ", "agent.yaml:7:7: `alerts.webhooks[1]`: ",
        "agent.yaml:9:16: `optimization.memory_hook`: ", "agent.yaml:11:11: `monitor.scrape`: "}) {
    EXPECT_NE(errors.find(part), std::string::npos) << part << "\n" << errors;
  }
}

TEST(Check, WarnsOfCacheRulesThatDoNotDoWhatTheySay) {
  const TemporaryDirectory directory;
  app::RunOptions options;
  options.config = directory.write("agent.yaml",
                                   "listen: 127.0.0.1:8080\n"
                                   "upstream: {url: http://127.0.0.1:9000}\n"
                                   "cache: {rules: [{match: {path: /*}, ttl: 1m},\n"
                                   "                {match: {path: /a}, ttl: 1h}]}\n");
  testing::internal::CaptureStderr();
  EXPECT_EQ(app::check_configuration(options, false), 0) << "they are allowed";
  EXPECT_NE(testing::internal::GetCapturedStderr().find("warning: cache.rules[1] (`/a`): "),
            std::string::npos);
}

TEST(Check, TakesRuleFilesAlone) {
  const TemporaryDirectory directory;
  const std::string good =
      directory.write("good.yaml",
                      "rules: [{name: a, when: cpu.utilization > 1%, then: [throttle: ]}]\n"
                      "disable: [high-cpu-gc]\n");
  EXPECT_EQ(app::check_rules({"builtin", good}), 0);
  EXPECT_EQ(app::check_rules({good}), 1) << "there is no rule to disable";
  EXPECT_EQ(app::check_rules({directory.path() + "/missing.yaml"}), 1);
}

TEST(Replay, RefusesARecordingWithoutASample) {
  const TemporaryDirectory directory;
  app::ReplayCommand command;
  command.rules = {"builtin"};
  command.signals = directory.write("signals.csv", "time,cpu.utilization\n");
  EXPECT_EQ(app::run_replay(command), 1);
  command.signals = directory.write("signals.csv", "time,cpu.utilization\n1,0.5\n");
  EXPECT_EQ(app::run_replay(command), 0);
}

}  // namespace
}  // namespace homeostat::test
