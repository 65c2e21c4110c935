// Rate limits that the agents of a fleet hold together.
#include <gtest/gtest.h>

#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "tests/e2e/fleet.hpp"
#include "tests/support/redis_client.hpp"

namespace homeostat::test {
namespace {

/// Two agents with one Redis before one application.
class SharedRateLimit : public testing::Test {
 protected:
  void start(const std::string& limit) {
    for (int i = 0; i < 2; ++i) {
      AgentConfig config = config_for(origin_);
      config.admission =
          "mode: off, tenant: {by: header, field: X-Tenant}, "
          "rate_limits: [{name: api, per: tenant, " +
          limit + "}]";
      config.workers = 1;
      config.cache = redis_section(redis_->url());
      agents_.push_back(std::make_unique<RunningAgent>(config));
      ASSERT_TRUE(Fleet::in_step(*agents_.back()));
    }
  }
  int ask(std::size_t agent, const std::string& who) {
    return agents_[agent]->get("/page", "X-Tenant: " + who + "\r\n").status();
  }
  /// The agents know the fleet's secret, which their first requests ask for.
  void warm_up() {
    for (std::size_t agent : {0U, 1U}) {
      ASSERT_TRUE(eventually([&] {
        (void)ask(agent, "warm-up-" + std::to_string(++tenants_));
        return agents_[agent]->metric("homeostat_shared_rate_limits_total{result=\"added_up\"}") >
               0;
      }));
    }
  }
  /// Some bucket in Redis takes at least so many hours to be full.
  bool takes_hours(int hours) {
    RedisClient client(redis_->port());
    return eventually([&] {
      std::istringstream keys(client.run({"KEYS", "*:rate:*"}));
      for (std::string key; keys >> key;) {
        if (std::stoll(client.run({"PTTL", key})) > hours * 3'600'000LL) return true;
      }
      return false;
    });
  }

  ScriptedOrigin origin_;
  std::unique_ptr<RedisServer> redis_ = std::make_unique<RedisServer>();
  std::vector<std::unique_ptr<RunningAgent>> agents_;
  int tenants_ = 0;
};

TEST_F(SharedRateLimit, WhatOneAgentLetThroughIsMissingAtTheOther) {
  start("rate: 4/d");
  warm_up();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ask(0, "one"), 200);
  ASSERT_TRUE(takes_hours(17));  // six for each
  EXPECT_EQ(ask(1, "one"), 200) << "it has not met this one yet";
  ASSERT_TRUE(takes_hours(23));
  int late = 0;  // while Redis' answer is on its way
  EXPECT_TRUE(eventually([&] { return ask(1, "one") == 429 || ++late > 1; }));
  EXPECT_LE(late, 1);
  EXPECT_EQ(ask(1, "another"), 200);
  // Without Redis each counts for itself.
  redis_->kill();
  EXPECT_TRUE(eventually([&] { return agents_[1]->metric("homeostat_redis_up") == 0; }));
  for (int i = 0; i < 4; ++i) EXPECT_EQ(ask(1, "third"), 200);
  EXPECT_EQ(ask(1, "third"), 429);
}

TEST_F(SharedRateLimit, OneThatIsNotSharedCountsForItself) {
  start("rate: 2/d, shared: false");
  for (std::size_t agent : {0U, 1U}) {
    for (int i = 0; i < 2; ++i) EXPECT_EQ(ask(agent, "one"), 200);
    EXPECT_EQ(ask(agent, "one"), 429);
  }
  RedisClient client(redis_->port());
  EXPECT_EQ(client.run({"KEYS", "*:rate:*"}), "");
}

}  // namespace
}  // namespace homeostat::test
