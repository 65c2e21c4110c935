// How far into a list a request may ask.
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "tests/e2e/cache_support.hpp"
#include "tests/support/waiting.hpp"

namespace homeostat::test {
namespace {

AgentConfig limited(const ScriptedOrigin& origin, const std::string& mode) {
  AgentConfig config = config_for(origin);
  config.admission =
      "mode: off, page_limits: [{name: lists, match: {path: /api/*}, page_max: 100, "
      "offset_max: 5000, size_max: 50, mode: " +
      mode + "}]";
  return config;
}

TEST(PageLimit, RefusesWhatIsTooFarInBeforeTheApplicationSeesIt) {
  ScriptedOrigin origin;
  origin.answer("/api/books", 200, "Cache-Control: max-age=60\r\n", "page");
  RunningAgent agent(limited(origin, "on"));
  for (const char* query :
       {"?page=100", "?offset=5000&limit=50", "?after=abc", "?q=page%3D999", ""}) {
    EXPECT_EQ(agent.get(std::string("/api/books") + query).status(), 200) << query;
  }
  const std::size_t served = origin.requests("/api/books");
  for (const char* query : {"?page=101", "?offset=5001", "?limit=51", "?page=1&page=101",
                            "?%6fffset=5001", "?offset=99999999999999999999"}) {
    const Message refused = agent.get(std::string("/api/books") + query);
    EXPECT_EQ(refused.status(), 400) << query;
    const auto problem = boost::json::parse(refused.body);
    EXPECT_EQ(problem.at("violated-policies").at(0), "lists") << refused.body;
  }
  EXPECT_TRUE(contains(agent.get("/api/books?offset=5001").body, "the offset is above 5000"));
  EXPECT_EQ(origin.requests("/api/books"), served);
  EXPECT_EQ(agent.get("/page?page=101").status(), 200) << "another route";
  EXPECT_EQ(agent.metric("homeostat_limit_rejected_total{kind=\"page\",limit=\"lists\"}"), 7);
}

TEST(PageLimit, NoSpellingOfThePathEvadesIt) {
  ScriptedOrigin origin;
  RunningAgent agent(limited(origin, "on"));
  for (const char* spelled :
       {"//api/books", "/x/../api/books", "/./api/books", "/%61pi/books", "/x%2F..%2Fapi/books"}) {
    EXPECT_EQ(agent.get(std::string(spelled) + "?page=101").status(), 400) << spelled;
  }
}

TEST(PageLimit, InShadowOnlyCounts) {
  ScriptedOrigin origin;
  origin.answer("/api/books", 200, "", "page");
  RunningAgent agent(limited(origin, "shadow"));
  EXPECT_EQ(agent.get("/api/books?page=101").status(), 200);
  EXPECT_EQ(agent.metric("homeostat_limit_would_reject_total{kind=\"page\",limit=\"lists\"}"), 1);
  EXPECT_EQ(agent.metric("homeostat_limit_rejected_total{kind=\"page\",limit=\"lists\"}"), 0);
}

}  // namespace
}  // namespace homeostat::test
