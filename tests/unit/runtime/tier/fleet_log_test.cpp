// Agents that follow one log in a real Redis, which forgets, and remembers again.
#include "runtime/tier/fleet_log.hpp"

#include <gtest/gtest.h>

#include <array>

#include "tests/support/delaying_proxy.hpp"
#include "tests/unit/runtime/redis/redis_fixture.hpp"

namespace homeostat::tier {
namespace {

using namespace std::chrono_literals;

/// An agent as far as the log concerns it. It only lives while its loop is run.
class FollowingAgent {
 public:
  FollowingAgent(const config::CacheSettings& settings, std::uint64_t seed)
      : cache_(settings, clock_),
        log_(FleetLog::Parts{context_, clock_, cache_, ledger, counters, calls,
                             [](const std::string&) {},
                             [this](const PurgeRequest& request) { purges.push_back(request); }},
             settings, {}, seed) {
    log_.start();
  }
  ~FollowingAgent() { log_.stop(); }

  void run_once() {
    context_.restart();
    context_.run_one_for(std::chrono::milliseconds(5));
  }
  void invalidate(const std::string& tag, FleetLog::Settled settled) {
    Invalidation invalidation;
    invalidation.identities.push_back(cache::tag_identity(cache::TagKind::tag, tag));
    publish(std::move(invalidation), std::move(settled));
  }
  void publish(Invalidation invalidation, FleetLog::Settled settled) {
    Names names = names_of(invalidation, cache_);
    log_.publish(std::move(invalidation), std::move(names), std::move(settled));
  }
  [[nodiscard]] bool in_step() const { return ledger.trusted(clock_.now()); }
  [[nodiscard]] bool usable(const std::string& tag, LogPosition since) const {
    cache::TagSet tags;
    tags.add(cache::TagKind::tag, tag);
    return ledger.usable({tags, "k", "k", "/", 1}, since);
  }
  [[nodiscard]] bool data_usable(const std::string& key, LogPosition since) const {
    const cache::TagSet none;
    return ledger.usable({none, key, key, key, 0}, since);
  }
  [[nodiscard]] std::uint64_t gaps() const { return counters.log_gaps.load(); }

  Ledger ledger;
  TierCounters counters;
  redis::CallCounters calls;
  std::vector<PurgeRequest> purges;  ///< what it was told to take from memory

 private:
  const Clock& clock_ = SystemClock::instance();
  boost::asio::io_context context_{1};
  cache::Cache cache_;
  FleetLog log_;
};

class FleetLogTest : public testing::Test {
 protected:
  FleetLogTest() {
    settings_.redis = redis::settings_for({server_.port()});
    settings_.memory = 2 * config::mebibyte;
  }
  /// Runs these agents, and no other, until `condition` holds.
  template <class Condition>
  [[nodiscard]] static bool run(std::initializer_list<FollowingAgent*> agents,
                                Condition condition) {
    const auto end = SystemClock::instance().now() + test::wait_patience;
    while (!condition()) {
      if (SystemClock::instance().now() > end) return false;
      for (FollowingAgent* agent : agents) agent->run_once();
    }
    return true;
  }
  /// What the server has now is what a failover brings back later.
  void keep() const {
    server_.run({"COPY", key_, "kept{hs:default}", "REPLACE"});
    server_.run({"COPY", ancestors_key(key_), "ancestors{hs:default}", "REPLACE"});
  }
  void go_back() const {
    server_.run({"COPY", "kept{hs:default}", key_, "REPLACE"});
    server_.run({"COPY", "ancestors{hs:default}", ancestors_key(key_), "REPLACE"});
  }

  test::RedisServer server_;
  config::CacheSettings settings_;
  const std::string key_ = log_key("hs", "default");
};

TEST_F(FleetLogTest, WhoComesBackToAnOldLogTrustsNothingThatIsStoredUnderIt) {
  FollowingAgent agent(settings_, 1), paused(settings_, 101);
  ASSERT_TRUE(run({&agent, &paused}, [&] { return agent.in_step() && paused.in_step(); }));
  const LogPosition first = agent.ledger.position();
  ASSERT_EQ(paused.ledger.position(), first);
  // An entry fetched now would carry `first`.
  ASSERT_TRUE(agent.usable("books", first));
  keep();
  // The failover to a server that has nothing of it; `paused` sleeps through all of it.
  server_.run({"DEL", key_, ancestors_key(key_)});
  ASSERT_TRUE(run({&agent}, [&] { return agent.ledger.position().epoch != first.epoch; }));
  const std::uint64_t second = agent.ledger.position().epoch;
  bool settled = false;
  agent.invalidate("books", [&](std::optional<LogPosition>) { settled = true; });
  ASSERT_TRUE(run({&agent}, [&] { return settled; }));
  // And back to the first server, whose log ends where it did.
  go_back();
  ASSERT_TRUE(run({&agent}, [&] { return agent.ledger.position().epoch != second; }));
  EXPECT_NE(agent.ledger.position().epoch, first.epoch);
  EXPECT_FALSE(agent.usable("books", first)) << "it was invalidated under the second log";
  EXPECT_EQ(agent.gaps(), 2U);
  // Who knew nothing of the second log learns all the same that it missed something.
  ASSERT_TRUE(run({&paused}, [&] { return paused.gaps() == 1; }));
  EXPECT_EQ(paused.ledger.position().epoch, agent.ledger.position().epoch);
  EXPECT_FALSE(paused.usable("books", first));
}

TEST_F(FleetLogTest, WhoMeetsTheLogForTheFirstTimeDoubtsWhatItStoredBefore) {
  server_.kill();
  FollowingAgent agent(settings_, 1);
  // Whatever it stores now may be invalidated in a log that is gone before it comes.
  agent.run_once();
  server_.restart();
  ASSERT_TRUE(run({&agent}, [&] { return agent.in_step(); }));
  ASSERT_EQ(agent.purges.size(), 1U);
  EXPECT_EQ(agent.purges[0].patterns, std::vector<std::string>{"*"});
  EXPECT_TRUE(agent.purges[0].soft && agent.purges[0].doubt);
  EXPECT_EQ(agent.gaps(), 0U);
}

TEST_F(FleetLogTest, AReplicaConfirmsNothing) {
  FollowingAgent agent(settings_, 1);
  ASSERT_TRUE(run({&agent}, [&] { return agent.in_step(); }));
  const test::HeldPort nobody;
  server_.run({"REPLICAOF", "127.0.0.1", std::to_string(nobody.port())});
  ASSERT_TRUE(run({&agent}, [&] { return !agent.in_step(); })) << "its log may be left behind";
  server_.run({"REPLICAOF", "NO", "ONE"});
  EXPECT_TRUE(run({&agent}, [&] { return agent.in_step(); }));
  EXPECT_EQ(agent.gaps(), 0U);
}

TEST_F(FleetLogTest, AUrlNamesTheDataUnderThatKeyTooUnlessOnlyResponsesAreMeant) {
  FollowingAgent one(settings_, 1), other(settings_, 101);
  ASSERT_TRUE(run({&one, &other}, [&] { return one.in_step() && other.in_step(); }));
  const LogPosition before = one.ledger.position();
  const auto everywhere = [&](Invalidation invalidation) {
    const std::uint64_t last = one.ledger.position().number;
    one.publish(std::move(invalidation), {});
    return run({&one, &other}, [&] {
      return one.ledger.position().number > last && other.ledger.position().number > last;
    });
  };
  Invalidation purge, unsafe, data;
  purge.keys.emplace_back("http://example.org/purged");
  unsafe.urls.emplace_back("http://example.org/posted");
  data.data.emplace_back("http://example.org/written");
  ASSERT_TRUE(everywhere(purge) && everywhere(unsafe) && everywhere(data));
  for (const FollowingAgent* agent : {&one, &other}) {
    EXPECT_FALSE(agent->data_usable("http://example.org/purged", before));
    EXPECT_TRUE(agent->data_usable("http://example.org/posted", before));
    EXPECT_FALSE(agent->data_usable("http://example.org/written", before));
  }
  ASSERT_FALSE(other.purges.empty());
  std::vector<std::string> keys;
  for (const PurgeRequest& taken : other.purges) {
    keys.insert(keys.end(), taken.keys.begin(), taken.keys.end());
  }
  EXPECT_EQ(keys,
            (std::vector<std::string>{"http://example.org/purged", "http://example.org/written"}));
}

TEST_F(FleetLogTest, ARedisThatIsTooSlowForReadsStillTakesInvalidations) {
  test::DelayingProxy proxy(server_.port());
  proxy.set_delay(100ms);
  settings_.redis.servers = {redis::server_at(proxy.port())};
  settings_.redis.timeout = 20ms;
  FollowingAgent agent(settings_, 1);
  ASSERT_TRUE(run({&agent}, [&] { return agent.in_step(); }));
  // Long enough for the pings of an idle connection: it reads once a second.
  const std::uint64_t before = agent.calls.calls;
  ASSERT_TRUE(run({&agent}, [&] { return agent.calls.calls >= before + 10; }));
  EXPECT_EQ(agent.calls.breaker_openings, 0U);
  bool settled = false;
  agent.invalidate("books", [&](std::optional<LogPosition>) { settled = true; });
  EXPECT_TRUE(run({&agent}, [&] { return settled; }));
}

TEST_F(FleetLogTest, WhatWaitedIsSentInPiecesThatFitTheQueue) {
  settings_.redis.queue_bytes_max = config::mebibyte;
  FollowingAgent agent(settings_, 1);
  std::vector<std::uint64_t> numbers;
  for (int i = 0; i < 12; ++i) {
    Invalidation large;
    large.keys.emplace_back(std::string(250 * config::kibibyte, static_cast<char>('a' + i)));
    agent.publish(std::move(large), [&](std::optional<LogPosition> position) {
      numbers.push_back(position ? position->number : 0);
    });
  }
  ASSERT_TRUE(run({&agent}, [&] { return numbers.size() == 12; })) << numbers.size();
  for (std::size_t i = 1; i < numbers.size(); ++i) EXPECT_EQ(numbers[i], numbers[i - 1] + 1);
}

/// Without Redis: the last of them stands for everything, and the others are dropped.
void expect_one_of_everything(FollowingAgent& agent, const std::vector<Invalidation>& published) {
  std::size_t replaced = 0;
  for (const Invalidation& one : published) {
    agent.publish(one,
                  [&](std::optional<LogPosition> position) { replaced += position ? 0U : 1U; });
  }
  const auto done = [&] {
    agent.run_once();
    return replaced == published.size() - 1 && agent.counters.invalidations_waiting == 1;
  };
  EXPECT_TRUE(test::eventually(done)) << replaced;
}

TEST_F(FleetLogTest, ManyNamesThatWaitBecomeOneInvalidationOfEverything) {
  server_.kill();
  FollowingAgent agent(settings_, 1);
  std::vector<Invalidation> published(4);
  for (std::size_t i = 0; i < published.size(); ++i) {
    for (int tag = 0; tag < 15'000; ++tag) {
      const std::string name = std::to_string(i) + "-" + std::to_string(tag);
      published[i].identities.push_back(cache::tag_identity(cache::TagKind::tag, name));
    }
  }
  expect_one_of_everything(agent, published);
}

TEST_F(FleetLogTest, NoMorePatternsWaitThanTheLedgerKeeps) {
  server_.kill();
  FollowingAgent agent(settings_, 1);
  std::vector<Invalidation> published(3);
  for (std::size_t i = 0; i < published.size(); ++i) {
    for (int pattern = 0; pattern < 600; ++pattern) {
      published[i].patterns.push_back("/" + std::to_string(i) + "/" + std::to_string(pattern) +
                                      "/*");
    }
  }
  expect_one_of_everything(agent, published);
}

TEST_F(FleetLogTest, ALostNumberThatWasGivenAgainIsNoticedInTheMidstOfReading) {
  FollowingAgent agent(settings_, 1);
  ASSERT_TRUE(run({&agent}, [&] { return agent.in_step(); }));
  keep();
  bool settled = false;
  agent.invalidate("lost", [&](std::optional<LogPosition>) { settled = true; });
  ASSERT_TRUE(run({&agent}, [&] { return settled; }));
  const LogPosition before = agent.ledger.position();
  // It waits for the next one.
  ASSERT_TRUE(run({&agent}, [&] {
    return server_.run({"CLIENT", "LIST"}).find("cmd=xread") != std::string::npos;
  }));
  // A server that had nothing of it took over, and others wrote there.
  server_.run({"DEL", key_, ancestors_key(key_)});
  go_back();
  redis::RunningClient other(redis::settings_for({server_.port()}));
  ASSERT_TRUE(other.run_until_up());
  bool written = false;
  const std::vector<std::string> texts = {"Aother\nItbooks\n", "Aother\nItmore\n"};
  ASSERT_EQ(
      other.client().call(key_, log_command(key_, 1000, {}, 77, texts), std::chrono::seconds(10),
                          [&](const redis::CallResult& result) { written = result.ok(); }),
      redis::CallError::none);
  ASSERT_TRUE(other.run_until([&] { return written; }));
  ASSERT_TRUE(run({&agent}, [&] { return agent.gaps() == 1; }));
  EXPECT_NE(agent.ledger.position().epoch, before.epoch);
  EXPECT_FALSE(agent.usable("books", before)) << "the first of the two had a number it knew";
}

TEST_F(FleetLogTest, AgentsThatSawTheSameSettleOnOneNewLog) {
  std::array<std::unique_ptr<FollowingAgent>, 3> agents;
  for (std::size_t i = 0; i < agents.size(); ++i) {
    agents[i] = std::make_unique<FollowingAgent>(settings_, 1 + 100 * i);
  }
  const auto all = {agents[0].get(), agents[1].get(), agents[2].get()};
  const auto each = [&](auto condition) {
    return run(all, [&] {
      return std::all_of(all.begin(), all.end(),
                         [&](const auto* agent) { return condition(*agent); });
    });
  };
  ASSERT_TRUE(each([](const FollowingAgent& agent) { return agent.in_step(); }));
  server_.run({"DEL", key_, ancestors_key(key_)});
  ASSERT_TRUE(each([](const FollowingAgent& agent) { return agent.gaps() == 1; }));
  EXPECT_EQ(agents[0]->ledger.position(), agents[1]->ledger.position());
  EXPECT_EQ(agents[0]->ledger.position(), agents[2]->ledger.position());
  // It stays.
  bool settled = false;
  agents[1]->invalidate("books", [&](std::optional<LogPosition>) { settled = true; });
  const std::uint64_t epoch = agents[0]->ledger.position().epoch;
  ASSERT_TRUE(each([&](const FollowingAgent& agent) {
    return settled && agent.ledger.position() == LogPosition{epoch, 2};
  }));
  for (const auto& agent : agents) EXPECT_EQ(agent->gaps(), 1U);
}

}  // namespace
}  // namespace homeostat::tier
