#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <sstream>

#include "rules/expr/expression.hpp"
#include "tests/unit/runtime/admin/admin_fixture.hpp"

namespace homeostat::admin::test {
namespace {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;
using std::chrono_literals::operator""min;

class Management : public AdminFixture {
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

TEST_F(Management, RulesShowDefinitionStateAndNextTransition) {
  start_with_rules();
  publish(report_with(rules::RuleState::pending));
  const json::object body = get("/api/v1/rules").json();
  EXPECT_EQ(body.at("total"), 2);
  const auto& rule = body.at("rules").at(0).as_object();
  EXPECT_EQ(rule.at("name"), "high-cpu");
  EXPECT_EQ(rule.at("level"), "balanced");
  EXPECT_EQ(rule.at("for_seconds").to_number<double>(), 30);
  EXPECT_EQ(rule.at("source"), "rules.yaml:3:5");
  EXPECT_NE(rule.at("when").as_string().find("cpu.utilization"), json::string::npos);
  EXPECT_NE(rule.at("until").as_string().find("<"), json::string::npos);
  const auto& instance = rule.at("instances").at(0).as_object();
  EXPECT_EQ(instance.at("state"), "pending");
  EXPECT_EQ(instance.at("since"), "2019-12-19T23:59:50.000Z");
  EXPECT_EQ(instance.at("values"), "cpu.utilization = 95%");
  EXPECT_EQ(instance.at("next").at("to"), "firing");
  EXPECT_EQ(instance.at("next").at("not_before"), "2019-12-20T00:00:20.000Z");
  EXPECT_TRUE(body.at("rules").at(1).at("instances").as_array().empty());
}

TEST_F(Management, RulesWithoutDefinitionsStillShowTheirState) {
  start();
  publish(report_with(rules::RuleState::firing));
  const json::object body = get("/api/v1/rules").json();
  EXPECT_EQ(body.at("rules").at(0).at("name"), "high-cpu");
  EXPECT_EQ(body.at("rules").at(0).at("instances").at(0).at("state"), "firing");
}

TEST_F(Management, RuleIsSwitchedByName) {
  start_with_rules();
  const Answer answer =
      send_json("PUT", "/api/v1/rules/high%2Dcpu", R"({"enabled":false,"reason":"noisy"})");
  EXPECT_EQ(answer.status, 202U) << answer.body;
  ASSERT_EQ(commands.rules_set.size(), 1U);
  EXPECT_EQ(commands.rules_set[0].first, "high-cpu");
  EXPECT_EQ(commands.rules_set[0].second, false);
  EXPECT_EQ(send_json("PUT", "/api/v1/rules/none", R"({"enabled":false,"reason":"noisy"})").status,
            404U);
  EXPECT_EQ(send_json("PUT", "/api/v1/rules/idle", R"({"enabled":"no","reason":"r"})").status,
            422U);
  EXPECT_EQ(commands.rules_set.size(), 1U);
}

TEST_F(Management, ReloadAnswersWithErrorsOrTheCount) {
  auto with = services();
  ReloadOutcome outcome{{"rules.yaml:4:7: unknown signal"}, 12};
  with.reload_rules = [&outcome] { return outcome; };
  start(std::move(with));
  const Answer refused = call("POST", "/api/v1/rules/reload");
  EXPECT_EQ(refused.status, 422U);
  EXPECT_EQ(refused.json().at("errors").at(0), "rules.yaml:4:7: unknown signal");
  outcome.errors.clear();
  const Answer loaded = send_json("POST", "/api/v1/rules/reload", R"({"reason":"new rules"})");
  EXPECT_EQ(loaded.status, 200U);
  EXPECT_EQ(loaded.json().at("rules_total"), 12);
}

TEST_F(Management, ReloadWithoutALoaderIsUnavailable) {
  start();
  EXPECT_EQ(call("POST", "/api/v1/rules/reload").status, 503U);
}

TEST_F(Management, CacheStatsHaveTheContractsFields) {
  start();
  cache.now = {10, 4096, 1 << 20, 90, 10, 12, 2, 1, 5, 3, 4, 6};
  const json::object body = get("/api/v1/cache/stats").json();
  EXPECT_EQ(at(body, "cache_statistics.l1_memory_cache.entries"), 10);
  EXPECT_EQ(at(body, "cache_statistics.l1_memory_cache.memory_usage_bytes"), 4096);
  EXPECT_EQ(at(body, "cache_statistics.l1_memory_cache.max_bytes"), 1 << 20);
  EXPECT_DOUBLE_EQ(at(body, "cache_statistics.l1_memory_cache.hit_rate").to_number<double>(), 0.9);
  EXPECT_EQ(at(body, "cache_statistics.l2_redis_cache.connected"), false);
  EXPECT_TRUE(at(body, "cache_statistics.l2_redis_cache.keys").is_null());
  EXPECT_EQ(at(body, "cache_statistics.overall_statistics.total_operations"), 115);
  EXPECT_NEAR(at(body, "cache_statistics.overall_statistics.miss_rate").to_number<double>(), 0.1,
              1e-12);
  EXPECT_EQ(at(body, "middleware_statistics.requests_cached"), 90);
  EXPECT_EQ(at(body, "middleware_statistics.cache_bypassed"), 5);
  EXPECT_EQ(at(body, "middleware_statistics.cache_errors"), 6);
  EXPECT_TRUE(at(body, "middleware_statistics.avg_response_time_ms").is_null());
  EXPECT_TRUE(at(body, "middleware_statistics.compression_ratio").is_null());
  EXPECT_EQ(at(body, "performance_insights.hit_rate_category"), "excellent");
  EXPECT_TRUE(at(body, "performance_insights.optimization_suggestions").as_array().empty());
}

TEST_F(Management, HitRateCategoriesFollowTheirThresholds) {
  start();
  const auto category = [&](std::uint64_t hits, std::uint64_t misses) {
    {
      const std::lock_guard lock(cache.mutex);
      cache.now.hits = hits;
      cache.now.misses = misses;
    }
    return at(get("/api/v1/cache/stats").json(), "performance_insights.hit_rate_category");
  };
  EXPECT_TRUE(category(0, 0).is_null());
  EXPECT_EQ(category(71, 29), "excellent");
  EXPECT_EQ(category(70, 30), "good");
  EXPECT_EQ(category(50, 50), "good");
  EXPECT_EQ(category(49, 51), "needs_improvement");
}

TEST_F(Management, FlushTellsHowMuchItCleared) {
  start();
  const Answer answer = call("DELETE", "/api/v1/cache/flush?level=l1&pattern=/api/*");
  EXPECT_EQ(answer.status, 200U);
  EXPECT_EQ(answer.json().at("details").at("l1_entries_cleared"), 3);
  EXPECT_EQ(answer.json().at("details").at("l1_bytes_freed"), 3000);
  EXPECT_EQ(answer.json().at("details").at("l2_keys_cleared"), 0);
  EXPECT_EQ(answer.json().at("details").at("total_cleared"), 3);
  ASSERT_EQ(cache.purges.size(), 1U);
  EXPECT_EQ(cache.purges[0].patterns, std::vector<std::string>{"/api/*"});
  EXPECT_FALSE(cache.purges[0].soft);
  EXPECT_EQ(call("DELETE", "/api/v1/cache/flush?level=l2").status, 409U);
  EXPECT_EQ(call("DELETE", "/api/v1/cache/flush?level=l3").status, 422U);
  EXPECT_EQ(cache.purges.size(), 1U);
}

TEST_F(Management, GroupsAreInvalidatedByTheirPatterns) {
  start();
  const Answer answer =
      send_json("POST", "/api/v1/cache/invalidate/books", R"({"reason":"new edition"})");
  EXPECT_EQ(answer.status, 200U);
  EXPECT_EQ(answer.json().at("cleared_entries"), 6);
  EXPECT_EQ(answer.json().at("affected_endpoints").as_array().size(), 2U);
  ASSERT_EQ(cache.purges.size(), 1U);
  EXPECT_EQ(cache.purges[0].patterns,
            (std::vector<std::string>{"/api/v1/books/*", "/api/v1/shelf*"}));
  EXPECT_EQ(call("POST", "/api/v1/cache/invalidate/all").status, 200U);
  const Answer unknown = call("POST", "/api/v1/cache/invalidate/bikes");
  EXPECT_EQ(unknown.status, 404U);
  EXPECT_NE(unknown.body.find("books"), std::string::npos);
}

TEST_F(Management, InvalidationNamesTagsPatternsAndKeys) {
  start();
  const Answer answer = send_json(
      "POST", "/api/v1/cache/invalidate",
      R"({"tags":["a","b"],"patterns":["/c/*"],"keys":["k"],"mode":"soft","reason":"edit"})");
  EXPECT_EQ(answer.status, 200U);
  const json::object body = answer.json();
  EXPECT_EQ(body.at("status"), "success");
  EXPECT_EQ(body.at("mode"), "soft");
  EXPECT_EQ(body.at("invalidated_entries"), 6);
  EXPECT_EQ(at(body, "details.by_tags"), 2);
  EXPECT_EQ(at(body, "details.by_patterns"), 3);
  EXPECT_EQ(at(body, "details.by_keys"), 1);
  ASSERT_EQ(cache.purges.size(), 1U);
  EXPECT_EQ(cache.purges[0].tags, (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(cache.purges[0].soft);
  EXPECT_EQ(send_json("POST", "/api/v1/cache/invalidate", R"({"tags":["a"]})").json().at("mode"),
            "hard");
}

TEST_F(Management, AnInvalidationThatIsNotUnderstoodChangesNothing) {
  start();
  for (const char* body :
       {"{}", R"({"tags":[]})", R"({"tags":"a"})", R"({"tags":[""]})", R"({"keys":[1]})",
        R"({"tags":["a"],"mode":"gentle"})", R"({"tags":["a"],"tag":"b"})"}) {
    EXPECT_EQ(send_json("POST", "/api/v1/cache/invalidate", body).status, 422U) << body;
  }
  EXPECT_TRUE(cache.untouched());
}

TEST_F(Management, KeysAreListedPageByPage) {
  start();
  cache.page.total_found = 7;
  cache.page.next_cursor = "3-ff-7";
  cache.page.keys = {{"hs:default:GET:h/a:::", 90s, WallTime{} + 90s, 512, {"a"}}};
  const json::object body = get("/api/v1/cache/keys?pattern=/a*&limit=1&cursor=0-1-7").json();
  EXPECT_EQ(body.at("pattern"), "/a*");
  EXPECT_EQ(body.at("total_found"), 7);
  EXPECT_EQ(body.at("limit"), 1);
  EXPECT_EQ(body.at("next_cursor"), "3-ff-7");
  const json::object key = body.at("keys").at(0).as_object();
  EXPECT_EQ(key.at("key"), "hs:default:GET:h/a:::");
  EXPECT_EQ(key.at("ttl"), 90);
  EXPECT_EQ(key.at("expires"), "1970-01-01T00:01:30.000Z");
  EXPECT_EQ(key.at("level"), "l1");
  EXPECT_EQ(key.at("size_bytes"), 512);
  EXPECT_EQ(key.at("tags").at(0), "a");
  ASSERT_EQ(cache.listings.size(), 1U);
  EXPECT_EQ(cache.listings[0].pattern, "/a*");
  EXPECT_EQ(cache.listings[0].limit, 1U);
  EXPECT_EQ(cache.listings[0].cursor, "0-1-7");
  cache.page.next_cursor.clear();
  EXPECT_TRUE(get("/api/v1/cache/keys").json().at("next_cursor").is_null());
  EXPECT_EQ(cache.listings.back().limit, 100U);
  for (const char* bad : {"limit=0", "limit=1001", "limit=-1", "limit=x", "cursor=bad"}) {
    EXPECT_EQ(get(std::string("/api/v1/cache/keys?") + bad).status, 422U) << bad;
  }
}

TEST_F(Management, CacheHealthClaimsNoRedis) {
  start();
  cache.now.bytes_max = 1;
  const json::object body = get("/api/v1/cache/health").json();
  EXPECT_EQ(body.at("redis_connected"), false);
  EXPECT_EQ(body.at("status"), "l1_only");
  EXPECT_TRUE(body.at("response_time_ms").is_null());
}

TEST_F(Management, CacheHealthJudgesTheSharedTier) {
  SharedTierReport tier;
  auto with = services();
  with.shared_tier = [&tier] { return tier; };
  start(std::move(with));
  cache.now.bytes_max = 1;
  tier.trouble = "cannot connect";
  json::object body = get("/api/v1/cache/health").json();
  EXPECT_EQ(body.at("status"), "degraded");
  EXPECT_EQ(body.at("detail"), "cannot connect");
  EXPECT_TRUE(body.at("performance").is_null());
  tier.connected = tier.in_step = true;
  const std::vector<std::pair<Duration, const char*>> expected = {
      {9ms, "excellent"}, {10ms, "good"}, {50ms, "good"}, {51ms, "slow"}};
  for (const auto& [took, word] : expected) {
    tier.answered_in = took;
    body = get("/api/v1/cache/health").json();
    EXPECT_EQ(body.at("status"), "healthy");
    EXPECT_EQ(body.at("performance"), word);
  }
  tier.in_step = false;
  EXPECT_EQ(get("/api/v1/cache/health").json().at("status"), "degraded");
}

TEST_F(Management, AFlushReachesAsFarAsItsLevelSays) {
  auto with = services();
  with.shared_tier = [] { return SharedTierReport{}; };
  start(std::move(with));
  EXPECT_EQ(call("DELETE", "/api/v1/cache/flush?level=l1").status, 200U);
  EXPECT_EQ(cache.purges.back().reach, PurgeReach::here);
  EXPECT_EQ(call("DELETE", "/api/v1/cache/flush?level=l2").status, 200U);
  EXPECT_EQ(cache.purges.back().reach, PurgeReach::shared);
  EXPECT_EQ(call("DELETE", "/api/v1/cache/flush").status, 200U);
  EXPECT_EQ(cache.purges.back().reach, PurgeReach::fleet);
}

TEST_F(Management, ReadinessFollowsRequiredChecksOnly) {
  auto with = services();
  std::vector<ReadinessCheck> checks{{"upstream", true, true, "1 of 1 healthy"}};
  with.readiness = [&checks] { return checks; };
  start(std::move(with));
  EXPECT_EQ(get("/readyz").json().at("status"), "ready");
  clock.advance(11s);
  EXPECT_EQ(policy.expire().size(), 3U);
  const Answer degraded = get("/readyz");
  EXPECT_EQ(degraded.status, 200U) << "the data plane serves without the control plane";
  EXPECT_EQ(degraded.json().at("status"), "degraded");
  checks[0] = {"upstream", false, true, "0 of 1 healthy"};
  const Answer broken = get("/readyz");
  EXPECT_EQ(broken.status, 503U);
  EXPECT_EQ(broken.json().at("status"), "not_ready");
  EXPECT_EQ(broken.json().at("checks").at(0).at("detail"), "0 of 1 healthy");
  EXPECT_EQ(get("/livez").status, 200U);
}

TEST_F(Management, MetricsAreRawText) {
  start();
  const Answer answer = get("/metrics");
  EXPECT_EQ(answer.header("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(answer.body, "# TYPE up gauge\nup 1\n");
}

TEST_F(Management, ThePageIsStaticAndLocked) {
  start();
  const Answer page = get("/");
  EXPECT_EQ(page.header("Content-Type"), "text/html; charset=utf-8");
  EXPECT_NE(page.header("Content-Security-Policy").find("default-src 'none'"), std::string::npos);
  EXPECT_EQ(page.body.find("<script>"), std::string::npos) << "inline scripts would be blocked";
}

TEST_F(Management, ChangesAreAuditedWithoutForgedLines) {
  std::ostringstream log;
  spdlog::drop("audit");
  auto logger = std::make_shared<spdlog::logger>(
      "audit", std::make_shared<spdlog::sinks::ostream_sink_mt>(log));
  spdlog::register_logger(logger);
  add_tokens();
  start();
  const Answer answer = call(
      "DELETE", "/api/v1/cache/flush?level=l1&pattern=/a*&reason=deploy%0Aaudit%20who%3D%22root%22",
      {{"Authorization", "Bearer operator-secret-0123456789"}, {"X-Request-Id", "r-1"}});
  EXPECT_EQ(answer.status, 200U);
  shut_down();
  spdlog::drop("audit");
  const std::string text = log.str();
  EXPECT_NE(text.find("action=flush_cache target=\"l1 /a*\" who=\"ops\" peer=127.0.0.1 "
                      "reason=\"deploy?audit who=?root?\" affected=3 correlation_id=r-1"),
            std::string::npos)
      << text;
  EXPECT_EQ(text.find("operator-secret"), std::string::npos);
}

TEST_F(Management, DenialsAreLoggedWithoutTheSecret) {
  std::ostringstream log;
  spdlog::drop("homeostat");
  spdlog::register_logger(std::make_shared<spdlog::logger>(
      "homeostat", std::make_shared<spdlog::sinks::ostream_sink_mt>(log)));
  add_tokens();
  start();
  for (int i = 0; i < 5; ++i) get("/api/v1/rules", {{"Authorization", "Bearer guess-4711"}});
  clock.advance(2s);
  get("/api/v1/rules", {{"Authorization", "Bearer guess-4711"}});
  shut_down();
  spdlog::drop("homeostat");
  const std::string text = log.str();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2) << text;
  EXPECT_NE(text.find("4 more not logged"), std::string::npos) << text;
  EXPECT_EQ(text.find("guess-4711"), std::string::npos);
}

}  // namespace
}  // namespace homeostat::admin::test
