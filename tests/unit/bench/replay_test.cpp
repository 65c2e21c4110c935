// The replayer's peers behave as published, and its arithmetic is right.
#include "bench/replay/replay.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <string>

#include "bench/replay/workload.hpp"

namespace homeostat::replay {
namespace {

/// Unit-size accesses by letter; returns hits as a string of h and m.
std::string play(const std::string& name, std::uint64_t capacity, const std::string& letters,
                 std::uint64_t size = 1) {
  const auto policy = make_policy(name, {capacity, 26, 1});
  std::string out;
  for (const char letter : letters) {
    out += policy->access(static_cast<std::uint32_t>(letter - 'a'), size, 0, 1) ? 'h' : 'm';
  }
  return out;
}

Trace repeated(std::size_t objects, std::size_t rounds, std::uint64_t size) {
  Trace trace;
  trace.sizes.assign(objects, size);
  for (std::size_t i = 0; i < objects * rounds; ++i) {
    trace.accesses.push_back({static_cast<double>(i), static_cast<std::uint32_t>(i % objects)});
  }
  return trace;
}

double miss_ratio(const Trace& trace, const std::string& policy, std::uint64_t capacity) {
  ReplaySettings settings;
  settings.capacity = capacity;
  return replay(trace, policy, settings).object_miss_ratio();
}

TEST(Lru, EvictsWhatWasNotUsedForLongest) { EXPECT_EQ(play("lru", 2, "abacab"), "mmhmhm"); }

TEST(Sieve, KeepsVisitedObjectsInPlaceAndMovesTheHand) {
  // c passes a (visited) and takes b's place; d finds the hand at c.
  EXPECT_EQ(play("sieve", 2, "abacad"), "mmhmhm");
  EXPECT_EQ(play("sieve", 3, "abcaddadb"), "mmmhmhhhm");
}

TEST(S3Fifo, PromotesWhatWasHitTwiceAndRemembersTheRest) {
  // 20 bytes: small queue of 2. One-timers pass through; a (two hits) stays.
  std::string letters = "aaa";
  for (char letter = 'b'; letter <= 'z'; ++letter) letters += letter;
  const std::string seen = play("s3fifo", 20, letters + "a");
  EXPECT_EQ(seen.substr(0, 3), "mhh");
  EXPECT_EQ(seen.back(), 'h');
}

TEST(S3Fifo, DeclinesWhatTheSmallQueueCannotHold) {
  EXPECT_EQ(play("s3fifo", 20, "aa", 2), "mm");
  EXPECT_EQ(play("s3fifo", 30, "aa", 2), "mh");
}

TEST(Gdsf, PrefersSmallObjectsAndAges) {
  const auto policy = make_policy("gdsf", {10, 3, 1});
  EXPECT_FALSE(policy->access(0, 8, 0, 1));
  EXPECT_FALSE(policy->access(1, 1, 0, 1));
  EXPECT_FALSE(policy->access(2, 4, 0, 1));  // pushes out the large one
  EXPECT_TRUE(policy->access(1, 1, 0, 1));
  EXPECT_FALSE(policy->access(0, 8, 0, 1));
  EXPECT_TRUE(policy->access(1, 1, 0, 1));
}

TEST(WTinyLfu, WithstandsAScanThatEmptiesLru) {
  WorkloadSettings settings = workload_preset("scan-unit");
  settings.objects = 5000;
  settings.requests = 60000;
  settings.cache_share = 0.02;
  const Trace trace = generate(settings);
  const auto capacity = static_cast<std::uint64_t>(0.02 * double(trace.reference_bytes));
  EXPECT_LT(miss_ratio(trace, "wtinylfu", capacity), miss_ratio(trace, "lru", capacity) - 0.03);
}

TEST(Replay, NoPolicyHoldsMoreThanItsCapacityOrBeatsTheBound) {
  WorkloadSettings settings = workload_preset("mix");
  settings.objects = 2000;
  settings.requests = 30000;
  const Trace trace = generate(settings);
  const std::uint64_t capacity = trace.reference_bytes / 20;
  const double bound = lowest_object_miss_ratio(trace, capacity);
  for (const std::string& policy : policy_names()) {
    EXPECT_GE(miss_ratio(trace, policy, capacity), bound) << policy;  // throws above capacity
  }
}

TEST(Replay, HomeostatKeepsPartOfALoopThatLruLosesWhole) {
  const Trace trace = repeated(120, 100, 1000);
  EXPECT_EQ(miss_ratio(trace, "lru", 100000), 1);
  EXPECT_LT(miss_ratio(trace, "homeostat", 100000), 0.6);
}

TEST(Replay, LifetimesTurnHitsIntoMissesForEveryPolicy) {
  Trace trace = repeated(1, 100, 10);
  trace.ttls = {4.5};  // one request per second: every fifth misses
  for (const std::string& policy : policy_names()) {
    // Tables that grow may push out the only object once.
    EXPECT_NEAR(miss_ratio(trace, policy, 1000), 0.2, 0.011) << policy;
  }
}

TEST(Workload, IsTheSameForTheSameSeedOnly) {
  WorkloadSettings settings = workload_preset("churn");
  settings.objects = 1000;
  settings.requests = 5000;
  const auto ids = [&] {
    std::vector<std::uint32_t> all;
    for (const Access& access : generate(settings).accesses) all.push_back(access.id);
    return all;
  };
  const auto first = ids();
  EXPECT_EQ(first, ids());
  settings.seed = 2;
  EXPECT_NE(first, ids());
}

TEST(ReadTrace, UnderstandsColumnsInAnyOrderAndNamesTheBadLine) {
  const std::string path = ::testing::TempDir() + "replay_test.csv";
  std::ofstream(path)
      << "time,client,id,size,status\n0,7,x,100,200\n1.5,8,y,50,200\n2,7,x,120,304\n";
  const Trace trace = read_trace(path, TraceFormat::automatic, 1);
  EXPECT_EQ(trace.accesses.size(), 3U);
  EXPECT_EQ(trace.sizes, (std::vector<std::uint64_t>{120, 50}));
  EXPECT_DOUBLE_EQ(trace.accesses[1].time, 1.5);
  std::ofstream(path) << "0,x,100\n1,y\n";
  try {
    static_cast<void>(read_trace(path, TraceFormat::csv, 1));
    FAIL() << "a short line was taken";
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find(":2:"), std::string::npos) << error.what();
  }
  std::remove(path.c_str());
}

TEST(ReadTrace, ReadsLittleEndianKeys) {
  const std::string path = ::testing::TempDir() + "replay_test.u32";
  std::ofstream(path, std::ios::binary) << std::string("\1\0\0\0\2\0\0\0\1\0\0\0", 12);
  const Trace trace = read_trace(path, TraceFormat::automatic, 4096);
  EXPECT_EQ(trace.objects(), 2U);
  EXPECT_EQ(trace.accesses[2].id, 0U);
  EXPECT_EQ(trace.footprint(), 8192U);
  std::remove(path.c_str());
}

}  // namespace
}  // namespace homeostat::replay
