// The end of the agent: drain, stop, and what happens to open connections. Under
// traffic: drain_test.
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>

#include "tests/e2e/running_agent.hpp"
#include "tests/support/child_process.hpp"
#include "tests/support/waiting.hpp"

namespace homeostat::test {
namespace {

TEST(Shutdown, SigtermFinishesRunningRequestsAndRefusesNewConnections) {
  Signal go_on;
  ScriptedOrigin origin;
  origin.on("/slow", [&](OriginExchange& exchange) {
    go_on.wait();
    exchange.respond(200, "", "finished");
  });
  AgentConfig config = config_for(origin);
  config.server = "drain_grace: 0s";
  RunningAgent agent(config, true);
  const std::uint16_t port = agent.port();
  HttpClient busy(port);
  ASSERT_TRUE(busy.send(request_text("GET", "/slow")));
  ASSERT_TRUE(origin.wait_for_requests("/slow", 1));
  HttpClient idle(port);
  ASSERT_EQ(idle.get("/page").status(), 200);
  ASSERT_EQ(std::raise(SIGTERM), 0);
  EXPECT_TRUE(idle.closed()) << "idle connections end at once";
  EXPECT_TRUE(eventually([&] { return !connect_tcp(port).is_open(); }));
  EXPECT_EQ(agent.admin("GET", "/readyz").status(), 503);
  go_on.set();
  const Message answer = busy.read();
  EXPECT_EQ(answer.body, "finished");
  EXPECT_EQ(answer.get("connection"), "close");
  busy.socket.close();
  // The pool must keep nothing now: an idle connection would hold up the end
  // until one side's idle timeout.
  EXPECT_TRUE(origin.wait_until_all_closed());
  agent.join();  // by itself
}

TEST(Shutdown, TakesTheFileOfAUnixListenerAway) {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/agent.sock";
  ScriptedOrigin origin;
  AgentConfig config = config_for(origin);
  config.listen = "unix:" + path;
  RunningAgent agent(config);
  {
    HttpClient client(connect_unix(path));
    ASSERT_EQ(client.get("/page").status(), 200);
  }
  agent.stop();
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(Shutdown, ASecondSigtermQuitsAtOnce) {
  Signal go_on;
  ScriptedOrigin origin;
  origin.on("/slow", [&](OriginExchange& exchange) {
    go_on.wait();
    exchange.alive = false;
  });
  AgentConfig config = config_for(origin);
  RunningAgent agent(config, true);
  HttpClient busy(agent.port());
  ASSERT_TRUE(busy.send(request_text("GET", "/slow")));
  ASSERT_TRUE(origin.wait_for_requests("/slow", 1));
  ASSERT_EQ(std::raise(SIGTERM), 0);
  ASSERT_TRUE(eventually([&] { return agent.admin("GET", "/readyz").status() == 503; }));
  ASSERT_EQ(std::raise(SIGTERM), 0);
  agent.join();
  agent.stop();
  EXPECT_EQ(busy.read().status(), 0);
  go_on.set();
}

TEST(Shutdown, TheDrainTimeoutEndsWhatDoesNotFinish) {
  Signal go_on;
  ScriptedOrigin origin;
  origin.on("/slow", [&](OriginExchange& exchange) {
    go_on.wait();
    exchange.alive = false;
  });
  AgentConfig config = config_for(origin);
  config.server = "drain_timeout: 1s";
  RunningAgent agent(config, true);
  HttpClient busy(agent.port());
  ASSERT_TRUE(busy.send(request_text("POST", "/slow")));
  ASSERT_TRUE(origin.wait_for_requests("/slow", 1));
  ASSERT_EQ(std::raise(SIGTERM), 0);
  agent.join();
  EXPECT_EQ(busy.read().status(), 0) << "cut off, not answered by another timeout";
  go_on.set();
}

TEST(Shutdown, StopWithEverythingOpenDoesNotHang) {
  Signal go_on;
  ScriptedOrigin origin;
  const auto block = [&](OriginExchange& exchange) {
    go_on.wait();
    exchange.alive = false;
  };
  origin.on("/fill", block);
  origin.on("/pass", block);
  origin.on("/stream", [&](OriginExchange& exchange) {
    exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    block(exchange);
  });
  origin.on("/ws", [&](OriginExchange& exchange) {
    exchange.send("HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
    block(exchange);
  });
  RunningAgent agent(origin);
  HttpClient silent(agent.port());
  HttpClient partial(agent.port());
  HttpClient leader(agent.port());
  HttpClient follower(agent.port());
  HttpClient passing(agent.port());
  HttpClient streaming(agent.port());
  HttpClient tunnel(agent.port());
  HttpClient uploading(agent.port());
  ASSERT_TRUE(partial.send("GET / HT"));
  ASSERT_TRUE(leader.send(request_text("GET", "/fill")));
  ASSERT_TRUE(origin.wait_for_requests("/fill", 1));
  ASSERT_TRUE(follower.send(request_text("GET", "/fill")));
  ASSERT_TRUE(passing.send(request_text("POST", "/pass")));
  ASSERT_TRUE(uploading.send("POST /pass HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\nhalf"));
  ASSERT_TRUE(origin.wait_for_requests("/pass", 2));
  ASSERT_TRUE(streaming.send(request_text("GET", "/stream")));
  ASSERT_TRUE(streaming.reader.read_head().has_value());
  ASSERT_EQ(tunnel.get("/ws", "Connection: Upgrade\r\nUpgrade: x\r\n").status(), 101);
  agent.stop();
  EXPECT_EQ(leader.read().status(), 0);
  EXPECT_EQ(passing.read().status(), 0);
  go_on.set();
}

TEST(Shutdown, AgentsCanBeBuiltAndStoppedAgainAndAgain) {
  ScriptedOrigin origin;
  for (int i = 0; i < 5; ++i) {
    RunningAgent agent(origin);
    EXPECT_EQ(agent.get("/page").status(), 200);
  }
}

TEST(Shutdown, AnAddressInUseIsAClearErrorAndLeavesNothingRunning) {
  ScriptedOrigin origin;
  const ListeningSocket taken;
  AgentConfig config = config_for(origin);
  config.listen = "127.0.0.1:" + std::to_string(taken.port());
  try {
    RunningAgent agent(config);
    FAIL() << "started";
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find("listen"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace homeostat::test
