// The application's data, written behind to a real Redis: that is there, away, full, or slow.
#include <gtest/gtest.h>

#include <sstream>

#include "runtime/tier/log_script.hpp"
#include "tests/unit/runtime/tier/keeping_agent.hpp"

namespace homeostat::tier {
namespace {

using namespace std::chrono_literals;

class WriteBehindTest : public testing::Test {
 protected:
  WriteBehindTest() {
    settings_.redis = redis::settings_for({server_.port()});
    settings_.memory = 2 * config::mebibyte;
    settings_.entries.behind_interval = 1ms;
  }
  /// How many of the application's entries Redis has.
  [[nodiscard]] std::size_t in_redis() const {
    return static_cast<std::size_t>(
        std::stoul(server_.run({"EVAL", "return #redis.call('KEYS', 'hs:default:data:*')", "0"})));
  }
  /// Ids of those that wait in XREAD.
  [[nodiscard]] std::vector<std::string> reading_connections() const {
    std::vector<std::string> ids;
    std::istringstream list(server_.run({"CLIENT", "LIST"}));
    for (std::string line; std::getline(list, line);) {
      if (line.find(" cmd=xread ") == std::string::npos) continue;
      const std::size_t at = line.find("id=") + 3;
      ids.push_back(line.substr(at, line.find(' ', at) - at));
    }
    return ids;
  }
  [[nodiscard]] bool has(const std::string& key) const {
    return server_.run({"EXISTS", "hs:default:data:" + key}) == "1";
  }

  test::RedisServer server_;
  config::CacheSettings settings_;
};

TEST_F(WriteBehindTest, IsReadHereAtOnceAndElsewhereWhenRedisHasIt) {
  KeepingAgent writer(settings_), reader(settings_);
  ASSERT_TRUE(writer.run_until_ready() && reader.run_until_ready());
  EXPECT_EQ(writer.put("a", "1"), DataLevel::behind);
  EXPECT_EQ(writer.get("a"), "1");
  ASSERT_TRUE(writer.run_until_written());
  EXPECT_TRUE(has("a"));
  EXPECT_EQ(writer.counted().written, 1U);
  ASSERT_TRUE(reader.run_until_ready());
  EXPECT_TRUE(reader.run_until([&] { return reader.get("a") == "1"; }));
  EXPECT_EQ(writer.put("a", "2"), DataLevel::behind);
  ASSERT_TRUE(writer.run_until_written());
  EXPECT_TRUE(reader.run_until([&] { return reader.get("a") == "2"; })) << "the old one is dead";
}

TEST_F(WriteBehindTest, TakesOnePlaceInTheLogForAllThatWaits) {
  settings_.entries.behind_interval = 20ms;
  KeepingAgent writer(settings_), reader(settings_);
  ASSERT_TRUE(writer.run_until_ready() && reader.run_until_ready());
  const std::uint64_t before = writer.log_number();
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(writer.put("a", std::to_string(i)), DataLevel::behind);
    EXPECT_EQ(writer.put("b" + std::to_string(i), "x"), DataLevel::behind);
  }
  ASSERT_TRUE(writer.run_until_written());
  EXPECT_EQ(writer.counted().accepted, 100U);
  EXPECT_EQ(writer.counted().replaced, 49U);
  EXPECT_EQ(writer.counted().written, 51U);
  EXPECT_EQ(in_redis(), 51U);
  EXPECT_EQ(writer.log_number(), before + 1);
  EXPECT_TRUE(reader.run_until([&] { return reader.get("a") == "49"; }));
}

TEST_F(WriteBehindTest, WhatIsPurgedErasedOrOverwrittenWhileItWaitsNeverComesBack) {
  KeepingAgent agent(settings_), other(settings_);
  ASSERT_TRUE(agent.run_until_ready() && other.run_until_ready());
  EXPECT_EQ(agent.put("purged", "x", DataWrite::behind, {"t"}), DataLevel::behind);
  EXPECT_EQ(agent.put("erased", "x"), DataLevel::behind);
  EXPECT_EQ(agent.put("overwritten", "old"), DataLevel::behind);
  EXPECT_EQ(agent.put("kept", "x"), DataLevel::behind);
  PurgeRequest request;
  request.tags = {"t"};
  EXPECT_EQ(agent.fleet.purge(request).by_tags, 1U);
  agent.data.erase("erased", [](DataErased) {});
  EXPECT_FALSE(agent.put("overwritten", "new", DataWrite::through));
  ASSERT_TRUE(agent.run_until([&] { return agent.last.has_value(); }));
  EXPECT_EQ(agent.last, DataLevel::shared);
  ASSERT_TRUE(agent.run_until_written());
  EXPECT_EQ(in_redis(), 2U) << "kept and overwritten";
  EXPECT_EQ(agent.counted().dropped, 3U);
  EXPECT_EQ(agent.get("purged"), std::nullopt);
  EXPECT_TRUE(other.run_until([&] { return other.get("overwritten") == "new"; }));
  EXPECT_EQ(other.get("kept"), "x");
}

/// The purge is in the log already when the write takes its number, and this agent reads it only
/// later: its readers' connections are cut.
TEST_F(WriteBehindTest, APurgeElsewhereTakesWhatWasAcknowledgedBeforeIt) {
  KeepingAgent agent(settings_);
  ASSERT_TRUE(agent.run_until_ready());
  std::vector<std::string> readers;
  ASSERT_TRUE(agent.run_until([&] {
    readers = reading_connections();
    return readers.size() == 2;
  })) << "of the log and of the news";
  KeepingAgent other(settings_);
  ASSERT_TRUE(other.run_until_ready());
  EXPECT_EQ(agent.put("a", "x"), DataLevel::behind);
  for (const std::string& id : readers) server_.run({"CLIENT", "KILL", "ID", id});
  PurgeRequest request;
  request.keys = {"a"};
  other.fleet.purge(request);
  ASSERT_TRUE(other.run_until([&] { return other.invalidations_sent() == 1; }));
  ASSERT_TRUE(agent.run_until_written());
  EXPECT_FALSE(has("a"));
  EXPECT_EQ(agent.get("a"), std::nullopt);
  EXPECT_EQ(agent.counted().dropped, 1U);
  EXPECT_EQ(agent.counted().written, 0U);
}

TEST_F(WriteBehindTest, WaitsWhileRedisIsAwayAndIsRefusedBeyondItsBound) {
  settings_.entries.behind_entries_max = 3;
  KeepingAgent agent(settings_);
  ASSERT_TRUE(agent.run_until_ready());
  server_.kill();
  ASSERT_TRUE(agent.run_until([&] { return !agent.up(); }));
  for (const char* key : {"a", "b", "c"}) EXPECT_EQ(agent.put(key, "x"), DataLevel::behind);
  EXPECT_EQ(agent.put("d", "x"), DataLevel::refused);
  EXPECT_EQ(agent.get("d"), std::nullopt);
  EXPECT_EQ(agent.put("a", "y"), DataLevel::behind) << "takes no more room";
  EXPECT_EQ(agent.counted().refused, 1U);
  EXPECT_EQ(agent.data.behind()->figures().entries, 3U);
  server_.restart();
  ASSERT_TRUE(agent.run_until_written());
  EXPECT_EQ(in_redis(), 3U);
  EXPECT_EQ(agent.get("a"), "y");
  EXPECT_EQ(agent.put("d", "x"), DataLevel::behind);
}

TEST_F(WriteBehindTest, WaitsForARedisThatDoesNotAnswer) {
  settings_.redis.timeout = 50ms;
  KeepingAgent agent(settings_);
  ASSERT_TRUE(agent.run_until_ready());
  server_.pause();
  EXPECT_EQ(agent.put("a", "x"), DataLevel::behind);
  ASSERT_TRUE(agent.run_until([&] { return !agent.up(); }));
  EXPECT_EQ(agent.put("b", "x"), DataLevel::behind);
  EXPECT_EQ(agent.data.behind()->figures().entries, 2U);
  server_.resume();
  ASSERT_TRUE(agent.run_until_written());
  EXPECT_EQ(in_redis(), 2U);
}

TEST_F(WriteBehindTest, WaitsWhileRedisIsFull) {
  KeepingAgent agent(settings_);
  ASSERT_TRUE(agent.run_until_ready());
  server_.run({"CONFIG", "SET", "maxmemory", "1"});
  EXPECT_EQ(agent.put("a", "x"), DataLevel::behind);
  ASSERT_TRUE(agent.run_until([&] { return agent.invalidations_waiting() == 1; }));
  EXPECT_EQ(agent.put("b", "x"), DataLevel::behind);
  EXPECT_EQ(agent.get("b"), "x");
  EXPECT_EQ(in_redis(), 0U);
  server_.run({"CONFIG", "SET", "maxmemory", "0"});
  ASSERT_TRUE(agent.run_until_written());
  EXPECT_EQ(in_redis(), 2U);
}

TEST_F(WriteBehindTest, WhatDoesNotFitIsWrittenBeforeItIsAcknowledged) {
  settings_.entries.behind_entries_max = 1;
  settings_.entries.behind_interval = 1min;
  KeepingAgent agent(settings_);
  ASSERT_TRUE(agent.run_until_ready());
  EXPECT_EQ(agent.put("a", "x"), DataLevel::behind);
  EXPECT_FALSE(agent.put("b", "x")) << "not answered yet";
  ASSERT_TRUE(agent.run_until([&] { return agent.last.has_value(); }));
  EXPECT_EQ(agent.last, DataLevel::shared);
  EXPECT_TRUE(has("b"));
  EXPECT_FALSE(has("a"));
  EXPECT_EQ(agent.counted().through, 1U);
}

TEST_F(WriteBehindTest, IsFoundHereEvenWhereMemoryHasNoRoomForIt) {
  settings_.entries.memory = 0;
  settings_.entries.behind_interval = 1min;
  KeepingAgent agent(settings_);
  ASSERT_TRUE(agent.run_until_ready());
  EXPECT_EQ(agent.put("a", "x"), DataLevel::behind);
  EXPECT_EQ(agent.get("a"), "x");
}

TEST_F(WriteBehindTest, AtTheEndEverythingIsWrittenAtOnce) {
  settings_.entries.behind_interval = 1min;
  KeepingAgent agent(settings_);
  ASSERT_TRUE(agent.run_until_ready());
  for (int i = 0; i < 200; ++i) {
    EXPECT_EQ(agent.put("k" + std::to_string(i), "x"), DataLevel::behind);
  }
  std::optional<std::size_t> lost;
  agent.data.drain([&](std::size_t count) { lost = count; });
  ASSERT_TRUE(agent.run_until([&] { return lost.has_value(); }));
  EXPECT_EQ(lost, 0U);
  EXPECT_EQ(in_redis(), 200U);
  EXPECT_FALSE(agent.put("late", "x")) << "written through now";
}

TEST_F(WriteBehindTest, AtTheEndItIsSaidWhatRedisDidNotTake) {
  KeepingAgent agent(settings_);
  ASSERT_TRUE(agent.run_until_ready());
  server_.kill();
  ASSERT_TRUE(agent.run_until([&] { return !agent.up(); }));
  EXPECT_EQ(agent.put("a", "x"), DataLevel::behind);
  std::optional<std::size_t> lost;
  agent.data.drain([&](std::size_t count) { lost = count; });
  ASSERT_TRUE(agent.run_until([&] { return lost.has_value(); }));
  EXPECT_EQ(lost, 1U);
}

/// A write has its number, and its command is still on its way when another agent erases the key:
/// it arrives last, and finds nothing that it could be compared with.
TEST_F(WriteBehindTest, AWriteThatArrivesAfterTheErasureOfItsKeyStaysDead) {
  for (const DataWrite when : {DataWrite::behind, DataWrite::through}) {
    const std::string key = when == DataWrite::behind ? "b" : "t";
    const std::string name = "hs:default:data:" + key;
    KeepingAgent writer(settings_), eraser(settings_);
    ASSERT_TRUE(writer.run_until_ready() && eraser.run_until_ready());
    writer.put(key, "1", when);
    ASSERT_TRUE(writer.run_until([&] {
      return has(key) &&
             writer.last == (when == DataWrite::through ? std::optional(DataLevel::shared)
                                                        : std::optional(DataLevel::behind));
    }));
    ASSERT_TRUE(writer.run_until_written());
    // As if it had not arrived yet.
    ASSERT_EQ(server_.run({"RENAME", name, "late"}), "OK");
    ASSERT_TRUE(eraser.run_until_ready());
    eraser.erase(key);
    ASSERT_EQ(server_.run({"RENAME", "late", name}), "OK");
    ASSERT_TRUE(eraser.run_until_ready());
    EXPECT_EQ(eraser.get(key), std::nullopt);
    // In the writer's memory it dies with the news of the log.
    ASSERT_TRUE(writer.run_until([&] { return writer.log_number() >= eraser.log_number(); }));
    ASSERT_TRUE(writer.run_until_ready());
    EXPECT_EQ(writer.get(key), std::nullopt);
    // Nor does an agent find it that was not there.
    KeepingAgent newcomer(settings_);
    ASSERT_TRUE(newcomer.run_until_ready());
    EXPECT_EQ(newcomer.get(key), std::nullopt);
    EXPECT_TRUE(has(key)) << "it was there to be found";
  }
}

TEST_F(WriteBehindTest, TheLogSaysWhyRedisTakesNothing) {
  KeepingAgent agent(settings_);
  ASSERT_TRUE(agent.run_until_ready());
  server_.run({"CONFIG", "SET", "maxmemory", "1"});
  agent.put("a", "1");
  ASSERT_TRUE(agent.run_until([&] { return agent.logged.find("OOM (") != std::string::npos; }))
      << agent.logged;
  server_.run({"CONFIG", "SET", "maxmemory", "0"});
  ASSERT_TRUE(agent.run_until_written());
  EXPECT_TRUE(has("a"));
}

TEST_F(WriteBehindTest, NamesNoResponseInTheLogNotEvenThatOfItsUrl) {
  KeepingAgent agent(settings_);
  ASSERT_TRUE(agent.run_until_ready());
  EXPECT_EQ(agent.put("http://example.org/a", "x"), DataLevel::behind);
  ASSERT_TRUE(agent.run_until_written());
  const std::string log = server_.run({"XRANGE", log_key("hs", "default"), "-", "+"});
  EXPECT_NE(log.find("Dhttp://example.org/a"), std::string::npos) << log;
  EXPECT_EQ(log.find("Khttp://example.org/a"), std::string::npos) << log;
}

}  // namespace
}  // namespace homeostat::tier
