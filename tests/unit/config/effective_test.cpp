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

TEST(UntilRestart, KeepsWhatIsInForceAndTakesTheRest) {
  const auto in_force = must_load(
      "cache: {memory: 64MiB, query_drop: [a]}\nserver: {connections_max: 7, idle_timeout: 5s}\n"
      "admin: {tokens: [{name: a, secret: 0123456789abcdef}]}\n"
      "alerts: {labels: {a: b}}\n");
  const auto loaded = must_load(
      "workers: 3\ncache: {enabled: false, fill_wait_max: 3s}\n"
      "server: {connections_max: 8, idle_timeout: 9s}\nmonitor: {interval: 3s}\n");
  const Reloadable reloadable = until_restart(in_force, loaded);
  EXPECT_EQ(reloadable.kept,
            (Keys{"workers", "server.connections_max", "admin.tokens", "cache.enabled",
                  "cache.memory", "cache.query_drop", "monitor.interval", "alerts.labels"}));
  EXPECT_EQ(reloadable.contradictions, Keys{});
  EXPECT_EQ(restart_required(in_force, reloadable.settings), Keys{});
  EXPECT_EQ(changed_keys(in_force, reloadable.settings),
            (Keys{"server.idle_timeout", "cache.fill_wait_max"}));
  EXPECT_EQ(restart_required(reloadable.settings, loaded), reloadable.kept) << "the next time, too";
}

/// A key of every kind and section that needs a restart, far from its default.
constexpr const char* far_off = R"(
workers: 3
server: {connections_max: 7}
admin: {listen: 127.0.0.1:9999, allow_injection: true, connections_max: 9,
        tokens: [{name: a, secret: 0123456789abcdef}]}
cache:
  enabled: false
  memory: 64MiB
  object_bytes_max: 1MiB
  key_prefix: x
  negative_ttl: 3s
  variants_max: 3
  query_drop: [a]
  groups: {g: [/a/*]}
  events: {e: [tag:x]}
  ttl_jitter: 0.2
  tags: {distinct_max: 7}
  entries: {memory: 1MiB, ttl: 3s}
  warm: {urls: ["http://127.0.0.1/a"], rate: 3}
  redis: {url: redis://127.0.0.1:1, timeout: 9ms, password: 0123456789abcdef}
compression: {stream_memory: 1MiB}
admission: {mode: shadow, max_wait: 7ms, queue_max: 3, limit_initial: 3, limit_min: 2, limit_max: 9}
monitor: {interval: 3s, endpoints: {routes: ["/a/{b}"], max: 9}}
slo: [{name: a, match: {path: /a}, target: 0.9}]
optimization: {interval: 2s, policy_lease: 7s}
alerts: {resend: 9s, queue_max: 3, labels: {a: b}, webhooks: [http://127.0.0.1/x]}
log: {format: json, access: {enabled: true, sample: 0.5}}
)";

TEST(UntilRestart, HoldsForKeysOfEveryKindBothWays) {
  const auto near = must_load("");
  const auto far = must_load(far_off);
  ASSERT_GT(restart_required(near, far).size(), 30U);
  EXPECT_EQ(restart_required(near, until_restart(near, far).settings), Keys{});
  EXPECT_EQ(restart_required(far, until_restart(far, near).settings), Keys{});
  EXPECT_EQ(until_restart(far, near).kept, restart_required(far, near));
}

TEST(UntilRestart, SaysWhatDoesNotGoTogetherWithWhatIsKept) {
  const auto in_force = must_load("");
  auto loaded = load("listen: 127.0.0.1:9000\nupstream: {url: http://127.0.0.1:8080}\n");
  ASSERT_TRUE(loaded.ok()) << format(loaded.diagnostics);
  const Reloadable reloadable = until_restart(in_force, *loaded.settings);
  ASSERT_EQ(reloadable.contradictions.size(), 1U);
  EXPECT_EQ(reloadable.contradictions.front(),
            "until a restart: `upstream.url` and `listen` are the same address: a loop");
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
