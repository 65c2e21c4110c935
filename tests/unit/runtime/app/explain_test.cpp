// `homeostat explain` and `top`: what they say from the management API's answers.
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "runtime/app/explain_command.hpp"
#include "runtime/app/top_command.hpp"

namespace homeostat::app {
namespace {

TEST(Explain, OfAnEndpointNamesWhatGlobalRulesDoThere) {
  const auto status = boost::json::parse(R"({"performance_status": {"active_optimizations": [
    {"name": "everywhere", "endpoint": null, "action": "scale_ttl", "config": {"by": 3},
     "enabled_at": "2026-01-31T12:00:00Z", "overruled": false, "reason": "cpu.utilization = 95%"},
    {"name": "throttled", "endpoint": null, "action": "throttle", "config": {"to": 0.5},
     "enabled_at": "2026-01-31T12:00:00Z", "overruled": false, "reason": "cpu.utilization = 95%"},
    {"name": "elsewhere", "endpoint": "GET /b", "action": "scale_ttl", "config": {"by": 2},
     "enabled_at": "2026-01-31T12:00:00Z", "overruled": false, "reason": "slow"}],
    "recent_decisions": []}})");
  const auto rules = boost::json::parse(R"({"rules": []})");
  const auto profiles =
      boost::json::parse(R"({"profiles": [{"method": "GET", "endpoint": "/a"}]})");
  const auto text = explanation_of("GET /a", rules, status, profiles);
  ASSERT_TRUE(text.has_value());
  EXPECT_NE(text->find("scale_ttl {\"by\":3} by everywhere, at every endpoint"), std::string::npos)
      << *text;
  EXPECT_EQ(text->find("throttled"), std::string::npos) << "that is of the whole agent";
  EXPECT_EQ(text->find("elsewhere"), std::string::npos);
  EXPECT_EQ(text->find("nothing lately"), std::string::npos);
}

const char* const doubtful = R"({"performance_status": {"optimization_mode": "shadow",
  "injected_signals": ["cpu.utilization"], "active_optimizations_total": 1201,
  "active_optimizations": [
    {"name": "busy", "endpoint": null, "action": "throttle", "config": {"to": 0.5},
     "enabled_at": "2026-01-31T12:00:00Z", "overruled": false, "reason": "cpu.utilization = 95%",
     "effect": {"verdict": "useful"}, "injected": true, "shadow": true}],
  "recent_decisions": [
    {"at": "2026-01-31T12:00:00Z", "rule": "busy", "endpoint": "GET /a", "from": "pending",
     "to": "firing", "reason": "hot", "dry_run": false, "injected": true, "shadow": true},
    {"at": "2026-01-31T12:00:00Z", "rule": "busy", "endpoint": null, "from": "inactive",
     "to": "pending", "reason": "warm", "dry_run": true, "injected": false, "shadow": false}]}})";

TEST(Explain, TellsWhatDoesNotActAndWhatATestInjected) {
  const auto rules =
      boost::json::parse(R"({"rules": [{"name": "busy", "enabled": true, "rollout": 0.5,
    "effect": {"improve": "endpoint.latency_avg", "within_seconds": 900, "else": "rollback"}}]})");
  const auto none = boost::json::parse(R"({"profiles": []})");
  const auto text = explanation_of("busy", rules, boost::json::parse(doubtful), none);
  ASSERT_TRUE(text.has_value());
  for (const char* part :
       {"  tried on 50 % of the requests, has to improve endpoint.latency_avg within 900 s, else "
        "rollback\n",
        "optimization.mode shadow: does not act\n",
        "  would be in force since 2026-01-31T12:00:00Z",
        "throttle {\"to\":0.5} by busy [injected] [shadow]\n",
        "busy at GET /a: pending -> firing  hot [injected] [shadow]\n",
        "inactive -> pending  warm [dry run]\n"}) {
    EXPECT_NE(text->find(part), std::string::npos) << part << *text;
  }
}

TEST(Explain, CountsWhatAnAnswerLeavesOut) {
  const auto rules = boost::json::parse(R"({"rules": [{"name": "busy", "instances_total": 1000,
    "instances": [{"endpoint": "GET /a", "state": "firing"}]}]})");
  const auto none = boost::json::parse(R"({"profiles": []})");
  const auto text = explanation_of("busy", rules, boost::json::parse(doubtful), none);
  ASSERT_TRUE(text.has_value());
  EXPECT_NE(text->find("  and 999 more endpoints"), std::string::npos) << *text;
  EXPECT_NE(text->find("  and 1200 more actions\n"), std::string::npos) << *text;
}

TEST(Explain, OfARuleThatActsNowhereSaysWhereToLook) {
  const auto rules = boost::json::parse(R"({"rules": [{"name": "slow", "scope": "endpoint",
    "instances": [{"endpoint": null, "state": "inactive", "since": "2026-01-31T12:00:00Z",
                   "values": ""}]}]})");
  const auto none = boost::json::parse(R"({"profiles": []})");
  const auto text = explanation_of("slow", rules, none, none);
  ASSERT_TRUE(text.has_value());
  EXPECT_NE(text->find("inactive since 2026-01-31T12:00:00Z at every endpoint"), std::string::npos)
      << *text;
  EXPECT_EQ(text->find("now:"), std::string::npos) << "it has no values of its own";
}

TEST(TopScreen, TellsWhatDoesNotActAndWhatATestInjected) {
  const auto report = boost::json::parse(R"({"performance_report": {}})");
  const std::string text = top_screen(boost::json::parse(doubtful), report, {40, 200});
  for (const char* part : {"INJECTED by a test: cpu.utilization\n",
                           "would be in force, but for optimization.mode shadow: 1201\n",
                           "busy throttle - useful  cpu.utilization = 95% [injected] [shadow]\n",
                           "busy GET /a pending -> firing  hot [injected] [shadow]\n"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << text;
  }
}

}  // namespace
}  // namespace homeostat::app
