// Sentinel and Cluster, with real servers of both.
#include <gtest/gtest.h>

#include <set>

#include "tests/support/redis_cluster.hpp"
#include "tests/support/redis_sentinels.hpp"
#include "tests/unit/runtime/redis/redis_fixture.hpp"

namespace homeostat::redis {
namespace {

using namespace std::chrono_literals;

config::RedisSettings sentinel_settings(const test::RedisSentinels& sentinels) {
  config::RedisSettings settings = settings_for(sentinels.ports());
  settings.topology = config::RedisTopology::sentinel;
  settings.master = sentinels.name();
  return settings;
}

TEST(Sentinel, FindsTheMasterEvenIfTheFirstSentinelIsDead) {
  test::RedisSentinels sentinels;
  sentinels.kill_sentinel(0);
  RunningClient running(sentinel_settings(sentinels));
  ASSERT_TRUE(running.run_until_up());
  EXPECT_TRUE(running.call("k", {"SET", "k", "v"}).ok());
  EXPECT_EQ(sentinels.master().run({"GET", "k"}), "v");
}

TEST(Sentinel, FollowsAFailover) {
  test::RedisSentinels sentinels;
  RunningClient running(sentinel_settings(sentinels));
  ASSERT_TRUE(running.run_until_up());
  sentinels.fail_over();
  ASSERT_TRUE(running.run_until([&] {
    static_cast<void>(running.call("k", {"SET", "k", "after"}));
    return sentinels.replica().run({"GET", "k"}) == "after";
  }));
  EXPECT_TRUE(running.call_until_ok("k", {"SET", "k", "again"}));
}

TEST(Sentinel, SaysSoWhenNobodyKnowsTheMaster) {
  test::RedisSentinels sentinels;
  config::RedisSettings settings = sentinel_settings(sentinels);
  settings.master = "another";
  RunningClient running(settings);
  EXPECT_TRUE(running.run_until([&] {
    return running.client().trouble().find("no sentinel names a master called another") !=
           std::string::npos;
  })) << running.client().trouble();
}

class Cluster : public testing::Test {
 protected:
  static void SetUpTestSuite() { cluster_ = std::make_unique<test::RedisCluster>(); }
  static void TearDownTestSuite() { cluster_.reset(); }

  static config::RedisSettings settings() {
    config::RedisSettings settings =
        settings_for({cluster_->node(0).port(), cluster_->node(4).port()});
    settings.topology = config::RedisTopology::cluster;
    return settings;
  }
  static inline std::unique_ptr<test::RedisCluster> cluster_;
};

TEST_F(Cluster, SendsEveryKeyWhereItBelongs) {
  RunningClient running(settings());
  ASSERT_TRUE(running.run_until_up());
  std::set<std::size_t> owners;
  for (int i = 0; i < 50; ++i) {
    const std::string key = "key" + std::to_string(i);
    ASSERT_TRUE(running.call_until_ok(key, {"SET", key, "v"}));
    owners.insert(cluster_->owner_of(key));
  }
  EXPECT_EQ(owners.size(), 3U);
  EXPECT_EQ(running.counters.redirects, 0U) << "the map told";
  EXPECT_EQ(running.call("{a}1", {"MSET", "{a}1", "x", "{a}2", "y"}).reply.text, "OK");
}

TEST_F(Cluster, FollowsASlotThatMoved) {
  RunningClient running(settings());
  ASSERT_TRUE(running.run_until_up());
  ASSERT_TRUE(running.call_until_ok("moving", {"SET", "moving", "v"}));
  const std::size_t from = cluster_->owner_of("moving");
  const std::size_t to = (from + 1) % test::RedisCluster::masters;
  // So that it is connected to the other one already.
  ASSERT_TRUE(running.run_until([&] {
    for (int i = 0; i < 20; ++i) {
      const std::string key = "other" + std::to_string(i);
      if (!running.call(key, {"SET", key, "v"}).ok()) return false;
    }
    return true;
  }));
  cluster_->begin_move("moving", to);
  EXPECT_EQ(running.call("moving", {"GET", "moving"}).reply.text, "v") << "it is still there";
  cluster_->move_slot("moving", to);
  const CallResult moved = running.call("moving", {"GET", "moving"});
  EXPECT_EQ(moved.reply.text, "v") << to_string(moved.error);
  EXPECT_GE(running.counters.redirects, 1U);
}

TEST_F(Cluster, AsksTheImportingServerForKeysOnTheirWay) {
  RunningClient running(settings());
  ASSERT_TRUE(running.run_until_up());
  ASSERT_TRUE(running.call_until_ok("asking", {"SET", "asking", "v"}));
  const std::size_t from = cluster_->owner_of("asking");
  cluster_->begin_move("asking", (from + 1) % test::RedisCluster::masters);
  // It is not where its slot still is: the old owner answers ASK.
  ASSERT_TRUE(running.call("asking", {"DEL", "asking"}).ok());
  ASSERT_TRUE(running.call_until_ok("asking", {"SET", "asking", "new"}));
  EXPECT_EQ(running.call("asking", {"GET", "asking"}).reply.text, "new");
  EXPECT_GE(running.counters.redirects, 2U);
  cluster_->move_slot("asking", (from + 1) % test::RedisCluster::masters);
}

TEST_F(Cluster, SurvivesTheDeathOfAMaster) {
  RunningClient running(settings());
  ASSERT_TRUE(running.run_until_up());
  ASSERT_TRUE(running.call_until_ok("k", {"SET", "k", "v"}));
  const std::size_t dead = cluster_->owner_of("k");
  cluster_->node(dead).kill();
  ASSERT_TRUE(running.run_until([&] {
    return running.call("k", {"SET", "k", "new"}).ok();
  })) << running.client().trouble();
  EXPECT_NE(cluster_->owner_of("k"), dead);
}

}  // namespace
}  // namespace homeostat::redis
