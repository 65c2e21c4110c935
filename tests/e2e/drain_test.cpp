// SIGTERM under traffic: whoever was not told that his connection closes loses nothing.
#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <thread>
#include <vector>

#include "tests/e2e/running_agent.hpp"
#include "tests/support/child_process.hpp"
#include "tests/support/waiting.hpp"

namespace homeostat::test {
namespace {

constexpr const char* kept = "Cache-Control: max-age=60\r\n";

class Drain : public testing::Test {
 protected:
  Drain() { origin_.answer("/kept", 200, kept, "kept"); }

  AgentConfig config(const std::string& server) {
    AgentConfig config = config_for(origin_);
    config.server = server;
    return config;
  }
  /// Until nobody can connect any more.
  static bool refuses(std::uint16_t port) {
    return eventually([&] { return !connect_tcp(port).is_open(); });
  }

  ScriptedOrigin origin_;
};

TEST_F(Drain, BusyClientsAreToldBeforeTheirConnectionCloses) {
  constexpr int clients = 16;
  RunningAgent agent(config("drain_grace: 10s"), true);
  const std::uint16_t port = agent.port();
  std::atomic<int> begun{0}, served{0}, told{0}, lost{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < clients; ++i) {
    threads.emplace_back([&, i] {
      HttpClient client(port);
      for (int turn = i;; ++turn) {
        const Message answer =
            turn % 4 == 0 ? client.request("POST", "/page") : client.get("/kept");
        if (answer.status() != 200 || !answer.complete) {
          ++lost;
          return;
        }
        if (turn == i) ++begun;
        ++served;
        if (answer.get("connection") != "close") continue;
        ++told;
        EXPECT_TRUE(client.closed());
        return;
      }
    });
  }
  EXPECT_TRUE(eventually([&] { return begun == clients && served > 20 * clients; }));
  ASSERT_EQ(std::raise(SIGTERM), 0);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(lost, 0);
  EXPECT_EQ(told, clients);
  agent.join();  // by itself
}

/// Clients that come one after the other until they are refused.
class Newcomers {
 public:
  template <class Connect>
  void come(int many, Connect connect) {
    for (int i = 0; i < many; ++i) {
      threads_.emplace_back([this, connect] {
        for (;;) {
          HttpClient client(connect());
          if (!client.socket.is_open()) return;
          if (client.get("/kept").body == "kept") {
            ++served_;
          } else {
            ++lost_;
          }
        }
      });
    }
    EXPECT_TRUE(eventually([&] { return served_ > 20 * many; }));
  }
  [[nodiscard]] int lost() {
    for (std::thread& thread : threads_) thread.join();
    return lost_;
  }

 private:
  std::atomic<int> served_{0}, lost_{0};
  std::vector<std::thread> threads_;
};

TEST_F(Drain, WhoIsConnectedIsServedAndWhoIsNotIsRefused) {
  RunningAgent agent(config("drain_grace: 10s"), true);
  Newcomers newcomers;
  newcomers.come(8, [port = agent.port()] { return connect_tcp(port); });
  ASSERT_EQ(std::raise(SIGTERM), 0);
  EXPECT_EQ(newcomers.lost(), 0);
  agent.join();
}

TEST_F(Drain, TheSameHoldsForAUnixSocket) {
  const TemporaryDirectory directory;
  AgentConfig unix_config = config("drain_grace: 10s");
  const std::string path = directory.path() + "/agent.sock";
  unix_config.listen = "unix:" + path;
  RunningAgent agent(unix_config, true);
  Newcomers newcomers;
  newcomers.come(4, [path] { return connect_unix(path); });
  ASSERT_EQ(std::raise(SIGTERM), 0);
  EXPECT_EQ(newcomers.lost(), 0);
  agent.join();
}

TEST_F(Drain, AConnectionThatWasBusyMayAskOnceMore) {
  RunningAgent agent(config("drain_grace: 1m"), true);
  const std::uint16_t port = agent.port();
  HttpClient client(port);
  ASSERT_EQ(client.get("/kept").get("connection"), "");
  ASSERT_EQ(std::raise(SIGTERM), 0);
  ASSERT_TRUE(refuses(port));
  const Message last = client.get("/kept");
  EXPECT_EQ(last.body, "kept");
  EXPECT_EQ(last.get("connection"), "close");
  EXPECT_TRUE(client.closed());
  agent.join();
}

TEST_F(Drain, OneThatSaysNothingMoreIsClosedAfterTheGrace) {
  RunningAgent agent(config("drain_grace: 200ms, drain_timeout: 1h"), true);
  HttpClient served(agent.port());
  HttpClient silent(agent.port());
  ASSERT_EQ(served.get("/kept").status(), 200);
  ASSERT_EQ(std::raise(SIGTERM), 0);
  EXPECT_TRUE(served.closed());
  EXPECT_TRUE(silent.closed());
  agent.join();
}

TEST_F(Drain, AResponseThatBeganBeforeIsNotTheLastOfItsConnection) {
  Signal go_on;
  origin_.on("/long", [&](OriginExchange& exchange) {
    exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf");
    go_on.wait();
    exchange.send("half");
  });
  RunningAgent agent(config("drain_grace: 1m"), true);
  const std::uint16_t port = agent.port();
  HttpClient client(port);
  ASSERT_TRUE(client.send(request_text("POST", "/long")));
  auto head = client.reader.read_head();
  ASSERT_TRUE(head.has_value());
  EXPECT_EQ(head->get("connection"), "");
  ASSERT_EQ(std::raise(SIGTERM), 0);
  EXPECT_TRUE(refuses(port));
  go_on.set();
  client.reader.read_response_body(*head);
  EXPECT_EQ(head->body, "halfhalf");
  EXPECT_EQ(client.get("/kept").get("connection"), "close") << "it was not told before";
  EXPECT_TRUE(client.closed());
  agent.join();
}

TEST_F(Drain, ADelayKeepsTheDoorOpenWhileTheAgentIsNotReady) {
  RunningAgent agent(config("drain_delay: 10m"), true);
  ASSERT_EQ(std::raise(SIGTERM), 0);
  EXPECT_TRUE(eventually([&] { return agent.admin("GET", "/readyz").status() == 503; }));
  const Message answer = agent.get("/kept");
  EXPECT_EQ(answer.status(), 200);
  EXPECT_EQ(answer.get("connection"), "");
  ASSERT_EQ(std::raise(SIGTERM), 0);
  agent.join();
}

TEST_F(Drain, AfterTheDelayItDrains) {
  RunningAgent agent(config("drain_delay: 1s, drain_grace: 1m"), true);
  const std::uint16_t port = agent.port();
  HttpClient client(port);
  ASSERT_EQ(std::raise(SIGTERM), 0);
  EXPECT_TRUE(refuses(port));
  EXPECT_EQ(client.get("/kept").get("connection"), "close");
  agent.join();
}

}  // namespace
}  // namespace homeostat::test
