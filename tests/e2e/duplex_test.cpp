// Request and response bodies at the same time: each direction has a deadline
// of its own, and each party only its own.
#include <gtest/gtest.h>

#include <optional>

#include "tests/e2e/running_agent.hpp"
#include "tests/support/waiting.hpp"

namespace homeostat::test {
namespace {

/// Answers before it has the body, then whatever the test does with the rest.
class Duplex : public ::testing::Test {
 protected:
  AgentConfig config(const std::string& server, const std::string& upstream = "retries: 0") {
    AgentConfig config = config_for(origin_);
    config.server = server;
    config.upstream = upstream;
    return config;
  }
  /// Begins an upload of eight bytes with the first four.
  static bool begin(HttpClient& client) {
    return client.send("POST /both HTTP/1.1\r\nHost: test\r\nContent-Length: 8\r\n\r\nslow");
  }
  /// Several megabytes that fit in no buffer on the way, and the rest later.
  static void send_much(OriginExchange& exchange) {
    exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    const std::string chunk = "10000\r\n" + std::string(65536, 'x') + "\r\n";
    for (std::size_t sent = 0; sent < much && exchange.alive; sent += 65536) exchange.send(chunk);
  }
  static std::size_t read_much(HttpClient& client) {
    std::size_t bytes = 0;
    while (bytes < much) {  // the agent frames anew
      const std::size_t more = client.reader.read_chunk().size();
      if (more == 0) break;
      bytes += more;
    }
    return bytes;
  }
  /// A client that never reads is cut off: at least write_timeout has passed.
  static bool wait_for_write_timeout(const RunningAgent& agent, ScriptedOrigin& origin) {
    origin.on("/unread", [](OriginExchange& exchange) { send_much(exchange); });
    const double before = agent.metric("homeostat_client_write_timeouts_total");
    HttpClient lazy(connect_tcp(agent.port(), 4096));
    return lazy.send(request_text("GET", "/unread")) && eventually([&] {
             return agent.metric("homeostat_client_write_timeouts_total") > before;
           });
  }

  static constexpr std::size_t much = 256 * 65536;
  ScriptedOrigin origin_;
};

TEST_F(Duplex, AClientThatReadsWellMaySendItsBodyLate) {
  origin_.on("/both", [](OriginExchange& exchange) {
    send_much(exchange);
    const std::string& body = exchange.body();
    exchange.send("8\r\n" + body + "\r\n0\r\n\r\n");
  });
  RunningAgent agent(config("write_timeout: 2s, body_timeout: 1m"));
  HttpClient client(connect_tcp(agent.port(), 4096));
  ASSERT_TRUE(begin(client));
  ASSERT_TRUE(client.reader.read_head().has_value());
  ASSERT_EQ(read_much(client), much);  // waited for more than once, then not any more
  ASSERT_TRUE(wait_for_write_timeout(agent, origin_));
  ASSERT_TRUE(client.send("late"));
  EXPECT_EQ(client.reader.read_chunk(), "slowlate");
}

TEST_F(Duplex, AConnectionWhoseEndWasAnnouncedEndsWhateverComes) {
  origin_.on("/both", [](OriginExchange& exchange) {
    exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no");
    (void)exchange.body();
    exchange.send("k");
  });
  RunningAgent agent(config(""));
  HttpClient client(agent.port());
  ASSERT_TRUE(begin(client));
  std::optional<Message> head = client.reader.read_head();
  ASSERT_TRUE(head.has_value());
  EXPECT_EQ(head->get("connection"), "close");
  ASSERT_TRUE(client.send("rest"));
  client.reader.read_response_body(*head);
  EXPECT_EQ(head->body, "ok");
  (void)client.send(request_text("GET", "/page"));
  EXPECT_TRUE(client.closed());
  EXPECT_EQ(origin_.requests("/page"), 0U);
}

TEST_F(Duplex, AClientThatStopsSendingIsLateEvenIfItAlsoStopsReading) {
  Signal ended;
  origin_.on("/both", [&](OriginExchange& exchange) {
    send_much(exchange);
    (void)exchange.body();
    exchange.alive = false;
    ended.set();
  });
  RunningAgent agent(config("write_timeout: 1h, body_timeout: 1s"));
  HttpClient client(connect_tcp(agent.port(), 4096));
  ASSERT_TRUE(begin(client));
  EXPECT_TRUE(ended.wait());
  EXPECT_EQ(agent.metric("homeostat_client_body_timeouts_total"), 1);
  EXPECT_EQ(agent.metric("homeostat_client_write_timeouts_total"), 0);
}

TEST_F(Duplex, AnUpstreamThatWaitsForTheBodyIsNotLateWithItsAnswer) {
  origin_.on("/both", [](OriginExchange& exchange) {
    exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n" +
                  exchange.reader.read_exactly(4) + "\r\n");
    exchange.body_read = true;
    exchange.send("4\r\n" + exchange.reader.read_exactly(4) + "\r\n0\r\n\r\n");
    exchange.alive = false;
  });
  origin_.on("/stalls", [](OriginExchange& exchange) {
    exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    exchange.alive = !exchange.reader.at_end();
  });
  RunningAgent agent(config("", "retries: 0, body_timeout: 1s"));
  HttpClient client(agent.port());
  ASSERT_TRUE(begin(client));
  ASSERT_TRUE(client.reader.read_head().has_value());
  EXPECT_EQ(client.reader.read_chunk(), "slow");
  // Others that do stall show that its time would have been over.
  EXPECT_FALSE(agent.get("/stalls").complete);
  EXPECT_FALSE(agent.get("/stalls").complete);
  ASSERT_TRUE(client.send("fast"));
  EXPECT_EQ(client.reader.read_chunk(), "fast");
}

TEST_F(Duplex, AnUpstreamThatTakesNoMoreOfTheBodyIsLate) {
  Signal ended;
  origin_.on("/both", [&](OriginExchange& exchange) {
    exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n");
    ended.wait();
    exchange.alive = false;
  });
  RunningAgent agent(config("", "retries: 0, body_timeout: 500ms"));
  HttpClient client(agent.port());
  ASSERT_TRUE(
      client.send("POST /both HTTP/1.1\r\nHost: test\r\nContent-Length: 100000000\r\n\r\n"));
  ASSERT_TRUE(client.reader.read_head().has_value());
  EXPECT_EQ(client.reader.read_chunk(), "x");
  const std::string block(65536, 'b');
  while (client.send(block)) {  // until the agent gives the upstream up
  }
  ended.set();
  EXPECT_TRUE(eventually([&] { return agent.metric("homeostat_upstream_timeouts_total") == 1; }));
}

}  // namespace
}  // namespace homeostat::test
