// Tenants of the application, as clients, the application and an operator see them.
#include <gtest/gtest.h>

#include <atomic>

#include "tests/e2e/cache_support.hpp"
#include "tests/support/waiting.hpp"

namespace homeostat::test {
namespace {

constexpr const char* by_header = "tenant: {by: header, field: X-Tenant}";

std::string of(const std::string& tenant) { return "X-Tenant: " + tenant + "\r\n"; }

/// Says that everybody may share its answers, and names who asked in each.
class Tenants : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* path : {"/page", "/static/logo"}) {
      origin_.on(path, [](OriginExchange& exchange) {
        exchange.respond(200, "Cache-Control: public, max-age=60\r\n",
                         "for " + exchange.request.get("x-tenant"));
      });
    }
  }
  ScriptedOrigin origin_;
};

TEST_F(Tenants, EachHasWhatWasFetchedForHimAndNobodyElse) {
  RunningAgent agent(config_of(origin_, by_header));
  for (const char* tenant : {"one", "two", "ONE"}) {
    EXPECT_FALSE(is_hit(agent.get("/page", of(tenant)))) << tenant;
    const Message again = agent.get("/page", of(tenant));
    EXPECT_TRUE(is_hit(again));
    EXPECT_EQ(again.body, std::string("for ") + tenant);
  }
  EXPECT_EQ(agent.get("/page").body, "for ");
  EXPECT_TRUE(is_hit(agent.get("/page"))) << "who is nobody's shares with his like";
  EXPECT_EQ(agent.metric("homeostat_cache_tenants"), 3);
}

TEST_F(Tenants, WhoCannotBeToldTakesNoPart) {
  AgentConfig config = config_of(origin_, by_header);
  config.server = "header_underscores: true";
  RunningAgent agent(config);
  (void)agent.get("/page", of("one"));
  for (const std::string& fields :
       {of("one") + of("two"), of("one") + "X_Tenant: two\r\n", std::string("X_Tenant: one\r\n"),
        std::string("X-Tenant:\r\n"), "Connection: X-Tenant\r\n" + of("one")}) {
    const Message answer = agent.get("/page", fields);
    EXPECT_TRUE(contains(answer.get("cache-status"), "fwd=bypass")) << fields;
    EXPECT_TRUE(contains(answer.get("cache-status"), "detail=tenant")) << fields;
  }
}

TEST_F(Tenants, ShareWhatARuleSaysIsTheSameForAll) {
  RunningAgent agent(
      config_of(origin_, std::string(by_header) +
                             ", rules: [{match: {path: /static/*}, ttl: 1m, all_tenants: true}]"));
  EXPECT_EQ(agent.get("/static/logo", of("one")).body, "for one");
  const Message shared = agent.get("/static/logo", of("two"));
  EXPECT_TRUE(is_hit(shared));
  EXPECT_EQ(shared.body, "for one");
  EXPECT_TRUE(is_hit(agent.get("/static/logo", of("one") + of("two"))));
  EXPECT_EQ(agent.get("/page", of("two")).body, "for two");
}

TEST_F(Tenants, AreClearedOneByOne) {
  RunningAgent agent(config_of(origin_, by_header));
  for (const char* tenant : {"one", "two"}) (void)agent.get("/page", of(tenant));
  const std::string stats = agent.admin("GET", "/api/v1/cache/stats").body;
  EXPECT_TRUE(contains(stats, "\"one\"")) << stats;
  const Message cleared =
      agent.admin("POST", "/api/v1/cache/invalidate", R"({"tenants":["one"],"reason":"left"})");
  ASSERT_EQ(cleared.status(), 200) << cleared.body;
  EXPECT_TRUE(contains(cleared.body, "\"by_tenants\"")) << cleared.body;
  EXPECT_FALSE(is_hit(agent.get("/page", of("one"))));
  EXPECT_TRUE(is_hit(agent.get("/page", of("two"))));
}

TEST_F(Tenants, WaitForTheirOwnFetchOnly) {
  Signal go_on;
  ScriptedOrigin origin;
  origin.on("/page", [&](OriginExchange& exchange) {
    go_on.wait();
    exchange.respond(200, "Cache-Control: public, max-age=60\r\n",
                     exchange.request.get("x-tenant"));
  });
  RunningAgent agent(config_of(origin, by_header));
  HttpClient one(agent.port()), two(agent.port());
  ASSERT_TRUE(one.send(request_text("GET", "/page", of("one"))));
  ASSERT_TRUE(two.send(request_text("GET", "/page", of("two"))));
  EXPECT_TRUE(origin.wait_for_requests("/page", 2));
  go_on.set();
  EXPECT_EQ(one.read().body, "one");
  EXPECT_EQ(two.read().body, "two");
}

TEST_F(Tenants, OfTokensAreTheirSubjects) {
  origin_.on("/page", [](OriginExchange& exchange) {
    exchange.respond(200, "Cache-Control: public, max-age=60\r\n",
                     exchange.request.get("authorization"));
  });
  AgentConfig config = config_of(origin_, "tenant: {by: token_subject}");
  config.server = "trust_forwarded: true";
  RunningAgent agent(config);
  // {"iss":"idp","sub":"ann"} under two signatures, {"sub":"ann"} without an issuer.
  const std::string claims = "Authorization: Bearer e30.eyJpc3MiOiJpZHAiLCJzdWIiOiJhbm4ifQ.";
  (void)agent.get("/page", claims + "one\r\n");
  EXPECT_TRUE(is_hit(agent.get("/page", claims + "two\r\n"))) << "the same subject";
  EXPECT_FALSE(is_hit(agent.get("/page", "Authorization: Bearer e30.eyJzdWIiOiJhbm4ifQ.\r\n")));
  EXPECT_TRUE(contains(agent.get("/page", "Authorization: Basic YTpi\r\n").get("cache-status"),
                       "detail=tenant"));
}

// -- lifetimes by change --------------------------------------------------------------

TEST(LifetimesByChange, ARulesTtlIsCutWhereContentChangesFaster) {
  ScriptedOrigin origin;
  std::atomic<int> version{0};
  origin.on("/price", [&](OriginExchange& exchange) {
    exchange.respond(200, "", "price " + std::to_string(++version));
  });
  RunningAgent agent(config_of(origin,
                               "refresh: {ahead: off}, ttl_jitter: 0%, "
                               "rules: [{match: {path: /price}, ttl: 2s}]"));
  // Each fetch finds another price. Twelve resources of one endpoint: what the second round of
  // fetches finds is enough.
  EXPECT_TRUE(eventually([&] {
    for (int i = 0; i < 12; ++i) (void)agent.get("/price?id=" + std::to_string(i));
    return agent.metric("homeostat_cache_lifetimes_lowered") == 1;
  }));
  EXPECT_GE(agent.metric("homeostat_cache_refetches_total{content=\"changed\"}"), 8);
  const std::string status = agent.status();
  EXPECT_TRUE(contains(status, "lowered_lifetimes")) << status;
}

}  // namespace
}  // namespace homeostat::test
