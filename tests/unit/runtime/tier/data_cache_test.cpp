// The application's data in a real Redis where somebody else writes, too, or that is full.
#include "runtime/tier/data_cache.hpp"

#include "tests/unit/runtime/tier/keeping_agent.hpp"

namespace homeostat::tier {
namespace {

class DataCacheTest : public testing::Test {
 protected:
  DataCacheTest() { settings_.redis = redis::settings_for({server_.port()}); }
  [[nodiscard]] static std::string name_of(const std::string& key) {
    return "hs:default:data:" + key;
  }
  [[nodiscard]] bool has(const std::string& key) const {
    return server_.run({"EXISTS", name_of(key)}) == "1";
  }

  test::RedisServer server_;
  config::CacheSettings settings_;
};

TEST_F(DataCacheTest, WhatIsNoEntryIsCountedAndRemoved) {
  KeepingAgent agent(settings_);
  ASSERT_TRUE(agent.run_until_ready());
  server_.run({"SET", name_of("text"), "nonsense"});
  server_.run({"HSET", name_of("hash"), "a", "1"});
  for (const char* key : {"text", "hash"}) {
    EXPECT_EQ(agent.get(key), std::nullopt);
    EXPECT_TRUE(agent.run_until([&] { return !has(key); })) << key;
  }
  EXPECT_EQ(agent.broken(EntryError::foreign), 2U);
}

TEST_F(DataCacheTest, WhatIsNoEntryIsReplaced) {
  KeepingAgent agent(settings_);
  ASSERT_TRUE(agent.run_until_ready());
  for (const DataWrite when : {DataWrite::behind, DataWrite::through}) {
    const std::string key = when == DataWrite::behind ? "behind" : "through";
    server_.run({"HSET", name_of(key), "a", "1"});
    agent.put(key, "x", when);
    EXPECT_TRUE(agent.run_until([&] {
      return server_.run({"TYPE", name_of(key)}) == "string";
    })) << key;
    EXPECT_TRUE(agent.run_until_written());
    EXPECT_EQ(agent.get(key), "x");
  }
}

/// It was said to be this agent's only: what came minutes later would surprise, and wait in
/// memory until then.
TEST_F(DataCacheTest, AWriteThatRedisDidNotTakeInTimeIsNotMadeLater) {
  KeepingAgent agent(settings_);
  ASSERT_TRUE(agent.run_until_ready());
  server_.run({"CONFIG", "SET", "maxmemory", "1"});
  agent.put("late", "x", DataWrite::through);
  ASSERT_TRUE(agent.run_until([&] { return agent.last.has_value(); }));
  EXPECT_EQ(agent.last, DataLevel::memory);
  server_.run({"CONFIG", "SET", "maxmemory", "0"});
  ASSERT_TRUE(agent.run_until([&] { return agent.invalidations_waiting() == 0; }));
  agent.put("next", "x", DataWrite::through);
  ASSERT_TRUE(agent.run_until([&] { return agent.last == DataLevel::shared; }));
  EXPECT_FALSE(has("late"));
  EXPECT_TRUE(has("next"));
  EXPECT_EQ(agent.get("late"), "x");
}

TEST_F(DataCacheTest, WhatRedisDoesNotAnswerIsUnknownAndNotAbsent) {
  KeepingAgent agent(settings_);
  EXPECT_FALSE(agent.find("k").known) << "it was not asked yet";
  ASSERT_TRUE(agent.run_until_ready());
  EXPECT_TRUE(agent.find("k").known);
  server_.pause();
  const Instant asked = SystemClock::instance().now();
  EXPECT_FALSE(agent.find("k").known);
  EXPECT_LT(SystemClock::instance().now() - asked, test::wait_patience / 2);
  server_.resume();
  // Refused, as by one that may not be read.
  ASSERT_TRUE(agent.run_until([&] { return agent.find("k").known; }));
  ASSERT_EQ(server_.run({"ACL", "SETUSER", "default", "-get"}), "OK");
  EXPECT_FALSE(agent.find("k").known);
  EXPECT_GE(agent.data.counters().unknown, 3U);
}

}  // namespace
}  // namespace homeostat::tier
