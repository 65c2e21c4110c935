#include "runtime/tier/signals.hpp"

#include <gtest/gtest.h>

namespace homeostat::tier {
namespace {

using namespace std::chrono_literals;
using rules::SignalId;

/// A machine that measures nothing.
class NoMachine final : public ResourceSensor {
 public:
  void sample(Instant, rules::SignalValues&) override {}
};

class RedisSignals : public testing::Test {
 protected:
  RedisSignals() {
    health.up = true;
    signals.read_from({counters, [this] { return health; }});
  }

  void read(ReadOutcome outcome, Duration took, int times = 1) {
    for (int i = 0; i < times; ++i) {
      counters.count(outcome);
      counters.read_times.record(took);
    }
  }
  /// A second later.
  const rules::SignalValues& sample() {
    values = {};
    now += 1s;
    signals.sample(now, values);
    return values;
  }
  [[nodiscard]] rules::Reading reading(SignalId id) const {
    return values[static_cast<std::size_t>(id)];
  }

  NoMachine machine;
  TierCounters counters;
  HealthReport health;
  Signals signals{machine};
  Instant now = Instant(1h);
  rules::SignalValues values{};
};

TEST_F(RedisSignals, ThePercentileIsThatOfTheReads) {
  sample();
  read(ReadOutcome::hit, 200us, 94);
  read(ReadOutcome::miss, 20ms, 6);
  sample();
  EXPECT_NEAR(reading(SignalId::redis_latency_p95).value, 0.020, 0.002);
  EXPECT_DOUBLE_EQ(reading(SignalId::redis_hit_ratio).value, 0.94);
}

TEST_F(RedisSignals, ALateReadCountsForTheLatencyButNotForTheHits) {
  sample();
  read(ReadOutcome::hit, 1ms, 10);
  read(ReadOutcome::late, 50ms, 10);
  sample();
  EXPECT_NEAR(reading(SignalId::redis_latency_p95).value, 0.050, 0.005);
  EXPECT_DOUBLE_EQ(reading(SignalId::redis_hit_ratio).value, 1);
}

TEST_F(RedisSignals, OldReadsAreForgotten) {
  sample();
  read(ReadOutcome::miss, 100ms, 50);
  sample();
  for (int i = 0; i < 11; ++i) sample();
  read(ReadOutcome::hit, 1ms, 50);
  sample();
  EXPECT_NEAR(reading(SignalId::redis_latency_p95).value, 0.001, 0.0001);
  for (int i = 0; i < 70; ++i) sample();
  EXPECT_FALSE(reading(SignalId::redis_latency_p95).usable()) << "no read in a minute";
  EXPECT_FALSE(reading(SignalId::redis_hit_ratio).usable());
  EXPECT_TRUE(reading(SignalId::redis_connected).usable());
}

TEST_F(RedisSignals, MemoryNeedsABoundAndAConnection) {
  health.memory_bytes = 30;
  health.memory_bytes_max = 0;
  sample();
  EXPECT_FALSE(reading(SignalId::redis_memory).usable());
  health.memory_bytes_max = 40;
  sample();
  EXPECT_DOUBLE_EQ(reading(SignalId::redis_memory).value, 0.75);
  health.up = false;
  sample();
  EXPECT_FALSE(reading(SignalId::redis_memory).usable());
  EXPECT_EQ(reading(SignalId::redis_connected).value, 0);
}

TEST(RedisSignalsWithoutATier, AreMissing) {
  NoMachine machine;
  Signals signals(machine);
  rules::SignalValues values{};
  signals.sample(Instant(1h), values);
  for (const SignalId id : {SignalId::redis_connected, SignalId::redis_latency_p95,
                            SignalId::redis_hit_ratio, SignalId::redis_memory}) {
    EXPECT_FALSE(values[static_cast<std::size_t>(id)].usable());
  }
}

TEST(ReadTimes, EveryBucketHoldsItsMiddleAndTheyAscend) {
  for (std::size_t i = 0; i + 1 < ReadTimes::size; ++i) {
    const auto middle =
        std::chrono::nanoseconds(static_cast<std::int64_t>(ReadTimes::seconds_of(i) * 1e9));
    EXPECT_EQ(ReadTimes::bucket_of(middle), i);
    EXPECT_LT(ReadTimes::seconds_of(i), ReadTimes::seconds_of(i + 1));
  }
  EXPECT_EQ(ReadTimes::bucket_of(1h), ReadTimes::size - 1);
  EXPECT_EQ(ReadTimes::bucket_of(-1s), 0U);
}

}  // namespace
}  // namespace homeostat::tier
