#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <thread>

#include "tests/support/socket.hpp"
#include "tests/unit/runtime/redis/redis_fixture.hpp"

namespace homeostat::redis {
namespace {

using namespace std::chrono_literals;
using test::RedisServer;

TEST(RedisClient, AnswersManyCallsInOnePipelineInOrder) {
  RedisServer server;
  RunningClient running(settings_for({server.port()}));
  ASSERT_TRUE(running.run_until_up());
  std::vector<std::int64_t> answers;
  for (int i = 0; i < 500; ++i) {
    ASSERT_EQ(
        running.client().call("n", make_command({"INCR", "n"}), 10s,
                              [&](CallResult result) { answers.push_back(result.reply.integer); }),
        CallError::none);
  }
  ASSERT_TRUE(running.run_until([&] { return answers.size() == 500; }));
  for (std::size_t i = 0; i < answers.size(); ++i) {
    EXPECT_EQ(answers[i], static_cast<std::int64_t>(i + 1));
  }
  EXPECT_EQ(running.counters.connections, 1U);
}

TEST(RedisClient, CarriesLargeValuesOfAnyBytes) {
  RedisServer server;
  RunningClient running(settings_for({server.port()}));
  ASSERT_TRUE(running.run_until_up());
  std::string value(3 * 1024 * 1024, 'x');
  for (std::size_t i = 0; i < value.size(); ++i) value[i] = static_cast<char>(i * 31);
  EXPECT_TRUE(running.call("k", {"SET", "k", value}).ok());
  EXPECT_EQ(running.call("k", {"GET", "k"}).reply.text, value);
}

TEST(RedisClient, LogsInWithPasswordUserAndDatabase) {
  RedisServer server({"--requirepass", "secret"});
  server.run({"ACL", "SETUSER", "agent", "on", ">other", "~*", "+@all"});
  config::RedisSettings settings = settings_for({server.port()});
  settings.user = "agent";
  settings.password = "other";
  settings.servers.front().database = 3;
  {
    RunningClient running(settings);
    ASSERT_TRUE(running.run_until_up());
    EXPECT_EQ(running.call("", {"ACL", "WHOAMI"}).reply.text, "agent");
    EXPECT_TRUE(running.call("k", {"SET", "k", "v"}).ok());
  }
  settings.user.clear();
  settings.password = "secret";
  settings.servers.front().database = 0;
  RunningClient other(settings);
  ASSERT_TRUE(other.run_until_up());
  EXPECT_TRUE(other.call("k", {"GET", "k"}).reply.is(Reply::Type::nil)) << "another database";
}

TEST(RedisClient, SaysWhyAWrongPasswordGivesNoConnection) {
  RedisServer server({"--requirepass", "secret"});
  config::RedisSettings settings = settings_for({server.port()});
  settings.password = "wrong-password";
  RunningClient running(settings);
  ASSERT_TRUE(running.run_until([&] { return running.counters.connection_failures > 0; }));
  EXPECT_FALSE(running.client().up());
  EXPECT_NE(running.client().trouble().find("WRONGPASS"), std::string::npos)
      << running.client().trouble();
  EXPECT_EQ(running.client().trouble().find("wrong-password"), std::string::npos);
  EXPECT_EQ(running.call("k", {"GET", "k"}).error, CallError::unavailable);
}

TEST(RedisClient, ReachesAServerByUnixSocket) {
  RedisServer server;
  config::RedisSettings settings = settings_for({0});
  settings.servers.front().address = {"", 0, server.unix_path()};
  RunningClient running(settings);
  ASSERT_TRUE(running.run_until_up());
  EXPECT_EQ(running.call("", {"PING"}).reply.text, "PONG");
}

TEST(RedisClient, ResolvesNames) {
  RedisServer server;
  config::RedisSettings settings = settings_for({server.port()});
  settings.servers.front().address.host = "localhost";
  RunningClient running(settings);
  EXPECT_TRUE(running.run_until_up());
}

TEST(RedisClient, ComesBackByItselfAfterACrash) {
  RedisServer server;
  RunningClient running(settings_for({server.port()}));
  ASSERT_TRUE(running.run_until_up());
  server.kill();
  ASSERT_TRUE(running.run_until([&] { return !running.client().up(); }));
  EXPECT_EQ(running.call("k", {"GET", "k"}).error, CallError::unavailable);
  server.restart();
  ASSERT_TRUE(running.run_until_up());
  EXPECT_TRUE(running.call("k", {"GET", "k"}).ok());
}

TEST(RedisClient, TellsCallsOnTheirWayThatTheServerIsGone) {
  RedisServer server;
  RunningClient running(settings_for({server.port()}));
  ASSERT_TRUE(running.run_until_up());
  server.pause();
  std::vector<CallError> errors;
  for (int i = 0; i < 10; ++i) {
    ASSERT_EQ(running.client().call("k", make_command({"GET", "k"}), 1h,
                                    [&](CallResult result) { errors.push_back(result.error); }),
              CallError::none);
  }
  server.kill();
  ASSERT_TRUE(running.run_until([&] { return errors.size() == 10; }));
  EXPECT_EQ(errors, std::vector<CallError>(10, CallError::disconnected));
  EXPECT_EQ(running.counters.lost, 10U);
}

TEST(RedisClient, StopsAskingAServerThatDoesNotAnswerInTime) {
  RedisServer server;
  config::RedisSettings settings = settings_for({server.port()});
  settings.timeout = 50ms;
  RunningClient running(settings);
  ASSERT_TRUE(running.run_until_up());
  server.pause();
  int timeouts = 0;
  while (running.client().up()) {
    const CallResult result = running.call("k", {"GET", "k"});
    if (result.error == CallError::none) continue;
    ++timeouts;
    ASSERT_LE(timeouts, 10);
  }
  EXPECT_GE(running.counters.timeouts + running.counters.lost, 1U);
  EXPECT_EQ(running.call("k", {"GET", "k"}).error, CallError::unavailable);
  server.resume();
  EXPECT_TRUE(running.run_until_up());
}

TEST(RedisClient, BoundsTheCallsThatWait) {
  RedisServer server;
  config::RedisSettings settings = settings_for({server.port()});
  settings.calls_max = 5;
  RunningClient running(settings);
  ASSERT_TRUE(running.run_until_up());
  server.pause();
  int refused = 0;
  for (int i = 0; i < 20; ++i) {
    const CallError error =
        running.client().call("k", make_command({"GET", "k"}), 10s, [](const CallResult&) {});
    if (error == CallError::overloaded) ++refused;
  }
  EXPECT_EQ(refused, 15);
  server.resume();
}

TEST(RedisClient, ErrorRepliesAreRepliesAndNoTrouble) {
  RedisServer server;
  RunningClient running(settings_for({server.port()}));
  ASSERT_TRUE(running.run_until_up());
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(running.call("", {"NONSENSE"}).reply.is(Reply::Type::error));
  }
  EXPECT_TRUE(running.client().up());
  EXPECT_EQ(running.counters.errors[static_cast<std::size_t>(ErrorCode::other)], 10U);
}

/// A listener that answers every connection with the same bytes.
class Impostor {
 public:
  explicit Impostor(std::string answer)
      : thread_([this, answer = std::move(answer)] {
          while (true) {
            test::Socket peer = listener_.accept();
            if (!peer.is_open()) return;
            peer.send(answer);
            std::string request;
            while (peer.receive(request) == test::Socket::Received::bytes && !ending_)
              peer.send(answer);
          }
        }) {}
  ~Impostor() {
    ending_ = true;
    listener_.shut_down();
    thread_.join();
  }
  [[nodiscard]] std::uint16_t port() const { return listener_.port(); }

 private:
  test::ListeningSocket listener_;
  std::atomic<bool> ending_{false};
  std::thread thread_;
};

TEST(RedisClient, AnotherProtocolOrUnaskedRepliesAreNoServer) {
  for (const char* answer : {"SSH-2.0-OpenSSH_9.2\r\n", "-ERR max number of clients reached\r\n",
                             "*1000000000\r\n", "+OK\r\n+OK\r\n+OK\r\n+OK\r\n"}) {
    Impostor impostor(answer);
    RunningClient running(settings_for({impostor.port()}));
    EXPECT_TRUE(running.run_until([&] {
      return running.counters.connection_failures + running.counters.disconnections > 0;
    })) << answer;
    EXPECT_FALSE(running.client().up()) << answer;
  }
}

TEST(RedisClient, WhatOnePauseOfTheServerDelaysIsOneFailure) {
  RedisServer server;
  RunningClient running(settings_for({server.port()}));
  ASSERT_TRUE(running.run_until_up());
  server.pause();
  int late = 0;
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(running.client().call("k", make_command({"GET", "k"}), 10ms,
                                    [&](CallResult result) {
                                      if (result.error == CallError::timeout) ++late;
                                    }),
              CallError::none);
  }
  ASSERT_TRUE(running.run_until([&] { return late == 20; }));
  EXPECT_TRUE(running.client().up());
  EXPECT_EQ(running.counters.breaker_openings, 0U);
  server.resume();
}

TEST(RedisClient, WhoWaitsAtTheServerIsAskedAgainAfterTimeouts) {
  RedisServer server;
  ClientOptions options;
  options.blocks_max = 1s;
  RunningClient running(settings_for({server.port()}), {}, options);
  ASSERT_TRUE(running.run_until_up());
  bool read = false;
  ASSERT_EQ(
      running.client().call("s", make_command({"XREAD", "BLOCK", "1000", "STREAMS", "s", "0"}), 30s,
                            [&](const CallResult&) { read = true; }),
      CallError::none);
  // They wait behind it.
  while (running.client().up() && !read) {
    bool late = false;
    ASSERT_EQ(running.client().call("k", make_command({"GET", "k"}), 10ms,
                                    [&](const CallResult&) { late = true; }),
              CallError::none);
    ASSERT_TRUE(running.run_until([&] { return late; }));
  }
  ASSERT_FALSE(running.client().up());
  EXPECT_TRUE(running.run_until_up());
  EXPECT_EQ(running.counters.connections, 1U);
}

TEST(RedisClient, ReadsFromAServerThatCannotSave) {
  RedisServer server({"--save", "3600 100000"});
  server.run({"SET", "k", "v"});
  // Where the dump should be put there is a directory.
  ASSERT_EQ(::mkdir((server.directory().path() + "/dump.rdb").c_str(), 0700), 0);
  server.run({"BGSAVE"});
  ASSERT_TRUE(test::eventually([&] { return server.run({"PING"}).starts_with("ERROR MISCONF"); }));
  RunningClient running(settings_for({server.port()}));
  ASSERT_TRUE(running.run_until_up());
  EXPECT_EQ(running.call("k", {"GET", "k"}).reply.text, "v");
  EXPECT_TRUE(running.call("k", {"SET", "k", "w"}).reply.is_error("MISCONF"));
}

TEST(RedisClient, WaitsLongerForAServerThatEndsConnectionsAgainAndAgain) {
  ScriptedServer server([](const std::string&) { return "+PONG\r\nnonsense\r\n"; });
  const auto began = SystemClock::instance().now();
  RunningClient running(settings_for({server.port()}));
  ASSERT_TRUE(running.run_until([&] { return running.counters.disconnections >= 5; }));
  // Half of 50, 100, 200 and 400 ms at least.
  EXPECT_GE(SystemClock::instance().now() - began, 375ms);
}

TEST(RedisClient, WhatAServerSaysIsCutAndPrintableInReasons) {
  ScriptedServer server(
      [](const std::string&) { return "-ERR \x1b[2J" + std::string(100'000, 'x') + "\r\n"; });
  RunningClient running(settings_for({server.port()}));
  ASSERT_TRUE(running.run_until([&] { return running.counters.connection_failures > 0; }));
  const std::string trouble = running.client().trouble();
  EXPECT_TRUE(trouble.starts_with("refused: ERR ?[2Jxxx")) << trouble.substr(0, 200);
  EXPECT_LT(trouble.size(), 200U);
}

TEST(RedisClient, AsksEveryServerOnce) {
  RedisServer server;
  RunningClient running(settings_for({server.port()}));
  ASSERT_TRUE(running.run_until_up());
  std::optional<std::vector<CallResult>> results;
  running.client().call_each(make_command({"DBSIZE"}), 5s,
                             [&](std::vector<CallResult> all) { results = std::move(all); });
  ASSERT_TRUE(running.run_until([&] { return results.has_value(); }));
  ASSERT_EQ(results->size(), 1U);
  EXPECT_EQ(results->front().reply.integer, 0);
}

}  // namespace
}  // namespace homeostat::redis
