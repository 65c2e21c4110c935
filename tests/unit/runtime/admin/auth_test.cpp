#include "runtime/admin/auth.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <tuple>

#include "rules/expr/expression.hpp"
#include "runtime/admin/routes.hpp"
#include "tests/unit/runtime/admin/admin_fixture.hpp"

namespace homeostat::admin::test {
namespace {

struct Case {
  const char* method;
  const char* target;
  const char* body;
  Access access;
};

// Routes that the fixture can serve, with what they ask for.
const std::vector<Case>& routes() {
  static const std::vector<Case> all = {
      {"GET", "/", "", Access::open},
      {"GET", "/page.js", "", Access::open},
      {"GET", "/page.css", "", Access::open},
      {"GET", "/livez", "", Access::probe},
      {"GET", "/readyz", "", Access::probe},
      {"GET", "/metrics", "", Access::probe},
      {"GET", "/api/v1/performance/status", "", Access::viewer},
      {"GET", "/api/v1/performance/report", "", Access::viewer},
      {"GET", "/api/v1/performance/profiles", "", Access::viewer},
      {"GET", "/api/v1/rules", "", Access::viewer},
      {"GET", "/api/v1/cache/stats", "", Access::viewer},
      {"GET", "/api/v1/cache/health", "", Access::viewer},
      {"GET", "/api/v1/cache/keys", "", Access::viewer},
      {"PUT", "/api/v1/performance/level", R"({"level":"aggressive","reason":"test"})",
       Access::operator_},
      {"PUT", "/api/v1/rules/high-cpu", R"({"enabled":false,"reason":"test"})", Access::operator_},
      {"POST", "/api/v1/rules/reload", "", Access::operator_},
      {"POST", "/api/v1/test/performance?metric=cpu&value=85&for=10s", "", Access::operator_},
      {"DELETE", "/api/v1/cache/flush?level=l1", "", Access::operator_},
      {"POST", "/api/v1/cache/invalidate", R"({"tags":["a"]})", Access::operator_},
      {"POST", "/api/v1/cache/invalidate/books", "", Access::operator_},
  };
  return all;
}

class AuthMatrix : public AdminFixture {
 protected:
  AuthMatrix() {
    settings.allow_injection = true;
    ControlReport report;
    rules::RuleStatus status;
    status.rule = "high-cpu";
    report.rules.push_back(status);
    publish(std::move(report));
  }

  void start_all() {
    auto with = services();
    with.reload_rules = [] { return ReloadOutcome{{}, 4}; };
    auto rules = std::make_shared<rules::RuleSet>();
    rules::Rule& rule = rules->rules.emplace_back();
    rule.name = "high-cpu";
    rule.when = std::get<std::shared_ptr<const rules::Expression>>(
        rules::Expression::parse_condition("cpu.utilization > 90%", false));
    with.rules = [rules] { return rules; };
    start(std::move(with));
  }

  unsigned status(const Case& route, const std::string& token) {
    Headers headers;
    if (!token.empty()) headers.emplace_back("Authorization", "Bearer " + token);
    if (*route.body != '\0') headers.emplace_back("Content-Type", "application/json");
    return call(route.method, route.target, headers, route.body).status;
  }

  static bool allowed(unsigned status) { return status == 200 || status == 202; }
};

TEST_F(AuthMatrix, EveryRouteHoldsItsRole) {
  add_tokens();
  start_all();
  for (const Case& route : routes()) {
    SCOPED_TRACE(std::string(route.method) + " " + route.target);
    const bool open = route.access == Access::open || route.access == Access::probe;
    const bool change = route.access == Access::operator_;
    const unsigned none = status(route, "");
    const unsigned wrong = status(route, "operator-secret-012345678");
    const unsigned viewer = status(route, "viewer-secret-0123456789");
    const unsigned operator_ = status(route, "operator-secret-0123456789");
    EXPECT_TRUE(open ? allowed(none) : none == 401) << none;
    EXPECT_TRUE(open ? allowed(wrong) : wrong == 401) << wrong;
    EXPECT_TRUE(change ? viewer == 403 : allowed(viewer)) << viewer;
    EXPECT_TRUE(allowed(operator_)) << operator_;
  }
}

// The whole API and who may use it: whoever adds a route says so here.
using RouteRole = std::tuple<std::string, std::string, Access>;
std::vector<RouteRole> roles() {
  const std::string v1 = "/api/v1/";
  return {{"DELETE", v1 + "cache/entries/{key}", Access::operator_},
          {"DELETE", v1 + "cache/flush", Access::operator_},
          {"GET", "/", Access::open},
          {"GET", v1 + "cache/entries/{key}", Access::viewer},
          {"GET", v1 + "cache/health", Access::viewer},
          {"GET", v1 + "cache/keys", Access::viewer},
          {"GET", v1 + "cache/stats", Access::viewer},
          {"GET", v1 + "cache/warm", Access::viewer},
          {"GET", v1 + "events", Access::viewer},
          {"GET", v1 + "performance/history", Access::viewer},
          {"GET", v1 + "performance/profiles", Access::viewer},
          {"GET", v1 + "performance/recommendations", Access::viewer},
          {"GET", v1 + "performance/report", Access::viewer},
          {"GET", v1 + "performance/status", Access::viewer},
          {"GET", v1 + "rules", Access::viewer},
          {"GET", v1 + "upstreams", Access::viewer},
          {"GET", "/livez", Access::probe},
          {"GET", "/metrics", Access::probe},
          {"GET", "/page.css", Access::open},
          {"GET", "/page.js", Access::open},
          {"GET", "/readyz", Access::probe},
          {"POST", v1 + "cache/entries:batch", Access::operator_},
          {"POST", v1 + "cache/events/{event}", Access::operator_},
          {"POST", v1 + "cache/invalidate", Access::operator_},
          {"POST", v1 + "cache/invalidate/{group}", Access::operator_},
          {"POST", v1 + "cache/warm", Access::operator_},
          {"POST", v1 + "rules/reload", Access::operator_},
          {"POST", v1 + "rules/replay", Access::viewer},
          {"POST", v1 + "rules/rollback", Access::operator_},
          {"POST", v1 + "test/performance", Access::operator_},
          {"PUT", v1 + "performance/level", Access::operator_},
          {"PUT", v1 + "rules/{name}", Access::operator_},
          {"PUT", v1 + "cache/entries/{key}", Access::operator_}};
}

TEST_F(AuthMatrix, NoRouteIsWithoutARole) {
  const AdminServices with = services();
  AdminCounters counters;
  AuditLog audit(counters.changes, with.clock, nullptr);
  BackgroundJob background([](std::function<void()>) {});
  const RouteContext shared{with, audit, counters, background, true, 1};
  Router router;
  add_routes(router, shared);
  std::vector<RouteRole> found, wanted = roles();
  for (const Route& route : router.routes()) {
    found.emplace_back(route.method, route.pattern, route.access);
  }
  std::ranges::sort(found);
  std::ranges::sort(wanted);
  EXPECT_EQ(found, wanted);
}

TEST_F(AuthMatrix, EveryRouteAsksForItBeforeItDoesAnything) {
  add_tokens();
  start_all();
  for (const auto& [method, pattern, access] : roles()) {
    SCOPED_TRACE(method + " " + pattern);
    if (access == Access::open || access == Access::probe) continue;
    const std::string target = pattern.substr(0, pattern.find('{')) +
                               (pattern.find('{') == std::string::npos ? "" : "some");
    EXPECT_EQ(call(method, target).status, 401U);
    if (access != Access::operator_) continue;
    EXPECT_EQ(call(method, target, {{"Authorization", "Bearer viewer-secret-0123456789"}}).status,
              403U);
  }
  EXPECT_TRUE(commands.untouched());
  EXPECT_TRUE(cache.untouched());
}

TEST_F(AuthMatrix, DeniedChangesChangeNothing) {
  add_tokens();
  start_all();
  for (const Case& route : routes()) {
    status(route, "");
    status(route, "nonsense");
    status(route, "viewer-secret-0123456789");
  }
  EXPECT_TRUE(commands.untouched());
  EXPECT_TRUE(cache.untouched());
  EXPECT_EQ(server->counters().changes.load(), 0U);
}

TEST_F(AuthMatrix, ClosedProbesNeedAViewer) {
  add_tokens();
  settings.open_probes = false;
  start_all();
  for (const Case& route : routes()) {
    if (route.access != Access::probe) continue;
    EXPECT_EQ(status(route, ""), 401U) << route.target;
    EXPECT_EQ(status(route, "viewer-secret-0123456789"), 200U) << route.target;
  }
}

TEST_F(AuthMatrix, WithoutTokensLoopbackMayDoEverything) {
  start_all();
  for (const Case& route : routes()) {
    EXPECT_TRUE(allowed(status(route, ""))) << route.target;
  }
}

TEST_F(AuthMatrix, WithoutTokensAForeignHostIsRefused) {
  start_all();
  for (const Case& route : routes()) {
    SCOPED_TRACE(route.target);
    Headers headers{{"Host", "attacker.example:9180"}};
    if (*route.body != '\0') headers.emplace_back("Content-Type", "application/json");
    const unsigned got = call(route.method, route.target, headers, route.body).status;
    const bool open = route.access == Access::open || route.access == Access::probe;
    EXPECT_EQ(got, open ? 200U : 403U);
  }
  EXPECT_TRUE(commands.untouched());
  EXPECT_TRUE(cache.untouched());
}

TEST_F(AuthMatrix, ChangesFromAnotherSitesPageAreRefused) {
  start_all();
  const std::string flush = "/api/v1/cache/flush?level=l1";
  const std::string host = "localhost:" + std::to_string(port);
  const auto with = [&](const char* name, const std::string& value) {
    return call("DELETE", flush, {{"Host", host}, {name, value}}).status;
  };
  EXPECT_EQ(with("Origin", "http://attacker.example"), 403U);
  EXPECT_EQ(with("Origin", "null"), 403U);
  EXPECT_EQ(with("Origin", "http://localhost:8080"), 403U);
  EXPECT_EQ(with("Sec-Fetch-Site", "cross-site"), 403U);
  EXPECT_EQ(with("Sec-Fetch-Site", "same-site"), 403U);
  EXPECT_TRUE(cache.untouched());
  EXPECT_EQ(with("Origin", "http://" + host), 200U);
  EXPECT_EQ(with("Sec-Fetch-Site", "same-origin"), 200U);
  EXPECT_EQ(with("Sec-Fetch-Site", "none"), 200U);
}

TEST_F(AuthMatrix, AnswersWithChallengeAndCountsFailures) {
  add_tokens();
  start_all();
  const Answer none = get("/api/v1/rules");
  EXPECT_EQ(none.header("WWW-Authenticate"), "Bearer realm=\"homeostat\"");
  const Answer wrong = get("/api/v1/rules", {{"Authorization", "Bearer no"}});
  EXPECT_NE(wrong.header("WWW-Authenticate").find("invalid_token"), std::string::npos);
  EXPECT_EQ(server->counters().unauthorized.load(), 2U);
  call("DELETE", "/api/v1/cache/flush", {{"Authorization", "Bearer viewer-secret-0123456789"}});
  EXPECT_EQ(server->counters().forbidden.load(), 1U);
}

TEST_F(AuthMatrix, OnlyTheBearerSchemeCounts) {
  add_tokens();
  start_all();
  const std::string secret = "viewer-secret-0123456789";
  EXPECT_EQ(get("/api/v1/rules", {{"Authorization", "bearer " + secret}}).status, 200U);
  EXPECT_EQ(get("/api/v1/rules", {{"Authorization", "Basic " + secret}}).status, 401U);
  EXPECT_EQ(get("/api/v1/rules", {{"Authorization", secret}}).status, 401U);
  EXPECT_EQ(get("/api/v1/rules", {{"Authorization", "Bearer "}}).status, 401U);
  EXPECT_EQ(get("/api/v1/rules", {{"Authorization", "Bearer " + secret + "x"}}).status, 401U);
}

TEST(LoopbackHost, KnowsNamesOfThisMachineOnly) {
  for (const char* host :
       {"localhost", "LOCALHOST:9180", "127.0.0.1", "127.8.9.1:80", "[::1]:9180", "localhost.:1"}) {
    EXPECT_TRUE(loopback_host(host)) << host;
  }
  for (const char* host : {"", "attacker.example", "localhost.attacker.example", "127.0.0.1.nip.io",
                           "10.0.0.1", "[::2]", "[::1", "0.0.0.0"}) {
    EXPECT_FALSE(loopback_host(host)) << host;
  }
}

TEST(AdminTokens, MustBeCompleteAndDistinct) {
  config::AdminSettings settings;
  EXPECT_FALSE(validate_tokens(settings));
  settings.tokens = {{"a", config::AdminToken::Role::viewer, "secret", {}}};
  EXPECT_FALSE(validate_tokens(settings));
  settings.tokens.push_back({"b", config::AdminToken::Role::viewer, "", {}});
  EXPECT_NE(validate_tokens(settings)->find("\"b\" is empty"), std::string::npos);
  settings.tokens[1].secret = "secret";
  EXPECT_NE(validate_tokens(settings)->find("same secret"), std::string::npos);
  EXPECT_EQ(validate_tokens(settings)->find("\"secret\""), std::string::npos);
  settings.tokens[1] = {"a", config::AdminToken::Role::viewer, "other", {}};
  EXPECT_NE(validate_tokens(settings)->find("twice"), std::string::npos);
}

}  // namespace
}  // namespace homeostat::admin::test
