// Switched protocols: the agent carries bytes both ways and ends with either side.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/e2e/running_agent.hpp"
#include "tests/support/waiting.hpp"

namespace homeostat::test {
namespace {

TEST(Upgrade, BytesGoBothWaysAndEachSideEndsByItself) {
  ScriptedOrigin origin;
  origin.on("/ws", [](OriginExchange& exchange) {
    EXPECT_EQ(exchange.request.get("upgrade"), "websocket");
    exchange.send(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
        "Upgrade: websocket\r\n\r\nfirst");
    const std::string heard = exchange.reader.read_to_end();  // until the client's half closes
    exchange.send("heard " + heard);
    exchange.alive = false;
  });
  RunningAgent agent(origin);
  HttpClient client(agent.port());
  ASSERT_TRUE(
      client.send("GET /ws HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\n"
                  "Upgrade: websocket\r\n\r\nearly "));
  const Message switched = client.read();
  EXPECT_EQ(switched.status(), 101);
  EXPECT_EQ(switched.get("upgrade"), "websocket");
  EXPECT_EQ(client.reader.read_exactly(5), "first");
  ASSERT_TRUE(client.send("and late"));
  client.socket.shut_down_sending();
  EXPECT_EQ(client.reader.read_to_end(), "heard early and late");
}

TEST(Upgrade, ASideThatDoesNotReadHoldsUpItsSenderAndNothingIsLost) {
  constexpr std::size_t bytes = std::size_t{64} << 20U;  // far more than sockets hold
  Signal go_on;
  ScriptedOrigin origin;
  origin.on("/ws", [&](OriginExchange& exchange) {
    exchange.send("HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
    exchange.send(std::string(bytes, 'o'));
    go_on.wait();
    EXPECT_EQ(exchange.reader.read_exactly(bytes).size(), bytes);
    exchange.send("whole");
    exchange.alive = false;
  });
  RunningAgent agent(origin);
  HttpClient client(agent.port());
  ASSERT_EQ(client.get("/ws", "Connection: Upgrade\r\nUpgrade: x\r\n").status(), 101);
  std::atomic<bool> sent{false};
  std::thread sending([&] {
    EXPECT_TRUE(client.send(std::string(bytes, 'c')));
    sent = true;
  });
  EXPECT_EQ(agent.get("/page").status(), 200);
  const std::string got = client.reader.read_exactly(bytes);
  EXPECT_EQ(got.size(), bytes);
  EXPECT_EQ(got.find_first_not_of('o'), std::string::npos);
  EXPECT_FALSE(sent) << "the agent took what the origin has no room for";
  go_on.set();
  sending.join();
  EXPECT_EQ(client.reader.read_to_end(), "whole");
}

TEST(Upgrade, EndsForTheClientWhenTheOriginResets) {
  ScriptedOrigin origin;
  origin.on("/ws", [](OriginExchange& exchange) {
    exchange.send("HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
    EXPECT_EQ(exchange.reader.read_exactly(2), "go");
    exchange.socket.reset();
    exchange.alive = false;
  });
  RunningAgent agent(origin);
  HttpClient client(agent.port());
  ASSERT_EQ(client.get("/ws", "Connection: Upgrade\r\nUpgrade: x\r\n").status(), 101);
  ASSERT_TRUE(client.send("go"));
  EXPECT_EQ(client.reader.read_to_end(), "");
  EXPECT_NE(client.reader.last(), Socket::Received::timeout);
  EXPECT_EQ(agent.get("/page").status(), 200);
}

TEST(Upgrade, TheTotalTimeoutEndsATunnel) {
  ScriptedOrigin origin;
  origin.on("/ws", [](OriginExchange& exchange) {
    exchange.send("HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
    exchange.alive = !exchange.reader.at_end();
  });
  AgentConfig config = config_for(origin);
  config.server = "total_timeout: 1s";
  RunningAgent agent(config);
  HttpClient client(agent.port());
  ASSERT_EQ(client.get("/ws", "Connection: Upgrade\r\nUpgrade: x\r\n").status(), 101);
  EXPECT_EQ(client.reader.read_to_end(), "");
  EXPECT_NE(client.reader.last(), Socket::Received::timeout);
}

TEST(Upgrade, ARefusedUpgradeIsAnOrdinaryResponse) {
  ScriptedOrigin origin;
  RunningAgent agent(origin);
  HttpClient client(agent.port());
  const Message answer = client.get("/page", "Connection: Upgrade\r\nUpgrade: websocket\r\n");
  EXPECT_EQ(answer.status(), 200);
  EXPECT_EQ(answer.body, "hello");
  EXPECT_EQ(client.get("/page").body, "hello");
}

}  // namespace
}  // namespace homeostat::test
