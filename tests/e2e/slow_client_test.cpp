// Slow, silent and greedy clients: each is cut off, none disturbs the others.
#include <gtest/gtest.h>

#include <list>

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
  config.upstream = "timeout: 300ms, retries: 0";
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

TEST(SlowClient, ConnectionsAboveTheBoundAreRefused) {
  ScriptedOrigin origin;
  RunningAgent agent(config_of(origin, "connections_max: 4"));
  std::list<HttpClient> kept;
  for (int i = 0; i < 4; ++i) {
    kept.emplace_back(agent.port());
    ASSERT_EQ(kept.back().get("/page").status(), 200);
  }
  HttpClient refused(agent.port());
  EXPECT_TRUE(refused.closed());
  kept.pop_front();
  EXPECT_TRUE(eventually([&] { return agent.get("/page").status() == 200; }));
}

}  // namespace
}  // namespace homeostat::test
