// Requests that wait for another's fetch, when that does not end in a response
// to share.
#include <gtest/gtest.h>

#include <list>

#include "tests/e2e/expiring.hpp"

namespace homeostat::test {
namespace {

using stale::config_without_ahead;
using stale::expiring;
using stale::lasting;
using stale::Sequel;

TEST(CollapseEnds, AValidationThatIs304ReleasesAllWaiters) {
  Signal go_on;
  ScriptedOrigin origin;
  Sequel sequel(origin, "/page", expiring(), [&](auto& exchange) {
    go_on.wait();
    exchange.respond(304, "Cache-Control: max-age=600\r\nETag: \"1\"\r\n", "");
  });
  RunningAgent agent(config_without_ahead(origin));
  ASSERT_EQ(agent.get("/page").body, "old");
  std::list<HttpClient> clients;
  EXPECT_TRUE(eventually([&] {
    clients.emplace_back(agent.port());
    (void)clients.back().send(request_text("GET", "/page"));
    return origin.requests("/page") == 2;
  }));
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back(agent.port());
    ASSERT_TRUE(clients.back().send(request_text("GET", "/page")));
  }
  ASSERT_TRUE(eventually([&] { return agent.metric("homeostat_cache_collapsed_total") >= 8; }));
  go_on.set();
  for (HttpClient& client : clients) EXPECT_EQ(client.read().body, "old");
  EXPECT_EQ(origin.requests("/page"), 2U);
}

TEST(CollapseEnds, HitForMissEndsWhenAResponseCouldBeStored) {
  ScriptedOrigin origin;
  std::atomic<bool> cacheable{false};
  origin.on("/page", [&](OriginExchange& exchange) {
    exchange.respond(200, cacheable ? lasting : "Cache-Control: private\r\n", "body");
  });
  RunningAgent agent(config_without_ahead(origin, "negative_ttl: 1h"));
  ASSERT_EQ(agent.get("/page").status(), 200);
  EXPECT_TRUE(contains(agent.get("/page").get("cache-status"), "detail=hit-for-miss"));
  cacheable = true;
  EXPECT_TRUE(contains(agent.get("/page").get("cache-status"), "detail=hit-for-miss"));
  EXPECT_TRUE(contains(agent.get("/page").get("cache-status"), "stored"));
  EXPECT_TRUE(contains(agent.get("/page").get("cache-status"), "; hit"));
}

TEST(CollapseEnds, WaitersOfALeaderThatAdmissionTurnedAwayGetAnAnswer) {
  Signal go_on;
  ScriptedOrigin origin;
  origin.on("/slow", [&](OriginExchange& exchange) {
    go_on.wait();
    exchange.respond(200, "", "done");
  });
  origin.answer("/page", 200, lasting, "kept");
  AgentConfig config = config_without_ahead(origin);
  config.admission = "mode: on, limit_initial: 1, limit_min: 1, limit_max: 1, max_wait: 50ms";
  RunningAgent agent(config);
  HttpClient slow(agent.port());
  ASSERT_TRUE(slow.send(request_text("POST", "/slow")));
  ASSERT_TRUE(origin.wait_for_requests("/slow", 1));
  std::list<HttpClient> clients;
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back(agent.port());
    ASSERT_TRUE(clients.back().send(request_text("GET", "/page")));
  }
  for (HttpClient& client : clients) {
    const Message refused = client.read();
    EXPECT_EQ(refused.status(), 503);
    EXPECT_TRUE(refused.has("retry-after"));
  }
  EXPECT_EQ(origin.requests("/page"), 0U);
  go_on.set();
  EXPECT_EQ(slow.read().body, "done");
  EXPECT_TRUE(eventually([&] { return agent.get("/page").body == "kept"; }));
}

TEST(CollapseEnds, WaitersOfAFetchWithoutAnswerTryOnceMoreTogether) {
  Signal go_on;
  ScriptedOrigin origin;
  std::atomic<int> seen{0};
  origin.on("/page", [&](OriginExchange& exchange) {
    // The agent repeats a GET once by itself: both of the leader's are lost.
    if (++seen <= 2) {
      go_on.wait();
      exchange.alive = false;
      return;
    }
    exchange.respond(200, lasting, "kept");
  });
  RunningAgent agent(config_without_ahead(origin));
  std::list<HttpClient> clients;
  for (int i = 0; i < 6; ++i) {
    clients.emplace_back(agent.port());
    ASSERT_TRUE(clients.back().send(request_text("GET", "/page")));
  }
  ASSERT_TRUE(origin.wait_for_requests("/page", 1));
  ASSERT_TRUE(eventually([&] { return agent.metric("homeostat_cache_collapsed_total") == 5; }));
  go_on.set();
  int failed = 0;
  for (HttpClient& client : clients) {
    const Message response = client.read();
    if (response.status() == 502) {
      ++failed;
    } else {
      EXPECT_EQ(response.body, "kept");
    }
  }
  EXPECT_LE(failed, 1) << "only who led";
  EXPECT_EQ(origin.requests("/page"), 3U) << "together, not each for himself";
}

}  // namespace
}  // namespace homeostat::test
