// Stale answers, background refreshes, a failing origin left alone, as clients
// and the origin see them. Expiry is waited for by asking, never by sleeping.
#include <gtest/gtest.h>

#include <list>
#include <thread>

#include "tests/e2e/expiring.hpp"
#include "tests/support/waiting.hpp"

namespace homeostat::test {
namespace {

using stale::config_without_ahead;
using stale::expiring;
using stale::lasting;
using stale::Sequel;
using stale::until;

// -- stale-while-revalidate ---------------------------------------------------------

TEST(StaleWhileRevalidate, EverybodyIsServedAtOnceWhileOneRefreshRuns) {
  Signal go_on;
  ScriptedOrigin origin;
  Sequel sequel(origin, "/page", expiring("stale-while-revalidate=600"), [&](auto& exchange) {
    go_on.wait();
    exchange.respond(200, lasting, "new");
  });
  RunningAgent agent(config_without_ahead(origin));
  ASSERT_EQ(agent.get("/page").body, "old");
  const Message stale = until(agent, "/page", "ttl=-");
  EXPECT_EQ(stale.body, "old");
  EXPECT_TRUE(contains(stale.get("cache-status"), "homeostat; hit; ttl=-"));
  EXPECT_TRUE(contains(stale.get("cache-status"), "detail=stale-while-revalidate"));
  EXPECT_FALSE(contains(stale.get("cache-status"), "fwd")) << "nothing was forwarded for it";
  EXPECT_GE(std::stoi("0" + stale.get("age")), 60);
  ASSERT_TRUE(origin.wait_for_requests("/page", 2));
  for (int i = 0; i < 32; ++i) EXPECT_EQ(agent.get("/page").body, "old") << "nobody waits";
  EXPECT_EQ(origin.requests("/page"), 2U) << "one refresh, whoever asks";
  EXPECT_EQ(agent.metric("homeostat_cache_refreshes_running"), 1);
  go_on.set();
  EXPECT_TRUE(eventually([&] { return agent.get("/page").body == "new"; }));
  EXPECT_EQ(origin.requests("/page"), 2U);
  EXPECT_EQ(origin.last_request("/page").get("if-none-match"), "\"1\"");
  EXPECT_TRUE(eventually([&] {
    return agent.metric(
               "homeostat_cache_refreshes_total{kind=\"revalidate\",result=\"updated\"}") == 1;
  }));
}

TEST(StaleWhileRevalidate, A304MakesTheSameContentFreshAgain) {
  ScriptedOrigin origin;
  Sequel sequel(origin, "/page", expiring("stale-while-revalidate=600"), [&](auto& exchange) {
    exchange.respond(304, "Cache-Control: max-age=600\r\nETag: \"1\"\r\n", "");
  });
  RunningAgent agent(config_without_ahead(origin));
  ASSERT_EQ(agent.get("/page").body, "old");
  until(agent, "/page", "ttl=-");
  EXPECT_TRUE(eventually([&] {
    return agent.metric(
               "homeostat_cache_refreshes_total{kind=\"revalidate\",result=\"not_modified\"}") == 1;
  }));
  const Message fresh = agent.get("/page");
  EXPECT_EQ(fresh.body, "old");
  EXPECT_TRUE(contains(fresh.get("cache-status"), "hit; ttl=5")) << fresh.get("cache-status");
  EXPECT_EQ(origin.requests("/page"), 2U);
}

TEST(StaleWhileRevalidate, TheOperatorMayAllowItPerRuleAndNobodyElseIsAffected) {
  ScriptedOrigin origin;
  for (const char* path : {"/ruled", "/other"}) {
    origin.answer(path, 200, expiring(), "kept");
  }
  RunningAgent agent(config_without_ahead(
      origin, "rules: [{match: {path: /ruled}, stale_while_revalidate: 10m}]"));
  ASSERT_EQ(agent.get("/ruled").status(), 200);
  ASSERT_EQ(agent.get("/other").status(), 200);
  until(agent, "/ruled", "detail=stale-while-revalidate");
  EXPECT_TRUE(eventually([&] {
    const Message response = agent.get("/other");
    EXPECT_FALSE(contains(response.get("cache-status"), "ttl=-"));
    return contains(response.get("cache-status"), "fwd=stale");
  }));
}

TEST(StaleWhileRevalidate, MustRevalidateForbidsItWhateverTheOperatorSays) {
  ScriptedOrigin origin;
  origin.answer("/page", 200, expiring("must-revalidate, stale-while-revalidate=600"), "kept");
  RunningAgent agent(
      config_without_ahead(origin, "stale_while_revalidate: 10m, stale_if_error: 10m"));
  ASSERT_EQ(agent.get("/page").status(), 200);
  EXPECT_TRUE(eventually([&] {
    const Message response = agent.get("/page");
    EXPECT_FALSE(contains(response.get("cache-status"), "ttl=-"));
    return contains(response.get("cache-status"), "fwd=stale");
  }));
}

TEST(StaleWhileRevalidate, HeadIsServedStaleAndRefreshedByGet) {
  ScriptedOrigin origin;
  Sequel sequel(origin, "/page", expiring("stale-while-revalidate=600"),
                [&](auto& exchange) { exchange.respond(200, lasting, "new"); });
  RunningAgent agent(config_without_ahead(origin));
  ASSERT_EQ(agent.get("/page").body, "old");
  HttpClient client(agent.port());
  EXPECT_TRUE(eventually([&] {
    (void)client.send(request_text("HEAD", "/page"));
    return contains(client.read(true).get("cache-status"), "ttl=-");
  }));
  ASSERT_TRUE(origin.wait_for_requests("/page", 2));
  EXPECT_TRUE(eventually([&] { return agent.get("/page").body == "new"; }));
  EXPECT_EQ(origin.last_request("/page").method(), "GET");
  EXPECT_EQ(origin.requests("/page"), 2U);
}

TEST(StaleWhileRevalidate, ARefreshBegunBeforeAnInvalidationNeverStores) {
  Signal go_on;
  ScriptedOrigin origin;
  std::atomic<int> served{0};
  Sequel sequel(origin, "/page", expiring("stale-while-revalidate=600"), [&](auto& exchange) {
    if (exchange.request.method() == "DELETE") return exchange.respond(204, "", "");
    if (++served == 1) {
      go_on.wait();
      return exchange.respond(304, "Cache-Control: max-age=600\r\nETag: \"1\"\r\n", "");
    }
    exchange.respond(200, lasting, "new");
  });
  RunningAgent agent(config_without_ahead(origin));
  ASSERT_EQ(agent.get("/page").body, "old");
  until(agent, "/page", "ttl=-");
  ASSERT_TRUE(origin.wait_for_requests("/page", 2));
  HttpClient client(agent.port());
  ASSERT_EQ(client.request("DELETE", "/page").status(), 204);
  go_on.set();
  EXPECT_TRUE(eventually([&] { return agent.metric("homeostat_cache_refreshes_running") == 0; }));
  EXPECT_EQ(agent.get("/page").body, "new");
}

TEST(StaleWhileRevalidate, AnAnswerThatIsNoFailureEndsTheOldContent) {
  ScriptedOrigin origin;
  Sequel sequel(origin, "/page", expiring("stale-while-revalidate=600"),
                [&](auto& exchange) { exchange.respond(403, "", "gone from here"); });
  RunningAgent agent(config_without_ahead(origin));
  ASSERT_EQ(agent.get("/page").body, "old");
  until(agent, "/page", "ttl=-");
  EXPECT_TRUE(eventually([&] { return agent.get("/page").status() == 403; }));
  EXPECT_EQ(agent.get("/page").status(), 403);
}

// -- failures and back-off -------------------------------------------------------------

constexpr const char* short_pauses = "refresh: {ahead: off, backoff_first: 10ms}";

TEST(StaleIfError, FailuresAreBridgedTheOriginIsSparedAndItsRecoveryIsSeen) {
  ScriptedOrigin origin;
  std::atomic<bool> failing{true};
  Sequel sequel(origin, "/page", expiring("stale-if-error=600"), [&](auto& exchange) {
    if (failing) return exchange.respond(500, "", "broken");
    exchange.respond(200, lasting, "new");
  });
  RunningAgent agent(config_without_ahead(origin, "refresh: {ahead: off, backoff_first: 5s}"));
  ASSERT_EQ(agent.get("/page").body, "old");
  const Message bridged = until(agent, "/page", "detail=stale-if-error");
  EXPECT_EQ(bridged.status(), 200);
  EXPECT_EQ(bridged.body, "old");
  EXPECT_TRUE(contains(bridged.get("cache-status"), "fwd=stale; fwd-status=500; ttl=-"));
  const std::size_t asked = origin.requests("/page");
  for (int i = 0; i < 50; ++i) {
    const Message spared = agent.get("/page");
    EXPECT_EQ(spared.body, "old");
    EXPECT_TRUE(contains(spared.get("cache-status"), "hit; ttl=-"));
    EXPECT_TRUE(contains(spared.get("cache-status"), "detail=origin-backoff"));
  }
  EXPECT_LE(origin.requests("/page"), asked + 1) << "not on every request";
  failing = false;
  EXPECT_TRUE(eventually([&] { return agent.get("/page").body == "new"; }));
}

TEST(StaleIfError, WithoutAnybodysWordAFailureIsPassedOn) {
  ScriptedOrigin origin;
  Sequel sequel(origin, "/page", expiring(),
                [&](auto& exchange) { exchange.respond(500, "", "broken"); });
  RunningAgent agent(config_without_ahead(origin));
  ASSERT_EQ(agent.get("/page").body, "old");
  EXPECT_TRUE(eventually([&] { return agent.get("/page").status() == 500; }));
}

TEST(StaleIfError, AnOriginThatCannotBeReachedIsBridgedForAWhileByDefault) {
  ScriptedOrigin origin;
  Sequel sequel(origin, "/page", expiring(), [&](auto& exchange) { exchange.alive = false; });
  RunningAgent agent(config_without_ahead(origin));
  ASSERT_EQ(agent.get("/page").body, "old");
  const Message bridged = until(agent, "/page", "ttl=-");
  EXPECT_EQ(bridged.body, "old");
}

TEST(StaleIfError, MustRevalidateForbidsItEvenThen) {
  ScriptedOrigin origin;
  Sequel sequel(origin, "/page", expiring("must-revalidate, stale-if-error=600"),
                [&](auto& exchange) { exchange.alive = false; });
  RunningAgent agent(config_without_ahead(origin, "stale_if_error: 10m"));
  ASSERT_EQ(agent.get("/page").body, "old");
  EXPECT_TRUE(eventually([&] { return agent.get("/page").status() == 502; }));
}

TEST(StaleIfError, HeadIsBridgedToo) {
  ScriptedOrigin origin;
  Sequel sequel(origin, "/page", expiring(), [&](auto& exchange) { exchange.alive = false; });
  RunningAgent agent(config_without_ahead(origin));
  ASSERT_EQ(agent.get("/page").body, "old");
  EXPECT_TRUE(eventually([&] {
    HttpClient client(agent.port());
    (void)client.send(request_text("HEAD", "/page"));
    const Message response = client.read(true);
    EXPECT_EQ(response.status(), 200);
    return contains(response.get("cache-status"), "ttl=-");
  }));
}

TEST(Throttling, RetryAfterIsObeyed) {
  ScriptedOrigin origin;
  Sequel sequel(origin, "/page", expiring("stale-while-revalidate=600, stale-if-error=600"),
                [&](auto& exchange) { exchange.respond(429, "Retry-After: 300\r\n", ""); });
  RunningAgent agent(config_without_ahead(origin, short_pauses));
  ASSERT_EQ(agent.get("/page").body, "old");
  until(agent, "/page", "ttl=-");
  EXPECT_TRUE(
      eventually([&] { return agent.metric("homeostat_cache_fetches_throttled_total") == 1; }));
  for (int i = 0; i < 50; ++i) EXPECT_EQ(agent.get("/page").body, "old");
  EXPECT_EQ(origin.requests("/page"), 2U);
  EXPECT_EQ(agent.metric("homeostat_cache_routes_in_trouble"), 1);
}

TEST(OwnAdmission, IsBridgedWhereFailuresMayBe) {
  Signal go_on;
  ScriptedOrigin origin;
  origin.on("/slow", [&](OriginExchange& exchange) {
    go_on.wait();
    exchange.respond(200, "", "done");
  });
  origin.answer("/page", 200, expiring("stale-if-error=600"), "old");
  AgentConfig config = config_without_ahead(origin);
  config.admission = "mode: on, limit_initial: 1, limit_min: 1, limit_max: 1, max_wait: 20ms";
  RunningAgent agent(config);
  ASSERT_EQ(agent.get("/page").body, "old");
  HttpClient slow(agent.port());
  ASSERT_TRUE(slow.send(request_text("POST", "/slow")));
  ASSERT_TRUE(origin.wait_for_requests("/slow", 1));
  const Message bridged = until(agent, "/page", "ttl=-");
  EXPECT_EQ(bridged.status(), 200);
  EXPECT_EQ(bridged.body, "old");
  EXPECT_EQ(agent.get("/page").body, "old");
  go_on.set();
  EXPECT_EQ(slow.read().body, "done");
}

// -- refresh ahead ----------------------------------------------------------------------

TEST(RefreshAhead, AHotObjectIsRefreshedBeforeItExpires) {
  ScriptedOrigin origin;
  origin.answer("/page", 200, "Cache-Control: max-age=3\r\n", "kept");
  RunningAgent agent(config_without_ahead(origin, "refresh: {ahead: on}"));
  ASSERT_EQ(agent.get("/page").status(), 200);
  HttpClient client(agent.port());
  EXPECT_TRUE(eventually([&] {
    EXPECT_EQ(client.get("/page").status(), 200);
    return agent.metric("homeostat_cache_refreshes_total{kind=\"ahead\",result=\"updated\"}") >= 1;
  }));
  EXPECT_EQ(client.get("/page").status(), 200);
  EXPECT_TRUE(eventually([&] {
    return agent.metric("homeostat_cache_refresh_ahead_useful_total") >= 1 ||
           client.get("/page").status() != 200;
  }));
}

TEST(RefreshAhead, OffMeansOff) {
  ScriptedOrigin origin;
  origin.answer("/page", 200, "Cache-Control: max-age=1\r\n", "kept");
  RunningAgent agent(config_without_ahead(origin, "refresh: {ahead: off}"));
  HttpClient client(agent.port());
  EXPECT_TRUE(eventually([&] {
    EXPECT_EQ(client.get("/page").status(), 200);
    return origin.requests("/page") >= 3;
  }));
  EXPECT_EQ(agent.metric("homeostat_cache_refreshes_started_total{kind=\"ahead\"}"), 0);
}

// -- everything at once --------------------------------------------------------------------

TEST(RefreshStress, ManyClientsOfAFlakyOriginOnlyEverSeeItsAnswers) {
  ScriptedOrigin origin;
  std::atomic<unsigned> turn{0};
  for (const char* path : {"/0", "/1", "/2", "/3"}) {
    origin.on(path, [&turn, path](OriginExchange& exchange) {
      switch (++turn % 7) {
        case 0: return exchange.respond(500, "", "broken");
        case 1: return exchange.respond(429, "Retry-After: 0\r\n", "slow down");
        case 2: exchange.alive = false; return;
        case 3:  // for the one who asked; between requests that wait for each other
          return exchange.respond(200, "Cache-Control: private\r\n",
                                  "for " + exchange.request.get("x-name"));
        default:
          exchange.respond(
              200,
              "Cache-Control: max-age=60, stale-while-revalidate=600, stale-if-error=600\r\n"
              "Age: 59\r\n",
              path);
      }
    });
  }
  AgentConfig config =
      config_without_ahead(origin, "negative_ttl: 0s, refresh: {ahead: off, backoff_first: 10ms}");
  config.workers = 3;
  RunningAgent agent(config);
  std::atomic<int> wrong{0};
  std::list<std::thread> threads;
  for (int t = 0; t < 6; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 100; ++i) {
        const std::string path = "/" + std::to_string((t + i) % 4);
        HttpClient client(agent.port());
        if (i % 10 == 9) {  // leaves at once
          (void)client.send(request_text("GET", path));
          continue;
        }
        const std::string name = std::to_string(t) + "-" + std::to_string(i);
        const Message response = client.get(path, "X-Name: " + name + "\r\n");
        const int status = response.status();
        const bool answered = status == 500 || status == 429 || status == 502 || status == 200;
        const bool own = response.body == path || response.body == "for " + name;
        if (!answered || (status == 200 && !own)) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_TRUE(eventually([&] { return agent.metric("homeostat_cache_refreshes_running") == 0; }));
}

// -- what a refresh asks, and keeps ----------------------------------------------------------

TEST(Refresh, CausedByHeadKeepsWhatTheRuleForGetSays) {
  ScriptedOrigin origin;
  std::atomic<int> turn{0};
  // No tag of the application's own: the agent gives one.
  origin.on("/page", [&](OriginExchange& exchange) {
    const std::string age = turn++ == 0 ? "Age: 59\r\n" : "";
    exchange.respond(200, "Cache-Control: max-age=60, stale-while-revalidate=600\r\n" + age,
                     "body");
  });
  RunningAgent agent(
      config_without_ahead(origin, "rules: [{match: {path: /page, methods: [GET]}, etag: true}]"));
  ASSERT_EQ(agent.get("/page").body, "body");
  ASSERT_TRUE(eventually([&] {
    HttpClient client(agent.port());
    static_cast<void>(client.send(request_text("HEAD", "/page")));
    static_cast<void>(client.read(true));
    return origin.requests("/page") == 2;
  }));
  EXPECT_TRUE(eventually([&] {
    return agent.metric(
               "homeostat_cache_refreshes_total{kind=\"revalidate\",result=\"updated\"}") == 1;
  }));
  const Message hit = agent.get("/page");
  EXPECT_TRUE(contains(hit.get("cache-status"), "; hit")) << hit.head;
  EXPECT_TRUE(hit.has("etag")) << hit.head;
}

TEST(Refresh, WantsNothingOfCachesFurtherUpThatItsClientWanted) {
  ScriptedOrigin origin;
  Sequel sequel(origin, "/page", expiring("stale-while-revalidate=600"),
                [](auto& exchange) { exchange.respond(200, lasting, "new"); });
  RunningAgent agent(config_without_ahead(origin));
  const std::string wishes = "Cache-Control: only-if-cached\r\nPragma: x\r\n";
  ASSERT_EQ(agent.get("/page").body, "old");
  ASSERT_TRUE(eventually([&] { return agent.get("/page", wishes).body == "new"; }));
  EXPECT_FALSE(origin.last_request("/page").has("cache-control"));
  EXPECT_FALSE(origin.last_request("/page").has("pragma"));
}

TEST(Refresh, IsAnsweredByA304WithoutATagWhateverTagsItsClientHas) {
  ScriptedOrigin origin;
  Sequel sequel(origin, "/page", expiring("stale-while-revalidate=600"), [](auto& exchange) {
    exchange.send("HTTP/1.1 304 Not Modified\r\nCache-Control: max-age=600\r\n\r\n");
  });
  RunningAgent agent(config_without_ahead(origin));
  ASSERT_EQ(agent.get("/page").body, "old");
  const std::string odd = "If-None-Match: \"other\"\r\n";
  ASSERT_TRUE(eventually([&] {
    static_cast<void>(agent.get("/page", odd));
    return origin.requests("/page") >= 2;
  }));
  EXPECT_TRUE(eventually(
      [&] { return contains(agent.get("/page", odd).get("cache-status"), "; hit; ttl=5"); }));
  EXPECT_EQ(origin.requests("/page"), 2U);
}

}  // namespace
}  // namespace homeostat::test
