// The facade with real threads and the machine's clock.
#include "actors/control_plane.hpp"

#include "tests/support/waiting.hpp"
#include "tests/unit/actors/actor_fixture.hpp"

namespace homeostat::actors {
namespace {

class ControlPlaneTest : public testing::Test, protected FakePorts {
 protected:
  ControlPlaneTest() {
    settings.monitor.interval = 20ms;
    settings.optimization.interval = 20ms;
  }
};

TEST_F(ControlPlaneTest, RefusesMissingSettings) {
  ControlDependencies empty = dependencies(SystemClock::instance());
  empty.settings = nullptr;
  EXPECT_THROW(ControlPlane{std::move(empty)}, std::invalid_argument);
}

TEST_F(ControlPlaneTest, StartsTicksAndStops) {
  ControlPlane plane(dependencies(SystemClock::instance()));
  EXPECT_FALSE(plane.running());
  plane.start();
  EXPECT_TRUE(plane.running());
  EXPECT_TRUE(sensor.wait_for_samples(3));
  EXPECT_TRUE(plane.stop());
  EXPECT_FALSE(plane.running());
  const std::size_t after = sensor.samples();
  EXPECT_TRUE(plane.stop()) << "stopping twice is harmless";
  EXPECT_EQ(sensor.samples(), after);
}

TEST_F(ControlPlaneTest, CanBeStartedAgain) {
  ControlPlane plane(dependencies(SystemClock::instance()));
  for (int i = 0; i < 3; ++i) {
    const std::size_t before = sensor.samples();
    plane.start();
    EXPECT_TRUE(sensor.wait_for_samples(before + 1));
    EXPECT_TRUE(plane.stop());
  }
}

TEST_F(ControlPlaneTest, StopsImmediatelyAfterTheStartAndUnderCrashes) {
  for (int i = 0; i < 20; ++i) {
    ControlPlane plane(dependencies(SystemClock::instance()));
    plane.start();
    for (const std::string_view name : child_names) plane.crash(name);
    EXPECT_TRUE(plane.stop());
  }
}

TEST_F(ControlPlaneTest, CommandsReachTheActors) {
  settings.optimization.rules.rules = {
      make_rule("alert", "cpu.utilization > 90%", rules::RaiseAlert{})};
  ControlPlane plane(dependencies(SystemClock::instance()));
  plane.set_level(rules::LevelSetting::aggressive, "before the start: dropped");
  plane.start();
  plane.set_level(rules::LevelSetting::conservative, "test");
  plane.inject(SignalId::cpu_utilization, 0.99, 60s);
  ASSERT_TRUE(alerts.wait_for("HomeostatRule", "alert", true));
  EXPECT_EQ(board.current()->level, rules::LevelSetting::conservative);
  EXPECT_EQ(board.current()->level_reason, "test");
  EXPECT_TRUE(plane.stop());
}

TEST_F(ControlPlaneTest, RestartedActorTicksOnAfterACrash) {
  ControlPlane plane(dependencies(SystemClock::instance()));
  plane.start();
  ASSERT_TRUE(sensor.wait_for_samples(1));
  plane.crash("resource_monitor");
  // Samples until then may still be those of the one that is going to die.
  ASSERT_TRUE(test::eventually([&] { return log.contains("actor resource_monitor died"); }));
  ASSERT_TRUE(sensor.wait_for_samples(sensor.samples() + 5));
  EXPECT_TRUE(plane.running());
}

TEST_F(ControlPlaneTest, ADeadSupervisorIsReplacedWithWhatOperatorsChose) {
  settings.optimization.rules.rules = {
      make_rule("alert", "cpu.utilization > 90%", rules::RaiseAlert{})};
  ControlPlane plane(dependencies(SystemClock::instance()));
  EXPECT_FALSE(plane.revive()) << "it was not started";
  plane.start();
  ASSERT_TRUE(sensor.wait_for_samples(1));
  EXPECT_FALSE(plane.revive()) << "it lives";
  plane.set_level(rules::LevelSetting::conservative, "test");
  plane.inject(SignalId::cpu_utilization, 0.99, 60s);
  ASSERT_TRUE(alerts.wait_for("HomeostatRule", "alert", true));
  plane.crash("supervisor");
  ASSERT_TRUE(test::eventually([&] { return plane.revive(); }));
  EXPECT_TRUE(plane.running());
  EXPECT_TRUE(log.contains("the supervisor died: fault injected on purpose"));
  // The alert of before ends, although nobody of before is there to end it.
  EXPECT_TRUE(alerts.wait_for("HomeostatRule", "alert", false));
  EXPECT_TRUE(test::eventually([&] {
    const auto report = board.current();
    return report->level == rules::LevelSetting::conservative && report->actors.size() == 7;
  }));
  EXPECT_TRUE(plane.stop());
  EXPECT_FALSE(plane.revive()) << "a stop is no death";
}

TEST_F(ControlPlaneTest, ASupervisorThatKeepsDyingIsReplacedOnlyAfterAPause) {
  ControlPlane plane(dependencies(clock));
  plane.start();
  for (int i = 0; i < 5; ++i) {
    plane.crash("supervisor");
    ASSERT_TRUE(test::eventually([&] { return plane.revive(); }));
  }
  plane.crash("supervisor");
  ASSERT_TRUE(test::eventually([&] { return !plane.running(); }));
  const Instant died = clock.now();
  EXPECT_TRUE(test::eventually([&] {
    if (plane.revive()) return true;
    clock.advance(1s);
    return false;
  }));
  EXPECT_GE(clock.now() - died, 10s);
  EXPECT_TRUE(plane.stop());
}

TEST_F(ControlPlaneTest, ActorThatStopsTickingIsReportedAndItsReturnResolves) {
  // Threads are real, but instants come from the manual clock, so that the
  // stall limit passes at once.
  ControlPlane plane(dependencies(clock));
  plane.start();
  ASSERT_TRUE(sensor.wait_for_samples(2));
  sensor.block(true);
  ASSERT_TRUE(sensor.wait_for_samples(sensor.samples() + 1));
  clock.advance(11s);
  EXPECT_TRUE(alerts.wait_for("HomeostatActorStalled", "resource_monitor", true));
  sensor.block(false);
  EXPECT_TRUE(alerts.wait_for("HomeostatActorStalled", "resource_monitor", false));
}

TEST(ControlPlaneStop, GivesUpOnAnActorThatIsStuckInAPort) {
  // The abandoned threads go on using the ports: they must never be destroyed.
  static auto* const ports = new FakePorts;
  ports->sensor.block(true);
  {
    ControlPlane plane(ports->dependencies(SystemClock::instance()));
    plane.start();
    ASSERT_TRUE(ports->sensor.wait_for_samples(1));
    EXPECT_FALSE(plane.stop(100ms));
    EXPECT_TRUE(ports->log.contains("did not stop in time"));
  }
  ports->sensor.block(false);
}

}  // namespace
}  // namespace homeostat::actors
