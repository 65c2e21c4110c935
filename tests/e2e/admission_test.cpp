// Admission through real sockets: a limit, a queue, quick and honest refusals.
#include <gtest/gtest.h>

#include <list>
#include <mutex>
#include <vector>

#include "tests/e2e/held_origin.hpp"

namespace homeostat::test {
namespace {

class BlockedOrigin : public HeldOrigin {
 public:
  BlockedOrigin() : HeldOrigin("/slow") {}
};

TEST(Admission, TheSecondWaitsAndTheThirdIsRefusedAtOnce) {
  BlockedOrigin blocked;
  RunningAgent agent(one_place(blocked.origin, "max_wait: 10s, queue_max: 1"));
  HttpClient first(agent.port());
  HttpClient second(agent.port());
  ASSERT_TRUE(first.send(request_text("POST", "/slow")));
  ASSERT_TRUE(blocked.origin.wait_for_requests("/slow", 1));
  ASSERT_TRUE(second.send(request_text("POST", "/slow")));
  ASSERT_TRUE(waiting_becomes(agent, 1));
  HttpClient third(agent.port());
  const Message refused = third.request("POST", "/slow");
  EXPECT_EQ(refused.status(), 503);
  EXPECT_GE(std::stoi("0" + refused.get("retry-after")), 1);
  EXPECT_EQ(refused.get("homeostat-rejected"), "queue_full; class=2");
  const std::string cache_status = refused.get("cache-status");
  EXPECT_FALSE(cache_status.empty());
  EXPECT_EQ(cache_status.find("fwd="), std::string::npos) << "it was not: " << cache_status;
  blocked.go_on.set();
  EXPECT_EQ(first.read().body, "done");
  EXPECT_EQ(second.read().body, "done");
  EXPECT_EQ(third.request("POST", "/slow").body, "done") << "its connection goes on";
  EXPECT_EQ(blocked.origin.requests("/slow"), 3U);
}

TEST(Admission, WhoWaitsTooLongIsRefusedWithTheConfiguredStatus) {
  BlockedOrigin blocked;
  RunningAgent agent(one_place(blocked.origin, "max_wait: 100ms, reject_status: 429"));
  HttpClient first(agent.port());
  ASSERT_TRUE(first.send(request_text("POST", "/slow")));
  ASSERT_TRUE(blocked.origin.wait_for_requests("/slow", 1));
  HttpClient second(agent.port());
  const Message refused = second.request("POST", "/slow");
  EXPECT_EQ(refused.status(), 429);
  EXPECT_TRUE(refused.has("retry-after"));
  blocked.go_on.set();
  EXPECT_EQ(first.read().body, "done");
}

TEST(Admission, AClientThatLeavesGivesItsPlaceBack) {
  BlockedOrigin blocked;
  RunningAgent agent(one_place(blocked.origin, "max_wait: 10s, queue_max: 1"));
  HttpClient first(agent.port());
  ASSERT_TRUE(first.send(request_text("POST", "/slow")));
  ASSERT_TRUE(blocked.origin.wait_for_requests("/slow", 1));
  {
    HttpClient leaving(agent.port());
    ASSERT_TRUE(leaving.send(request_text("POST", "/slow")));
    ASSERT_TRUE(waiting_becomes(agent, 1));
  }
  ASSERT_TRUE(waiting_becomes(agent, 0));
  HttpClient next(agent.port());
  ASSERT_TRUE(next.send(request_text("POST", "/slow")));
  ASSERT_TRUE(waiting_becomes(agent, 1));
  blocked.go_on.set();
  EXPECT_EQ(next.read().body, "done");
  EXPECT_EQ(blocked.origin.requests("/slow"), 2U);
}

TEST(Admission, AClientThatLeavesUnreadBytesBehindIsNoticedToo) {
  BlockedOrigin blocked;
  RunningAgent agent(one_place(blocked.origin));
  HttpClient first(agent.port());
  ASSERT_TRUE(first.send(request_text("POST", "/slow")));
  ASSERT_TRUE(blocked.origin.wait_for_requests("/slow", 1));
  double waiting = 0;
  for (const char* method : {"POST", "GET"}) {
    HttpClient leaving(agent.port());
    ASSERT_TRUE(leaving.send(std::string(method) +
                             " /left HTTP/1.1\r\nHost: test\r\nContent-Length: 3\r\n\r\n"));
    ASSERT_TRUE(waiting_becomes(agent, ++waiting)) << method;
    ASSERT_TRUE(leaving.send("abc"));
    leaving.socket.close();
    ASSERT_TRUE(waiting_becomes(agent, --waiting)) << method;
  }
  // One whose next request waits behind a fill.
  HttpClient pipelining(agent.port());
  ASSERT_TRUE(pipelining.send(request_text("GET", "/left")));
  ASSERT_TRUE(waiting_becomes(agent, 1));
  ASSERT_TRUE(pipelining.send(request_text("GET", "/left")));
  pipelining.socket.close();
  ASSERT_TRUE(waiting_becomes(agent, 0));
  blocked.go_on.set();
  EXPECT_EQ(first.read().body, "done");
  EXPECT_EQ(first.get("/page").status(), 200);
  EXPECT_EQ(blocked.origin.requests("/left"), 0U);
}

TEST(Admission, OneThatStaysIsReadOnWhenItsTurnComes) {
  BlockedOrigin blocked;
  blocked.origin.on("/echo", [](OriginExchange& exchange) {
    const std::string body = exchange.body();
    exchange.respond(200, "", body);
  });
  RunningAgent agent(one_place(blocked.origin));
  HttpClient first(agent.port());
  ASSERT_TRUE(first.send(request_text("POST", "/slow")));
  ASSERT_TRUE(blocked.origin.wait_for_requests("/slow", 1));
  HttpClient sending(agent.port());
  ASSERT_TRUE(sending.send("POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 3\r\n\r\n"));
  HttpClient pipelining(agent.port());
  ASSERT_TRUE(pipelining.send(request_text("GET", "/echo")));
  ASSERT_TRUE(waiting_becomes(agent, 2));
  ASSERT_TRUE(sending.send("abc"));
  ASSERT_TRUE(pipelining.send("GET /pa"));  // all that comes of the next head for now
  // The only worker answers this after it has seen what was sent before.
  HttpClient broken(agent.port());
  ASSERT_TRUE(broken.send("nonsense\r\n\r\n"));
  ASSERT_EQ(broken.read().status(), 400);
  blocked.go_on.set();
  EXPECT_EQ(first.read().body, "done");
  EXPECT_EQ(sending.read().body, "abc");
  EXPECT_EQ(pipelining.read().status(), 200);
  ASSERT_TRUE(pipelining.send("ge HTTP/1.1\r\nHost: test\r\n\r\n"));
  EXPECT_EQ(pipelining.read().body, "hello");
}

TEST(Admission, CriticalRequestsGoFirst) {
  BlockedOrigin blocked;
  std::vector<std::string> order;
  std::mutex mutex;
  const auto note = [&](OriginExchange& exchange) {
    {
      const std::lock_guard lock(mutex);
      order.push_back(exchange.request.target());
    }
    exchange.respond(200, "", "done");
  };
  blocked.origin.on("/low", note);
  blocked.origin.on("/pay", note);
  RunningAgent agent(
      one_place(blocked.origin,
                "max_wait: 10s, priorities: [{match: {path: /pay}, class: critical}, "
                "{match: {path: /low}, class: low}]"));
  HttpClient first(agent.port());
  ASSERT_TRUE(first.send(request_text("POST", "/slow")));
  ASSERT_TRUE(blocked.origin.wait_for_requests("/slow", 1));
  HttpClient low(agent.port());
  ASSERT_TRUE(low.send(request_text("POST", "/low")));
  ASSERT_TRUE(waiting_becomes(agent, 1));
  HttpClient critical(agent.port());
  ASSERT_TRUE(critical.send(request_text("POST", "/pay")));
  ASSERT_TRUE(waiting_becomes(agent, 2));
  blocked.go_on.set();
  EXPECT_EQ(critical.read().body, "done");
  EXPECT_EQ(low.read().body, "done");
  EXPECT_EQ(order, (std::vector<std::string>{"/pay", "/low"}));
}

TEST(Admission, HitsNeedNoPermit) {
  BlockedOrigin blocked;
  blocked.origin.answer("/kept", 200, "Cache-Control: max-age=60\r\n", "kept");
  RunningAgent agent(one_place(blocked.origin, "max_wait: 1ms, queue_max: 1"));
  ASSERT_EQ(agent.get("/kept").body, "kept");
  HttpClient first(agent.port());
  ASSERT_TRUE(first.send(request_text("POST", "/slow")));
  ASSERT_TRUE(blocked.origin.wait_for_requests("/slow", 1));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(agent.get("/kept").body, "kept");
  blocked.go_on.set();
  EXPECT_EQ(first.read().body, "done");
}

TEST(Admission, ShadowReportsAndRefusesNobody) {
  BlockedOrigin blocked;
  AgentConfig config = one_place(blocked.origin, "max_wait: 1ms, queue_max: 1");
  config.admission.replace(config.admission.find("mode: on"), 8, "mode: shadow");
  RunningAgent agent(config);
  std::list<HttpClient> clients;
  for (int i = 0; i < 5; ++i) {
    clients.emplace_back(agent.port());
    ASSERT_TRUE(clients.back().send(request_text("POST", "/slow")));
  }
  EXPECT_TRUE(blocked.origin.wait_for_requests("/slow", 5));
  EXPECT_EQ(
      agent.metric("homeostat_admission_would_reject_total{class=\"2\",reason=\"queue_full\"}"), 3)
      << "one would be served, one would wait";
  EXPECT_EQ(agent.metric("homeostat_requests_rejected_total"), 0);
  blocked.go_on.set();
  for (HttpClient& client : clients) EXPECT_EQ(client.read().body, "done");
}

}  // namespace
}  // namespace homeostat::test
