// A Redis that is there and refuses: each state is an answer with a code of its own, counted,
// and over by itself when the server's trouble is.
#include <gtest/gtest.h>

#include <functional>
#include <thread>

#include "tests/unit/runtime/redis/redis_fixture.hpp"

namespace homeostat::redis {
namespace {

using test::RedisServer;

std::uint64_t counted(const RunningClient& running, ErrorCode code) {
  return running.counters.errors[static_cast<std::size_t>(code)].load();
}

/// Asks until it is refused with `code`; then `over`, after which the same connection answers.
void expect_refusal(RunningClient& running, ErrorCode code,
                    std::initializer_list<std::string_view> command,
                    const std::function<void()>& over) {
  CallResult result;
  EXPECT_TRUE(running.run_until([&] {
    result = running.call("k", command);
    return result.error == CallError::none && result.reply.is(Reply::Type::error);
  })) << to_string(code);
  EXPECT_EQ(error_code_of(result.reply.text), code) << result.reply.text;
  EXPECT_GE(counted(running, code), 1U) << to_string(code);
  EXPECT_EQ(counted(running, ErrorCode::other), 0U) << result.reply.text;
  over();
  EXPECT_TRUE(running.call_until_ok("k", command)) << to_string(code);
  EXPECT_EQ(running.counters.connections, 1U) << "it was never a reason to go";
}

class Refusal : public testing::Test {
 protected:
  explicit Refusal(std::vector<std::string> options = {})
      : server_(std::move(options)), running_(settings_for({server_.port()})) {
    EXPECT_TRUE(running_.run_until_up());
  }
  void configure(const std::string& name, const std::string& value) {
    ASSERT_EQ(server_.run({"CONFIG", "SET", name, value}), "OK");
  }
  RedisServer server_;
  RunningClient running_;
};

TEST_F(Refusal, OfWritesWhileItIsFull) {
  configure("maxmemory", "1");
  expect_refusal(running_, ErrorCode::oom, {"SET", "k", "v"}, [&] { configure("maxmemory", "0"); });
}

TEST_F(Refusal, OfAScriptsWritesWhileItIsFull) {
  configure("maxmemory", "1");
  expect_refusal(running_, ErrorCode::oom,
                 {"EVAL", "return redis.call('SET', KEYS[1], 'v')", "1", "k"},
                 [&] { configure("maxmemory", "0"); });
}

TEST_F(Refusal, OfWritesByAReplica) {
  const test::HeldPort nobody;
  server_.run({"REPLICAOF", "127.0.0.1", std::to_string(nobody.port())});
  expect_refusal(running_, ErrorCode::read_only, {"SET", "k", "v"}, [&] {
    server_.run({"REPLICAOF", "NO", "ONE"});
  });
}

TEST_F(Refusal, OfEverythingByAReplicaThatHasLostItsMaster) {
  const test::HeldPort nobody;
  configure("replica-serve-stale-data", "no");
  server_.run({"REPLICAOF", "127.0.0.1", std::to_string(nobody.port())});
  expect_refusal(running_, ErrorCode::master_down, {"GET", "k"}, [&] {
    server_.run({"REPLICAOF", "NO", "ONE"});
  });
}

TEST_F(Refusal, OfWritesWithTooFewReplicas) {
  configure("min-replicas-to-write", "1");
  expect_refusal(running_, ErrorCode::no_replicas, {"SET", "k", "v"},
                 [&] { configure("min-replicas-to-write", "0"); });
}

TEST_F(Refusal, OfEverythingWhileAScriptRunsTooLong) {
  configure("busy-reply-threshold", "20");
  std::thread script([&] { server_.run({"EVAL", "while true do end", "0"}); });
  expect_refusal(running_, ErrorCode::busy, {"GET", "k"}, [&] {
    server_.run({"SCRIPT", "KILL"});
    script.join();
  });
}

TEST_F(Refusal, OfEverythingWhileItReadsItsDump) {
  server_.run(
      {"EVAL", "for i = 1, 2000 do redis.call('SET', 'key' .. i, string.rep('x', 100)) end", "0"});
  configure("loading-process-events-interval-bytes", "1024");
  configure("key-load-delay", "1000");
  std::thread reload([&] { server_.run({"DEBUG", "RELOAD"}); });
  expect_refusal(running_, ErrorCode::loading, {"GET", "k"}, [&] { reload.join(); });
}

TEST(RefusalByPermissions, EndsWhenTheUserMayAgain) {
  RedisServer server;
  const auto allow = [&](const char* what) {
    ASSERT_EQ(server.run({"ACL", "SETUSER", "agent", "on", ">a-secret", "~*", "+ping", what}),
              "OK");
  };
  allow("+get");
  config::RedisSettings settings = settings_for({server.port()});
  settings.user = "agent";
  settings.password = "a-secret";
  RunningClient running(settings);
  ASSERT_TRUE(running.run_until_up());
  allow("-get");
  expect_refusal(running, ErrorCode::no_perm, {"GET", "k"}, [&] { allow("+get"); });
  // Within a script it has no code of its own.
  allow("+eval");
  expect_refusal(running, ErrorCode::no_perm,
                 {"EVAL", "return redis.call('STRLEN', KEYS[1])", "1", "k"},
                 [&] { allow("+strlen"); });
}

TEST(RefusalByPermissions, OfAUserThatIsGoneEndsWhenItIsBack) {
  RedisServer server;
  const auto make = [&] {
    ASSERT_EQ(server.run({"ACL", "SETUSER", "agent", "on", ">a-secret", "~*", "+ping", "+get"}),
              "OK");
  };
  make();
  config::RedisSettings settings = settings_for({server.port()});
  settings.user = "agent";
  settings.password = "a-secret";
  RunningClient running(settings);
  ASSERT_TRUE(running.run_until_up());
  server.run({"ACL", "DELUSER", "agent"});  // its connections are ended
  EXPECT_TRUE(running.run_until([&] {
    return running.client().trouble().find("WRONGPASS") != std::string::npos;
  })) << running.client().trouble();
  make();
  EXPECT_TRUE(running.call_until_ok("k", {"GET", "k"}));
}

TEST(RefusalByAReplacedServer, ThatForgotWhoAsksIsAnsweredByLoggingInAgain) {
  std::atomic<int> logins{0};
  std::atomic<bool> forgotten{false};
  ScriptedServer server([&](const std::string& request) -> std::string {
    std::string answer;
    if (request.find("AUTH") != std::string::npos) {
      ++logins;
      forgotten = logins == 1;
      answer += "+OK\r\n";
    }
    if (request.find("PING") != std::string::npos) answer += "+PONG\r\n";
    if (request.find("GET") != std::string::npos) {
      answer += forgotten ? "-NOAUTH Authentication required.\r\n" : "$1\r\nv\r\n";
    }
    return answer;
  });
  config::RedisSettings settings = settings_for({server.port()});
  settings.password = "a-secret";
  RunningClient running(settings);
  ASSERT_TRUE(running.run_until_up());
  EXPECT_TRUE(running.call("k", {"GET", "k"}).reply.is_error("NOAUTH"));
  EXPECT_TRUE(running.call_until_ok("k", {"GET", "k"}));
  EXPECT_EQ(logins, 2);
  EXPECT_EQ(counted(running, ErrorCode::no_auth), 1U);
}

TEST(ErrorCode, IsFoundInWhatOlderServersSayOfAScriptToo) {
  EXPECT_EQ(error_code_of("ERR Error running script (call to f_1): @user_script:1: "
                          "@user_script: 1: -OOM command not allowed"),
            ErrorCode::oom);
  EXPECT_EQ(error_code_of("MOVED 1 127.0.0.1:1"), ErrorCode::redirect);
  EXPECT_EQ(error_code_of("ERR unknown command - OOM"), ErrorCode::other);
  EXPECT_EQ(error_code_of("OOMX"), ErrorCode::other);
  EXPECT_EQ(error_code_of("redirect"), ErrorCode::other);
  EXPECT_EQ(error_code_of(""), ErrorCode::other);
}

}  // namespace
}  // namespace homeostat::redis
