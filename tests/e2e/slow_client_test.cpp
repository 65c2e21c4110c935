// Slow, silent and greedy clients: each is cut off, none disturbs the others.
#include <gtest/gtest.h>

#include <atomic>
#include <list>
#include <thread>

#include "tests/e2e/running_agent.hpp"
#include "tests/support/waiting.hpp"

namespace homeostat::test {
namespace {

AgentConfig config_of(const ScriptedOrigin& origin, const std::string& server) {
  AgentConfig config = config_for(origin);
  config.server = server;
  return config;
}

TEST(SlowClient, AHeadThatDoesNotEndIsAnsweredWith408) {
  ScriptedOrigin origin;
  RunningAgent agent(config_of(origin, "header_timeout: 1s"));
  HttpClient client(agent.port());
  ASSERT_TRUE(client.send("GET / HTTP/1.1\r\nHost: te"));
  EXPECT_EQ(agent.get("/page").status(), 200);
  const Message answer = client.read();
  EXPECT_EQ(answer.status(), 408);
  EXPECT_EQ(answer.get("connection"), "close");
  EXPECT_TRUE(client.closed());
}

TEST(SlowClient, ABodyThatStallsIsAnsweredWith408) {
  ScriptedOrigin origin;
  origin.on("/up", [](OriginExchange& exchange) {
    (void)exchange.body();
    exchange.alive = false;
  });
  RunningAgent agent(config_of(origin, "body_timeout: 1s"));
  HttpClient client(agent.port());
  ASSERT_TRUE(client.send("POST /up HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\nhalf"));
  EXPECT_EQ(client.read().status(), 408);
  EXPECT_TRUE(client.closed());
}

TEST(SlowClient, ABodyThatDripsIsAnsweredWith408ThoughItNeverStalls) {
  ScriptedOrigin origin;
  origin.on("/up", [](OriginExchange& exchange) {
    (void)exchange.body();
    exchange.alive = false;
  });
  RunningAgent agent(config_of(origin, "body_rate_min: 4KiB, body_timeout: 1m"));
  HttpClient dripping(agent.port());
  ASSERT_TRUE(dripping.send("POST /up HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\n"));
  std::atomic<bool> answered{false};
  Message answer;
  std::thread reading([&] {
    answer = dripping.read();
    answered = true;
  });
  // One byte at a time, for longer than the grace of every body.
  EXPECT_TRUE(
      eventually([&] { return answered || !dripping.send("x"); }, std::chrono::seconds(40)));
  reading.join();
  EXPECT_EQ(answer.status(), 408);
  EXPECT_EQ(agent.get("/page").status(), 200);
}

TEST(SlowClient, AnUploadMayTakeLongerThanTheUpstreamsTimeToAnswer) {
  Signal received;
  ScriptedOrigin origin;
  origin.on("/up", [&](OriginExchange& exchange) {
    const std::string half = exchange.reader.read_exactly(4);
    received.set();
    exchange.body_read = true;
    exchange.respond(200, "", half + exchange.reader.read_exactly(4));
  });
  // Another request that times out shows that the upload outlived the limit.
  origin.on("/silent",
            [](OriginExchange& exchange) { exchange.alive = !exchange.reader.at_end(); });
  AgentConfig config = config_of(origin, "");
  config.upstream = "timeout: 1s, retries: 0";
  RunningAgent agent(config);
  HttpClient client(agent.port());
  ASSERT_TRUE(client.send("POST /up HTTP/1.1\r\nHost: test\r\nContent-Length: 8\r\n\r\nslow"));
  ASSERT_TRUE(received.wait());
  EXPECT_EQ(agent.get("/silent").status(), 504);
  EXPECT_EQ(agent.get("/silent").status(), 504);
  ASSERT_TRUE(client.send("fast"));
  EXPECT_EQ(client.read().body, "slowfast");
}

TEST(SlowClient, AClientThatDoesNotReadIsCutOffAndHurtsNobody) {
  Signal ended;
  ScriptedOrigin origin;
  origin.on("/endless", [&](OriginExchange& exchange) {
    exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    const std::string chunk = "10000\r\n" + std::string(65536, 'x') + "\r\n";
    while (exchange.alive) exchange.send(chunk);
    ended.set();
  });
  AgentConfig config = config_of(origin, "write_timeout: 1s");
  config.workers = 1;
  RunningAgent agent(config);
  HttpClient lazy(connect_tcp(agent.port(), 4096));
  ASSERT_TRUE(lazy.send(request_text("GET", "/endless")));
  for (int i = 0; i < 20; ++i) EXPECT_EQ(agent.get("/page").status(), 200);
  EXPECT_TRUE(ended.wait()) << "the upstream transfer ends with the client";
  EXPECT_EQ(agent.metric("homeostat_client_write_timeouts_total"), 1);
  EXPECT_EQ(agent.get("/page").status(), 200);
}

TEST(SlowClient, AReaderOfAStoredObjectIsCutOffToo) {
  ScriptedOrigin origin;
  origin.answer("/big", 200, "Cache-Control: max-age=60\r\n", std::string(8 << 20, 'b'));
  AgentConfig config = config_of(origin, "write_timeout: 1s");
  config.workers = 1;
  RunningAgent agent(config);
  ASSERT_EQ(agent.get("/big").body.size(), 8U << 20);
  HttpClient lazy(connect_tcp(agent.port(), 4096));
  ASSERT_TRUE(lazy.send(request_text("GET", "/big")));
  EXPECT_EQ(agent.get("/big").body.size(), 8U << 20);
  EXPECT_TRUE(eventually([&] { return agent.get("/page").status() == 200; }));
  std::optional<Message> head = lazy.reader.read_head();
  ASSERT_TRUE(head.has_value());
  // What the kernel held arrives; reading on only after the cut would show it.
  EXPECT_TRUE(
      eventually([&] { return agent.metric("homeostat_client_write_timeouts_total") >= 1; }));
}

TEST(SlowClient, AnIdleConnectionIsClosed) {
  ScriptedOrigin origin;
  RunningAgent agent(config_of(origin, "idle_timeout: 1s"));
  HttpClient fresh(agent.port());
  HttpClient used(agent.port());
  EXPECT_EQ(used.get("/page").status(), 200);
  EXPECT_TRUE(fresh.closed());
  EXPECT_TRUE(used.closed());
}

TEST(SlowClient, TheTotalTimeoutEndsARequestThatDrips) {
  Signal client_done;
  ScriptedOrigin origin;
  origin.on("/drip", [&](OriginExchange& exchange) {
    exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ndrop");
    exchange.alive = false;
    client_done.wait();
  });
  RunningAgent agent(config_of(origin, "total_timeout: 1s"));
  HttpClient client(agent.port());
  const Message answer = client.get("/drip");
  EXPECT_EQ(client.reader.last(), Socket::Received::reset);
  client_done.set();
  EXPECT_EQ(answer.status(), 200);
  EXPECT_FALSE(answer.complete);
}

TEST(SlowClient, TheTotalTimeoutBeforeAnAnswerIs504AndTheConnectionGoesOn) {
  ScriptedOrigin origin;
  origin.on("/silent",
            [](OriginExchange& exchange) { exchange.alive = !exchange.reader.at_end(); });
  RunningAgent agent(config_of(origin, "total_timeout: 1s"));
  HttpClient client(agent.port());
  for (const char* method : {"POST", "GET"}) {  // passed, and a fill
    EXPECT_EQ(client.request(method, "/silent").status(), 504) << method;
    EXPECT_EQ(client.get("/page").status(), 200) << method;
  }
}

TEST(SlowClient, TheTotalTimeoutOfAnUploadIs408) {
  ScriptedOrigin origin;
  origin.on("/up", [](OriginExchange& exchange) {
    (void)exchange.body();
    exchange.alive = false;
  });
  RunningAgent agent(config_of(origin, "total_timeout: 1s, body_timeout: 1m"));
  HttpClient client(agent.port());
  ASSERT_TRUE(client.send("POST /up HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\nhalf"));
  EXPECT_EQ(client.read().status(), 408);
  EXPECT_TRUE(client.closed());
}

TEST(SlowClient, ConnectionsAboveTheBoundAreRefusedWhileAllAreBusy) {
  ScriptedOrigin origin;
  RunningAgent agent(config_of(origin, "connections_max: 4"));
  std::list<HttpClient> busy;
  for (int i = 0; i < 4; ++i) {
    busy.emplace_back(agent.port());
    ASSERT_EQ(busy.back().get("/page").status(), 200);
    ASSERT_TRUE(busy.back().send("GET /page HTTP/1.1\r\nHost: te"));
  }
  HttpClient refused(agent.port());
  EXPECT_TRUE(refused.closed());
  busy.pop_front();
  EXPECT_TRUE(eventually([&] { return agent.get("/page").status() == 200; }));
}

TEST(SlowClient, ANewcomerAtTheBoundTakesThePlaceOfWhoIsIdle) {
  ScriptedOrigin origin;
  AgentConfig config = config_of(origin, "connections_max: 4");
  config.workers = 1;
  RunningAgent agent(config);
  std::list<HttpClient> idle;
  for (int i = 0; i < 4; ++i) ASSERT_EQ(idle.emplace_back(agent.port()).get("/page").status(), 200);
  EXPECT_TRUE(eventually([&] { return agent.get("/page").status() == 200; }));
  EXPECT_TRUE(idle.front().closed()) << "the one that was idle for longest is among them";
  EXPECT_GE(agent.metric("homeostat_client_idle_closed_total"), 1);
}

TEST(SlowClient, ADeadlineThatPassesWhileTheBodyIsAwaitedIsTheClientsFault) {
  ScriptedOrigin origin;
  AgentConfig config = config_of(origin, "");
  config.admission = "mode: on, deadlines: {fields: [{name: X-Timeout, format: milliseconds}]}";
  RunningAgent agent(config);
  HttpClient client(agent.port());
  ASSERT_TRUE(
      client.send("POST /page HTTP/1.1\r\nHost: test\r\nX-Timeout: 100\r\n"
                  "Content-Length: 10\r\n\r\nhalf"));
  EXPECT_EQ(client.read().status(), 408);
  EXPECT_EQ(agent.metric("homeostat_deadlines_missed_total"), 0);
}

TEST(RequestMemory, BoundsWhatUnfinishedRequestsHold) {
  ScriptedOrigin origin;
  origin.answer("/kept", 200, "Cache-Control: max-age=60\r\n", "kept");
  AgentConfig config = config_of(origin, "request_memory: 1MiB");
  config.workers = 1;
  RunningAgent agent(config);
  ASSERT_EQ(agent.get("/kept").status(), 200);
  std::list<HttpClient> slow;
  Message refused;
  // 4 KiB each: 256 of them fill it.
  for (int i = 0; i < 300 && refused.status() == 0; ++i) {
    ASSERT_TRUE(slow.emplace_back(agent.port()).send("GET / HTTP/1.1\r\nHost: te"));
    if (i < 250) continue;
    HttpClient other(agent.port());
    ASSERT_TRUE(other.send(request_text("GET", "/kept")));
    const Message answer = other.read();
    if (answer.status() != 200) refused = answer;
  }
  EXPECT_EQ(refused.status(), 503);
  EXPECT_EQ(refused.get("connection"), "close");
  EXPECT_GE(agent.metric("homeostat_client_memory_refusals_total"), 1);
  slow.clear();
  EXPECT_TRUE(eventually([&] { return agent.get("/page").status() == 200; }));
}

TEST(RequestMemory, IdleTunnelsAndStreamsHoldNone) {
  ScriptedOrigin origin;
  origin.on("/ws", [](OriginExchange& exchange) {
    exchange.send("HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nhi");
    exchange.send(exchange.reader.read_exactly(4));
    exchange.alive = false;
  });
  origin.on("/events", [](OriginExchange& exchange) {
    exchange.send(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        "2\r\nhi\r\n");
    exchange.alive = !exchange.reader.at_end();
  });
  AgentConfig config = config_of(origin, "request_memory: 1MiB");
  config.workers = 1;
  RunningAgent agent(config);
  std::list<HttpClient> tunnels, streams;
  for (int i = 0; i < 20; ++i) {  // at 128 KiB and 64 KiB each, far more than there is
    HttpClient& tunnel = tunnels.emplace_back(agent.port());
    ASSERT_EQ(tunnel.get("/ws", "Connection: Upgrade\r\nUpgrade: x\r\n").status(), 101) << i;
    ASSERT_EQ(tunnel.reader.read_exactly(2), "hi");
    ASSERT_TRUE(streams.emplace_back(agent.port()).send(request_text("POST", "/events")));
    ASSERT_EQ(streams.back().read(true).status(), 200) << i;
  }
  EXPECT_EQ(agent.get("/page").status(), 200);
  EXPECT_EQ(agent.metric("homeostat_client_memory_refusals_total"), 0);
  for (HttpClient& tunnel : tunnels) {
    ASSERT_TRUE(tunnel.send("ping"));
    EXPECT_EQ(tunnel.reader.read_to_end(), "ping");
  }
}

TEST(RequestMemory, WhoAnnouncesABodyAndDoesNotSendItHoldsNone) {
  ScriptedOrigin origin;
  origin.on("/up", [](OriginExchange& exchange) {
    exchange.respond(200, "", std::to_string(exchange.body().size()));
  });
  AgentConfig config = config_of(origin, "request_memory: 1MiB");
  config.workers = 1;
  RunningAgent agent(config);
  std::list<HttpClient> slow;
  for (int i = 0; i < 30; ++i) {
    ASSERT_TRUE(slow.emplace_back(agent.port())
                    .send("POST /up HTTP/1.1\r\nHost: test\r\nContent-Length: 200000\r\n\r\nx"));
  }
  ASSERT_TRUE(origin.wait_for_requests("/up", 30));
  EXPECT_EQ(agent.get("/page").status(), 200);
  const std::string rest(199'999, 'y');
  for (HttpClient& client : slow) {
    ASSERT_TRUE(client.send(rest));
    EXPECT_EQ(client.read().body, "200000");
  }
}

TEST(RequestMemory, WhatIsStoredIsServedWhateverBodiesHold) {
  ScriptedOrigin origin;
  origin.answer("/kept", 200, "Cache-Control: max-age=60\r\n", "kept");
  AgentConfig config = config_of(origin, "request_memory: 1MiB");
  config.cache = "rules: [{match: {path: /query, methods: [POST]}, post: true, ttl: 1m}]";
  config.workers = 1;
  RunningAgent agent(config);
  ASSERT_EQ(agent.get("/kept").body, "kept");
  std::list<HttpClient> slow;
  const std::string head = "POST /query HTTP/1.1\r\nHost: test\r\nContent-Length: ";
  for (int i = 0; i < 3; ++i) {  // collected for their keys: three quarters and more are gone
    ASSERT_TRUE(slow.emplace_back(agent.port()).send(head + "262144\r\n\r\nx"));
  }
  EXPECT_TRUE(eventually([&] {
    slow.emplace_back(agent.port()).send(head + "65536\r\n\r\nx");
    return agent.get("/page").status() == 503;
  }));
  EXPECT_EQ(agent.get("/kept").body, "kept");
  EXPECT_EQ(agent.get("/kept").body, "kept");
}

TEST(RequestMemory, PassesBodiesUncollectedWhereThereIsNoRoomForThem) {
  ScriptedOrigin origin;
  origin.on("/query", [](OriginExchange& exchange) {
    exchange.respond(200, "", std::to_string(exchange.body().size()));
  });
  AgentConfig config = config_of(origin, "request_memory: 1100KiB");
  config.cache = "rules: [{match: {path: /query, methods: [POST]}, post: true, ttl: 1m}]";
  config.workers = 1;
  RunningAgent agent(config);
  const std::string half(std::size_t{128} * 1024, 'x');
  const std::string head = "POST /query HTTP/1.1\r\nHost: test\r\nContent-Length: 262144\r\n\r\n";
  std::list<HttpClient> slow;
  // Three of them are collected, each 256 KiB and the buffers it is read with.
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(slow.emplace_back(agent.port()).send(head + half));
  ASSERT_TRUE(origin.wait_for_requests("/query", 1)) << "the fourth is not collected";
  for (HttpClient& client : slow) {
    ASSERT_TRUE(client.send(half));
    EXPECT_EQ(client.read().body, "262144");
  }
}

}  // namespace
}  // namespace homeostat::test
