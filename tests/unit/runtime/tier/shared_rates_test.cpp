// Rate limits that several agents add up in a real Redis.
#include "runtime/tier/shared_rates.hpp"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <vector>

#include "runtime/tier/rate_script.hpp"
#include "tests/unit/runtime/redis/redis_fixture.hpp"

namespace homeostat::tier {
namespace {

using namespace std::chrono_literals;

class Rates : public testing::Test {
 protected:
  Rates() : running_(redis::settings_for({server_.port()})) {
    EXPECT_TRUE(running_.run_until_up());
  }

  /// An agent's part, with what it was told of its buckets.
  struct Agent {
    std::map<std::uint64_t, Duration> raised;
    std::shared_ptr<SharedRates> rates;
  };
  Agent& add() {
    agents_.push_back(std::make_unique<Agent>());
    Agent& agent = *agents_.back();
    agent.rates = std::make_shared<SharedRates>(
        running_.context(), SystemClock::instance(), running_.client(), settings_, counters_,
        agents_.size(),
        [&agent](std::uint64_t bucket, Duration until) { agent.raised[bucket] = until; });
    return agent;
  }
  std::uint64_t secret_of(Agent& agent) {
    EXPECT_TRUE(running_.run_until([&] { return agent.rates->secret().has_value(); }));
    return agent.rates->secret().value_or(0);
  }
  bool told(Agent& agent, std::size_t buckets) {
    return running_.run_until([&] { return agent.raised.size() == buckets; });
  }

  static constexpr rules::RequestRate hourly{1h, 10};
  test::RedisServer server_;
  redis::RunningClient running_;
  config::CacheSettings settings_;
  TierCounters counters_;
  std::vector<std::unique_ptr<Agent>> agents_;
};

TEST_F(Rates, AllAgentsHaveTheSecretOfTheFirst) {
  Agent& first = add();
  Agent& second = add();
  const std::uint64_t secret = secret_of(first);
  EXPECT_NE(secret, 0U);
  EXPECT_EQ(secret_of(second), secret);
}

TEST_F(Rates, WhatAgentsLetThroughAddsUp) {
  Agent& first = add();
  Agent& second = add();
  constexpr std::uint64_t name = 77;
  for (int i = 0; i < 3; ++i) first.rates->note(1, name, hourly);
  ASSERT_TRUE(told(first, 1));
  EXPECT_LE(first.raised[1], 3h);
  EXPECT_GT(first.raised[1], 3h - 1min);
  second.rates->note(2, name, hourly);
  ASSERT_TRUE(told(second, 1));
  EXPECT_LE(second.raised[2], 4h);
  EXPECT_GT(second.raised[2], 4h - 1min);
  EXPECT_EQ(counters_.rates_exchanged, 2U) << "one call for three requests";
  second.rates->note(3, name + 1, hourly);
  ASSERT_TRUE(told(second, 2));
  EXPECT_LE(second.raised[3], 1h) << "another bucket";
}

TEST_F(Rates, BucketsLeaveRedisWhenTheyAreFull) {
  Agent& agent = add();
  agent.rates->note(1, 5, {100ms, 10});
  ASSERT_TRUE(told(agent, 1));
  const std::string key = rate_bucket_key(settings_.key_prefix, settings_.key_namespace, 5);
  EXPECT_TRUE(running_.run_until([&] {
    return running_.call(key, {"EXISTS", key}).reply.integer == 0;
  }));
}

TEST_F(Rates, AClockThatWasPutBackRefusesNobodyForLonger) {
  Agent& agent = add();
  agent.rates->note(1, 5, hourly);
  ASSERT_TRUE(told(agent, 1));
  const std::string key = rate_bucket_key(settings_.key_prefix, settings_.key_namespace, 5);
  // As the old master's clock has left it, a day ahead.
  ASSERT_EQ(server_.run({"EVAL", R"(
      local ahead = function(instant) return string.format('%.0f', instant + 864e8) end
      return redis.call('SET', KEYS[1], (string.gsub(redis.call('GET', KEYS[1]), '%d+', ahead))))",
                         "1", key}),
            "OK");
  agent.raised.clear();
  agent.rates->note(1, 5, hourly);
  ASSERT_TRUE(told(agent, 1));
  EXPECT_LE(agent.raised[1], 2h);
  EXPECT_GT(agent.raised[1], 2h - 1min);
}

TEST_F(Rates, WhatIsNoBucketIsTakenForAFullOne) {
  Agent& agent = add();
  const std::string key = rate_bucket_key(settings_.key_prefix, settings_.key_namespace, 5);
  for (const std::vector<std::string>& spoil : {std::vector<std::string>{"SET", key, "nonsense"},
                                                {"SET", key, "9000000000000000"},
                                                {"LPUSH", key, "1"}}) {
    server_.run({"DEL", key});
    server_.run(spoil);
    agent.raised.clear();
    agent.rates->note(1, 5, hourly);
    ASSERT_TRUE(told(agent, 1)) << spoil.back();
    EXPECT_LE(agent.raised[1], 1h) << spoil.back();
  }
}

TEST_F(Rates, NoAnswerIsBelievedBeyondWhatAFleetCanHaveUsed) {
  redis::ScriptedServer liar([](const std::string& request) -> std::string {
    return request.find("PING") != std::string::npos ? "+PONG\r\n" : ":4000000000000000\r\n";
  });
  redis::RunningClient running(redis::settings_for({liar.port()}));
  ASSERT_TRUE(running.run_until_up());
  Duration raised{};
  const auto rates = std::make_shared<SharedRates>(
      running.context(), SystemClock::instance(), running.client(), settings_, counters_, 1,
      [&](std::uint64_t, Duration until_full) { raised = until_full; });
  rates->note(1, 5, hourly);
  ASSERT_TRUE(
      running.run_until([&] { return counters_.rates_unshared + counters_.rates_exchanged > 0; }));
  EXPECT_EQ(raised, 0s);
  EXPECT_EQ(counters_.rates_unshared, 1U);
}

TEST_F(Rates, WithoutRedisNothingIsToldAndNobodyWaits) {
  Agent& agent = add();
  static_cast<void>(secret_of(agent));
  server_.kill();
  ASSERT_TRUE(running_.run_until([&] { return !running_.client().up(); }));
  agent.rates->note(1, 5, hourly);
  EXPECT_TRUE(running_.run_until([&] { return counters_.rates_unshared == 1; }));
  EXPECT_TRUE(agent.raised.empty());
}

TEST_F(Rates, WhatIsBeyondTheBoundCountsHereOnly) {
  Agent& agent = add();
  for (std::uint64_t name = 1; name <= SharedRates::names_max + 3; ++name) {
    agent.rates->note(name, name, hourly);
  }
  EXPECT_EQ(counters_.rates_unshared, 3U);
  agent.rates->stop();
}

}  // namespace
}  // namespace homeostat::tier
