// `homeostat explain`: what it says from the management API's answers.
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "runtime/app/explain_command.hpp"

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

}  // namespace
}  // namespace homeostat::app
