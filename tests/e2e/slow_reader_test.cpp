// Clients that take their response a byte at a time: whatever they read (a
// stored object, a fill that is stored, one that is not, a passed response), no
// other request waits for them, and their own time is bounded.
#include <gtest/gtest.h>

#include "tests/e2e/running_agent.hpp"
#include "tests/support/waiting.hpp"

namespace homeostat::test {
namespace {

constexpr std::size_t mebibyte = 1024 * 1024;
constexpr const char* write_timeouts = "homeostat_client_write_timeouts_total";

/// Reads its response byte by byte, only when it is told to.
class Dripper {
 public:
  Dripper(const RunningAgent& agent, std::string_view target)
      : client_(connect_tcp(agent.port(), 4096)) {
    EXPECT_TRUE(client_.send(request_text("GET", target)));
  }
  /// False once the agent has cut it off.
  bool drip(std::size_t bytes = 1) {
    std::string taken;
    return client_.socket.receive(taken, bytes) == Socket::Received::bytes;
  }
  std::optional<Message> head() { return client_.reader.read_head(); }
  /// Reads what is on its way, and how it ended.
  Socket::Received drain() {
    (void)client_.reader.read_to_end();
    return client_.reader.last();
  }

 private:
  HttpClient client_;
};

AgentConfig config_of(const ScriptedOrigin& origin, const std::string& server = {}) {
  AgentConfig config = config_for(origin);
  config.server = server;
  config.workers = 1;  // whoever waits for anybody waits for the dripper
  return config;
}

void send_chunks(OriginExchange& exchange, std::size_t bytes) {
  const std::string chunk = "10000\r\n" + std::string(65536, 'x') + "\r\n";
  for (std::size_t sent = 0; sent < bytes && exchange.alive; sent += 65536) exchange.send(chunk);
}

TEST(SlowReader, OfAStoredObjectHoldsUpNobody) {
  ScriptedOrigin origin;
  origin.answer("/big", 200, "Cache-Control: max-age=60\r\n", std::string(8 * mebibyte, 'b'));
  RunningAgent agent(config_of(origin));
  ASSERT_EQ(agent.get("/big").body_bytes, 8 * mebibyte);
  Dripper dripper(agent, "/big");
  for (int i = 0; i < 30; ++i) {
    ASSERT_TRUE(dripper.drip());
    ASSERT_EQ(agent.get("/page").status(), 200);
  }
  EXPECT_EQ(agent.get("/big").body_bytes, 8 * mebibyte);
  EXPECT_EQ(origin.requests("/big"), 1U);
  EXPECT_TRUE(dripper.drip());
}

TEST(SlowReader, OfAFillThatIsStoredHoldsUpNeitherFollowersNorTheStore) {
  Signal joined;
  ScriptedOrigin origin;
  origin.on("/big", [&](OriginExchange& exchange) {
    exchange.send(
        "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 8388608\r\n\r\nb");
    exchange.alive = joined.wait();
    exchange.send(std::string(8 * mebibyte - 1, 'b'));
  });
  RunningAgent agent(config_of(origin));
  Dripper dripper(agent, "/big");
  ASSERT_TRUE(dripper.drip());  // the fill is its own
  HttpClient follower(agent.port());
  ASSERT_TRUE(follower.send(request_text("GET", "/big")));
  std::optional<Message> head = follower.reader.read_head();
  ASSERT_TRUE(head.has_value());
  EXPECT_NE(head->get("cache-status").find("collapsed"), std::string::npos);
  joined.set();
  follower.reader.read_response_body(*head);
  EXPECT_TRUE(head->complete);
  EXPECT_EQ(head->body_bytes, 8 * mebibyte);
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(dripper.drip());
    const Message hit = agent.get("/big");
    EXPECT_EQ(hit.body_bytes, 8 * mebibyte);
    EXPECT_NE(hit.get("cache-status").find("hit"), std::string::npos);
  }
  EXPECT_EQ(origin.requests("/big"), 1U);
}

class SharedStream : public ::testing::Test {
 protected:
  SharedStream() {
    origin_.on("/stream", [this](OriginExchange& exchange) {
      exchange.send(
          "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n");
      exchange.send("1\r\nx\r\n");
      exchange.alive = joined_.wait();
      send_chunks(exchange, total);
      exchange.send("0\r\n\r\n");
      ended_.set();
    });
  }

  AgentConfig config(const std::string& server = {}) {
    AgentConfig config = config_of(origin_, server);
    config.cache = "memory: 8MiB, object_bytes_max: 1MiB";
    return config;
  }

  static constexpr std::size_t total = 32 * mebibyte;
  Signal joined_, ended_;  // outlive the origin's threads
  ScriptedOrigin origin_;
};

TEST_F(SharedStream, ASlowReaderIsCutOffAndAFastOneGetsEverything) {
  RunningAgent agent(config());
  Dripper dripper(agent, "/stream");
  ASSERT_TRUE(dripper.drip());
  HttpClient fast(agent.port());
  ASSERT_TRUE(fast.send(request_text("GET", "/stream")));
  std::optional<Message> head = fast.reader.read_head();
  ASSERT_TRUE(head.has_value());
  ASSERT_NE(head->get("cache-status").find("collapsed"), std::string::npos);
  joined_.set();
  fast.reader.read_response_body(*head, false, [&](std::string_view) {});
  EXPECT_TRUE(head->complete);
  EXPECT_EQ(head->body_bytes, total + 1);
  EXPECT_EQ(agent.metric("homeostat_cache_readers_cut_off_total"), 1);
  EXPECT_EQ(dripper.drain(), Socket::Received::reset) << "a cut body never looks whole";
  EXPECT_EQ(origin_.requests("/stream"), 1U);
  EXPECT_EQ(agent.get("/page").status(), 200);
}

TEST_F(SharedStream, ASlowReaderAloneSetsThePaceAndOthersGoOn) {
  RunningAgent agent(config());
  Dripper dripper(agent, "/stream");
  joined_.set();
  for (int i = 0; i < 30; ++i) {
    ASSERT_TRUE(dripper.drip());
    ASSERT_EQ(agent.get("/page").status(), 200);
  }
  // The beginning is gone or will be: whoever comes now gets a transfer of his own.
  EXPECT_TRUE(eventually([&] { return agent.get("/stream").body_bytes == total + 1; }));
}

TEST_F(SharedStream, AReaderThatStopsIsCutOffAndTheTransferEnds) {
  RunningAgent agent(config("write_timeout: 1s"));
  Dripper dripper(agent, "/stream");
  ASSERT_TRUE(dripper.drip());
  joined_.set();
  EXPECT_TRUE(ended_.wait()) << "nobody reads: the upstream transfer ends, too";
  EXPECT_EQ(agent.metric(write_timeouts), 1);
  EXPECT_EQ(dripper.drain(), Socket::Received::reset);
}

TEST(SlowReader, OfAPassedResponseHoldsUpNobody) {
  ScriptedOrigin origin;
  origin.answer("/pass", 200, "Cache-Control: no-store\r\n", std::string(8 * mebibyte, 'p'));
  RunningAgent agent(config_of(origin));
  Dripper dripper(agent, "/pass");
  for (int i = 0; i < 30; ++i) {
    ASSERT_TRUE(dripper.drip());
    ASSERT_EQ(agent.get("/page").status(), 200);
  }
  EXPECT_EQ(agent.get("/pass").body_bytes, 8 * mebibyte);
  EXPECT_TRUE(dripper.drip());
}

/// A stored object of 16 MiB, of which slow readers take little.
class SlowRate : public ::testing::Test {
 protected:
  SlowRate() {
    origin_.answer("/huge", 200, "Cache-Control: max-age=600\r\n", std::string(16 * mebibyte, 'h'));
  }
  AgentConfig config(const std::string& server) {
    AgentConfig config = config_of(origin_, server);
    config.cache = "memory: 128MiB, object_bytes_max: 32MiB";
    return config;
  }
  ScriptedOrigin origin_;
};

TEST_F(SlowRate, SteadyReadingAboveTheMinimumOutlivesTheTimeout) {
  RunningAgent agent(config("write_timeout: 2s"));
  ASSERT_EQ(agent.get("/huge").body_bytes, 16 * mebibyte);
  Dripper steady(agent, "/huge");
  // Two clients that read nothing, one after the other, show the time that passed.
  for (int cut = 1; cut <= 2; ++cut) {
    Dripper silent(agent, "/huge");
    ASSERT_TRUE(eventually([&] {
      EXPECT_TRUE(steady.drip(4096));
      return agent.metric(write_timeouts) >= cut;
    }));
  }
  EXPECT_TRUE(steady.drip(4096));
  EXPECT_EQ(agent.metric(write_timeouts), 2);
}

TEST_F(SlowRate, SteadyReadingBelowTheMinimumIsCutOff) {
  RunningAgent agent(config("write_timeout: 1s, send_rate_min: 1MiB"));
  ASSERT_EQ(agent.get("/huge").body_bytes, 16 * mebibyte);
  Dripper dripper(agent, "/huge");
  EXPECT_TRUE(eventually([&] {
    (void)dripper.drip(4096);  // some 200 KiB a second
    return agent.metric(write_timeouts) == 1;
  }));
  EXPECT_EQ(dripper.drain(), Socket::Received::reset);
}

}  // namespace
}  // namespace homeostat::test
