// PUT /rules/{name}, and what GET /rules shows of it.
#include <gtest/gtest.h>

#include "rules/expr/expression.hpp"
#include "runtime/admin/rule_override_json.hpp"
#include "tests/unit/runtime/admin/admin_fixture.hpp"

namespace homeostat::admin::test {
namespace {

using std::chrono_literals::operator""s;
using std::chrono_literals::operator""min;

class RuleChange : public AdminFixture {
 protected:
  static std::shared_ptr<const rules::RuleSet> rule_set() {
    auto set = std::make_shared<rules::RuleSet>();
    rules::Rule rule;
    rule.name = "high-cpu";
    rule.when = std::get<std::shared_ptr<const rules::Expression>>(
        rules::Expression::parse_condition("cpu.utilization > 90%", false));
    rule.for_ = 30s;
    rule.hold = 2min;
    rule.then = {rules::Throttle{0.7}};
    rule.where = {"rules.yaml", 3, 5};
    set->rules.push_back(rule);
    rule.name = "idle";
    set->rules.push_back(rule);
    return set;
  }

  ControlReport report_with(rules::RuleState state) {
    ControlReport report;
    report.at = clock.wall_now();
    report.at_steady = clock.now();
    rules::RuleStatus status;
    status.rule = "high-cpu";
    status.state = state;
    status.since = clock.now() - 10s;
    status.values = "cpu.utilization = 95%";
    report.rules.push_back(status);
    return report;
  }

  void start_with_rules() {
    auto with = services();
    with.rules = [] { return rule_set(); };
    start(std::move(with));
  }
};

TEST_F(RuleChange, ASwitchIsTakenBackByNull) {
  start_with_rules();
  EXPECT_EQ(send_json("PUT", "/api/v1/rules/idle", R"({"enabled":null,"reason":"r"})").status,
            202U);
  ASSERT_EQ(commands.rules_set.size(), 1U);
  EXPECT_FALSE(commands.rules_set[0].second.has_value());
  const Answer empty = send_json("PUT", "/api/v1/rules/idle", R"({"reason":"r"})");
  EXPECT_EQ(empty.status, 422U);
  EXPECT_NE(empty.body.find("at least one of them"), std::string::npos);
}

TEST_F(RuleChange, AnOverrideIsReadCheckedAndShown) {
  auto with = services();
  with.rules = [] { return rule_set(); };
  with.parse_override = [](const rules::Rule& rule, const std::string& yaml) {
    ParsedOverride parsed;
    if (yaml.find("99h") != std::string::npos) {
      parsed.errors = {"override: `override.for`: out of range"};
    } else {
      parsed.terms.for_ = rule.for_ + 30s;
      parsed.terms.dry_run = true;
    }
    return parsed;
  };
  start(std::move(with));
  const Answer bad =
      send_json("PUT", "/api/v1/rules/high-cpu", R"({"override":{"for":"99h"},"reason":"r"})");
  EXPECT_EQ(bad.status, 422U);
  EXPECT_EQ(bad.json().at("errors").at(0), "override: `override.for`: out of range");
  EXPECT_TRUE(commands.overrides.empty());
  const Answer good = send_json("PUT", "/api/v1/rules/high-cpu",
                                R"({"override":{"for":"1m","dry_run":true},"reason":"r"})");
  EXPECT_EQ(good.status, 202U) << good.body;
  EXPECT_EQ(good.json().at("override").at("for"), "1m");
  ASSERT_EQ(commands.overrides.size(), 1U);
  EXPECT_EQ(commands.overrides[0].second.dry_run, true);
  ASSERT_EQ(send_json("PUT", "/api/v1/rules/high-cpu", R"({"override":null,"reason":"r"})").status,
            202U);
  EXPECT_TRUE(commands.overrides[1].second.empty());

  ControlReport report = report_with(rules::RuleState::inactive);
  report.rule_choices["high-cpu"] = {.enabled = false, .terms = commands.overrides[0].second};
  publish(std::move(report));
  const json::object body = get("/api/v1/rules").json();
  const auto& rule = body.at("rules").at(0).as_object();
  EXPECT_EQ(rule.at("switched_by_command"), false);
  EXPECT_EQ(rule.at("override").at("dry_run"), true);
  EXPECT_EQ(rule.at("for_seconds").to_number<double>(), 60) << "as it is applied";
  EXPECT_TRUE(body.at("rules").at(1).at("switched_by_command").is_null());
  EXPECT_TRUE(body.at("rules").at(1).at("override").is_null());
}

TEST_F(RuleChange, DurationsAreShownExactlySoThatSendingThemAgainChangesNothing) {
  using namespace std::chrono_literals;
  const std::pair<rules::Duration, const char*> rows[] = {
      {100s, "100s"}, {90min, "90m"}, {2h, "2h"}, {1500ms, "1500ms"}, {0s, "0s"}};
  for (const auto& [duration, text] : rows) {
    rules::RuleOverride terms;
    terms.for_ = duration;
    EXPECT_EQ(override_json(terms).at("for"), text);
  }
}

TEST_F(RuleChange, EveryTermOfAnOverrideIsShown) {
  rules::RuleOverride terms;
  EXPECT_TRUE(override_json(terms).is_null());
  terms = {.level = rules::Level::aggressive,
           .for_ = 30s,
           .hold = 2min,
           .cooldown = 90s,
           .no_data = rules::NoData::fire,
           .priority = 3,
           .dry_run = true,
           .every_level = false};
  EXPECT_EQ(override_json(terms),
            json::parse(R"({"level":"aggressive","every_level":false,"for":"30s","hold":"2m",)"
                        R"("cooldown":"90s","no_data":"fire","priority":3,"dry_run":true})"));
}

TEST_F(RuleChange, APendingRuleDoesNotFireBeforeItsCooldownIsOver) {
  start_with_rules();
  ControlReport report = report_with(rules::RuleState::pending);
  report.rules[0].pending_clock = clock.now() - 60s;
  report.rules[0].cooldown_until = clock.now() + 5min;
  publish(std::move(report));
  const json::object body = get("/api/v1/rules").json();
  const auto& instance = body.at("rules").at(0).at("instances").at(0).as_object();
  EXPECT_EQ(instance.at("next").at("not_before"), "2019-12-20T00:05:00.000Z");
  EXPECT_EQ(instance.at("cooldown_until"), "2019-12-20T00:05:00.000Z");
}

TEST_F(RuleChange, APendingRuleWaitsLongerAfterAGapInTheData) {
  start_with_rules();
  ControlReport report = report_with(rules::RuleState::pending);
  report.rules[0].pending_clock = clock.now() - 2s;  // pending for 10 s, 8 of them without data
  publish(std::move(report));
  const json::object body = get("/api/v1/rules").json();
  EXPECT_EQ(body.at("rules").at(0).at("instances").at(0).at("next").at("not_before"),
            "2019-12-20T00:00:28.000Z");
}

}  // namespace
}  // namespace homeostat::admin::test
