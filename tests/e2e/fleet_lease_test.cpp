// What several agents of a fleet miss at once is fetched by one of them; and nobody waits
// longer for it than he must.
#include <gtest/gtest.h>

#include <csignal>
#include <thread>

#include "runtime/ports/clock.hpp"
#include "tests/e2e/fleet.hpp"
#include "tests/support/child_process.hpp"

namespace homeostat::test {
namespace {

constexpr const char* fresh_text = "Cache-Control: max-age=600\r\n";
constexpr const char* patient = "timeout: 10s, adaptive: off, lease_above: 0s, lease_max: 1m";

/// Every agent hears what becomes of the others' fetches; before that it takes no lease.
/// Each has two connections that wait for news: of the log, and of fetches.
bool follow_news(const Fleet& fleet, std::size_t further_agents = 0) {
  return eventually([&] {
    const std::string clients = fleet.redis.run({"CLIENT", "LIST"});
    std::size_t waiting = 0;
    for (auto at = clients.find("cmd=xread"); at != std::string::npos;
         at = clients.find("cmd=xread", at + 1)) {
      ++waiting;
    }
    return waiting >= 2 * (fleet.size() + further_agents);
  });
}

/// An agent of that fleet as a process of its own, which can be killed.
class Program {
 public:
  explicit Program(const Fleet& fleet)
      : process({HOMEOSTAT_BINARY, "run", "--config",
                 directory_.write("agent.yaml",
                                  "listen: 127.0.0.1:0\nworkers: 1\nupstream: {url: \"" +
                                      fleet.origin.url() +
                                      "\"}\nadmin: {listen: \"127.0.0.1:0\"}\n"
                                      "admission: {mode: off}\ncache: {" +
                                      redis_section(fleet.redis.url(), patient) + "}\n")}) {
    constexpr std::string_view said = "serving on 127.0.0.1:";
    const auto line = process.wait_for_line(std::string(said));
    EXPECT_TRUE(line) << process.output();
    if (!line) return;
    const char* const number = line->c_str() + line->find(said) + said.size();
    port_ = static_cast<std::uint16_t>(std::strtoul(number, nullptr, 10));
  }
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

 private:
  const TemporaryDirectory directory_;
  std::uint16_t port_ = 0;

 public:
  ChildProcess process;
};

/// The first request for /a is held at the application; the agent that made it holds the
/// lease, and the others wait.
class FleetLease : public testing::Test {
 protected:
  explicit FleetLease(std::size_t agents = 3) : fleet_(agents, {}, patient) {
    answers_.resize(agents);
    EXPECT_TRUE(follow_news(fleet_));
  }
  ~FleetLease() override {
    go_.set();
    for (std::thread& client : clients_) client.join();
  }

  /// For the application's first request. Not known yet, the endpoint got a lease of a
  /// second: too short to be sure here.
  void prolong_lease(std::chrono::milliseconds length = std::chrono::minutes(1)) {
    fleet_.redis.run({"EVAL",
                      "for _, key in ipairs(redis.call('KEYS', '*:fill')) do "
                      "redis.call('PEXPIRE', key, ARGV[1]) end",
                      "0", std::to_string(length.count())});
    prolonged_.set();
  }
  void hold(const std::string& fields, int status = 200) {
    fleet_.origin.on("/a", [this, fields, status](OriginExchange& exchange) {
      const std::size_t number = fleet_.origin.requests("/a");
      if (number == 1) {
        prolong_lease();
        go_.wait();
      }
      exchange.respond(status, fields, std::to_string(number));
    });
  }
  void ask(std::size_t agent) {
    clients_.emplace_back([this, agent] { answers_[agent] = fleet_[agent].get("/a"); });
  }
  /// Agent 0 fetches under a lease that lasts.
  void first_asks() {
    ask(0);
    ASSERT_TRUE(prolonged_.wait());
    ASSERT_NE(lease(), "");
  }
  /// Agent 0 fetches, the others wait for it.
  void all_ask() {
    ASSERT_NO_FATAL_FAILURE(first_asks());
    for (std::size_t agent = 1; agent < fleet_.size(); ++agent) {
      ask(agent);
      ASSERT_TRUE(eventually([&] { return Fleet::reads(fleet_[agent], "miss") == 1; }));
      ASSERT_TRUE(eventually([&] { return fleet_.redis.run({"GET", lease()}).size() == 33; }));
    }
  }
  [[nodiscard]] std::string lease() const { return fleet_.redis.run({"KEYS", "*:fill"}); }
  void finish() {
    go_.set();
    for (std::thread& client : clients_) client.join();
    clients_.clear();
  }

  Signal go_, prolonged_;  // outlive the origin's threads
  Fleet fleet_;
  std::vector<Message> answers_;
  std::vector<std::thread> clients_;
};

TEST_F(FleetLease, OneFetchAnswersTheFleet) {
  hold(fresh_text);
  all_ask();
  finish();
  for (const Message& answer : answers_) EXPECT_EQ(answer.body, "1") << answer.head;
  EXPECT_TRUE(is_shared(answers_[1])) << answers_[1].head;
  EXPECT_EQ(fleet_.origin.requests("/a"), 1U);
  EXPECT_EQ(Fleet::leases(fleet_[0], "granted"), 1);
  EXPECT_EQ(Fleet::leases(fleet_[1], "filled"), 1);
  EXPECT_EQ(Fleet::leases(fleet_[2], "filled"), 1);
  EXPECT_EQ(lease(), "");
}

TEST_F(FleetLease, OneFetchAnswersTheFleetAlsoIfItTurnsOutToVary) {
  hold(std::string(fresh_text) + "Vary: X-Kind\r\n");
  all_ask();
  finish();
  for (const Message& answer : answers_) EXPECT_EQ(answer.body, "1") << answer.head;
  EXPECT_EQ(fleet_.origin.requests("/a"), 1U);
}

TEST_F(FleetLease, WhatCannotBeSharedFreesThoseWhoWait) {
  hold("Cache-Control: no-store\r\n");
  all_ask();
  finish();
  EXPECT_EQ(fleet_.origin.requests("/a"), 3U);
  EXPECT_EQ(Fleet::leases(fleet_[1], "gone"), 1);
  for (const Message& answer : answers_) EXPECT_EQ(answer.status(), 200) << answer.head;
}

TEST_F(FleetLease, AHolderThatDiesDelaysNobodyBeyondItsLease) {
  hold(fresh_text);
  ASSERT_NO_FATAL_FAILURE(first_asks());
  // As if agent 0 were gone, with 100 ms of its lease left when another one comes.
  RunningAgent& late = fleet_[1];
  fleet_.redis.run({"PEXPIRE", lease(), "100"});
  EXPECT_EQ(late.get("/a").body, "2");
  EXPECT_EQ(Fleet::leases(late, "expired") + Fleet::leases(late, "granted"), 1);
  EXPECT_EQ(fleet_.origin.requests("/a"), 2U);
  finish();
}

/// Who waits knows nothing of the holder but how long its lease lasts.
TEST_F(FleetLease, WhoWaitsForAKilledHolderAsksWhenItsLeaseEndsAndNotLater) {
  constexpr std::chrono::milliseconds length{3000};
  fleet_.origin.on("/a", [&](OriginExchange& exchange) {
    const std::size_t number = fleet_.origin.requests("/a");
    if (number == 1) {
      prolong_lease(length);
      go_.wait();
    }
    exchange.respond(200, fresh_text, std::to_string(number));
  });
  Program holder(fleet_);
  ASSERT_TRUE(follow_news(fleet_, 1)) << holder.process.output();
  const Instant begun = SystemClock::instance().now();
  HttpClient client(holder.port());
  ASSERT_TRUE(client.send("GET /a HTTP/1.1\r\nHost: test\r\n\r\n"));  // as all clients here
  ASSERT_TRUE(prolonged_.wait());
  ask(1);
  ask(2);
  // Both wait, unless that took so long that the lease has ended.
  ASSERT_TRUE(eventually([&] {
    const bool wait = Fleet::reads(fleet_[1], "miss") == 1 &&
                      Fleet::reads(fleet_[2], "miss") == 1 &&
                      fleet_.redis.run({"GET", lease()}).size() == 33;
    return wait || fleet_.origin.requests("/a") > 1;
  }));
  // Held by the application, so that its end tells nobody anything.
  holder.process.signal(SIGKILL);
  static_cast<void>(holder.process.wait_for_exit());
  ASSERT_TRUE(fleet_.origin.wait_for_requests("/a", 2));
  const Duration waited = SystemClock::instance().now() - begun;
  EXPECT_GE(waited, length - std::chrono::milliseconds(10)) << "the lease was good until then";
  EXPECT_LT(waited, 3 * length) << "lease_max is a minute";
  for (std::thread& one : clients_) one.join();
  clients_.clear();
  for (std::size_t agent = 1; agent < fleet_.size(); ++agent) {
    EXPECT_EQ(answers_[agent].status(), 200);
    EXPECT_NE(answers_[agent].body, "1");
  }
}

TEST_F(FleetLease, WhoIsLateDoesNotOverwriteTheNextHolder) {
  hold(fresh_text);
  ASSERT_NO_FATAL_FAILURE(first_asks());
  fleet_.redis.run({"SET", lease(), std::string(32, 'z')});
  finish();
  EXPECT_TRUE(eventually([&] { return Fleet::writes(fleet_[0], "fenced") == 1; }));
  EXPECT_EQ(fleet_.redis.run({"KEYS", "hs:*/a:*"}), "");
  EXPECT_EQ(answers_[0].body, "1") << "its client has it all the same";
}

TEST_F(FleetLease, WithoutRedisNobodyWaits) {
  hold(fresh_text);
  all_ask();
  fleet_.redis.kill();
  // The others ask themselves, while the first answer is still held.
  ASSERT_TRUE(fleet_.origin.wait_for_requests("/a", 3));
  finish();
  for (const Message& answer : answers_) EXPECT_EQ(answer.status(), 200) << answer.head;
}

TEST_F(FleetLease, AFetchThatFailsFreesThoseWhoWait) {
  fleet_.origin.on("/a", [this](OriginExchange& exchange) {
    if (fleet_.origin.requests("/a") == 1) {
      prolong_lease();
      go_.wait();
      exchange.alive = false;  // closes without an answer
      return;
    }
    exchange.respond(200, fresh_text, "second");
  });
  all_ask();
  finish();
  EXPECT_EQ(answers_[1].body, "second");
  EXPECT_EQ(answers_[2].body, "second");
}

TEST(FleetLeaseTerms, AFastApplicationIsAskedByEveryAgent) {
  Fleet fleet(1, {}, "timeout: 10s, adaptive: off, lease_above: 10s");
  fleet.origin.answer("/a", 200, fresh_text, "x");
  ASSERT_TRUE(follow_news(fleet));
  const auto ask = [&](int from, int to) {
    for (int i = from; i < to; ++i) {
      EXPECT_EQ(fleet[0].get("/a?" + std::to_string(i)).status(), 200);
    }
  };
  ask(0, 1);
  EXPECT_EQ(Fleet::leases(fleet[0], "granted"), 1) << "nobody knew how fast it is";
  ask(1, 12);
  EXPECT_EQ(Fleet::leases(fleet[0], "granted"), 1);
}

TEST(FleetLeaseOfABrokenEntry, IsAskedForWhenThatIsGone) {
  Fleet fleet(2, {}, patient);
  ASSERT_TRUE(follow_news(fleet));
  fleet.origin.answer("/a", 200, fresh_text, "hello");
  fleet.store(0, "/a");
  fleet.redis.run({"EVAL",
                   "for _, key in ipairs(redis.call('KEYS', 'hs:default:GET*')) do "
                   "redis.call('SET', key, 'no entry') end",
                   "0"});
  EXPECT_EQ(fleet.get_in_step(1, "/a").body, "hello");
  EXPECT_EQ(Fleet::reads(fleet[1], "broken"), 1);
  EXPECT_EQ(Fleet::leases(fleet[1], "granted"), 1) << "nobody took the broken one for a fill";
}

}  // namespace
}  // namespace homeostat::test
