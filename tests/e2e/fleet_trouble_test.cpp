// What Redis' troubles cost a fleet: each of them with a real redis-server (fleet_trouble.hpp).
#include "tests/e2e/fleet_trouble.hpp"

#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/delaying_proxy.hpp"
#include "tests/support/redis_cluster.hpp"
#include "tests/support/redis_sentinels.hpp"

namespace homeostat::test {
namespace {

using Command = std::vector<std::string>;

/// What takes longer than the test's own client waits runs on.
void patient_run(const RedisServer& redis, const Command& command) {
  try {
    redis.run(command);
  } catch (const std::runtime_error&) {
    return;
  }
}

TEST(FleetTrouble, ASlowRedis) {
  RedisServer redis;
  DelayingProxy proxy(redis.port());
  Trouble trouble("{url: 'redis://127.0.0.1:" + std::to_string(proxy.port()) + "'}");
  trouble.whole(
      "slow by 200 ms", [&] { proxy.set_delay(std::chrono::milliseconds(200)); },
      [&] { proxy.set_delay(std::chrono::milliseconds(0)); });
}

TEST(FleetTrouble, AReadOnlyReplica) {
  RedisServer redis, master;
  Trouble trouble("{url: '" + redis.url() + "'}");
  trouble.whole(
      "a read-only replica",
      [&] {
        redis.run({"REPLICAOF", "127.0.0.1", std::to_string(master.port())});
      },
      [&] {
        redis.run({"REPLICAOF", "NO", "ONE"});
      },
      "READONLY");
}

TEST(FleetTrouble, AKilledRedis) {
  RedisServer redis;
  Trouble trouble("{url: '" + redis.url() + "'}");
  trouble.whole(
      "killed", [&] { redis.kill(); }, [&] { redis.restart(); });
}

TEST(FleetTrouble, APausedRedis) {
  RedisServer redis;
  Trouble trouble("{url: '" + redis.url() + "'}");
  trouble.whole(
      "paused", [&] { redis.pause(); }, [&] { redis.resume(); });
}

TEST(FleetTrouble, AFullRedis) {
  RedisServer redis;
  Trouble trouble("{url: '" + redis.url() + "'}");
  trouble.whole(
      "full",
      [&] {
        redis.run({"CONFIG", "SET", "maxmemory", "1"});
      },
      [&] {
        redis.run({"CONFIG", "SET", "maxmemory", "0"});
      },
      "OOM");
}

TEST(FleetTrouble, ARedisThatAnswersNonsense) {
  RedisServer redis;
  DelayingProxy proxy(redis.port());
  Trouble trouble("{url: 'redis://127.0.0.1:" + std::to_string(proxy.port()) + "'}");
  trouble.whole(
      "answers nonsense", [&] { proxy.set_noise(true); }, [&] { proxy.set_noise(false); });
}

TEST(FleetTrouble, ARedisThatCannotSave) {
  RedisServer redis({"--save", "3600 100000"});
  // Where the dump should be put there is a directory: it does without for root, too.
  const std::string dump = redis.directory().path() + "/dump.rdb";
  const auto save = [&](bool well) {
    redis.run({"BGSAVE"});
    EXPECT_TRUE(
        eventually([&] { return redis.run({"PING"}).starts_with("ERROR MISCONF") != well; }));
  };
  Trouble trouble("{url: '" + redis.url() + "'}");
  trouble.whole(
      "cannot save",
      [&] {
        std::filesystem::create_directory(dump);
        save(false);
      },
      [&] {
        std::filesystem::remove(dump);
        save(true);
      },
      "MISCONF");
}

TEST(FleetTrouble, ARedisThatReadsItsDump) {
  RedisServer redis;
  const auto slowly = [&](const char* microseconds) {
    redis.run({"CONFIG", "SET", "key-load-delay", microseconds});
  };
  redis.run({"EVAL", "for i = 1, 200000 do redis.call('SET', 'key' .. i, string.rep('x', 100)) end",
             "0"});
  redis.run({"CONFIG", "SET", "loading-process-events-interval-bytes", "1024"});
  Trouble trouble("{url: '" + redis.url() + "'}");
  std::thread reload;
  trouble.whole(
      "reads its dump",
      [&] {
        slowly("100");
        reload = std::thread(patient_run, std::ref(redis), Command{"DEBUG", "RELOAD"});
        EXPECT_TRUE(eventually([&] {
          return redis.run({"GET", "key1"}).starts_with("ERROR LOADING");
        }));
      },
      [&] {
        slowly("0");
        EXPECT_TRUE(eventually([&] { return redis.run({"GET", "key1"}).starts_with("x"); }));
        reload.join();
      },
      "LOADING");
}

TEST(FleetTrouble, AClusterWithoutAllItsSlots) {
  RedisCluster cluster(RedisCluster::Replicas::none);
  Trouble trouble("{url: '" + cluster.node(0).url() + "', topology: cluster}");
  // Those that are left refuse everything; the log's is one of them.
  const std::size_t left = cluster.owner_of("{hs:default}:invalidations");
  RedisServer& dead = cluster.node((left + 1) % RedisCluster::masters);
  const auto wait_for = [&](const char* state) {
    EXPECT_TRUE(eventually([&] {
      return contains(cluster.node(left).run({"CLUSTER", "INFO"}), state);
    }));
  };
  trouble.whole(
      "a cluster lacks slots",
      [&] {
        dead.kill();
        wait_for("cluster_state:fail");
      },
      [&] {
        dead.restart();
        wait_for("cluster_state:ok");
      },
      "CLUSTERDOWN");
}

TEST(FleetTrouble, AScriptThatRunsTooLong) {
  RedisServer redis({"--busy-reply-threshold", "20"});
  Trouble trouble("{url: '" + redis.url() + "'}");
  std::thread script;
  trouble.whole(
      "busy with a script",
      [&] {
        script =
            std::thread(patient_run, std::ref(redis), Command{"EVAL", "while true do end", "0"});
      },
      [&] {
        redis.run({"SCRIPT", "KILL"});
        script.join();
      },
      "BUSY");
}

TEST(FleetTrouble, AUserThatMayNothingAnyMore) {
  RedisServer redis;
  const auto allow = [&](const char* what) {
    EXPECT_EQ(
        redis.run({"ACL", "SETUSER", "agent", "on", ">long-enough-a-secret", "~*", what, "+ping"}),
        "OK");
  };
  allow("+@all");
  Trouble trouble("{url: '" + redis.url() + "', user: agent, password: long-enough-a-secret}");
  trouble.whole(
      "no permissions", [&] { allow("-@all"); }, [&] { allow("+@all"); }, "NOPERM");
}

TEST(FleetTrouble, AFailoverBySentinels) {
  RedisSentinels sentinels;
  std::string urls;
  for (const std::uint16_t port : sentinels.ports()) {
    urls += (urls.empty() ? "" : ", ") + ("'redis://127.0.0.1:" + std::to_string(port) + "'");
  }
  Trouble trouble("{url: [" + urls + "], topology: sentinel, master: " + sentinels.name() + "}");
  trouble.whole(
      "failover by sentinels", [&] { sentinels.fail_over(); }, [] {});
}

TEST(FleetTrouble, AClusterThatMovesSlots) {
  RedisCluster cluster;
  Trouble trouble("{url: '" + cluster.node(0).url() + "', topology: cluster}");
  const auto move_some = [&](std::size_t to) {
    for (unsigned i = 0; i < 24; ++i) cluster.move_slot("moving" + std::to_string(i), to);
    // And the log's own.
    cluster.move_slot("{hs:default}:invalidations", to);
  };
  trouble.whole(
      "slots of a cluster move", [&] { move_some(1); }, [&] { move_some(2); });
}

}  // namespace
}  // namespace homeostat::test
