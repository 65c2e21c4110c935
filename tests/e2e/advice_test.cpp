// Advice that follows from how clients really used the application, and the signals
// that the agent records.
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <fstream>
#include <sstream>

#include "tests/e2e/cache_support.hpp"
#include "tests/support/child_process.hpp"
#include "tests/support/waiting.hpp"

namespace homeostat::test {
namespace {

/// The message of the advice of that type, or nothing.
std::string advice_of(const RunningAgent& agent, std::string_view kind) {
  const auto body =
      boost::json::parse(agent.admin("GET", "/api/v1/performance/recommendations").body);
  for (const auto& row : body.at("recommendations").as_array()) {
    if (row.at("type").as_string() == kind) return std::string(row.at("message").as_string());
  }
  return {};
}

TEST(Advice, NamesATrackingParameterThatSplitsTheCache) {
  ScriptedOrigin origin;
  RunningAgent agent(config_of(origin, "rules: [{match: {path: /*}, ttl: 1m}]"));
  for (int i = 0; i < 120; ++i) {
    EXPECT_EQ(agent.get("/page?a=1&utm_source=" + std::to_string(i)).status(), 200);
  }
  EXPECT_TRUE(eventually([&] { return !advice_of(agent, "tracking_parameters").empty(); }));
  EXPECT_EQ(advice_of(agent, "tracking_parameters"),
            "GET /page is stored again for each tracking parameter");
}

TEST(Advice, IsSilentWhereTheKeyLeavesTrackingParametersOut) {
  ScriptedOrigin origin;
  RunningAgent agent(
      config_of(origin, "query_drop_tracking: true, rules: [{match: {path: /*}, ttl: 1m}]"));
  for (int i = 0; i < 120; ++i) {
    EXPECT_EQ(agent.get("/page?a=1&utm_source=" + std::to_string(i)).status(), 200);
  }
  EXPECT_EQ(origin.requests("/page"), 1U);
  EXPECT_EQ(advice_of(agent, "tracking_parameters"), "");
}

TEST(Advice, NamesAnAnswerThatExpiresUnchanged) {
  ScriptedOrigin origin;
  origin.answer("/stable", 200,
                "Cache-Control: max-age=0, stale-while-revalidate=60\r\nETag: \"same\"\r\n",
                "stable");
  RunningAgent agent(origin);
  EXPECT_TRUE(eventually([&] {
    EXPECT_EQ(agent.get("/stable").status(), 200);
    return advice_of(agent, "ttl") == "GET /stable expires though its content does not change";
  })) << agent.admin("GET", "/api/v1/performance/recommendations").body;
}

std::string content_of(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// Whether a replay says of each rule that it fired once and had all it reads.
bool each_rule_fired_once(const std::string& replay) {
  const auto body = boost::json::parse(replay);
  return std::ranges::all_of(body.at("replay").at("rules").as_array(), [](const auto& rule) {
    return rule.at("activations") == 1 && rule.at("reads_unrecorded_signals") == false;
  });
}

TEST(Recorder, KeepsWhatRulesReadOfTheApplicationAndEveryObjective) {
  ScriptedOrigin origin;
  origin.answer("/metrics", 200, "Content-Type: text/plain\r\n",
                "# TYPE pool gauge\npool{name=\"main\"} 48\n");
  const TemporaryDirectory directory;
  const std::string rules = directory.write("rules.yaml", R"(rules:
  - {name: pool, when: 'scrape.pool{name="main"} > 45', then: [alert: {}]}
)");
  AgentConfig config = config_for(origin);
  config.monitor = "interval: 100ms, scrape_interval: 1s, scrape: " + origin.url() +
                   "/metrics, record: {every: 1s, file: \"" + directory.path() + "/record.csv\"}";
  config.optimization = "rules: [\"" + rules + "\"], interval: 100ms";
  config.slo = "[{name: checkout, match: {path: /checkout*}, target: 99%}]";
  RunningAgent agent(config);
  const std::string path = directory.path() + "/record.csv";
  const auto recorded = [&](const char* part) {
    return eventually([&] { return contains(content_of(path), part); });
  };
  EXPECT_TRUE(recorded(R"(,"scrape.pool{name=""main""}")")) << content_of(path);
  EXPECT_TRUE(recorded(R"(,"slo.burn{objective=""checkout""}")")) << content_of(path);
  // Rules over both can be tried on what was recorded.
  const std::string both = R"(rules:\n  - {name: again, then: [throttle: ], when: )"
                           R"('scrape.pool{name=\"main\"} > 40'}\n  - {name: burn, then: )"
                           R"([throttle: ], when: 'slo.burn{objective=\"checkout\"} < 1'}\n)";
  const std::string request = R"({"rules": ")" + both + "\"}";
  std::string answer;
  // The replay may first read a recording whose last row is still the only one with both.
  EXPECT_TRUE(eventually([&] {
    const Message response = agent.admin("POST", "/api/v1/rules/replay", request);
    answer = response.body;
    return response.status() == 200 && each_rule_fired_once(answer);
  })) << answer;
}

TEST(SignalMetrics, ShowTheSignalsOfEndpointsAsAReplayReadsThem) {
  ScriptedOrigin origin;
  AgentConfig config = config_for(origin);
  config.monitor = "interval: 100ms";
  RunningAgent agent(config);
  const std::string rate = R"(homeostat_signal{signal="endpoint.rate",endpoint="GET /page",)";
  EXPECT_TRUE(eventually([&] {
    EXPECT_EQ(agent.get("/page").status(), 200);
    return contains(agent.admin("GET", "/metrics").body, rate);
  })) << agent.admin("GET", "/metrics").body;
}

TEST(Recorder, BeginsANewFileWhenHalfOfItsBytesAreUsed) {
  ScriptedOrigin origin;
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/record.csv";
  AgentConfig config = config_for(origin);
  config.monitor = "interval: 100ms, record: {every: 1s, bytes_max: 1MiB, file: \"" + path + "\"}";
  RunningAgent agent(config);
  ASSERT_TRUE(eventually([&] { return contains(content_of(path), "\n"); }));
  // As if it had been written for long.
  const std::string row = "time,cpu.utilization\n1,0.5\n";
  std::string long_since;
  while (long_since.size() < std::size_t{600} * 1024) long_since += row;
  std::ofstream(path, std::ios::app) << long_since;
  EXPECT_TRUE(eventually([&] { return contains(content_of(path + ".1"), long_since); }));
  EXPECT_TRUE(eventually([&] { return content_of(path).starts_with("time,"); }))
      << "its rows could not be read without: " << content_of(path);
  EXPECT_LT(content_of(path).size(), long_since.size());
}

TEST(Replay, TakesTheAnswerOfAPrometheusRangeQuery) {
  ScriptedOrigin origin;
  RunningAgent agent(origin);
  const std::string three = R"(rules:\n  - {name: busy, when: cpu.utilization > 90%, then: )"
                            R"([throttle: ]}\n  - {name: slow, scope: endpoint, when: )"
                            R"(endpoint.latency_p95 > 2s, then: [throttle: ]}\n  - {name: pool, )"
                            R"(when: 'scrape.pool{name=\"main\"} > 8', then: [throttle: ]}\n)";
  const Message answer = agent.admin("POST", "/api/v1/rules/replay", R"({
    "signals": {"status": "success", "data": {"resultType": "matrix", "result": [
      {"metric": {"__name__": "homeostat_signal", "signal": "cpu.utilization"},
       "values": [[10, "0.5"], [11, "0.95"], [12, "NaN"], [13, "0.97"]]},
      {"metric": {"__name__": "homeostat_signal", "signal": "endpoint.latency_p95",
                  "endpoint": "GET /a"}, "values": [[10, "3"], [13, "3"]]},
      {"metric": {"__name__": "pool", "name": "main"}, "values": [[10, "7"], [13, "9"]]}]}},
    "rules": ")" + three + "\"}");
  ASSERT_EQ(answer.status(), 200) << answer.body;
  const auto body = boost::json::parse(answer.body);
  for (const auto& rule : body.at("replay").at("rules").as_array()) {
    EXPECT_EQ(rule.at("activations"), 1) << answer.body;
  }
}

}  // namespace
}  // namespace homeostat::test
