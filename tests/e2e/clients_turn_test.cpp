// While it is the client's turn, and while a stream is open, nobody else waits for the
// slot; and only what the upstream itself takes is learnt from. One place at the gate
// shows it.
#include <gtest/gtest.h>

#include <list>

#include "runtime/ports/clock.hpp"
#include "tests/e2e/held_origin.hpp"

namespace homeostat::test {
namespace {

constexpr std::string_view chunked_post =
    " HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n";

/// An origin that answers uploads with what they were, and says when one has begun.
class Uploads : public HeldOrigin {
 public:
  Uploads() : HeldOrigin("/held") {
    origin.on("/up", [this](OriginExchange& exchange) {
      begun.set();
      const std::string body = exchange.body();
      exchange.respond(200, "", body);
    });
  }
  /// Sends all but the end of it.
  static bool begin(HttpClient& client, std::string_view path = "/up") {
    return client.send("POST " + std::string(path) + std::string(chunked_post) + "4\r\nslow\r\n");
  }
  static bool end(HttpClient& client) { return client.send("4\r\nfast\r\n0\r\n\r\n"); }

  Signal begun;
};

bool aside_becomes(const RunningAgent& agent, double count) {
  return eventually([&] { return agent.metric("homeostat_admission_streams") == count; });
}

TEST(ClientsTurn, AnUploadThatStallsHoldsNoSlotAndGoesOnAllTheSame) {
  Uploads uploads;
  RunningAgent agent(one_place(uploads.origin));
  HttpClient slow(agent.port());
  ASSERT_TRUE(Uploads::begin(slow));
  ASSERT_TRUE(uploads.begun.wait());
  EXPECT_EQ(agent.get("/page").status(), 200);
  EXPECT_TRUE(aside_becomes(agent, 1));
  EXPECT_EQ(agent.metric("homeostat_admission_in_flight"), 0);
  ASSERT_TRUE(Uploads::end(slow));
  EXPECT_EQ(slow.read().body, "slowfast");
  EXPECT_TRUE(aside_becomes(agent, 0));
}

TEST(ClientsTurn, ClientsThatWaitForContinueHoldNoSlotAndOpenNoBreaker) {
  constexpr std::size_t count = 5;
  ScriptedOrigin origin;
  origin.on("/careful",
            [](OriginExchange& exchange) { exchange.alive = !exchange.reader.at_end(); });
  AgentConfig config = one_place(origin);
  config.upstream =
      "timeout: 3s, retries: 0, breaker: {slow_call: 100ms, unanswered_max: 2, volume_min: 2}";
  RunningAgent agent(config);
  std::list<HttpClient> waiting;
  for (std::size_t i = 1; i <= count; ++i) {
    ASSERT_TRUE(waiting.emplace_back(agent.port())
                    .send("POST /careful HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n"
                          "Expect: 100-continue\r\nConnection: expect\r\n\r\n"));
    ASSERT_TRUE(origin.wait_for_requests("/careful", i)) << "who came before holds the slot";
  }
  EXPECT_EQ(origin.last_request("/careful").get("expect"), "100-continue");
  for (HttpClient& client : waiting) EXPECT_EQ(client.read().status(), 504);
  EXPECT_EQ(agent.get("/page").status(), 200);
  EXPECT_EQ(agent.metric("homeostat_breaker_refused_total"), 0);
  EXPECT_EQ(agent.metric("homeostat_admission_in_flight"), 0);
}

TEST(ClientsTurn, AnUploadThatDripsHoldsNoSlotEither) {
  Uploads uploads;
  RunningAgent agent(one_place(uploads.origin));
  HttpClient dripping(agent.port());
  ASSERT_TRUE(Uploads::begin(dripping));
  ASSERT_TRUE(uploads.begun.wait());
  EXPECT_TRUE(eventually([&] {
    return dripping.send("1\r\nx\r\n") && agent.metric("homeostat_admission_streams") == 1;
  }));
  EXPECT_TRUE(dripping.send("1\r\nx\r\n"));
  EXPECT_EQ(agent.get("/page").status(), 200);
}

TEST(ClientsTurn, UploadsThatComeBackWaitForTheirTurnWhenTooManyDo) {
  Uploads uploads;
  uploads.origin.on("/work", [&](OriginExchange& exchange) {
    const std::string body = exchange.body();
    uploads.go_on.wait();
    exchange.respond(200, "", body);
  });
  RunningAgent agent(one_place(uploads.origin));
  HttpClient first(agent.port()), second(agent.port());
  ASSERT_TRUE(Uploads::begin(first, "/work"));
  ASSERT_TRUE(aside_becomes(agent, 1));
  ASSERT_TRUE(Uploads::begin(second, "/work"));
  ASSERT_TRUE(aside_becomes(agent, 2));
  HttpClient busy(agent.port());
  ASSERT_TRUE(busy.send(request_text("POST", "/held")));
  ASSERT_TRUE(uploads.origin.wait_for_requests("/held", 1));
  ASSERT_TRUE(Uploads::end(first));
  ASSERT_TRUE(aside_becomes(agent, 1)) << "one may be above the limit";
  EXPECT_EQ(agent.metric("homeostat_admission_in_flight"), 2);
  ASSERT_TRUE(Uploads::end(second));
  ASSERT_TRUE(waiting_becomes(agent, 1));
  uploads.go_on.set();
  EXPECT_EQ(busy.read().body, "done");
  EXPECT_EQ(first.read().body, "slowfast");
  EXPECT_EQ(second.read().body, "slowfast");
}

TEST(ClientsTurn, AnUploadThatMayNotComeBackIsRefused) {
  Uploads uploads;
  uploads.origin.on("/work", [&](OriginExchange& exchange) {
    (void)exchange.body();
    uploads.go_on.wait();
    exchange.respond(200, "", "worked");
  });
  RunningAgent agent(one_place(uploads.origin, "max_wait: 10s, queue_max: 0"));
  HttpClient first(agent.port()), second(agent.port()), busy(agent.port());
  ASSERT_TRUE(Uploads::begin(first, "/work"));
  ASSERT_TRUE(aside_becomes(agent, 1));
  ASSERT_TRUE(Uploads::begin(second, "/work"));
  ASSERT_TRUE(aside_becomes(agent, 2));
  ASSERT_TRUE(busy.send(request_text("POST", "/held")));
  ASSERT_TRUE(uploads.origin.wait_for_requests("/held", 1));
  ASSERT_TRUE(Uploads::end(first));
  ASSERT_TRUE(aside_becomes(agent, 1));
  ASSERT_TRUE(Uploads::end(second));
  const Message refused = second.read();
  EXPECT_EQ(refused.status(), 503);
  EXPECT_EQ(refused.get("homeostat-rejected"), "queue_full; class=2");
  uploads.go_on.set();
  EXPECT_EQ(first.read().body, "worked");
  EXPECT_EQ(busy.read().body, "done");
  EXPECT_EQ(second.get("/page").status(), 200) << "its connection goes on";
}

TEST(ClientsTurn, AClientThatLeavesWhileItWaitsToComeBackIsForgotten) {
  Uploads uploads;
  uploads.origin.on("/work", [&](OriginExchange& exchange) {
    (void)exchange.body();
    uploads.go_on.wait();
    exchange.respond(200, "", "worked");
  });
  RunningAgent agent(one_place(uploads.origin));
  HttpClient first(agent.port()), busy(agent.port());
  {
    HttpClient second(agent.port());
    ASSERT_TRUE(Uploads::begin(first, "/work"));
    ASSERT_TRUE(aside_becomes(agent, 1));
    ASSERT_TRUE(Uploads::begin(second, "/work"));
    ASSERT_TRUE(aside_becomes(agent, 2));
    ASSERT_TRUE(busy.send(request_text("POST", "/held")));
    ASSERT_TRUE(uploads.origin.wait_for_requests("/held", 1));
    ASSERT_TRUE(Uploads::end(first));
    ASSERT_TRUE(aside_becomes(agent, 1));
    ASSERT_TRUE(Uploads::end(second));
    ASSERT_TRUE(waiting_becomes(agent, 1));
  }
  ASSERT_TRUE(waiting_becomes(agent, 0));
  EXPECT_TRUE(aside_becomes(agent, 0));
  uploads.go_on.set();
  EXPECT_EQ(first.read().body, "worked");
  EXPECT_EQ(agent.get("/page").status(), 200);
}

TEST(ClientsTurn, AReaderThatStallsHoldsNoSlot) {
  HeldOrigin held("/held");
  held.origin.on("/endless", [](OriginExchange& exchange) {
    exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    const std::string chunk = "10000\r\n" + std::string(65536, 'x') + "\r\n";
    while (exchange.alive) exchange.send(chunk);
  });
  RunningAgent agent(one_place(held.origin));
  HttpClient lazy(connect_tcp(agent.port(), 4096));
  ASSERT_TRUE(lazy.send(request_text("POST", "/endless")));
  EXPECT_EQ(agent.get("/page").status(), 200);
  EXPECT_TRUE(aside_becomes(agent, 1));
}

TEST(ClientsTurn, ASlowClientWithoutAPlaceAsideIsCutOffWhenOthersWait) {
  Uploads uploads;
  RunningAgent agent(one_place(uploads.origin, "max_wait: 1m, streams_max: 1"));
  HttpClient first(agent.port()), second(agent.port()), waiting(agent.port());
  ASSERT_TRUE(Uploads::begin(first));
  ASSERT_TRUE(aside_becomes(agent, 1));
  ASSERT_TRUE(Uploads::begin(second));
  ASSERT_TRUE(uploads.origin.wait_for_requests("/up", 2));
  ASSERT_TRUE(waiting.send(request_text("POST", "/page")));
  const Message cut = second.read();
  EXPECT_EQ(cut.status(), 503);
  EXPECT_EQ(cut.get("homeostat-rejected"), "streams_full; class=2");
  EXPECT_EQ(waiting.read().status(), 200);
  ASSERT_TRUE(Uploads::end(first));
  EXPECT_EQ(first.read().body, "slowfast");
}

TEST(ClientsTurn, ASmallBodyIsGivenTimeToComeBeforeTheApplicationIsAsked) {
  Uploads uploads;
  RunningAgent agent(one_place(uploads.origin));
  HttpClient client(agent.port());
  const auto begun = SystemClock::instance().now();
  ASSERT_TRUE(client.send("POST /up HTTP/1.1\r\nHost: test\r\nContent-Length: 8\r\n\r\nslow"));
  ASSERT_TRUE(uploads.begun.wait());
  EXPECT_GE(SystemClock::instance().now() - begun, std::chrono::milliseconds(400));
  ASSERT_TRUE(client.send("fast"));
  EXPECT_EQ(client.read().body, "slowfast");
}

TEST(ClientsTurn, ABodyThatComesInPiecesReachesTheApplicationWhole) {
  Uploads uploads;
  RunningAgent agent(one_place(uploads.origin));
  HttpClient client(agent.port());
  std::string body;
  for (int i = 0; i < 20'000; ++i) body += std::to_string(i);
  ASSERT_TRUE(client.send("POST /up HTTP/1.1\r\nHost: test\r\nContent-Length: " +
                          std::to_string(body.size()) + "\r\n\r\n"));
  for (std::size_t sent = 0; sent < body.size(); sent += 10'000) {
    ASSERT_TRUE(client.send(body.substr(sent, 10'000)));
  }
  EXPECT_EQ(client.read().body, body);
  EXPECT_EQ(client.get("/page").status(), 200) << "nothing of it is left over";
}

// -- streams ----------------------------------------------------------------------

void begin_events(OriginExchange& exchange) {
  exchange.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n");
}

TEST(EventStream, HoldsNoSlotKeepsItsPlaceUnderItsCapAndIsCounted) {
  HeldOrigin held("/held");
  held.origin.on("/events", [&](OriginExchange& exchange) {
    begin_events(exchange);
    held.go_on.wait();
    exchange.alive = false;
  });
  RunningAgent agent(one_place(held.origin,
                               "max_wait: 1m, concurrency_caps: [{name: events, "
                               "match: {path: /events}, max: 1}]"));
  HttpClient stream(agent.port());
  ASSERT_TRUE(stream.send(request_text("GET", "/events")));
  ASSERT_TRUE(stream.reader.read_head().has_value());
  EXPECT_TRUE(aside_becomes(agent, 1));
  EXPECT_EQ(agent.metric("homeostat_admission_in_flight"), 0);
  EXPECT_EQ(agent.get("/page").status(), 200);
  EXPECT_EQ(agent.get("/events").get("homeostat-rejected"),
            "concurrency_cap; class=2; limit=events");
  held.go_on.set();
  EXPECT_TRUE(aside_becomes(agent, 0));
  EXPECT_TRUE(eventually(
      [&] { return agent.metric("homeostat_concurrency_cap_in_use{limit=\"events\"}") == 0; }));
}

TEST(EventStream, IsRefusedWhereThereAreAsManyAsMayBe) {
  HeldOrigin held("/held");
  held.origin.on("/events", [&](OriginExchange& exchange) {
    begin_events(exchange);
    exchange.alive = !exchange.reader.at_end();
  });
  RunningAgent agent(one_place(held.origin, "max_wait: 1m, streams_max: 1"));
  HttpClient stream(agent.port()), further(agent.port());
  ASSERT_TRUE(stream.send(request_text("POST", "/events")));
  ASSERT_TRUE(stream.reader.read_head().has_value());
  const Message refused = further.request("POST", "/events");
  EXPECT_EQ(refused.status(), 503);
  EXPECT_EQ(refused.get("homeostat-rejected"), "streams_full; class=2");
  EXPECT_EQ(agent.metric("homeostat_admission_rejected_total{class=\"2\",reason=\"streams_full\"}"),
            1);
  EXPECT_EQ(further.get("/page").status(), 200);
}

TEST(Tunnel, KeepsItsPlaceUnderItsCapUntilItEnds) {
  HeldOrigin held("/held");
  held.origin.on("/ws", [](OriginExchange& exchange) {
    exchange.send(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    exchange.alive = !exchange.reader.at_end();
  });
  RunningAgent agent(one_place(held.origin,
                               "max_wait: 1m, concurrency_caps: [{name: sockets, "
                               "match: {path: /ws}, max: 1}]"));
  const std::string upgrade =
      "GET /ws HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
  {
    HttpClient first(agent.port()), second(agent.port());
    ASSERT_TRUE(first.send(upgrade));
    ASSERT_EQ(first.reader.read_head().value_or(Message{}).status(), 101);
    EXPECT_TRUE(aside_becomes(agent, 1));
    ASSERT_TRUE(second.send(upgrade));
    EXPECT_EQ(second.read().get("homeostat-rejected"), "concurrency_cap; class=2; limit=sockets");
    EXPECT_EQ(agent.get("/page").status(), 200);
  }
  EXPECT_TRUE(aside_becomes(agent, 0));
  EXPECT_TRUE(eventually(
      [&] { return agent.metric("homeostat_concurrency_cap_in_use{limit=\"sockets\"}") == 0; }));
}

}  // namespace
}  // namespace homeostat::test
