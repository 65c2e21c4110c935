#include "config/overrides.hpp"
#include "tests/unit/config/support.hpp"

namespace homeostat::config {
namespace {

using namespace std::chrono_literals;

TEST(Substitution, TakesVariablesFromTheEnvironment) {
  const auto settings = must_load("log: {level: ${LEVEL}}\ncache: {key_prefix: a${X}c}\n",
                                  {{"LEVEL", "warn"}, {"X", "b"}});
  EXPECT_EQ(settings.log.level, "warn");
  EXPECT_EQ(settings.cache.key_prefix, "abc");
}

TEST(Substitution, UsesTheDefaultIfUnsetOrEmpty) {
  EXPECT_EQ(must_load("log: {level: ${L:-error}}\n").log.level, "error");
  EXPECT_EQ(must_load("log: {level: \"${L:-error}\"}\n", {{"L", ""}}).log.level, "error");
  EXPECT_EQ(must_load("log: {level: ${L:-error}}\n", {{"L", "info"}}).log.level, "info");
  EXPECT_EQ(must_load("monitor: {root: ${R:-/a,b:c#d}}\n").monitor.root, "/a,b:c#d")
      << "a default may hold what flow YAML gives a meaning";
}

TEST(Substitution, NeverAddsStructure) {
  const auto settings = must_load("cache: {query_drop: [${X}]}\nmonitor: {root: \"${Y}\"}\n",
                                  {{"X", "a,b"}, {"Y", "/x: [1]"}});
  EXPECT_EQ(settings.cache.query_drop, std::vector<std::string>{"a,b"});
  EXPECT_EQ(settings.monitor.root, "/x: [1]");
}

TEST(Substitution, DollarDollarBraceIsLiteral) {
  EXPECT_EQ(must_load("monitor: {root: /a$${B}c}\n").monitor.root, "/a${B}c");
  EXPECT_EQ(must_load("monitor: {root: /cost$5}\n").monitor.root, "/cost$5");
}

TEST(Substitution, ReportsWhatItCannotReplaceAndNothingElse) {
  EXPECT_EQ(errors_below_base("log: {level: ${NONE}}\n"),
            "t.yaml:3:14: environment variable NONE is not set; set it, or write a default: "
            "${NONE:-...}\n");
  EXPECT_EQ(errors_below_base("log:\n  level: ${NONE\n"), "t.yaml:4:10: `${` without its `}`\n");
  EXPECT_EQ(errors_below_base("log: {level: ${1X}}\n"),
            "t.yaml:3:14: `${...}` must name an environment variable: letters, digits and _\n");
  EXPECT_EQ(errors_below_base("monitor: {root: \"/${X}\"}\n", {{"X", std::string(70'000, 'x')}}),
            "t.yaml:3:17: longer than 65536 bytes after substitution\n");
}

TEST(Substitution, IsLeftAloneInComments) { must_load("# ${NOT_SET}\n"); }

TEST(Variables, SetKeysOfEveryKind) {
  const auto settings = must_load("cache: {memory: 50MiB}\n",
                                  {{"HOMEOSTAT_CACHE__MEMORY", "200MiB"},
                                   {"HOMEOSTAT_LISTEN", "[::1]:81"},
                                   {"HOMEOSTAT_UPSTREAM__URL", "[http://a:1, http://b:2]"},
                                   {"HOMEOSTAT_LOG__ACCESS__SAMPLE", "5%"},
                                   {"HOMEOSTAT_MONITOR__APP__PID_FILE", "/run/x"},
                                   {"HOMEOSTAT_CACHE__RULES", "[{match: {path: /a}, ttl: 3s}]"}});
  EXPECT_EQ(settings.cache.memory, 200 * mebibyte);
  EXPECT_EQ(settings.listen.front(), (Address{"::1", 81, {}}));
  EXPECT_EQ(settings.upstream.targets.size(), 2U);
  EXPECT_DOUBLE_EQ(settings.log.access.sample, 0.05);
  EXPECT_EQ(settings.monitor.app_pid_file, "/run/x");
  EXPECT_EQ(settings.cache.rules.at(0).ttl, 3s);
}

TEST(Variables, ASectionAndItsKeysCombine) {
  const auto settings = must_load(
      "", {{"HOMEOSTAT_LOG", "{level: error, format: json}"}, {"HOMEOSTAT_LOG__LEVEL", "debug"}});
  EXPECT_EQ(settings.log.level, "debug");
  EXPECT_EQ(settings.log.format, LogSettings::Format::json);
}

TEST(Variables, AreEnoughWithoutAnyFile) {
  EXPECT_TRUE(
      from_flags("", {}, {{"HOMEOSTAT_LISTEN", ":1"}, {"HOMEOSTAT_UPSTREAM__URL", "http://a"}})
          .ok());
}

TEST(Variables, AreNamedAsThePlaceOfAnError) {
  EXPECT_EQ(
      errors_below_base("", {{"HOMEOSTAT_CACHE__MEMORY", "200"}}),
      "environment HOMEOSTAT_CACHE__MEMORY: `cache.memory`: `200`: the unit is missing: B, KB, "
      "MB, GB, KiB, MiB or GiB, e.g. 100MiB\n");
  EXPECT_EQ(errors_below_base("", {{"HOMEOSTAT_LOG", "{levle: x}"}}),
            "environment HOMEOSTAT_LOG: unknown key `levle` in `log`; did you mean `level`?\n");
  EXPECT_EQ(errors_below_base("", {{"HOMEOSTAT_CACHE__RULES", "[{a: ]"}}).substr(0, 56),
            "environment HOMEOSTAT_CACHE__RULES: not valid YAML: ille");
}

struct Unknown {
  const char* name;
  const char* suggestion;  ///< null: left alone
};

class UnknownVariable : public testing::TestWithParam<Unknown> {};

TEST_P(UnknownVariable, IsAnErrorOnlyIfItIsMeantForUs) {
  const auto errors = errors_below_base("", {{GetParam().name, "1"}});
  if (GetParam().suggestion == nullptr) {
    EXPECT_EQ(errors, "");
    return;
  }
  std::string expected =
      std::string("environment ") + GetParam().name + ": no key of the configuration has this name";
  if (*GetParam().suggestion != '\0') {
    expected += std::string("; did you mean `") + GetParam().suggestion + "`?";
  }
  EXPECT_EQ(errors, expected + "\n");
}

INSTANTIATE_TEST_SUITE_P(
    Names, UnknownVariable,
    testing::Values(Unknown{"HOMEOSTAT_CACHE__MEMROY", "HOMEOSTAT_CACHE__MEMORY"},
                    Unknown{"HOMEOSTAT_CACHE_MEMORY", "HOMEOSTAT_CACHE__MEMORY"},
                    Unknown{"HOMEOSTAT_cache__memory", "HOMEOSTAT_CACHE__MEMORY"},
                    Unknown{"HOMEOSTAT_LISTN", "HOMEOSTAT_LISTEN"},
                    Unknown{"HOMEOSTAT_FOO__BAR", ""},
                    Unknown{"HOMEOSTAT_CACHE__RULES__TTL", "HOMEOSTAT_CACHE__RULES"},
                    // What Kubernetes sets for a service called homeostat, and our own token.
                    Unknown{"HOMEOSTAT_SERVICE_HOST", nullptr}, Unknown{"HOMEOSTAT_PORT", nullptr},
                    Unknown{"HOMEOSTAT_PORT_8080_TCP_ADDR", nullptr},
                    Unknown{"HOMEOSTAT_ADMIN_SERVICE_HOST", nullptr},
                    Unknown{"HOMEOSTAT_ADMIN_TOKEN", nullptr},
                    Unknown{"HOMEOSTAT_VERSION", nullptr}, Unknown{"HOMEOSTATX__Y", nullptr}));

TEST(Variables, AReferencedNameIsNotUnknown) {
  must_load("log: {level: ${HOMEOSTAT_MY__LEVEL}}\n", {{"HOMEOSTAT_MY__LEVEL", "info"}});
}

TEST(Variables, AreNamedAfterTheirKey) {
  EXPECT_EQ(variable_for("monitor.app.pid_file"), "HOMEOSTAT_MONITOR__APP__PID_FILE");
}

}  // namespace
}  // namespace homeostat::config
