// A fleet under steady load while its Redis is in trouble: nobody gets an error, and what
// the trouble costs is measured beside an agent without Redis in the same run.
//
// Every test prints, for each phase, the 99th percentiles of misses through the fleet and
// through that agent. HOMEOSTAT_LOAD=2000 makes the phases longer (requests per client).
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "runtime/ports/clock.hpp"
#include "tests/e2e/fleet.hpp"
#include "tests/support/delaying_proxy.hpp"
#include "tests/support/redis_cluster.hpp"
#include "tests/support/redis_sentinels.hpp"

namespace homeostat::test {
namespace {

using Milliseconds = std::chrono::duration<double, std::milli>;

constexpr const char* fresh_text = "Cache-Control: max-age=600\r\n";
constexpr std::chrono::milliseconds application_time{5};

Instant now() { return SystemClock::instance().now(); }

unsigned requests_per_phase() {
  const char* text = std::getenv("HOMEOSTAT_LOAD");
  return text != nullptr ? static_cast<unsigned>(std::atoi(text)) : 60;
}

double p99(std::vector<double> all) {
  if (all.empty()) return 0;
  std::sort(all.begin(), all.end());
  return all[(all.size() * 99) / 100];
}

/// Two agents of a fleet and one without Redis before one application.
class Trouble {
 public:
  explicit Trouble(const std::string& redis) {
    origin_.on("/m", [](OriginExchange& exchange) {
      // An application that takes its time, and the same for everybody.
      std::mutex mutex;
      std::unique_lock lock(mutex);
      std::condition_variable never;
      never.wait_for(lock, application_time);
      exchange.respond(200, fresh_text, std::string(1000, 'x'));
    });
    for (int i = 0; i < 3; ++i) {
      AgentConfig config = config_for(origin_);
      config.workers = 1;
      if (i < 2) config.cache = "redis: " + redis;
      agents_.push_back(std::make_unique<RunningAgent>(config));
      if (i < 2) {
        EXPECT_TRUE(Fleet::in_step(*agents_.back()));
      }
    }
  }

  /// Each client asks for something new in turn from the fleet and from the agent alone.
  void phase(
      const char* name, const std::function<void()>& meanwhile = [] {}) {
    std::mutex mutex;
    std::vector<double> fleet, alone;
    std::vector<std::thread> clients;
    for (unsigned client = 0; client < 4; ++client) {
      clients.emplace_back([&, client] {
        std::vector<double> times[2];
        HttpClient connections[2] = {HttpClient(agents_[client % 2]->port()),
                                     HttpClient(agents_[2]->port())};
        for (unsigned i = 0; i < requests_per_phase(); ++i) {
          for (std::size_t side = 0; side < 2; ++side) {
            const auto began = now();
            const Message answer =
                connections[side].get("/m?" + std::to_string(number_.fetch_add(1)));
            times[side].push_back(Milliseconds(now() - began).count());
            if (answer.status() != 200) ++errors_;
          }
        }
        const std::lock_guard lock(mutex);
        fleet.insert(fleet.end(), times[0].begin(), times[0].end());
        alone.insert(alone.end(), times[1].begin(), times[1].end());
      });
    }
    meanwhile();
    for (std::thread& client : clients) client.join();
    std::printf("  %-22s p99 of misses: fleet %7.2f ms, without Redis %7.2f ms, added %6.2f ms\n",
                name, p99(fleet), p99(alone), p99(fleet) - p99(alone));
  }
  void whole(const char* what, const std::function<void()>& begin,
             const std::function<void()>& end) {
    std::printf("%s\n", what);
    phase("healthy");
    phase("trouble begins", begin);
    phase("trouble");
    phase("it is over", end);
    EXPECT_EQ(errors_, 0);
    for (std::size_t i = 0; i < 2; ++i) EXPECT_TRUE(Fleet::in_step(*agents_[i]));
    expect_sharing();
  }
  /// One agent's fetch answers the other again.
  void expect_sharing() {
    EXPECT_TRUE(eventually([this] {
      const std::string target = "/m?shared" + std::to_string(number_.fetch_add(1));
      static_cast<void>(agents_[0]->get(target));
      return eventually_shared(target);
    }));
  }

 private:
  bool eventually_shared(const std::string& target) {
    const double before = Fleet::reads(*agents_[1], "hit");
    static_cast<void>(agents_[1]->get(target));
    return Fleet::reads(*agents_[1], "hit") > before;
  }

  ScriptedOrigin origin_;
  std::vector<std::unique_ptr<RunningAgent>> agents_;
  std::atomic<unsigned> number_{0};
  std::atomic<int> errors_{0};
};

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
      });
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
      });
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
