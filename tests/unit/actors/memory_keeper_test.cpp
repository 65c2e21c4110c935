// Memory requests: carried out once, bounded, undone, and absent while healthy.
#include "actors/memory_keeper.hpp"

#include "tests/unit/actors/actor_fixture.hpp"

namespace homeostat::actors {
namespace {

class MemoryKeeper : public ActorFixture {
 protected:
  void add_release(rules::ReleaseMemory action) {
    settings.optimization.rules.rules.push_back(
        make_rule("release", "memory.utilization > 90%", action));
  }
};

TEST_F(MemoryKeeper, DoesNothingWhileHealthy) {
  add_release({true, 0.5, true, true, 30s});
  sensor.set(SignalId::memory_utilization, 0.5);
  start();
  run_for(60s, 100ms);
  EXPECT_EQ(memory.releases(), 0u);
  EXPECT_TRUE(memory.hooks().empty());
  EXPECT_EQ(cache.expired_drops(), 0u);
  EXPECT_TRUE(cache.ratios().empty());
}

TEST_F(MemoryKeeper, CarriesOutARequestOnceAndRestoresTheCacheAfterwards) {
  add_release({true, 0.5, true, true, 3600s});
  sensor.set(SignalId::memory_utilization, 0.92);
  start();
  run_for(10s);
  EXPECT_EQ(memory.releases(), 1u);
  EXPECT_EQ(memory.hooks(), std::vector<std::string>{"release"});
  EXPECT_EQ(cache.expired_drops(), 1u);
  EXPECT_EQ(cache.ratios(), std::vector<double>{0.5});
  sensor.set(SignalId::memory_utilization, 0.3);
  run_for(10s);
  EXPECT_EQ(cache.ratios(), (std::vector<double>{0.5, 1}));
  EXPECT_EQ(memory.releases(), 1u);
}

TEST_F(MemoryKeeper, HookAndAllocatorAreBoundedWhoeverAsks) {
  for (int i = 0; i < 3; ++i) {
    rules::Rule rule = make_rule("release-" + std::to_string(i), "memory.utilization > 90%",
                                 rules::ReleaseMemory{false, 1, true, true, 1s});
    settings.optimization.rules.rules.push_back(std::move(rule));
  }
  sensor.set(SignalId::memory_utilization, 0.92);
  start();
  run_for(30s);
  EXPECT_LE(memory.releases(), 7u);  // one each 5 s
  EXPECT_GE(memory.releases(), 5u);
  EXPECT_LE(memory.hooks().size(), 4u);  // one each 10 s
  EXPECT_GE(memory.hooks().size(), 2u);
}

TEST_F(MemoryKeeper, MemoryEmergencyGivesUpHalfOfTheCacheUntilItEnds) {
  settings.optimization.rules.rules.push_back(
      make_rule("emergency", "memory.utilization > 95%", rules::EnterEmergency{}));
  sensor.set(SignalId::memory_utilization, 0.96);
  start();
  run_for(5s);
  EXPECT_EQ(cache.ratios(), std::vector<double>{emergency_cache_ratio});
  EXPECT_GE(memory.releases(), 1u);
  sensor.set(SignalId::memory_utilization, 0.4);
  run_for(30s);
  EXPECT_EQ(cache.ratios().size(), 1u) << "cache size must not swing during the emergency";
  run_for(50s);
  EXPECT_EQ(cache.ratios(), (std::vector<double>{emergency_cache_ratio, 1}));
}

TEST_F(MemoryKeeper, EmergencyWithoutMemoryPressureKeepsTheCache) {
  settings.optimization.rules.rules.push_back(
      make_rule("emergency", "cpu.utilization > 95%", rules::EnterEmergency{}));
  sensor.set(SignalId::cpu_utilization, 0.99);
  sensor.set(SignalId::memory_utilization, 0.4);
  start();
  run_for(5s);
  ASSERT_TRUE(policy().mode.emergency);
  EXPECT_TRUE(cache.ratios().empty());
  EXPECT_EQ(memory.releases(), 0u);
  EXPECT_EQ(cache.expired_drops(), 1u);
}

TEST_F(MemoryKeeper, SuccessorRestoresACacheThatItsPredecessorShrank) {
  CacheFigures figures;
  figures.bytes_max = settings.cache.memory / 2;
  cache.set(figures);
  start();
  run_for(2s);
  EXPECT_EQ(cache.ratios(), std::vector<double>{1});
}

TEST_F(MemoryKeeper, RestoresTheCacheWhenTheRuleEngineStaysAway) {
  add_release({false, 0.5, false, false, 3600s});
  sensor.set(SignalId::memory_utilization, 0.92);
  settings.optimization.policy_lease = 3s;
  start();
  run_for(3s);
  ASSERT_EQ(cache.ratios(), std::vector<double>{0.5});
  for (int i = 0; i < 6; ++i) {
    crash("rule_engine");
    run_for(50ms);
  }
  run_for(6s);
  EXPECT_EQ(cache.ratios(), (std::vector<double>{0.5, 1}));
}

}  // namespace
}  // namespace homeostat::actors
