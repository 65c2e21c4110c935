// Rate limits, caps, weights and fair turns through real sockets.
#include <gtest/gtest.h>

#include <cstdio>
#include <string>

#include "tests/e2e/running_agent.hpp"
#include "tests/support/waiting.hpp"

namespace homeostat::test {
namespace {

AgentConfig limited(const ScriptedOrigin& origin, const std::string& admission) {
  AgentConfig config = config_for(origin);
  config.admission = admission;
  return config;
}

/// `r` and `t` of the RateLimit field's only item; -1 if it is not one.
struct Left {
  int remaining = -1;
  int seconds = -1;
};
Left left_of(const Message& answer) {
  Left left;
  const std::string field = answer.get("ratelimit");
  if (std::sscanf(field.c_str(), "\"api\";r=%d;t=%d", &left.remaining, &left.seconds) != 2)
    return {};
  return left;
}

/// A bucket fills while the test runs: for at most a minute, which adds no request here.
constexpr int slack = 60;

void expect_left(const Message& answer, int remaining, int seconds) {
  const Left left = left_of(answer);
  EXPECT_EQ(left.remaining, remaining) << answer.get("ratelimit");
  EXPECT_LE(left.seconds, seconds) << answer.get("ratelimit");
  EXPECT_GT(left.seconds, seconds - slack) << answer.get("ratelimit");
}

std::string tenant(const std::string& name) { return "X-Tenant: " + name + "\r\n"; }

TEST(RateLimit, WhoHasUsedHisBurstIsToldHowLongToWait) {
  ScriptedOrigin origin;
  RunningAgent agent(
      limited(origin, "mode: off, rate_limits: [{name: api, per: client, rate: 2/h}]"));
  const Message first = agent.get("/a");
  EXPECT_EQ(first.status(), 200);
  EXPECT_EQ(first.get("ratelimit-policy"), "\"api\";q=2;w=3600");
  expect_left(first, 1, 1800);
  expect_left(agent.get("/b"), 0, 1800);
  HttpClient client(agent.port());
  const Message third = client.get("/c");
  EXPECT_EQ(third.status(), 429);
  EXPECT_EQ(third.get("homeostat-rejected"), "rate_limit; class=2; limit=api");
  expect_left(third, 0, 1800);
  EXPECT_GT(std::stoi("0" + third.get("retry-after")), 1800 - slack);
  EXPECT_EQ(third.get("content-type"), "application/problem+json");
  EXPECT_NE(third.body.find(R"("violated-policies":["api"])"), std::string::npos) << third.body;
  EXPECT_EQ(client.get("/c").status(), 429) << "the connection goes on";
  EXPECT_EQ(origin.requests("/c"), 0U);
  EXPECT_EQ(agent.metric("homeostat_limit_rejected_total{kind=\"rate\",limit=\"api\"}"), 2);
  EXPECT_EQ(agent.metric("homeostat_admission_rejected_total{class=\"2\",reason=\"rate_limit\"}"),
            2);
}

TEST(RateLimit, CachedAnswersCountAndSayTheirLimitToo) {
  ScriptedOrigin origin;
  origin.answer("/kept", 200, "Cache-Control: max-age=60\r\nETag: \"1\"\r\n", "kept");
  RunningAgent agent(
      limited(origin, "mode: off, rate_limits: [{name: api, per: all, rate: 4/h, burst: 4}]"));
  expect_left(agent.get("/kept"), 3, 2700);
  const Message hit = agent.get("/kept");
  EXPECT_EQ(hit.get("ratelimit-policy"), "\"api\";q=4;w=3600;homeostat-burst=4");
  expect_left(hit, 2, 1800);
  EXPECT_EQ(hit.body, "kept");
  const Message unchanged = agent.get("/kept", "If-None-Match: \"1\"\r\n");
  EXPECT_EQ(unchanged.status(), 304);
  expect_left(unchanged, 1, 900);
  const Message part = agent.get("/kept", "Range: bytes=0-1\r\n");
  EXPECT_EQ(part.status(), 206);
  expect_left(part, 0, 900);
  EXPECT_EQ(agent.get("/kept").status(), 429);
  EXPECT_EQ(origin.requests("/kept"), 1U);
}

TEST(RateLimit, ShadowCountsAndRefusesNobody) {
  ScriptedOrigin origin;
  RunningAgent agent(
      limited(origin, "mode: off, rate_limits: [{name: api, per: all, rate: 1/h, mode: shadow}]"));
  for (int i = 0; i < 3; ++i) {
    const Message answer = agent.get("/a");
    EXPECT_EQ(answer.status(), 200);
    EXPECT_FALSE(answer.has("ratelimit")) << "it is not in force";
  }
  EXPECT_EQ(agent.metric("homeostat_limit_would_reject_total{kind=\"rate\",limit=\"api\"}"), 2);
}

TEST(RateLimit, AdmissionInShadowPutsEveryLimitInShadow) {
  ScriptedOrigin origin;
  RunningAgent agent(
      limited(origin, "mode: shadow, rate_limits: [{name: api, per: all, rate: 1/h}]"));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(agent.get("/a").status(), 200);
}

TEST(RateLimit, TenantsHaveBucketsOfTheirOwn) {
  ScriptedOrigin origin;
  RunningAgent agent(limited(origin,
                             "mode: off, tenant: {by: header, field: X-Tenant}, "
                             "rate_limits: [{name: api, per: tenant, rate: 1/h}]"));
  EXPECT_EQ(agent.get("/a", tenant("one")).status(), 200);
  EXPECT_EQ(agent.get("/a", tenant("one")).status(), 429);
  EXPECT_EQ(agent.get("/a", tenant("two")).status(), 200);
}

TEST(RateLimit, TheSubjectOfATokenIsTheSameInEveryToken) {
  ScriptedOrigin origin;
  AgentConfig config = limited(origin,
                               "mode: off, tenant: {by: token_subject}, "
                               "rate_limits: [{name: api, per: tenant, rate: 1/h}]");
  config.server = "trust_forwarded: true";
  RunningAgent agent(config);
  // {"sub":"ann","exp":1}, {"exp":2,"sub":"ann"}, {"sub":"bob"}; signatures do not matter here.
  const auto token = [](const char* claims) {
    return std::string("Authorization: Bearer eyJhbGciOiJub25lIn0.") + claims + ".c2ln\r\n";
  };
  EXPECT_EQ(agent.get("/a", token("eyJzdWIiOiJhbm4iLCJleHAiOjF9")).status(), 200);
  EXPECT_EQ(agent.get("/a", token("eyJleHAiOjIsInN1YiI6ImFubiJ9")).status(), 429);
  EXPECT_EQ(agent.get("/a", token("eyJzdWIiOiJib2IifQ")).status(), 200);
  EXPECT_EQ(agent.get("/a", "Authorization: Bearer rubbish\r\n").status(), 200);
}

TEST(RateLimit, AForgedAddressGivesNoNewBucket) {
  ScriptedOrigin origin;
  AgentConfig config =
      limited(origin, "mode: off, rate_limits: [{name: api, per: client, rate: 1/h}]");
  config.server = "trust_forwarded: true";
  RunningAgent agent(config);
  const auto from = [&](const char* addresses) {
    return agent.get("/a", std::string("X-Forwarded-For: ") + addresses + "\r\n").status();
  };
  EXPECT_EQ(from("203.0.113.7, 192.0.2.1"), 200);
  EXPECT_EQ(from("203.0.113.8, 192.0.2.1"), 429) << "only the proxy's own entry counts";
  EXPECT_EQ(from("192.0.2.2"), 200);
  EXPECT_EQ(from("2001:db8:1:2::3"), 200);
  EXPECT_EQ(from("\"[2001:db8:1:2::4]:443\""), 200) << "not an address: counted by itself";
  EXPECT_EQ(from("[2001:db8:1:2::4]:443"), 429) << "the same /64";
}

TEST(RateLimit, WithoutTrustTheFieldIsIgnored) {
  ScriptedOrigin origin;
  RunningAgent agent(
      limited(origin, "mode: off, rate_limits: [{name: api, per: client, rate: 1/h}]"));
  EXPECT_EQ(agent.get("/a", "X-Forwarded-For: 192.0.2.1\r\n").status(), 200);
  EXPECT_EQ(agent.get("/a", "X-Forwarded-For: 192.0.2.2\r\n").status(), 429);
}

TEST(RateLimit, WhatOneLimitRefusesUsesUpNothingOfAnother) {
  ScriptedOrigin origin;
  RunningAgent agent(limited(origin,
                             "mode: off, tenant: {by: header, field: X-Tenant}, rate_limits: "
                             "[{name: everybody, per: all, rate: 2/h}, "
                             "{name: each, per: tenant, rate: 1/h}]"));
  const Message first = agent.get("/a", tenant("one"));
  EXPECT_EQ(first.get("ratelimit-policy"), "\"everybody\";q=2;w=3600, \"each\";q=1;w=3600");
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(agent.get("/a", tenant("one")).get("homeostat-rejected"),
              "rate_limit; class=2; limit=each");
  }
  EXPECT_EQ(agent.get("/a", tenant("two")).status(), 200);
  EXPECT_EQ(agent.get("/a", tenant("three")).get("homeostat-rejected"),
            "rate_limit; class=2; limit=everybody");
}

TEST(RateLimit, OnlyMatchingRequestsCountAndRoutesHaveTheirOwn) {
  ScriptedOrigin origin;
  RunningAgent agent(limited(origin,
                             "mode: off, rate_limits: [{name: writes, match: {path: /api/*, "
                             "methods: [POST]}, per: [client, route], rate: 1/h}]"));
  HttpClient client(agent.port());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.get("/api/one").status(), 200);
  // The first one makes the route known; the second is the first of the known route.
  int through = 0;
  while (client.request("POST", "/api/one").status() == 200 && through < 5) ++through;
  EXPECT_LE(through, 2);
  EXPECT_EQ(client.request("POST", "/api/two").status(), 200);
  EXPECT_EQ(client.request("POST", "/other").status(), 200);
}

TEST(RateLimit, NoSpellingOfThePathEvadesIt) {
  ScriptedOrigin origin;
  RunningAgent agent(
      limited(origin,
              "mode: off, rate_limits: [{name: login, match: {path: /login, methods: "
              "[POST]}, per: client, rate: 1/h}]"));
  HttpClient client(agent.port());
  EXPECT_EQ(client.request("POST", "/login").status(), 200);
  for (const char* spelled : {"//login", "/x/../login", "/./login", "/login;a=1", "/x%2F..%2Flogin",
                              "/x/%252e%252e/login", "/%6Cogin"}) {
    EXPECT_EQ(client.request("POST", spelled).status(), 429) << spelled;
  }
  EXPECT_EQ(client.request("POST", "/login/help").status(), 200);
}

TEST(RateLimit, ASpellingOfItsOwnIsNoRouteOfItsOwn) {
  ScriptedOrigin origin;
  RunningAgent agent(
      limited(origin, "mode: off, rate_limits: [{name: routes, per: route, rate: 1/h}]"));
  HttpClient client(agent.port());
  // The first one makes it known as a route.
  for (int i = 0; i < 2; ++i) EXPECT_EQ(client.request("POST", "/page/list").status(), 200);
  for (const char* spelled : {"/page/list", "/page//list", "/page/./list", "/x/../page/list"}) {
    EXPECT_EQ(client.request("POST", spelled).status(), 429) << spelled;
  }
  EXPECT_EQ(client.request("POST", "/page/other").status(), 200);
}

TEST(RateLimit, ALimitNeedNotBeAdvertised) {
  ScriptedOrigin origin;
  RunningAgent agent(limited(
      origin, "mode: off, rate_limits: [{name: api, per: all, rate: 1/h, advertise: false}]"));
  EXPECT_FALSE(agent.get("/a").has("ratelimit"));
  const Message refused = agent.get("/a");
  EXPECT_EQ(refused.status(), 429);
  EXPECT_FALSE(refused.has("ratelimit-policy"));
  EXPECT_TRUE(refused.has("retry-after"));
}

TEST(RateLimit, ARefusedBodyIsNotTakenForTheNextRequest) {
  ScriptedOrigin origin;
  RunningAgent agent(limited(origin, "mode: off, rate_limits: [{name: a, per: all, rate: 1/h}]"));
  ASSERT_EQ(agent.get("/a").status(), 200);
  HttpClient client(agent.port());
  const Message refused = client.request("POST", "/a", {}, "GET /smuggled HTTP/1.1\r\n\r\n");
  EXPECT_EQ(refused.status(), 429);
  EXPECT_EQ(refused.get("connection"), "close");
  EXPECT_TRUE(client.closed());
  EXPECT_EQ(origin.requests("/smuggled"), 0U);
}

class Held {
 public:
  Held() {
    const auto hold = [this](OriginExchange& exchange) {
      go_on.wait();
      exchange.respond(200, "", "done");
    };
    for (const char* path : {"/held", "/exports/1", "/exports/2"}) origin.on(path, hold);
  }
  Signal go_on;
  ScriptedOrigin origin;
};

TEST(ConcurrencyCap, RefusesWhatIsOneTooManyOfItsKindOnly) {
  Held held;
  RunningAgent agent(
      limited(held.origin,
              "mode: off, concurrency_caps: [{name: exports, match: {path: /exports/*}, max: 1}]"));
  HttpClient first(agent.port());
  ASSERT_TRUE(first.send(request_text("POST", "/exports/1")));
  ASSERT_TRUE(held.origin.wait_for_requests("/exports/1", 1));
  HttpClient second(agent.port());
  const Message refused = second.request("POST", "/exports/2");
  EXPECT_EQ(refused.status(), 503);
  EXPECT_EQ(refused.get("homeostat-rejected"), "concurrency_cap; class=2; limit=exports");
  EXPECT_TRUE(refused.has("retry-after"));
  EXPECT_EQ(second.request("POST", "/other").status(), 200);
  EXPECT_EQ(agent.metric("homeostat_concurrency_cap_in_use{limit=\"exports\"}"), 1);
  held.go_on.set();
  EXPECT_EQ(first.read().body, "done");
  EXPECT_TRUE(eventually(
      [&] { return agent.metric("homeostat_concurrency_cap_in_use{limit=\"exports\"}") == 0; }));
  EXPECT_EQ(second.request("POST", "/exports/2").body, "done");
}

TEST(ConcurrencyCap, NoSpellingOfThePathEvadesIt) {
  Held held;
  RunningAgent agent(
      limited(held.origin,
              "mode: off, concurrency_caps: [{name: exports, match: {path: /exports/*}, max: 1}]"));
  HttpClient first(agent.port()), second(agent.port());
  ASSERT_TRUE(first.send(request_text("POST", "/exports/1")));
  ASSERT_TRUE(held.origin.wait_for_requests("/exports/1", 1));
  for (const char* spelled : {"//exports/2", "/x/../exports/2", "/exports;a/2"}) {
    EXPECT_EQ(second.request("POST", spelled).get("homeostat-rejected"),
              "concurrency_cap; class=2; limit=exports")
        << spelled;
  }
  held.go_on.set();
  EXPECT_EQ(first.read().body, "done");
}

TEST(Weight, AHeavyRequestTakesSeveralSlots) {
  Held held;
  AgentConfig config = limited(held.origin,
                               "mode: on, limit_initial: 4, limit_min: 4, limit_max: 4, "
                               "max_wait: 1m, weights: [{match: {path: /exports/*}, weight: 3}]");
  RunningAgent agent(config);
  HttpClient first(agent.port());
  ASSERT_TRUE(first.send(request_text("POST", "/exports/1")));
  ASSERT_TRUE(held.origin.wait_for_requests("/exports/1", 1));
  EXPECT_EQ(agent.metric("homeostat_admission_in_flight"), 3);
  HttpClient fits(agent.port()), heavy(agent.port());
  EXPECT_EQ(fits.request("POST", "/page").status(), 200) << "one slot is left";
  ASSERT_TRUE(heavy.send(request_text("POST", "/exports/2")));
  EXPECT_TRUE(eventually([&] { return agent.metric("homeostat_admission_queue_length") == 1; }));
  EXPECT_EQ(held.origin.requests("/exports/2"), 0U) << "a slot is free, but not three";
  held.go_on.set();
  EXPECT_EQ(first.read().body, "done");
  EXPECT_EQ(heavy.read().status(), 200);
}

TEST(FairQueue, TheNewestOfWhoAsksForMoreGivesWay) {
  Held held;
  AgentConfig config = limited(held.origin,
                               "mode: on, limit_initial: 1, limit_min: 1, limit_max: 1, "
                               "max_wait: 10s, queue_max: 2, "
                               "tenant: {by: header, field: X-Tenant}");
  config.workers = 1;
  RunningAgent agent(config);
  HttpClient busy(agent.port()), early(agent.port()), late(agent.port()), modest(agent.port());
  const auto waiting = [&](double count) {
    return eventually([&] { return agent.metric("homeostat_admission_queue_length") == count; });
  };
  ASSERT_TRUE(busy.send(request_text("POST", "/held", tenant("greedy"))));
  ASSERT_TRUE(held.origin.wait_for_requests("/held", 1));
  ASSERT_TRUE(early.send(request_text("POST", "/held", tenant("greedy"))));
  ASSERT_TRUE(waiting(1));
  ASSERT_TRUE(late.send(request_text("POST", "/held", tenant("greedy"))));
  ASSERT_TRUE(waiting(2));
  ASSERT_TRUE(modest.send(request_text("POST", "/held", tenant("modest"))));
  EXPECT_EQ(late.read().get("homeostat-rejected"), "fair_share; class=2");
  held.go_on.set();
  for (HttpClient* client : {&busy, &early, &modest}) EXPECT_EQ(client->read().body, "done");
}

}  // namespace
}  // namespace homeostat::test
