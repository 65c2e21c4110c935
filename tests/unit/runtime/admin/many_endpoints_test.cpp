// GET /performance/status and /rules where rules act at many endpoints: what is listed, and what is
// counted.
#include <gtest/gtest.h>

#include "tests/unit/runtime/admin/admin_fixture.hpp"

namespace homeostat::admin::test {
namespace {

using std::chrono_literals::operator""s;

/// `even` and `odd` act at a thousand endpoints, `everywhere` on the whole agent.
class ManyActions : public AdminFixture {
 protected:
  void publish_them() {
    ControlReport out;
    out.at = clock.wall_now();
    out.at_steady = clock.now();
    for (int i = 0; i < 1000; ++i) {
      ActiveOptimization active;
      active.action.rule = i % 2 == 0 ? "even" : "odd";
      active.action.endpoint_name = "GET /" + std::to_string(i);
      active.action.overruled = i == 999;
      active.enabled_at = out.at - std::chrono::seconds(1000 - i);
      out.active.push_back(active);
    }
    out.active.emplace_back().action.rule = "everywhere";
    TransitionRecord record;
    record.at = out.at;
    for (const char* rule : {"even", "odd"}) {
      record.transition.rule = rule;
      record.transition.endpoint_name = "GET /" + std::string(rule);
      out.recent.push_back(record);
    }
    publish(std::move(out));
  }
};

TEST_F(ManyActions, StatusListsTheMostRelevantOfManyActionsAndCountsAll) {
  start();
  publish_them();
  const json::object body = get("/api/v1/performance/status").json();
  EXPECT_EQ(at(body, "performance_status.active_optimizations_total"), 1001);
  const auto& shown = at(body, "performance_status.active_optimizations").as_array();
  ASSERT_EQ(shown.size(), 200U);
  EXPECT_EQ(shown.at(0).at("name"), "everywhere") << "it acts on the whole agent";
  EXPECT_EQ(shown.at(1).at("endpoint"), "GET /998") << "the newest that prevails";
}

TEST_F(ManyActions, StatusOfOneRuleOrEndpoint) {
  start();
  publish_them();
  const json::object odd = get("/api/v1/performance/status?rule=odd").json();
  EXPECT_EQ(at(odd, "performance_status.active_optimizations_total"), 500);
  EXPECT_EQ(at(odd, "performance_status.recent_decisions").as_array().size(), 1U);
  const json::object here = get("/api/v1/performance/status?endpoint=GET%20/7").json();
  const auto& shown = at(here, "performance_status.active_optimizations").as_array();
  ASSERT_EQ(shown.size(), 2U);
  EXPECT_EQ(shown.at(0).at("name"), "everywhere") << "so also there";
  EXPECT_EQ(shown.at(1).at("endpoint"), "GET /7");
  EXPECT_TRUE(at(here, "performance_status.recent_decisions").as_array().empty());
}

using ManyEndpoints = AdminFixture;

/// `wide` is at 1000 endpoints, the newest last; `narrow` has fired at one of them for long.
ControlReport wide_report(Instant now, WallTime wall) {
  ControlReport report;
  report.at = wall;
  report.at_steady = now;
  const auto add = [&report](const char* rule, int place, rules::RuleState state, Instant since) {
    rules::RuleStatus status;
    status.rule = rule;
    status.state = state;
    status.since = since;
    status.endpoint_name = "GET /" + std::to_string(place);
    report.rules.push_back(status);
  };
  for (int i = 0; i < 1000; ++i) {
    add("wide", i, i == 3 ? rules::RuleState::firing : rules::RuleState::pending,
        now - 1000s + std::chrono::seconds(i));
  }
  add("narrow", 5, rules::RuleState::firing, now - 5000s);
  return report;
}

TEST_F(ManyEndpoints, RulesListTheMostRelevantOfManyEndpointsAndCountAll) {
  start();
  publish(wide_report(clock.now(), clock.wall_now()));
  const json::object body = get("/api/v1/rules").json();
  const auto& wide = body.at("rules").at(0).as_object();
  EXPECT_EQ(wide.at("instances_total"), 1000);
  const auto& shown = wide.at("instances").as_array();
  ASSERT_EQ(shown.size(), 200U);
  EXPECT_EQ(shown.at(0).at("endpoint"), "GET /3") << "it acts";
  EXPECT_EQ(shown.at(1).at("endpoint"), "GET /999") << "the newest";
  const auto& narrow = body.at("rules").at(1).as_object();
  EXPECT_EQ(narrow.at("instances").as_array().size(), 1U) << "the other rule left it its place";
}

TEST_F(ManyEndpoints, RulesOfOneNameOrAtOneEndpoint) {
  start();
  publish(wide_report(clock.now(), clock.wall_now()));
  const json::object named = get("/api/v1/rules?rule=narrow").json();
  EXPECT_EQ(named.at("total"), 1);
  EXPECT_EQ(named.at("rules").at(0).at("name"), "narrow");
  for (const char* place : {"/5", "GET%20/5"}) {
    const json::object here = get(std::string("/api/v1/rules?endpoint=") + place).json();
    ASSERT_EQ(here.at("total"), 2) << place;
    EXPECT_EQ(here.at("rules").at(0).at("instances").as_array().size(), 1U);
    EXPECT_EQ(here.at("rules").at(0).at("instances").at(0).at("endpoint"), "GET /5");
  }
  EXPECT_EQ(get("/api/v1/rules?rule=nothing").json().at("total"), 0);
}

}  // namespace
}  // namespace homeostat::admin::test
