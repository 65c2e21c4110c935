#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>
#include <limits>

#include "tests/unit/runtime/admin/admin_fixture.hpp"

namespace homeostat::admin::test {
namespace {

using rules::SignalId;

class Performance : public AdminFixture {
 protected:
  static void set(ControlReport& report, SignalId id, double value,
                  rules::Quality quality = rules::Quality::good) {
    report.signals[static_cast<std::size_t>(id)] = {value, report.at_steady, quality, "test"};
  }

  ControlReport report() {
    ControlReport out;
    out.at = clock.wall_now();
    out.at_steady = clock.now();
    out.level = rules::LevelSetting::adaptive;
    out.effective_level = rules::Level::aggressive;
    set(out, SignalId::cpu_utilization, 0.855);
    set(out, SignalId::memory_utilization, 0.5, rules::Quality::stale);
    set(out, SignalId::traffic_latency_p95, 0.25, rules::Quality::injected);
    set(out, SignalId::disk_utilization, 0.4);
    out.admission_profile = rules::admission_profile(rules::Level::aggressive);
    out.rules_total = 12;
    out.rules_enabled = 11;
    out.triggers_last_hour = 3;
    out.injected = {"traffic.latency_p95"};
    return out;
  }

  static EndpointFigures endpoint(const char* route, double p95, std::uint64_t requests) {
    EndpointFigures out;
    out.method = "GET";
    out.route = route;
    out.last_5m.requests = requests;
    out.last_5m.latency_p95 = p95;
    out.last_5m.error_ratio = 0.1;
    return out;
  }
};

TEST_F(Performance, StatusBeforeTheFirstReportKnowsNothing) {
  start();
  const json::object body = get("/api/v1/performance/status").json();
  EXPECT_TRUE(at(body, "performance_status.report_at").is_null());
  for (const char* name : {"cpu_percent", "memory_percent", "response_time_avg_ms",
                           "response_time_p95_ms", "error_rate", "cache_hit_rate"}) {
    EXPECT_TRUE(at(body, std::string("performance_status.current_metrics.") + name).is_null())
        << name;
  }
}

TEST_F(Performance, StatusHasTheContractsFields) {
  start();
  publish(report());
  const json::object body = get("/api/v1/performance/status").json();
  EXPECT_EQ(at(body, "performance_status.optimization_level"), "adaptive");
  EXPECT_EQ(at(body, "performance_status.effective_level"), "aggressive");
  EXPECT_EQ(at(body, "performance_status.emergency"), false);
  EXPECT_DOUBLE_EQ(at(body, "performance_status.current_metrics.cpu_percent").to_number<double>(),
                   85.5);
  EXPECT_TRUE(at(body, "performance_status.current_metrics.memory_percent").is_null()) << "stale";
  EXPECT_EQ(at(body, "performance_status.current_metrics.response_time_p95_ms").to_number<double>(),
            250);
  EXPECT_EQ(at(body, "performance_status.optimization_rules.total"), 12);
  EXPECT_EQ(at(body, "performance_status.optimization_rules.enabled"), 11);
  EXPECT_EQ(at(body, "performance_status.optimization_rules.triggered_last_hour"), 3);
  EXPECT_EQ(at(body, "performance_status.injected_signals").as_array().at(0),
            "traffic.latency_p95");
  const auto& admission = at(body, "performance_status.admission").as_object();
  EXPECT_EQ(admission.at("max_wait_ms"), 200);
  EXPECT_EQ(admission.at("burst_services"), 4);
  EXPECT_EQ(admission.at("standing_wait_ms"), 50);
  EXPECT_EQ(admission.at("cpu_freeze_percent").to_number<double>(), 92);
  const auto& signals = at(body, "performance_status.signals").as_object();
  EXPECT_EQ(signals.at("memory.utilization").at("quality"), "stale");
  EXPECT_EQ(signals.at("traffic.latency_p95").at("quality"), "injected");
  EXPECT_TRUE(signals.at("cpu.pressure").at("value").is_null());
  EXPECT_FALSE(signals.contains("endpoint.rate"));
}

TEST_F(Performance, StatusSaysWhatATrialFoundAndWhoOverrules) {
  start();
  ControlReport with = report();
  ActiveOptimization active;
  active.action.rule = "enhanced-caching";
  active.action.action = rules::ScaleTtl{};
  active.action.share = 0.5;
  active.action.overruled = true;
  active.action.overruled_by = "fresh-prices";
  active.action.trial = rules::TrialReport{.verdict = rules::TrialVerdict::useful,
                                           .samples = 14,
                                           .improvement = 0.23,
                                           .low = 0.12,
                                           .high = 0.325,
                                           .confidence = 0.998};
  with.active.push_back(active);
  publish(std::move(with));
  const json::object body = get("/api/v1/performance/status").json();
  const auto& item = at(body, "performance_status.active_optimizations").at(0);
  EXPECT_EQ(item.at("share"), 0.5);
  EXPECT_EQ(item.at("overruled_by"), "fresh-prices");
  EXPECT_EQ(item.at("effect").at("verdict"), "useful");
  EXPECT_EQ(item.at("effect").at("signal"), "endpoint.latency_p95");
  EXPECT_EQ(item.at("effect").at("high"), 0.325);
  EXPECT_EQ(item.at("effect").at("summary"),
            "23% better (12% to 32.5%, confidence 99.8%, 14 comparisons)");
}

TEST_F(Performance, RefusalsNameWhatWasSentAndWhatIsAllowed) {
  settings.allow_injection = true;
  start();
  const std::string level =
      send_json("PUT", "/api/v1/performance/level", R"({"level":"turbo","reason":"x"})").body;
  EXPECT_NE(level.find("level: expected conservative, balanced, aggressive, adaptive or emergency, "
                       "not `turbo`"),
            std::string::npos)
      << level;
  const std::string word = send_json("POST", "/api/v1/rules/replay", R"({"level":"turbo"})").body;
  EXPECT_NE(
      word.find("level: expected conservative, balanced, aggressive or adaptive, not `turbo`"),
      std::string::npos)
      << word;
  const std::string query =
      call("POST", "/api/v1/test/performance?metric=cpu&value=8x&for=1y").body;
  EXPECT_NE(query.find("between 0 and 100, not `8x`"), std::string::npos) << query;
  EXPECT_NE(query.find("up to 10m such as 10s, not `1y`"), std::string::npos) << query;
  const std::string raw = get("/api/v1/performance/history?signal=%ff%0a").body;
  EXPECT_EQ(raw.find("not `"), std::string::npos) << "what is no text is not repeated: " << raw;
}

TEST_F(Performance, StatusExplainsOptimizationsAndDecisions) {
  start();
  ControlReport with = report();
  ActiveOptimization active;
  active.action.rule = "enhanced-caching";
  active.action.endpoint = 7;
  active.action.endpoint_name = "GET /slow";
  active.action.action = rules::ScaleTtl{2.0, std::chrono::hours(1)};
  active.action.reason = "endpoint.latency_p95 = 2.31s > 2s for 30s";
  active.enabled_at = with.at;
  active.injected = true;
  with.active.push_back(active);
  with.mode = "shadow";
  for (int i = 0; i < 60; ++i) {
    TransitionRecord record;
    record.at = with.at;
    record.transition.rule = "rule-" + std::to_string(i);
    record.transition.to = rules::RuleState::firing;
    record.shadow = i == 59;
    with.recent.push_back(record);
  }
  with.emergency = true;
  with.emergency_reason = "memory 98 %";
  with.emergency_seconds_total = 30;
  clock.advance(std::chrono::seconds(120));
  publish(std::move(with));
  const json::object body = get("/api/v1/performance/status").json();
  const auto& item = at(body, "performance_status.active_optimizations").at(0).as_object();
  EXPECT_EQ(item.at("name"), "enhanced-caching");
  EXPECT_EQ(item.at("action"), "scale_ttl");
  EXPECT_EQ(item.at("endpoint"), "GET /slow");
  EXPECT_EQ(item.at("config").at("by").to_number<double>(), 2);
  EXPECT_EQ(item.at("config").at("max_seconds"), 3600);
  EXPECT_EQ(item.at("reason"), "endpoint.latency_p95 = 2.31s > 2s for 30s");
  EXPECT_TRUE(item.at("effect").is_null());
  EXPECT_TRUE(item.at("enabled_at").is_string());
  EXPECT_EQ(item.at("injected"), true);
  EXPECT_EQ(item.at("shadow"), true) << "it is not in force";
  EXPECT_EQ(at(body, "performance_status.optimization_mode"), "shadow");
  const auto& recent = at(body, "performance_status.recent_decisions").as_array();
  ASSERT_EQ(recent.size(), 50U);
  EXPECT_EQ(recent[0].at("rule"), "rule-59") << "newest first";
  EXPECT_EQ(recent[0].at("to"), "firing");
  EXPECT_EQ(recent[0].at("shadow"), true);
  EXPECT_EQ(recent[1].at("shadow"), false);
  EXPECT_EQ(at(body, "performance_status.emergency_details.reason"), "memory 98 %");
  EXPECT_EQ(at(body, "performance_status.emergency_details.uptime_ratio").to_number<double>(),
            0.25);
}

TEST_F(Performance, NumbersAreWrittenPlainly) {
  start();
  publish(report());
  const std::string body = get("/api/v1/performance/status").body;
  EXPECT_NE(body.find("\"cpu_percent\": 85.5"), std::string::npos) << body.substr(0, 400);
}

TEST_F(Performance, HistoryGivesASignalsPastAndSaysWhatIsMissing) {
  start();
  ControlReport with = report();
  auto history = std::make_shared<rules::HistorySnapshot>();
  history->at = with.at_steady;
  history->levels[1].series.resize(rules::first_endpoint_signal);
  const float gap = std::numeric_limits<float>::quiet_NaN();
  history->levels[1].series[0] = {gap, gap, 0.25F, gap, 0.5F};
  with.history = history;
  publish(std::move(with));
  const json::object body =
      get("/api/v1/performance/history?signal=cpu.utilization&resolution=10s").json();
  EXPECT_EQ(at(body, "history.unit"), "ratio");
  EXPECT_EQ(at(body, "history.step_seconds"), 10);
  EXPECT_EQ(json::serialize(at(body, "history.values")), "[2.5E-1,null,5E-1]");
  const json::object early = get("/api/v1/performance/history?signal=cpu.utilization").json();
  EXPECT_TRUE(at(early, "history.values").as_array().empty());
  EXPECT_TRUE(at(early, "history.until").is_null());
  EXPECT_EQ(get("/api/v1/performance/history?signal=endpoint.rate").status, 400U);
  EXPECT_EQ(get("/api/v1/performance/history?signal=cpu.utilization&resolution=5s").status, 400U);
}

TEST_F(Performance, ReportOrdersSlowEndpointsAndAdmitsWhatItDoesNotKnow) {
  start();
  ControlReport with = report();
  auto traffic = std::make_shared<TrafficFigures>();
  for (int i = 0; i < 15; ++i) {
    traffic->endpoints.push_back(endpoint(("/e" + std::to_string(i)).c_str(), 0.1 * i, 200));
  }
  traffic->endpoints.push_back(endpoint("/unused", 99, 0));
  with.traffic = traffic;
  with.trends[static_cast<std::size_t>(SignalId::traffic_latency_avg)] = 0.05;
  with.trends[static_cast<std::size_t>(SignalId::memory_utilization)] = -0.02;
  with.objectives = {{{"checkout", 0.99, 1000, 20}, 2, 0.5}};
  publish(std::move(with));
  const json::object body = get("/api/v1/performance/report").json();
  const auto& slow = at(body, "performance_report.top_slow_endpoints").as_array();
  ASSERT_EQ(slow.size(), 10U);
  EXPECT_EQ(slow[0].at("endpoint"), "/e14");
  EXPECT_EQ(slow[0].at("method"), "GET");
  EXPECT_EQ(slow[0].at("request_count"), 200);
  EXPECT_EQ(slow[0].at("error_count"), 20);
  EXPECT_NEAR(slow[0].at("p95_duration_ms").to_number<double>(), 1400, 1e-6);
  EXPECT_TRUE(slow[0].at("cache_hit_rate").is_null());
  EXPECT_TRUE(slow[0].as_object().contains("optimization_score"));
  EXPECT_TRUE(slow[0].as_object().contains("avg_duration_ms"));
  EXPECT_TRUE(slow[0].as_object().contains("p99_duration_ms"));
  EXPECT_NEAR(at(body, "performance_report.trends.response_time_trend_ms").to_number<double>(), 50,
              1e-6);
  EXPECT_TRUE(at(body, "performance_report.trends.cpu_trend").is_null());
  EXPECT_NEAR(at(body, "performance_report.resource_usage.memory_usage_trend").to_number<double>(),
              -2, 1e-6);
  const auto& objective = at(body, "performance_report.objectives").as_array().at(0);
  EXPECT_EQ(objective.at("name"), "checkout");
  EXPECT_EQ(objective.at("bad_total"), 20);
  EXPECT_NEAR(objective.at("burn").to_number<double>(), 2, 1e-9);
  EXPECT_NEAR(at(body, "performance_report.resource_usage.disk_usage_percent").to_number<double>(),
              40, 1e-9);
  EXPECT_TRUE(
      at(body, "performance_report.resource_usage.network_io.bytes_sent_per_sec").is_null());
  const auto& advice = at(body, "performance_report.recommendations").as_array();
  ASSERT_EQ(advice.size(), 10U) << "bounded";
  EXPECT_EQ(advice[0].at("type"), "errors");
  EXPECT_TRUE(advice[0].at("evidence").is_string());
}

TEST_F(Performance, ProfilesCanBeNarrowedToOneEndpoint) {
  start();
  ControlReport with = report();
  auto traffic = std::make_shared<TrafficFigures>();
  traffic->endpoints = {endpoint("/a", 0.1, 5), endpoint("/b/{id}", 0.2, 0)};
  with.traffic = traffic;
  publish(std::move(with));
  EXPECT_EQ(get("/api/v1/performance/profiles").json().at("profiles").as_array().size(), 2U);
  const auto one = get("/api/v1/performance/profiles?endpoint=GET+%2Fb%2F%7Bid%7D").json();
  ASSERT_EQ(one.at("profiles").as_array().size(), 1U);
  EXPECT_EQ(one.at("profiles").at(0).at("endpoint"), "/b/{id}");
  EXPECT_TRUE(one.at("profiles").at(0).at("optimization_score").is_null()) << "no requests";
  EXPECT_EQ(get("/api/v1/performance/profiles?endpoint=/c").status, 404U);
}

TEST_F(Performance, LevelIsHandedOnWithItsReason) {
  start();
  const Answer answer = send_json("PUT", "/api/v1/performance/level",
                                  R"({"level":"aggressive","reason":"sale today"})");
  EXPECT_EQ(answer.status, 202U);
  EXPECT_EQ(answer.json().at("level"), "aggressive");
  EXPECT_EQ(answer.json().at("previous_level"), "balanced");
  ASSERT_EQ(commands.levels.size(), 1U);
  EXPECT_EQ(commands.levels[0].first, rules::LevelSetting::aggressive);
  EXPECT_EQ(commands.levels[0].second, "sale today");
  EXPECT_EQ(server->counters().changes.load(), 1U);
}

TEST_F(Performance, LevelBodyMustBeRight) {
  start();
  const std::string target = "/api/v1/performance/level";
  for (const char* body : {R"({"level":"extreme","reason":"r"})", R"({"level":"balanced"})",
                           R"({"level":7,"reason":"r"})", R"({"level":"balanced","reason":""})",
                           R"({"level":"balanced","reason":"r","leval":1})"}) {
    const Answer answer = send_json("PUT", target, body);
    EXPECT_EQ(answer.status, 422U) << body;
    EXPECT_FALSE(answer.json().at("errors").as_array().empty());
  }
  EXPECT_EQ(send_json("PUT", target, "{").status, 400U);
  EXPECT_EQ(send_json("PUT", target, "[]").status, 400U);
  EXPECT_EQ(call("PUT", target, {{"Content-Type", "text/plain"}}, "{}").status, 415U);
  EXPECT_EQ(call("PUT", target).status, 422U);
  EXPECT_TRUE(commands.untouched());
}

TEST_F(Performance, InjectionIsOffByDefault) {
  start();
  EXPECT_EQ(call("POST", "/api/v1/test/performance?metric=cpu&value=85&for=10s").status, 403U);
  EXPECT_TRUE(commands.untouched());
}

TEST_F(Performance, InjectionReachesTheSignal) {
  settings.allow_injection = true;
  start();
  const auto inject = [&](const std::string& query) {
    return call("POST", "/api/v1/test/performance?" + query);
  };
  const Answer answer = inject("metric=cpu&value=85&for=10s");
  EXPECT_EQ(answer.status, 202U);
  EXPECT_EQ(answer.json().at("signal"), "cpu.utilization");
  EXPECT_EQ(answer.json().at("injected"), true);
  EXPECT_EQ(inject("metric=memory&value=95.5%25&for=2m").status, 202U);
  EXPECT_EQ(inject("metric=endpoint.latency_p95&value=2500ms").status, 202U);
  EXPECT_EQ(inject("metric=cpu.pressure&value=0.3&for=500ms").status, 202U);
  EXPECT_EQ(inject("metric=traffic.rate&value=60/m&for=10m").status, 202U);
  ASSERT_EQ(commands.injected.size(), 5U);
  const auto expect = [&](std::size_t i, SignalId id, double value, Duration for_) {
    EXPECT_EQ(std::get<0>(commands.injected[i]), id);
    EXPECT_NEAR(std::get<1>(commands.injected[i]), value, 1e-12);
    EXPECT_EQ(std::get<2>(commands.injected[i]), for_);
  };
  using std::chrono_literals::operator""ms;
  using std::chrono_literals::operator""s;
  using std::chrono_literals::operator""min;
  expect(0, SignalId::cpu_utilization, 0.85, 10s);
  expect(1, SignalId::memory_utilization, 0.955, 2min);
  expect(2, SignalId::endpoint_latency_p95, 2.5, 10s);
  expect(3, SignalId::cpu_pressure, 0.3, 500ms);
  expect(4, SignalId::traffic_rate, 1, 10min);
}

TEST_F(Performance, InjectionValuesAreChecked) {
  settings.allow_injection = true;
  start();
  for (const char* query :
       {"", "metric=cpu", "metric=cpu&value=101", "metric=cpu&value=-1", "metric=cpu&value=nan",
        "metric=cpu&value=inf", "metric=cpu&value=85&for=11m", "metric=cpu&value=85&for=0s",
        "metric=cpu&value=85&for=10", "metric=disk&value=1", "metric=cpu.pressure&value=85",
        "metric=endpoint.latency_p95&value=2MiB", "metric=traffic.latency_p95&value=2h",
        "metric=cpu&value=1e1", "metric=agent.memory&value=1e300MiB"}) {
    const Answer answer = call("POST", std::string("/api/v1/test/performance?") + query);
    EXPECT_EQ(answer.status, 422U) << query;
  }
  const Answer typo = call("POST", "/api/v1/test/performance?metric=cpu.utilisation&value=1");
  EXPECT_NE(typo.body.find("cpu.utilization?"), std::string::npos) << typo.body;
  EXPECT_TRUE(commands.untouched());
}

}  // namespace
}  // namespace homeostat::admin::test
