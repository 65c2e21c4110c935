// What one agent invalidates, no agent of the fleet serves any more: not from its own
// cache, not from Redis, and not from a fetch that was under way.
#include <gtest/gtest.h>

#include <csignal>
#include <thread>

#include "tests/e2e/fleet.hpp"

namespace homeostat::test {
namespace {

constexpr const char* fresh_text = "Cache-Control: max-age=600\r\n";

/// Two agents that both have /a, tagged `books` and grouped `news`.
class FleetInvalidation : public testing::Test {
 protected:
  FleetInvalidation() : fleet_(2, "groups: {all_a: [/a*]}") {
    fleet_.count_requests(
        "/a", std::string(fresh_text) + "Cache-Tag: books\r\nCache-Groups: \"news\"\r\n");
    fleet_.store(0, "/a");
    EXPECT_TRUE(is_shared(fleet_.get_in_step(1, "/a")));
    EXPECT_TRUE(is_hit(fleet_[1].get("/a")));
  }

  /// Sent to agent 0: there it is in force at once, at agent 1 soon, and whoever comes
  /// new must not find `old` in Redis either.
  void expect_gone_everywhere(const std::string& old = "1") {
    const Message here = fleet_[0].get("/a");
    EXPECT_NE(here.body, old) << here.head;
    ASSERT_TRUE(eventually([&] { return fleet_[1].get("/a").body != old; }))
        << fleet_[1].get("/a").head;
    EXPECT_NE(fleet_.add().get("/a").body, old);
  }

  Fleet fleet_;
};

TEST_F(FleetInvalidation, ByTag) {
  EXPECT_EQ(fleet_[0].admin("POST", "/api/v1/cache/invalidate", R"({"tags":["books"]})").status(),
            200);
  expect_gone_everywhere();
}

TEST_F(FleetInvalidation, ByPattern) {
  EXPECT_EQ(fleet_[0].admin("POST", "/api/v1/cache/invalidate", R"({"patterns":["/a*"]})").status(),
            200);
  expect_gone_everywhere();
}

TEST_F(FleetInvalidation, ByConfiguredGroup) {
  EXPECT_EQ(fleet_[0].admin("POST", "/api/v1/cache/invalidate/all_a").status(), 200);
  expect_gone_everywhere();
}

TEST_F(FleetInvalidation, OfEverything) {
  EXPECT_EQ(fleet_[0].admin("DELETE", "/api/v1/cache/flush?level=all").status(), 200);
  expect_gone_everywhere();
}

TEST_F(FleetInvalidation, ByUrlAndByKey) {
  const std::string host = fleet_.redis.run({"KEYS", "hs:*/a:*"});
  const std::size_t from = host.find("GET:") + 4;
  // The key shows the host as requests name it; a colon is not escaped in hosts.
  const std::string authority = host.substr(from, host.find("/a") - from);
  EXPECT_EQ(fleet_[0]
                .admin("POST", "/api/v1/cache/invalidate",
                       R"({"keys":["http://)" + authority + R"(/a"]})")
                .status(),
            200);
  expect_gone_everywhere();
  const std::string now = fleet_[1].get("/a").body;
  EXPECT_EQ(fleet_[0]
                .admin("POST", "/api/v1/cache/invalidate", R"({"keys":[")" + host + R"("]})")
                .status(),
            200);
  EXPECT_TRUE(eventually([&] { return fleet_[1].get("/a").body != now; }));
}

TEST_F(FleetInvalidation, ByAnUnsafeRequest) {
  fleet_.origin.on("/a", [this](OriginExchange& exchange) {
    if (exchange.request.method() == "POST") {
      exchange.respond(204, "", "");
    } else {
      exchange.respond(200, fresh_text, std::to_string(fleet_.origin.requests("/a") - 1));
    }
  });
  HttpClient client(fleet_[0].port());
  EXPECT_EQ(client.request("POST", "/a", {}, "change").status(), 204);
  expect_gone_everywhere();
}

TEST_F(FleetInvalidation, ByAGroupOfAnUnsafeResponse) {
  fleet_.origin.answer("/other", 200, "Cache-Group-Invalidation: \"news\"\r\n", "");
  HttpClient client(fleet_[0].port());
  EXPECT_EQ(client.request("POST", "/other", {}, "change").status(), 200);
  expect_gone_everywhere();
}

TEST_F(FleetInvalidation, ASoftOneMakesOthersAskAgain) {
  EXPECT_EQ(fleet_[0]
                .admin("POST", "/api/v1/cache/invalidate", R"({"tags":["books"],"mode":"soft"})")
                .status(),
            200);
  EXPECT_TRUE(eventually([&] { return fleet_[0].get("/a").body != "1"; }));
  EXPECT_TRUE(eventually([&] { return fleet_[1].get("/a").body != "1"; }));
}

TEST_F(FleetInvalidation, OfOneLevelLeavesTheOther) {
  // Only this agent's memory: the shared tier still has it.
  EXPECT_EQ(fleet_[0].admin("DELETE", "/api/v1/cache/flush?level=l1").status(), 200);
  const Message refilled = fleet_.get_in_step(0, "/a");
  EXPECT_TRUE(is_shared(refilled)) << refilled.head;
  EXPECT_EQ(fleet_.origin.requests("/a"), 1U);
  // Only the tier: what agents hold stays, and whoever comes new asks the application.
  const Message flushed = fleet_[0].admin("DELETE", "/api/v1/cache/flush?level=l2");
  EXPECT_EQ(flushed.status(), 200);
  EXPECT_TRUE(contains(flushed.body, "\"l2_keys_cleared\": null")) << flushed.body;
  EXPECT_EQ(fleet_[0].get("/a").body, "1");
  EXPECT_EQ(fleet_[1].get("/a").body, "1");
  EXPECT_TRUE(
      eventually([&] { return fleet_[0].metric("homeostat_shared_invalidations_waiting") == 0; }));
  EXPECT_EQ(fleet_.add().get("/a").body, "2");
}

TEST_F(FleetInvalidation, ReachesAFetchUnderWayAtAnotherAgent) {
  Signal go;
  fleet_.origin.on("/slow", [&](OriginExchange& exchange) {
    if (fleet_.origin.requests("/slow") == 1) {
      go.wait();
      exchange.respond(200, std::string(fresh_text) + "Cache-Tag: books\r\n", "old");
    } else {
      exchange.respond(200, std::string(fresh_text) + "Cache-Tag: books\r\n", "new");
    }
  });
  std::thread client([&] { EXPECT_EQ(fleet_[1].get("/slow").body, "old"); });
  EXPECT_TRUE(fleet_.origin.wait_for_requests("/slow", 1));
  EXPECT_EQ(fleet_[0].admin("POST", "/api/v1/cache/invalidate", R"({"tags":["books"]})").status(),
            200);
  EXPECT_TRUE(eventually(
      [&] { return fleet_[1].metric("homeostat_shared_invalidations_received_total") == 1; }));
  go.set();
  client.join();
  EXPECT_EQ(fleet_[1].get("/slow").body, "new") << "it was not stored";
  EXPECT_EQ(fleet_[0].get("/slow").body, "new") << "nor is it used from Redis";
}

TEST_F(FleetInvalidation, WhatARedisThatIsAwayMissesIsMadeUpFor) {
  fleet_.redis.kill();
  ASSERT_TRUE(eventually([&] { return fleet_[0].metric("homeostat_redis_up") == 0; }));
  EXPECT_EQ(fleet_[0].admin("POST", "/api/v1/cache/invalidate", R"({"tags":["books"]})").status(),
            200);
  EXPECT_EQ(fleet_[0].get("/a").body, "2") << "here it is in force at once";
  EXPECT_TRUE(is_hit(fleet_[1].get("/a"))) << "the other one cannot know";
  EXPECT_EQ(fleet_[0].metric("homeostat_shared_invalidations_waiting"), 1);
  fleet_.redis.restart();
  EXPECT_TRUE(eventually([&] { return fleet_[1].get("/a").body != "1"; }));
  EXPECT_TRUE(
      eventually([&] { return fleet_[0].metric("homeostat_shared_invalidations_waiting") == 0; }));
}

TEST_F(FleetInvalidation, ALostLogIsNoticedAndNothingOldIsTrusted) {
  fleet_.redis.run({"FLUSHALL"});
  // Nothing says what was in the log: both ask the application again.
  EXPECT_TRUE(eventually([&] { return fleet_[1].get("/a").body != "1"; }));
  EXPECT_TRUE(eventually([&] { return fleet_[0].get("/a").body != "1"; }));
  EXPECT_GE(fleet_[1].metric("homeostat_shared_log_gaps_total"), 1);
  ASSERT_TRUE(Fleet::in_step(fleet_[0]));
  ASSERT_TRUE(Fleet::in_step(fleet_[1]));
  fleet_.origin.answer("/b", 200, fresh_text, "b");
  fleet_.store(0, "/b");
  EXPECT_TRUE(is_shared(fleet_.get_in_step(1, "/b"))) << "and it goes on";
}

TEST_F(FleetInvalidation, WhatMayHaveBeenPurgedElsewhereIsNotServedStale) {
  fleet_.count_requests("/old", "Cache-Control: max-age=600, stale-while-revalidate=600\r\n");
  ASSERT_EQ(fleet_[1].get("/old").body, "1");
  fleet_.redis.run({"FLUSHALL"});
  ASSERT_TRUE(eventually([&] { return fleet_[1].metric("homeostat_shared_log_gaps_total") == 1; }));
  EXPECT_EQ(fleet_[1].get("/old").body, "2");
}

TEST_F(FleetInvalidation, ACachesNamespacesDoNotMeet) {
  AgentConfig other = config_for(fleet_.origin);
  other.workers = Fleet::workers;
  other.cache = redis_section(fleet_.redis.url()) + ", key_namespace: other";
  RunningAgent tenant(other);
  ASSERT_TRUE(Fleet::in_step(tenant));
  EXPECT_EQ(tenant.get("/a").body, "2") << "not the first namespace's";
  EXPECT_EQ(fleet_[0].admin("DELETE", "/api/v1/cache/flush?level=all").status(), 200);
  EXPECT_TRUE(eventually([&] { return fleet_[1].get("/a").body == "3"; }));
  EXPECT_TRUE(is_hit(tenant.get("/a")));
}

TEST_F(FleetInvalidation, AnotherKeyVersionStartsEmpty) {
  AgentConfig next = config_for(fleet_.origin);
  next.workers = Fleet::workers;
  next.cache = redis_section(fleet_.redis.url()) + ", key_version: 2";
  RunningAgent agent(next);
  ASSERT_TRUE(Fleet::in_step(agent));
  EXPECT_EQ(agent.get("/a").body, "2");
}

TEST(FleetPartition, MakesStoredResponsesStaleAfterPartitionMax) {
  Fleet fleet(1, {}, "timeout: 10s, adaptive: off, partition_max: 3s");
  fleet.count_requests("/a", fresh_text);
  fleet.store(0, "/a");
  EXPECT_TRUE(is_hit(fleet[0].get("/a")));
  fleet.redis.kill();
  EXPECT_TRUE(eventually([&] { return fleet[0].get("/a").body == "2"; }));
  EXPECT_GE(fleet[0].metric("homeostat_shared_partitions_total"), 1);
}

TEST(FleetInvalidationAtTheEnd, AnAgentLeavesWhenTheFleetKnows) {
  Fleet fleet(1);
  AgentConfig config = config_for(fleet.origin);
  config.workers = Fleet::workers;
  config.cache = redis_section(fleet.redis.url());
  RunningAgent leaving(config, true);
  ASSERT_TRUE(Fleet::in_step(leaving));
  const double before = fleet[0].metric("homeostat_shared_invalidations_received_total");
  fleet.redis.pause();
  // The second waits for the answer to the first.
  for (const char* tag : {"first", "second"}) {
    EXPECT_EQ(
        leaving
            .admin("POST", "/api/v1/cache/invalidate", R"({"tags":[")" + std::string(tag) + "\"]}")
            .status(),
        200);
  }
  ASSERT_EQ(std::raise(SIGTERM), 0);
  EXPECT_TRUE(eventually([&] { return leaving.admin("GET", "/readyz").status() != 200; }));
  EXPECT_FALSE(eventually([&] { return leaving.admin("GET", "/readyz").status() == 0; },
                          std::chrono::seconds(1)))
      << "gone before Redis has answered";
  fleet.redis.resume();
  leaving.join();
  EXPECT_TRUE(eventually([&] {
    return fleet[0].metric("homeostat_shared_invalidations_received_total") >= before + 2;
  }));
}

}  // namespace
}  // namespace homeostat::test
