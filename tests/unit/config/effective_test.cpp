#include "config/effective.hpp"

#include "tests/unit/config/support.hpp"

namespace homeostat::config {
namespace {

using Keys = std::vector<std::string>;

constexpr const char* many = R"(
workers: 3
server: {requests_per_connection_max: 7}
cache: {query_drop: ["utm_*"], groups: {g: [/a/*]}, rules: [{match: {path: "/x,y"}, ttl: 90s}]}
alerts: {labels: {a: "x: y # z", b: "${not} a variable"}}
admission: {priorities: [{match: {path: /a, methods: [GET, PUT]}, class: low}]}
monitor: {endpoints: {routes: ["/a/{b}"]}}
)";

TEST(ToYaml, LoadsAgainToTheSame) {
  const auto settings = must_load(many, {{"not", "'tis \"q\" \\"}});
  const auto printed = to_yaml(settings);
  const auto again = load(printed);
  ASSERT_TRUE(again.ok()) << printed << format(again.diagnostics);
  EXPECT_EQ(to_yaml(*again.settings), printed);
  EXPECT_EQ(changed_keys(settings, *again.settings), Keys{});
}

TEST(ToYaml, ShowsEveryDefault) {
  const auto printed = to_yaml(must_load(""));
  EXPECT_NE(printed.find("cache:\n  enabled: true\n  memory: 100MiB\n"), std::string::npos)
      << printed;
  EXPECT_NE(printed.find("workers: auto\n"), std::string::npos);
  EXPECT_EQ(printed.find("staleness_budget"), std::string::npos)
      << "what is not available is not shown";
  EXPECT_EQ(printed.find("app:"), std::string::npos) << "no empty sections";
}

TEST(ToYaml, ADollarBraceStaysLiteral) {
  auto settings = must_load("");
  settings.alerts.labels.emplace_back("x", "a ${HOME} b");
  const auto again = load(to_yaml(settings));
  ASSERT_TRUE(again.ok()) << format(again.diagnostics);
  EXPECT_EQ(again.settings->alerts.labels.front().second, "a ${HOME} b");
}

TEST(Compare, NothingChangedNeedsNothing) {
  const auto settings = must_load("");
  EXPECT_EQ(restart_required(settings, settings), Keys{});
  EXPECT_EQ(changed_keys(settings, settings), Keys{});
}

TEST(Compare, ReloadableKeysNeedNoRestart) {
  const auto before = must_load("");
  const auto after = must_load(
      "server: {idle_timeout: 9s}\nadmission: {reject_status: 429}\nlog: {level: debug}\n"
      "cache: {rules: [{match: {path: /a}, ttl: 1s}]}\noptimization: {level: aggressive}\n"
      "compression: {mode: off}\n");
  EXPECT_EQ(restart_required(before, after), Keys{});
  EXPECT_EQ(changed_keys(before, after),
            (Keys{"server.idle_timeout", "cache.rules", "compression.mode",
                  "admission.reject_status", "optimization.level", "log.level"}));
}

TEST(Compare, NamesTheKeysThatNeedARestart) {
  const auto before = must_load("");
  const auto after = must_load(
      "workers: 2\nadmin: {listen: 127.0.0.1:9999}\n"
      "cache: {memory: 1GiB, fill_wait_max: 3s}\nmonitor: {app: {pid_file: /x}}\n",
      {{"HOMEOSTAT_LISTEN", "127.0.0.1:8081"}});
  EXPECT_EQ(restart_required(before, after),
            (Keys{"listen", "workers", "admin.listen", "cache.memory", "monitor.app.pid_file"}));
}

TEST(Compare, SeesAChangedSecret) {
  const auto with = [](const std::string& secret) {
    return must_load("admin: {tokens: [{name: a, secret: " + secret + "}]}\n");
  };
  EXPECT_EQ(changed_keys(with("0123456789abcdef"), with("0123456789abcdeX")), Keys{"admin.tokens"});
}

TEST(Compare, SeesAChangedRuleFile) {
  const Folder folder;
  const auto path = folder.write("h.yaml", std::string(base) + "optimization: {rules: [r.yaml]}\n");
  const auto with = [&](const std::string& threshold) {
    folder.write("r.yaml", "rules: [{name: a, when: cpu.utilization > " + threshold +
                               ", then: [{throttle: }]}]\n");
    return *load_file(path, {}).settings;
  };
  const auto before = with("1%");
  EXPECT_EQ(changed_keys(before, with("1%")), Keys{});
  EXPECT_EQ(changed_keys(before, with("2%")), Keys{"optimization.rules"});
  EXPECT_EQ(restart_required(before, with("2%")), Keys{});
}

}  // namespace
}  // namespace homeostat::config
