#include "config/loader.hpp"

#include "tests/unit/config/support.hpp"

namespace homeostat::config {
namespace {

using namespace std::chrono_literals;

TEST(Loader, TwoLinesAreEnough) {
  const auto settings = must_load("");
  ASSERT_EQ(settings.listen.size(), 1U);
  EXPECT_EQ(settings.listen.front(), (Address{"127.0.0.1", 8080, {}}));
  ASSERT_EQ(settings.upstream.targets.size(), 1U);
  EXPECT_EQ(settings.upstream.targets.front().host_header, "127.0.0.1:9000");
  EXPECT_EQ(settings.workers, 0U);
  EXPECT_EQ(settings.cache.memory, 100 * mebibyte);
  EXPECT_FALSE(settings.optimization.rules.rules.empty()) << "built-in rules are the default";
}

TEST(Loader, TwoFlagsAreEnough) {
  const auto result = from_flags(":8080", {"http://127.0.0.1:9000"}, {});
  ASSERT_TRUE(result.ok()) << format(result.diagnostics);
  EXPECT_EQ(result.settings->listen.front(), (Address{{}, 8080, {}}));
  EXPECT_TRUE(result.settings->source_path.empty());
}

TEST(Loader, FlagsTakeSeveralUpstreamsAndNameThemselvesInErrors) {
  const auto two = from_flags("127.0.0.1:0", {"http://a:1", "unix:/run/b"}, {});
  ASSERT_TRUE(two.ok()) << format(two.diagnostics);
  EXPECT_EQ(two.settings->upstream.targets.size(), 2U);
  EXPECT_EQ(format(from_flags("127.0.0.1", {"a:1"}, {}).diagnostics),
            "option --listen: `listen`: `127.0.0.1`: the port is missing\n"
            "option --upstream: `upstream.url`: not a URL; write http://host:port or unix:/path\n");
  EXPECT_EQ(format(from_flags("", {}, {}).diagnostics),
            "command line: `listen` is required; write e.g. listen: 127.0.0.1:8080\n"
            "command line: `upstream.url` is required; write e.g. url: http://127.0.0.1:9000\n");
}

TEST(Loader, ReadsListsOfAddressesAndUpstreams) {
  const auto result = load(
      "listen: [\":8080\", '[::1]:8081', unix:/run/h.sock]\n"
      "upstream: {url: [http://a:1, unix:/run/app.sock]}\n");
  ASSERT_TRUE(result.ok()) << format(result.diagnostics);
  EXPECT_EQ(result.settings->listen.size(), 3U);
  EXPECT_EQ(result.settings->upstream.targets[1].address.unix_path, "/run/app.sock");
}

TEST(Loader, ReadsEveryKindOfValue) {
  const auto settings = must_load(R"(
workers: 3
server: {header_bytes_max: 16KiB, body_timeout: 1m, requests_per_connection_max: unlimited}
cache:
  negative_ttl: 2s
  query_drop: [utm_*]
  groups: {analytics: [/api/v1/analytics/*], empty: []}
compression: {mode: on, level: 9, algorithms: [br, gzip], levels: {text/*: 3, "*/*": 7}}
admission: {mode: shadow, limit_initial: 2.5, reject_status: 429}
monitor: {app: {pid_file: /run/app.pid}, endpoints: {routes: [/book/{id}, /a/{b}/c], max: 7}}
optimization: {level: adaptive, rules: []}
alerts: {labels: {team: shop}}
log: {format: json, level: debug, access: {enabled: yes, sample: 10%}}
)");
  EXPECT_EQ(settings.workers, 3U);
  EXPECT_EQ(settings.server.header_bytes_max, 16 * kibibyte);
  EXPECT_EQ(settings.server.body_timeout, 60s);
  EXPECT_EQ(settings.cache.negative_ttl, 2s);
  EXPECT_EQ(settings.cache.groups.size(), 2U);
  EXPECT_EQ(settings.compression.mode, CompressionSettings::Mode::on);
  EXPECT_EQ(settings.compression.level, 9);
  EXPECT_EQ(settings.compression.algorithms,
            (std::vector<rules::Coding>{rules::Coding::brotli, rules::Coding::gzip}));
  EXPECT_EQ(settings.compression.levels,
            (std::vector<std::pair<std::string, int>>{{"text/*", 3}, {"*/*", 7}}));
  EXPECT_EQ(settings.admission.mode, LoopMode::shadow);
  EXPECT_DOUBLE_EQ(settings.admission.limit_initial, 2.5);
  EXPECT_EQ(settings.admission.reject_status, 429);
  EXPECT_EQ(settings.monitor.app_pid_file, "/run/app.pid");
  ASSERT_EQ(settings.monitor.endpoints.routes.size(), 2U);
  EXPECT_EQ(settings.monitor.endpoints.routes[0], "/book/{id}");
  EXPECT_EQ(settings.monitor.endpoints.routes[1], "/a/{b}/c");
  EXPECT_EQ(settings.optimization.level, rules::LevelSetting::adaptive);
  EXPECT_TRUE(settings.optimization.rules.rules.empty());
  EXPECT_EQ(settings.alerts.labels.front().second, "shop");
  EXPECT_EQ(settings.log.format, LogSettings::Format::json);
  EXPECT_TRUE(settings.log.access.enabled);
  EXPECT_DOUBLE_EQ(settings.log.access.sample, 0.1);
}

TEST(Loader, ReadsCacheRules) {
  const auto settings = must_load(R"(
cache:
  rules:
    - {match: {path: /api/v1/health*}, ttl: 30s}
    - match: {path: /api/v1/generate/*, methods: [POST]}
      ttl: 30m
      post: true
      vary: [Accept-Language]
      invalidate_on: [/api/v1/admin/*]
    - {match: {path: /private/*}, bypass: true}
)");
  ASSERT_EQ(settings.cache.rules.size(), 3U);
  EXPECT_EQ(settings.cache.rules[0].ttl, 30s);
  EXPECT_FALSE(settings.cache.rules[0].post);
  EXPECT_EQ(settings.cache.rules[1].match.methods, std::vector<std::string>{"POST"});
  EXPECT_TRUE(settings.cache.rules[1].post);
  EXPECT_EQ(settings.cache.rules[1].vary.front(), "Accept-Language");
  EXPECT_FALSE(settings.cache.rules[2].ttl.has_value());
  EXPECT_TRUE(settings.cache.rules[2].bypass);
}

TEST(Loader, ReadsPriorities) {
  const auto settings = must_load(
      "admission: {priorities: [{match: {path: /checkout*}, class: critical}, "
      "{match: {path: /b}, class: low}]}\n");
  ASSERT_EQ(settings.admission.priorities.size(), 2U);
  EXPECT_EQ(settings.admission.priorities[0].priority_class, 0);
  EXPECT_EQ(settings.admission.priorities[1].priority_class, 3);
}

TEST(Loader, OnAndOffAreNotSwallowedByYaml) {
  EXPECT_EQ(must_load("admission: {mode: on}\n").admission.mode, LoopMode::on);
  EXPECT_EQ(must_load("admission: {mode: off}\n").admission.mode, LoopMode::off);
  EXPECT_EQ(must_load("admission: {mode: true}\n").admission.mode, LoopMode::on);
  EXPECT_EQ(must_load("admission: {mode: \"no\"}\n").admission.mode, LoopMode::off);
}

TEST(Loader, ASectionWithoutKeysIsFine) {
  must_load("server:\ncache:\n  # all commented out\nlog: {}\n");
}

TEST(Loader, AliasesAndAnchorsWork) {
  const auto settings = must_load(
      "cache:\n  rules:\n    - {match: &m {path: /a}, ttl: 1s}\n"
      "admission: {priorities: [{match: *m, class: high}]}\n");
  EXPECT_EQ(settings.admission.priorities.front().match.path, "/a");
}

TEST(Loader, ReadsAFileAndRulesBesideIt) {
  const Folder folder;
  folder.write("rules/b.yaml",
               "rules: [{name: b, when: cpu.utilization > 1%, then: [{throttle: }]}]\n");
  folder.write("rules/a.yaml",
               "rules: [{name: a, when: cpu.utilization > 1%, then: [{throttle: }]}]\n");
  folder.write("rules/.hidden.yaml", "not: read\n");
  const auto path =
      folder.write("h.yaml", std::string(base) + "optimization: {rules: [rules/*.yaml]}\n");
  const auto result = load_file(path, {});
  ASSERT_TRUE(result.ok()) << format(result.diagnostics);
  ASSERT_EQ(result.settings->optimization.rules.rules.size(), 2U);
  EXPECT_EQ(result.settings->optimization.rules.rules[0].name, "a") << "in order of name";
  EXPECT_EQ(result.settings->source_path, path);
  EXPECT_EQ(result.files, (std::vector<std::string>{path, folder.path() + "/rules/a.yaml",
                                                    folder.path() + "/rules/b.yaml"}));
}

TEST(Loader, AGlobWithoutAMatchIsFineButAMissingFolderIsNot) {
  const Folder folder;
  folder.write("rules/readme.txt", "");
  const std::string text = std::string(base) + "optimization: {rules: [builtin, ";
  EXPECT_TRUE(load_file(folder.write("a.yaml", text + "rules/*.yaml]}\n"), {}).ok());
  const auto missing = folder.write("b.yaml", text + "rulse/*.yaml]}\n");
  EXPECT_EQ(format(load_file(missing, {}).diagnostics),
            missing + ":3:23: `optimization.rules`: rule files " + folder.path() +
                "/rulse/*.yaml: folder " + folder.path() + "/rulse: No such file or directory\n");
  const auto wide = folder.write("c.yaml", text + "'*/x.yaml']}\n");
  EXPECT_NE(format(load_file(wide, {}).diagnostics).find("in the file name only"),
            std::string::npos);
}

TEST(Loader, SaysWhyAFileCannotBeRead) {
  const Folder folder;
  const auto none = folder.path() + "/none.yaml";
  EXPECT_EQ(format(load_file(none, {}).diagnostics),
            none + ": cannot be opened: No such file or directory\n");
  EXPECT_EQ(format(load_file(folder.path(), {}).diagnostics),
            folder.path() + ": is not a regular file\n");
  const auto large = folder.write("l.yaml", std::string(file_bytes_max + 1, '#'));
  EXPECT_NE(format(load_file(large, {}).diagnostics).find("is larger than"), std::string::npos);
}

TEST(Loader, OptionsWinOverEnvironmentWhichWinsOverTheFile) {
  const Environment environment{{"HOMEOSTAT_LOG__LEVEL", "warn"}, {"HOMEOSTAT_WORKERS", "5"}};
  const auto text = std::string(base) + "log: {level: error}\nworkers: 2\n";
  const auto result = load_text(text, "t.yaml", environment, ".", {{"--workers", "workers", "7"}});
  ASSERT_TRUE(result.ok()) << format(result.diagnostics);
  EXPECT_EQ(result.settings->log.level, "warn");
  EXPECT_EQ(result.settings->workers, 7U);
}

TEST(Loader, AnUnknownOptionKeyIsAnError) {
  const auto result = load_text(base, "t.yaml", {}, ".", {{"--set", "cache.memroy", "1MiB"}});
  EXPECT_EQ(format(result.diagnostics),
            "option --set: unknown key `cache.memroy`; did you mean `cache.memory`?\n");
}

}  // namespace
}  // namespace homeostat::config
