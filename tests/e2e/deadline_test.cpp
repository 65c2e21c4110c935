// Deadlines of clients and routes, and work that nobody waits for any more.
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "tests/e2e/cache_support.hpp"
#include "tests/e2e/expiring.hpp"
#include "tests/e2e/held_origin.hpp"

namespace homeostat::test {
namespace {

class Held : public HeldOrigin {
 public:
  Held() : HeldOrigin("/held", "Cache-Control: max-age=60\r\n") {}
};

AgentConfig with(const ScriptedOrigin& origin, const std::string& admission) {
  AgentConfig config = config_for(origin);
  config.workers = 1;
  config.admission = admission;
  return config;
}

TEST(Deadline, WhatIsOverOnArrivalIsNotSentUpstream) {
  ScriptedOrigin origin;
  RunningAgent agent(with(origin, "mode: on"));
  for (const char* late :
       {"X-Request-Deadline: 2020-01-01T00:00:00Z\r\n", "grpc-timeout: 0n\r\n"}) {
    const Message refused = agent.get("/late", late);
    EXPECT_EQ(refused.status(), 503) << late;
    EXPECT_EQ(refused.get("homeostat-rejected"), "too_late; class=2");
  }
  EXPECT_EQ(origin.requests("/late"), 0U);
  EXPECT_EQ(agent.get("/late", "X-Request-Deadline: 60s\r\n").status(), 200);
}

TEST(Deadline, WhoWaitsLeavesTheQueueWhenItsTimeIsOver) {
  Held held;
  RunningAgent agent(one_place(held.origin));
  HttpClient first(agent.port()), second(agent.port());
  ASSERT_TRUE(first.send(request_text("POST", "/held")));
  ASSERT_TRUE(held.origin.wait_for_requests("/held", 1));
  EXPECT_EQ(second.request("POST", "/held", "grpc-timeout: 100m\r\n").get("homeostat-rejected"),
            "deadline; class=2");
  EXPECT_TRUE(waiting_becomes(agent, 0));
  held.go_on.set();
  EXPECT_EQ(first.read().body, "done");
  EXPECT_EQ(held.origin.requests("/held"), 1U);
}

TEST(Deadline, BoundsTheWaitForTheUpstreamToo) {
  Held held;
  RunningAgent agent(with(held.origin, "mode: on"));
  HttpClient client(agent.port());
  const Message late = client.request("POST", "/held", "X-Request-Deadline: 1s\r\n");
  EXPECT_EQ(late.status(), 504);
  EXPECT_EQ(late.get("proxy-status"), "homeostat; error=http_response_timeout");
  EXPECT_EQ(agent.metric("homeostat_deadlines_missed_total"), 1);
  EXPECT_EQ(client.get("/other").status(), 200) << "the connection goes on";
  EXPECT_TRUE(eventually([&] { return agent.metric("homeostat_admission_in_flight") == 1; }))
      << "the application is still at it";
  held.go_on.set();
  EXPECT_TRUE(eventually([&] { return agent.metric("homeostat_admission_in_flight") == 0; }));
}

TEST(Deadline, ARouteHasOneAndAClientCanOnlyShortenIt) {
  Held held;
  RunningAgent agent(
      with(held.origin, "mode: on, deadlines: {routes: [{match: {path: /held}, within: 1s}]}"));
  HttpClient client(agent.port());
  EXPECT_EQ(client.request("POST", "/held").status(), 504);
  EXPECT_EQ(client.request("POST", "/held", "X-Request-Deadline: 60s\r\n").status(), 504);
  held.go_on.set();
}

TEST(Deadline, AResponseThatHasBegunMayTakeItsTime) {
  Signal past;
  ScriptedOrigin origin;
  origin.on("/slow", [&](OriginExchange& exchange) {
    exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nda");
    past.wait();
    exchange.send("ta");
  });
  origin.on("/held", [&](OriginExchange& exchange) {
    past.wait();
    exchange.respond(200, "", "");
  });
  RunningAgent agent(with(origin, "mode: on"));
  HttpClient client(agent.port()), other(agent.port());
  ASSERT_TRUE(client.send(request_text("POST", "/slow", "X-Request-Deadline: 1s\r\n")));
  std::optional<Message> whole = client.reader.read_head();  // it has begun
  ASSERT_TRUE(whole.has_value());
  EXPECT_EQ(other.request("POST", "/held", "X-Request-Deadline: 1s\r\n").status(), 504);
  past.set();
  client.reader.read_response_body(*whole);
  EXPECT_EQ(whole->status(), 200);
  EXPECT_EQ(whole->body, "data");
}

TEST(Deadline, WhatIsLeftIsRestatedAfterAWait) {
  Held held;
  RunningAgent agent(one_place(held.origin));
  HttpClient first(agent.port()), second(agent.port());
  ASSERT_TRUE(first.send(request_text("POST", "/held")));
  ASSERT_TRUE(held.origin.wait_for_requests("/held", 1));
  ASSERT_TRUE(second.send(request_text("POST", "/next", "grpc-timeout: 60S\r\nX-After: kept\r\n")));
  ASSERT_TRUE(waiting_becomes(agent, 1));
  held.go_on.set();
  EXPECT_EQ(second.read().status(), 200);
  const Message seen = held.origin.last_request("/next");
  const std::string left = seen.get("grpc-timeout");
  ASSERT_TRUE(left.ends_with("u")) << left;
  EXPECT_LT(std::stoll(left), 60'000'000);
  EXPECT_GT(std::stoll(left), 30'000'000);
  EXPECT_EQ(seen.get("x-after"), "kept");
  EXPECT_EQ(first.read().status(), 200);
}

TEST(Deadline, AFillOutlivesTheDeadlineOfWhoBeganIt) {
  Held held;
  RunningAgent agent(with(held.origin, "mode: on"));
  HttpClient hasty(agent.port()), patient(agent.port());
  EXPECT_EQ(hasty.get("/held", "X-Request-Deadline: 100ms\r\n").status(), 504);
  ASSERT_TRUE(patient.send(request_text("GET", "/held")));
  held.go_on.set();
  EXPECT_EQ(patient.read().body, "done");
  EXPECT_EQ(held.origin.requests("/held"), 1U);
  EXPECT_FALSE(held.origin.last_request("/held").has("x-request-deadline"))
      << "it is nobody's in particular";
}

TEST(Deadline, AFollowerIsNotHeldByAFillBeyondItsOwn) {
  Held held;
  RunningAgent agent(with(held.origin, "mode: on"));
  HttpClient leader(agent.port()), follower(agent.port());
  ASSERT_TRUE(leader.send(request_text("GET", "/held")));
  ASSERT_TRUE(held.origin.wait_for_requests("/held", 1));
  EXPECT_EQ(follower.get("/held", "X-Request-Deadline: 100ms\r\n").status(), 504);
  held.go_on.set();
  EXPECT_EQ(leader.read().body, "done");
}

TEST(Deadline, InShadowItIsCountedAndNothingElse) {
  Held held;
  RunningAgent agent(with(held.origin, "mode: shadow"));
  HttpClient client(agent.port());
  EXPECT_EQ(client.get("/late", "X-Request-Deadline: 2020-01-01T00:00:00Z\r\n").status(), 200);
  ASSERT_TRUE(client.send(request_text("POST", "/held", "X-Request-Deadline: 100ms\r\n")));
  const auto counted = [&](const std::string& reason) {
    return eventually([&] {
      return agent.metric("homeostat_admission_would_reject_total{class=\"2\",reason=\"" + reason +
                          "\"}") == 1;
    });
  };
  EXPECT_TRUE(counted("too_late"));
  EXPECT_TRUE(counted("deadline"));
  held.go_on.set();
  EXPECT_EQ(client.read().body, "done");
}

TEST(Deadline, WhatIsMalformedIsIgnoredAndCounted) {
  ScriptedOrigin origin;
  RunningAgent agent(with(origin, "mode: on"));
  EXPECT_EQ(agent.get("/a", "X-Request-Deadline: soon\r\n").status(), 200);
  EXPECT_EQ(agent.get("/b", "grpc-timeout: -1m\r\n").status(), 200);
  EXPECT_EQ(agent.metric("homeostat_deadline_fields_invalid_total"), 2);
}

TEST(Deadline, FieldsAndFormatsAreConfigured) {
  ScriptedOrigin origin;
  RunningAgent agent(
      with(origin, "mode: on, deadlines: {fields: [{name: X-Budget, format: milliseconds}]}"));
  EXPECT_EQ(agent.get("/a", "X-Budget: 0\r\n").status(), 503);
  EXPECT_EQ(agent.get("/a", "X-Budget: 60000\r\n").status(), 200);
  EXPECT_EQ(agent.get("/b", "grpc-timeout: 0n\r\n").status(), 200);
}

TEST(ClientGone, AFillThatStillWaitsIsNotSentUpstream) {
  Held held;
  RunningAgent agent(one_place(held.origin));
  HttpClient first(agent.port());
  ASSERT_TRUE(first.send(request_text("POST", "/held")));
  ASSERT_TRUE(held.origin.wait_for_requests("/held", 1));
  {
    HttpClient leaving(agent.port());
    ASSERT_TRUE(leaving.send(request_text("GET", "/unwanted")));
    ASSERT_TRUE(waiting_becomes(agent, 1));
  }
  EXPECT_TRUE(waiting_becomes(agent, 0));
  held.go_on.set();
  EXPECT_EQ(first.read().body, "done");
  EXPECT_EQ(first.get("/after").status(), 200);
  EXPECT_EQ(held.origin.requests("/unwanted"), 0U);
}

TEST(ClientGone, AFillWhoseFollowersLeftTooIsNotSentUpstream) {
  Held held;
  RunningAgent agent(one_place(held.origin));
  HttpClient first(agent.port());
  ASSERT_TRUE(first.send(request_text("POST", "/held")));
  ASSERT_TRUE(held.origin.wait_for_requests("/held", 1));
  {
    HttpClient follower(agent.port());
    {
      HttpClient leader(agent.port());
      ASSERT_TRUE(leader.send(request_text("GET", "/unwanted")));
      ASSERT_TRUE(waiting_becomes(agent, 1));
      ASSERT_TRUE(follower.send(request_text("GET", "/unwanted")));
      ASSERT_TRUE(eventually([&] { return agent.metric("homeostat_cache_collapsed_total") == 1; }));
    }
    ASSERT_TRUE(eventually([&] { return agent.metric("homeostat_client_connections") == 2; }));
    EXPECT_EQ(agent.metric("homeostat_admission_queue_length"), 1) << "the follower still waits";
  }
  ASSERT_TRUE(eventually([&] { return agent.metric("homeostat_client_connections") == 1; }));
  held.go_on.set();
  EXPECT_EQ(first.read().body, "done");
  EXPECT_EQ(first.get("/after").status(), 200);
  EXPECT_EQ(held.origin.requests("/unwanted"), 0U);
}

TEST(Stale, IsServedInsteadOfARejection) {
  Held held;
  held.origin.answer("/kept", 200, stale::expiring("stale-if-error=600"), "old");
  AgentConfig config = one_place(held.origin, "max_wait: 10s, queue_max: 0");
  config.cache = "refresh: {ahead: off}";
  RunningAgent agent(config);
  ASSERT_EQ(agent.get("/kept").body, "old");
  HttpClient first(agent.port());
  ASSERT_TRUE(first.send(request_text("POST", "/held")));
  ASSERT_TRUE(held.origin.wait_for_requests("/held", 1));
  const Message answer = stale::until(agent, "/kept", "stale-if-error");
  EXPECT_EQ(answer.status(), 200);
  EXPECT_EQ(answer.body, "old");
  EXPECT_EQ(agent.get("/never").status(), 503) << "what was never stored";
  held.go_on.set();
  EXPECT_EQ(first.read().body, "done");
}

TEST(Stale, IsServedInsteadOfA504WhenTheDeadlinePasses) {
  Signal go_on;
  ScriptedOrigin origin;
  std::atomic<int> asked{0};
  origin.on("/kept", [&](OriginExchange& exchange) {
    if (asked++ > 0) go_on.wait();
    exchange.respond(200, stale::expiring("stale-if-error=600"), "old");
  });
  AgentConfig config = with(origin, "mode: on");
  config.cache = "refresh: {ahead: off}";
  RunningAgent agent(config);
  ASSERT_EQ(agent.get("/kept").body, "old");
  ASSERT_TRUE(eventually([&] {
    const Message answer = agent.get("/kept", "X-Request-Deadline: 100ms\r\n");
    return answer.body == "old" && contains(answer.get("cache-status"), "stale-if-error");
  }));
  EXPECT_GE(agent.metric("homeostat_deadlines_missed_total"), 1);
  go_on.set();
}

}  // namespace
}  // namespace homeostat::test
