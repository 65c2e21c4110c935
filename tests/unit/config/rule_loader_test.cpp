#include "config/rule_loader.hpp"

#include <cstdlib>

#include "rules/expr/expression.hpp"
#include "tests/unit/config/support.hpp"

namespace homeostat::config {
namespace {

using namespace std::chrono_literals;

rules::RuleSet must_load_rules(std::string_view text, rules::RuleSet earlier = {}) {
  auto result = load_rules_text(text, "r.yaml", {}, std::move(earlier));
  EXPECT_TRUE(result.ok()) << format(result.diagnostics);
  return std::move(result.rules);
}

TEST(RuleLoader, ReadsEveryKey) {
  const auto set = must_load_rules(R"(
rules:
  - name: slow-endpoint
    description: it is slow
    level: aggressive
    scope: endpoint
    when: endpoint.latency_p95 > 2s and endpoint.rate > 1/s
    for: 30s
    until: endpoint.latency_p95 < 1.5s
    hold: 2m
    cooldown: 500ms
    no_data: clear
    priority: -7
    enabled: false
    dry_run: true
    every_level: true
    then:
      - scale_ttl: {by: 3, max: 2h}
      - compress: {enabled: false, level: 9}
)");
  ASSERT_EQ(set.rules.size(), 1U);
  const auto& rule = set.rules.front();
  EXPECT_EQ(rule.name, "slow-endpoint");
  EXPECT_EQ(rule.description, "it is slow");
  EXPECT_EQ(rule.level, rules::Level::aggressive);
  EXPECT_EQ(rule.scope, rules::Scope::endpoint);
  EXPECT_EQ(rule.when->text(), "endpoint.latency_p95 > 2s and endpoint.rate > 1/s");
  EXPECT_EQ(rule.until->text(), "endpoint.latency_p95 < 1.5s");
  EXPECT_EQ(rule.for_, 30s);
  EXPECT_EQ(rule.hold, 2min);
  EXPECT_EQ(rule.cooldown, 500ms);
  EXPECT_EQ(rule.no_data, rules::NoData::clear);
  EXPECT_EQ(rule.priority, -7);
  EXPECT_FALSE(rule.enabled);
  EXPECT_TRUE(rule.dry_run);
  EXPECT_TRUE(rule.every_level);
  EXPECT_EQ(rule.then,
            (std::vector<rules::Action>{rules::ScaleTtl{3, 7200s}, rules::Compress{false, 9}}));
  EXPECT_EQ(rule.where.file, "r.yaml");
  EXPECT_EQ(rule.where.line, 3);
  EXPECT_EQ(rule.where.column, 5);
}

TEST(RuleLoader, ReadsEveryActionAndItsDefaults) {
  const auto set = must_load_rules(R"(
rules:
  - name: all
    when: cpu.utilization > 90%
    then:
      - throttle: {to: 50%}
      - release_memory: {expired: false, shrink_cache_to: 20%, allocator: true, hook: true, every: 1m}
      - emergency: {}
      - alert: {severity: critical, summary: "look: here"}
  - name: defaults
    when: cpu.utilization > 90%
    then: [{throttle: }, {release_memory: {}}, {emergency: }, {alert: {}}, {scale_ttl: {}}, {compress: }]
)");
  ASSERT_EQ(set.rules.size(), 2U);
  EXPECT_EQ(
      set.rules[0].then,
      (std::vector<rules::Action>{
          rules::Throttle{0.5}, rules::ReleaseMemory{false, 0.2, true, true, 60s},
          rules::EnterEmergency{}, rules::RaiseAlert{rules::Severity::critical, "look: here"}}));
  EXPECT_EQ(set.rules[1].then,
            (std::vector<rules::Action>{rules::Throttle{}, rules::ReleaseMemory{},
                                        rules::EnterEmergency{}, rules::RaiseAlert{},
                                        rules::ScaleTtl{}, rules::Compress{}}));
  EXPECT_EQ(set.rules[1].level, rules::Level::balanced);
  EXPECT_EQ(set.rules[1].until, nullptr) << "the engine derives it";
  EXPECT_EQ(set.rules[1].for_, 0s);
}

constexpr std::string_view first =
    "rules:\n"
    "  - {name: a, when: cpu.utilization > 1%, then: [{throttle: {to: 10%}}]}\n"
    "  - {name: b, when: cpu.utilization > 2%, then: [{throttle: {to: 20%}}]}\n";

TEST(RuleLoader, ALaterFileReplacesARuleInItsPlace) {
  const auto set = must_load_rules(
      "rules:\n"
      "  - {name: c, when: cpu.utilization > 3%, then: [{throttle: {to: 30%}}]}\n"
      "  - {name: a, when: cpu.utilization > 9%, then: [{throttle: {to: 90%}}]}\n",
      must_load_rules(first));
  ASSERT_EQ(set.rules.size(), 3U);
  EXPECT_EQ(set.rules[0].name, "a");
  EXPECT_EQ(set.rules[0].when->text(), "cpu.utilization > 9%");
  EXPECT_EQ(set.rules[1].name, "b");
  EXPECT_EQ(set.rules[2].name, "c");
}

TEST(RuleLoader, ALaterFileDisables) {
  const auto set = must_load_rules("disable: [b]\n", must_load_rules(first));
  ASSERT_EQ(set.rules.size(), 2U);
  EXPECT_TRUE(set.rules[0].enabled);
  EXPECT_FALSE(set.rules[1].enabled);
}

TEST(RuleLoader, AFileNamedTwiceIsReadOnce) {
  const Folder folder;
  folder.write("r.yaml", first);
  const auto result = load_rules({"r.yaml", "*.yaml"}, folder.path(), {});
  EXPECT_TRUE(result.ok()) << format(result.diagnostics);
  EXPECT_EQ(result.rules.rules.size(), 2U);
  EXPECT_EQ(result.files.size(), 1U);
}

TEST(RuleLoader, TheNumberOfRulesIsBounded) {
  std::string text = "rules:\n";
  for (std::size_t i = 0; i <= rules::rules_max; ++i) {
    text += "  - {name: r" + std::to_string(i) +
            ", when: cpu.utilization > 1%, then: [{throttle: }]}\n";
  }
  EXPECT_EQ(rule_errors_of(text), "r.yaml:2:3: `rules` has 501 entries; at most 500 are allowed\n");
  const auto more =
      load_rules_text("rules: [{name: x, when: cpu.utilization > 1%, then: [{throttle: }]}]",
                      "s.yaml", {}, must_load_rules(text.substr(0, text.find("  - {name: r500"))));
  EXPECT_EQ(format(more.diagnostics), "s.yaml:1:9: more than 500 rules\n");
}

TEST(RuleLoader, SubstitutesVariablesInThresholds) {
  const auto result = load_rules_text(
      "rules: [{name: a, when: \"cpu.utilization > ${LIMIT:-90%}\", then: [{throttle: }]}]",
      "r.yaml", {{"LIMIT", "70%"}});
  ASSERT_TRUE(result.ok()) << format(result.diagnostics);
  EXPECT_EQ(result.rules.rules[0].when->text(), "cpu.utilization > 70%");
}

TEST(RuleLoader, ErrorsOfRuleFilesAreErrorsOfTheConfiguration) {
  const Folder folder;
  const auto rules = folder.write("r.yaml", "rules: [{name: a}]\n");
  const auto path = folder.write("h.yaml", std::string(base) + "optimization: {rules: [r.yaml]}\n");
  EXPECT_EQ(
      format(load_file(path, {}).diagnostics),
      rules + ":1:9: `rules[0]` needs a `when`\n" + rules + ":1:9: `rules[0]` needs a `then`\n");
}

TEST(RuleLoader, WritesMacrosOutInConditions) {
  const auto set = must_load_rules(R"(
macros:
  busy: cpu.utilization > 80%
  very_busy: busy and admission.queue_wait > 50ms
rules:
  - name: a
    when: very_busy
    until: not busy
    then: [{throttle: }]
)");
  ASSERT_EQ(set.rules.size(), 1U);
  EXPECT_EQ(set.rules[0].when->text(), "very_busy");
  EXPECT_EQ(set.rules[0].when->canonical(),
            "cpu.utilization > 80% and admission.queue_wait > 50ms");
  EXPECT_EQ(set.rules[0].until->canonical(), "not cpu.utilization > 80%");
}

TEST(SentRules, CannotReadTheEnvironment) {
  ::setenv("HOMEOSTAT_ADMIN_TOKEN", "S3cr3t-Value-0123456789", 1);
  for (const char* name : {"${HOMEOSTAT_ADMIN_TOKEN}", "${HOMEOSTAT_ADMIN_TOKEN:-x}", "a${PATH}"}) {
    const auto sent = load_sent_rules("rules:\n  - name: \"" + std::string(name) +
                                          "\"\n    when: cpu.utilization > 1%\n"
                                          "    then: [{throttle: }]\n",
                                      "rules");
    const std::string errors = format(sent.diagnostics);
    EXPECT_FALSE(sent.ok());
    EXPECT_EQ(errors.find("S3cr3t"), std::string::npos) << errors;
    EXPECT_NE(errors.find("rules:2:11: `${...}` is replaced in files only"), std::string::npos)
        << errors;
  }
  ::unsetenv("HOMEOSTAT_ADMIN_TOKEN");
}

TEST(SentRules, CannotGrowWithoutABoundThroughTheirMacros) {
  // 8191 parts, in each of 500 rules: a gigabyte from 30 KB.
  std::string text = "macros:\n  m0: cpu.utilization\n";
  for (int i = 1; i <= 12; ++i) {
    const std::string before = "m" + std::to_string(i - 1);
    text += "  m" + std::to_string(i) + ": " + before + " + " + before + "\n";
  }
  text += "rules:\n";
  for (int i = 0; i < 500; ++i) {
    text += "  - {name: r" + std::to_string(i) + ", when: m11 > 1%, then: [{throttle: }]}\n";
  }
  const auto sent = load_sent_rules(text, "rules");
  EXPECT_EQ(format(sent.diagnostics),
            "rules:31:23: `rules[15]`: the conditions of the rules up to here are too large with "
            "their macros written out; at most 65536 signals, constants and operators in all\n");
  std::size_t parsed = 0;
  for (const rules::Rule& rule : sent.rules.rules) parsed += rule.when ? 1U : 0U;
  EXPECT_EQ(parsed, 16U) << "the others are not even tried";
}

TEST(SentRules, AreOtherwiseReadAsFilesAre) {
  const auto sent = load_sent_rules(
      "rules: [{name: a, description: \"$${b}\", when: cpu.utilization > 1%, then: [{throttle: "
      "}]}]\n",
      "rules");
  ASSERT_TRUE(sent.ok()) << format(sent.diagnostics);
  EXPECT_EQ(sent.rules.rules.at(0).description, "${b}");
}

TEST(RuleOverrides, AreReadAndCheckedAsInAFile) {
  rules::Rule rule;
  rule.hold = 1min;
  const auto read = [&rule](std::string_view text) { return read_rule_override(text, rule); };
  const auto all = read(R"({"for":"30s","hold":"2m","cooldown":"3m","level":"aggressive",)"
                        R"("every_level":true,"no_data":"fire","priority":3,"dry_run":true})");
  ASSERT_TRUE(all.diagnostics.empty()) << format(all.diagnostics);
  EXPECT_EQ(all.terms, (rules::RuleOverride{.level = rules::Level::aggressive,
                                            .for_ = 30s,
                                            .hold = 2min,
                                            .cooldown = 3min,
                                            .no_data = rules::NoData::fire,
                                            .priority = 3,
                                            .dry_run = true,
                                            .every_level = true}));
  const auto good = read(R"({"for":"30s","level":"aggressive","dry_run":true,"priority":3})");
  ASSERT_TRUE(good.diagnostics.empty()) << format(good.diagnostics);
  EXPECT_EQ(good.terms.for_, 30s);
  EXPECT_EQ(good.terms.level, rules::Level::aggressive);
  EXPECT_EQ(good.terms.dry_run, true);
  EXPECT_EQ(good.terms.priority, 3);
  EXPECT_FALSE(good.terms.hold.has_value()) << "not given";
  EXPECT_TRUE(read("{}").terms.empty());
  const std::string errors =
      format(read(R"({"for":"99h","when":"true","hold":"${PATH}","level":"high"})").diagnostics);
  EXPECT_NE(errors.find("override: `override.for`: `99h`: out of range; allowed is 0s to 1d"),
            std::string::npos)
      << errors;
  EXPECT_NE(errors.find("unknown key `when` in `override`"), std::string::npos) << errors;
  EXPECT_NE(errors.find("`${...}` is replaced in files only"), std::string::npos) << errors;
  EXPECT_NE(errors.find("`override.level`: `high`: allowed is"), std::string::npos) << errors;
}

TEST(RuleLoader, ReleasesMemoryOnceIfEveryIsZero) {
  const auto set = must_load_rules(
      "rules: [{name: a, when: cpu.utilization > 1%, then: [{release_memory: {every: 0}}]}]\n");
  EXPECT_EQ(std::get<rules::ReleaseMemory>(set.rules.at(0).then.at(0)).every, 0s);
}

TEST(RuleLoader, RefusesMoreSelectedSignalsThanCanBeKept) {
  std::string text = "rules:\n";
  for (int i = 0; i < 65; ++i) {
    text += "  - {name: r" + std::to_string(i) + ", when: scrape.m" + std::to_string(i) +
            " > 1, then: [{throttle: }]}\n";
  }
  const auto result = load_rules_text(text, "r.yaml", {});
  ASSERT_EQ(result.diagnostics.size(), 1U) << format(result.diagnostics);
  EXPECT_NE(format(result.diagnostics).find("more than 64 scrape.* and slo.* signals"),
            std::string::npos);
}

TEST(RuleLoader, DoesNotCountTheSelectedSignalsOfRulesThatAreReplaced) {
  const auto rules = [](const char* metric) {
    std::string text = "rules:\n";
    for (int i = 0; i < 40; ++i) {
      text += "  - {name: r" + std::to_string(i) + ", when: scrape." + metric + std::to_string(i) +
              " > 1, then: [{throttle: }]}\n";
    }
    return text;
  };
  Folder folder;
  folder.write("a.yaml", rules("old"));
  folder.write("b.yaml", rules("fresh"));
  const auto result = load_rules({"a.yaml", "b.yaml"}, folder.path(), {});
  EXPECT_TRUE(result.ok()) << format(result.diagnostics);
  EXPECT_EQ(result.rules.rules.size(), 40U);
}

}  // namespace
}  // namespace homeostat::config
