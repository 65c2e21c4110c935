// Sentinel and Cluster, with real servers of both.
#include <gtest/gtest.h>

#include <atomic>
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

constexpr const char* secret = "long-enough-a-secret";

TEST(Sentinel, LogsInWithAUserOfTheSentinelsAndOneOfTheServers) {
  test::RedisSentinels sentinels;
  for (const std::uint16_t port : sentinels.ports()) {
    ASSERT_EQ(test::RedisClient(port).run({"ACL", "SETUSER", "watcher", "on",
                                           std::string(">") + secret, "+ping", "+sentinel|master",
                                           "+sentinel|get-master-addr-by-name"}),
              "OK");
  }
  for (test::RedisServer* server : {&sentinels.master(), &sentinels.replica()}) {
    ASSERT_EQ(server->run({"ACL", "SETUSER", "agent", "on", std::string(">") + secret + "2", "~k",
                           "+ping", "+role", "+set"}),
              "OK");
  }
  config::RedisSettings settings = sentinel_settings(sentinels);
  settings.sentinel_user = "watcher";
  settings.sentinel_password = secret;
  settings.user = "agent";
  settings.password = std::string(secret) + "2";
  RunningClient running(settings);
  ASSERT_TRUE(running.run_until_up()) << running.client().trouble();
  EXPECT_TRUE(running.call("k", {"SET", "k", "v"}).ok());
  EXPECT_TRUE(running.call("k", {"GET", "k"}).reply.is_error("NOPERM")) << "it is that user";
  sentinels.fail_over();
  EXPECT_TRUE(running.run_until([&] {
    static_cast<void>(running.call("k", {"SET", "k", "after"}));
    return sentinels.replica().run({"GET", "k"}) == "after";
  }));
}

/// What a client tells whoever wants to know why it is not up, once that names `code`.
std::string told_of(const config::RedisSettings& settings, const std::string& code) {
  std::string told;
  ClientOptions options;
  options.changed = [&](bool, const std::string& reason) { told = reason; };
  RunningClient refused(settings, {}, options);
  EXPECT_TRUE(refused.run_until([&] { return told.find(code) != std::string::npos; })) << told;
  EXPECT_FALSE(refused.client().up());
  return told;
}

TEST(Sentinel, SaysWhyTheSentinelsRefuseAUser) {
  test::RedisSentinels sentinels;
  for (const std::uint16_t port : sentinels.ports()) {
    ASSERT_EQ(test::RedisClient(port).run(
                  {"ACL", "SETUSER", "blind", "on", std::string(">") + secret, "+ping"}),
              "OK");
  }
  config::RedisSettings settings = sentinel_settings(sentinels);
  settings.sentinel_user = "another";
  settings.sentinel_password = secret;
  const std::string trouble = "no sentinel names a master called " + sentinels.name() + ": ";
  EXPECT_EQ(told_of(settings, "WRONGPASS"), trouble + "AUTH refused: WRONGPASS");
  settings.sentinel_user = "blind";
  EXPECT_EQ(told_of(settings, "NOPERM").find(trouble + "NOPERM"), 0U);
}

/// Names `master` whenever it is asked, and how new its configuration is.
std::string sentinel_answer(const std::string& request, std::uint16_t master, unsigned epoch) {
  std::string answer;
  const std::string port = std::to_string(master), of = std::to_string(epoch);
  const auto text = [](const std::string& value) {
    return "$" + std::to_string(value.size()) + "\r\n" + value + "\r\n";
  };
  if (request.find("PING") != std::string::npos) answer += "+PONG\r\n";
  if (request.find("GET-MASTER-ADDR-BY-NAME") != std::string::npos) {
    answer += "*2\r\n" + text("127.0.0.1") + text(port);
  }
  if (request.find("\r\nMASTER\r\n") != std::string::npos) {
    answer += "*4\r\n" + text("port") + text(port) + text("config-epoch") + text(of);
  }
  return answer;
}

TEST(Sentinel, OneThatIsCutOffBesideTheOldMasterHasNoSay) {
  test::RedisServer old_master, new_master;
  std::atomic<unsigned> failed_over{0};
  ScriptedServer cut_off(
      [&](const std::string& request) { return sentinel_answer(request, old_master.port(), 7); });
  ScriptedServer other([&](const std::string& request) {
    return failed_over != 0 ? sentinel_answer(request, new_master.port(), 8)
                            : sentinel_answer(request, old_master.port(), 7);
  });
  config::RedisSettings settings = settings_for({cut_off.port(), other.port()});
  settings.topology = config::RedisTopology::sentinel;
  settings.master = "mymaster";
  ClientOptions options;
  options.look_again = 50ms;
  RunningClient running(settings, {}, options);
  ASSERT_TRUE(running.call_until_ok("k", {"SET", "k", "before"}));
  EXPECT_EQ(old_master.run({"GET", "k"}), "before");
  // The old master stays up, and says that it is one.
  failed_over = 1;
  ASSERT_TRUE(running.run_until([&] {
    static_cast<void>(running.call("k", {"SET", "k", "after"}));
    return new_master.run({"GET", "k"}) == "after";
  }));
  // And it stays there.
  const auto asked = SystemClock::instance().now();
  ASSERT_TRUE(running.run_until([&] { return SystemClock::instance().now() - asked > 300ms; }));
  ASSERT_TRUE(running.call_until_ok("k", {"SET", "k", "later"}));
  EXPECT_EQ(new_master.run({"GET", "k"}), "later");
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

TEST_F(Cluster, LogsInAtEveryServer) {
  for (std::size_t i = 0; i < cluster_->size(); ++i) {
    ASSERT_EQ(cluster_->node(i).run({"ACL", "SETUSER", "agent", "on", std::string(">") + secret,
                                     "~u*", "+ping", "+set", "+cluster|slots", "+asking"}),
              "OK");
  }
  config::RedisSettings with_user = settings();
  with_user.user = "agent";
  with_user.password = secret;
  RunningClient running(with_user);
  std::set<std::size_t> owners;
  for (int i = 0; i < 30; ++i) {
    const std::string key = "u" + std::to_string(i);
    ASSERT_TRUE(running.call_until_ok(key, {"SET", key, "v"})) << running.client().trouble();
    owners.insert(cluster_->owner_of(key));
  }
  EXPECT_EQ(owners.size(), test::RedisCluster::masters);
  EXPECT_TRUE(running.call("u1", {"GET", "u1"}).reply.is_error("NOPERM")) << "it is that user";
  const std::size_t from = cluster_->owner_of("u1");
  cluster_->move_slot("u1", (from + 1) % test::RedisCluster::masters);
  EXPECT_TRUE(running.call("u1", {"SET", "u1", "moved"}).ok());
  cluster_->move_slot("u1", from);
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

/// How often the map of slots was read.
int maps_read(test::RedisCluster& cluster) {
  int reads = 0;
  for (std::size_t i = 0; i < cluster.size(); ++i) {
    const std::string statistics = cluster.node(i).run({"INFO", "commandstats"});
    const std::string name = "cmdstat_cluster|slots:calls=";
    const std::size_t at = statistics.find(name);
    if (at != std::string::npos) reads += std::stoi(statistics.substr(at + name.size()));
  }
  return reads;
}

TEST(GrowingCluster, KeepsTheServerThatSlotsAreOnTheirWayTo) {
  test::RedisCluster cluster(test::RedisCluster::Replicas::none);
  const std::size_t added = cluster.add_master();
  config::RedisSettings settings = settings_for({cluster.node(0).port()});
  settings.topology = config::RedisTopology::cluster;
  RunningClient running(settings);
  ASSERT_TRUE(running.run_until_up());
  cluster.begin_move("k", added);
  ASSERT_TRUE(running.call_until_ok("k", {"SET", "k", "v"})) << "it was asked";
  // It is in no map yet.
  const int before = maps_read(cluster);
  ASSERT_TRUE(running.run_until([&] { return maps_read(cluster) > before; }));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(running.call("k", {"GET", "k"}).reply.text, "v");
}

}  // namespace
}  // namespace homeostat::redis
