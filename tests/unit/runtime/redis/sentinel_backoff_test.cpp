// How often sentinels are asked while they can name no master, or one that is none.
#include <gtest/gtest.h>

#include "tests/unit/runtime/redis/redis_fixture.hpp"

namespace homeostat::redis {
namespace {

using namespace std::chrono_literals;

bool asks(const std::string& request, const std::string& word) {
  return request.find("\r\n" + word + "\r\n") != std::string::npos;
}

/// Names `port` as the master; 0: none.
ScriptedServer::Answer naming(std::uint16_t port) {
  return [port](const std::string& request) {
    const std::string number = std::to_string(port);
    std::string answer;
    if (asks(request, "PING")) answer += "+PONG\r\n";
    if (asks(request, "GET-MASTER-ADDR-BY-NAME")) {
      answer += port == 0 ? "*-1\r\n"
                          : "*2\r\n$9\r\n127.0.0.1\r\n$" + std::to_string(number.size()) + "\r\n" +
                                number + "\r\n";
    }
    if (asks(request, "MASTER")) {
      answer += port == 0 ? "-ERR No such master with that name\r\n"
                          : "*2\r\n$12\r\nconfig-epoch\r\n$1\r\n1\r\n";
    }
    return answer;
  };
}

/// Until it was asked five times; each question is a connection, and `others` are not.
Duration five_questions(const ScriptedServer& sentinel, unsigned others) {
  config::RedisSettings settings = settings_for({sentinel.port()});
  settings.topology = config::RedisTopology::sentinel;
  settings.master = "main";
  const auto began = SystemClock::instance().now();
  RunningClient running(settings);
  EXPECT_TRUE(running.run_until([&] { return running.counters.connections >= 5 + others; }));
  EXPECT_FALSE(running.client().up());
  return SystemClock::instance().now() - began;
}

TEST(SentinelBackoff, AsksLessAndLessOftenWhileThereIsNoMaster) {
  const ScriptedServer sentinel(naming(0));
  // Half of 250, 500, 1000 and 2000 ms at least.
  EXPECT_GE(five_questions(sentinel, 0), 1875ms);
}

TEST(SentinelBackoff, AsksLessAndLessOftenWhileTheMasterIsAReplica) {
  const test::RedisServer replica;
  const test::HeldPort nobody;
  replica.run({"REPLICAOF", "127.0.0.1", std::to_string(nobody.port())});
  const ScriptedServer sentinel(naming(replica.port()));
  EXPECT_GE(five_questions(sentinel, 1), 1875ms);
}

}  // namespace
}  // namespace homeostat::redis
