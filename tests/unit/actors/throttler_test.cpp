// The admission loop: its actor in virtual time, its decisions by arithmetic.
#include "actors/admission_loop.hpp"
#include "tests/unit/actors/actor_fixture.hpp"

namespace homeostat::actors {
namespace {

GateFigures some_traffic() {
  GateFigures figures;
  figures.admitted = 10;
  figures.window.in_flight_mean = 5;
  return figures;
}

class Throttler : public ActorFixture {
 protected:
  [[nodiscard]] std::size_t collections() { return gate.times().size(); }
};

TEST_F(Throttler, CollectsEveryHundredMillisecondsUnderTraffic) {
  gate.set(some_traffic());
  start();
  run_for(1s);
  const std::size_t before = collections();
  run_for(10s);
  EXPECT_EQ(collections() - before, 100u);
}

TEST_F(Throttler, SlowsDownWhenNothingHappensAndWakesWithTraffic) {
  start();
  run_for(7s);
  const std::size_t quiet = collections();
  run_for(10s);
  EXPECT_NEAR(static_cast<double>(collections() - quiet), 10, 1);
  gate.set(some_traffic());
  run_for(1s);
  const std::size_t busy = collections();
  run_for(10s);
  EXPECT_NEAR(static_cast<double>(collections() - busy), 100, 1);
}

TEST_F(Throttler, DropsAtTheUpstreamLowerThePublishedLimit) {
  start();
  GateFigures figures = some_traffic();
  figures.window.limited_share = 1;
  figures.window.in_flight_mean = 20;
  gate.set(figures);
  run_for(1s);
  const double before = policy().admission.limit;
  ASSERT_GT(before, 0);
  figures.window.endpoints = {{.endpoint = 1, .dropped = 5}};
  gate.set(figures);
  run_for(2s);
  EXPECT_LT(policy().admission.limit, before);
  EXPECT_FALSE(board.current()->admission_reason.empty());
}

TEST_F(Throttler, SuccessorGoesOnWithTheLimitAndTheThrottleInForce) {
  settings.optimization.rules.rules.push_back(
      make_rule("throttle", "cpu.utilization > 90%", rules::Throttle{0.5}));
  sensor.set(SignalId::cpu_utilization, 0.95);
  GateFigures busy = some_traffic();
  busy.window.limited_share = 1;
  busy.window.in_flight_mean = 20;
  GateFigures refusing = busy;
  refusing.window.endpoints = {{.endpoint = 1, .dropped = 5}};
  gate.set(refusing);
  start();
  run_for(3s);
  gate.set(busy);
  run_for(1s);
  const AdmissionPolicy before = policy().admission;
  ASSERT_LT(before.limit, settings.admission.limit_initial);
  ASSERT_DOUBLE_EQ(before.ceiling_factor, 0.5);
  crash("throttler");
  for (int i = 0; i < 20; ++i) {
    run_for(50ms);
    EXPECT_DOUBLE_EQ(policy().admission.ceiling_factor, 0.5);
    EXPECT_LT(policy().admission.limit, settings.admission.limit_initial);
  }
  EXPECT_EQ(health_of("throttler").restarts, 1u);
}

TEST_F(Throttler, ShadowModePublishesWhatTheGateIsToCountBy) {
  settings.admission.mode = config::LoopMode::shadow;
  settings.optimization.rules.rules.push_back(
      make_rule("throttle", "cpu.utilization > 90%", rules::Throttle{0.5}));
  sensor.set(SignalId::cpu_utilization, 0.95);
  gate.set(some_traffic());
  start();
  run_for(15s);
  EXPECT_DOUBLE_EQ(policy().admission.limit, board.current()->admission_limit);
  EXPECT_GT(policy().admission.limit, 0);
  EXPECT_DOUBLE_EQ(policy().admission.ceiling_factor, 0.5);
  EXPECT_EQ(board.current()->admission_reason.rfind("shadow: ", 0), 0u);
  EXPECT_TRUE(policies.expire().empty());
}

TEST_F(Throttler, OffModePublishesDefaultsAndRenewsThem) {
  settings.admission.mode = config::LoopMode::off;
  gate.set(some_traffic());
  start();
  run_for(15s);
  EXPECT_EQ(policy().admission, AdmissionPolicy{});
  EXPECT_EQ(board.current()->admission_reason, "off");
  EXPECT_TRUE(policies.expire().empty());
}

TEST_F(Throttler, TheLevelInForceReachesTheGateAndIsReported) {
  gate.set(some_traffic());
  start();
  run_for(3s);
  EXPECT_EQ(policy().admission.level, rules::Level::balanced);
  for (const auto& [setting, level] :
       {std::pair{rules::LevelSetting::aggressive, rules::Level::aggressive},
        std::pair{rules::LevelSetting::conservative, rules::Level::conservative}}) {
    set_level(setting);
    run_for(3s);
    EXPECT_EQ(policy().admission.level, level);
    EXPECT_EQ(board.current()->admission_profile, rules::admission_profile(level));
  }
}

TEST_F(Throttler, ThePanicSwitchLeavesTheWaitsToTheLevel) {
  settings.optimization.level = rules::LevelSetting::aggressive;
  gate.set(some_traffic());
  start();
  run_for(3s);
  LevelCommand panic;
  panic.emergency = true;
  send(Shared<LevelCommand>(std::make_shared<const LevelCommand>(panic)));
  run_for(3s);
  ASSERT_TRUE(policy().mode.emergency);
  EXPECT_EQ(policy().admission.level, rules::Level::aggressive) << "it sheds by class";
  set_level(rules::LevelSetting::conservative);
  run_for(3s);
  EXPECT_FALSE(policy().mode.emergency);
  EXPECT_EQ(policy().admission.level, rules::Level::conservative);
}

TEST_F(Throttler, UnderAdaptiveTheWaitsFollowWhatIsPromisedNotTheLoad) {
  settings.optimization.level = rules::LevelSetting::adaptive;
  sensor.set(SignalId::cpu_utilization, 0.96);
  gate.set(some_traffic());
  TrafficFigures figures;
  figures.objectives = {{"quick", 0.99, 0, 0, 0}};
  traffic.set(figures);
  start();
  run_for(30s);
  ASSERT_EQ(board.current()->effective_level, rules::Level::aggressive);
  EXPECT_EQ(policy().admission.level, rules::Level::balanced);
  figures.objectives = {{"quick", 0.99, 1000, 100, 0}};
  traffic.set(figures);
  run_for(20s);
  EXPECT_EQ(policy().admission.level, rules::Level::balanced) << "refusals, nobody was late";
  figures.objectives = {{"quick", 0.99, 2000, 200, 100}};
  traffic.set(figures);
  run_for(20s);
  EXPECT_EQ(policy().admission.level, rules::Level::conservative);
  run_for(30min);
  EXPECT_NE(policy().admission.level, rules::Level::conservative) << "long ago";
  EXPECT_TRUE(log.contains("adaptive waits"));
}

TEST_F(Throttler, InShadowTheLevelIsComputedButDoesNotSteer) {
  settings.optimization.mode = config::LoopMode::shadow;
  settings.optimization.level = rules::LevelSetting::aggressive;
  gate.set(some_traffic());
  start();
  run_for(3s);
  EXPECT_EQ(board.current()->effective_level, rules::Level::aggressive);
  EXPECT_EQ(policy().admission.level, rules::Level::balanced);
}

// -- decisions -------------------------------------------------------------------

class AdmissionDecision : public testing::Test {
 protected:
  static Shared<config::Settings> shared(const config::Settings& settings) {
    return std::make_shared<const config::Settings>(settings);
  }
  AdmissionLoop& loop() {
    if (!loop_) loop_.emplace(shared(settings), now);
    return *loop_;
  }
  AdmissionLoop::Step step(GateFigures figures = some_traffic(), Duration by = 100ms) {
    now += by;
    figures.window.now = now;
    figures.window.length = by;
    return loop().step(figures, now);
  }
  void direct(double throttle_to, bool emergency) {
    auto directive = std::make_shared<Directive>();
    directive->at = now;
    directive->outcome.throttle_to = throttle_to;
    directive->emergency = emergency;
    loop().receive(Shared<Directive>(std::move(directive)));
  }
  void direct(rules::Level level) {
    auto directive = std::make_shared<Directive>();
    directive->at = now;
    directive->waits = level;
    loop().receive(Shared<Directive>(std::move(directive)));
  }
  void measure(SignalId id, double value) {
    auto readings = std::make_shared<ResourceReadings>();
    readings->at = now;
    readings->values[static_cast<std::size_t>(id)] = {value, now, rules::Quality::good, "test"};
    loop().receive(Shared<ResourceReadings>(std::move(readings)));
  }

  config::Settings settings;
  Instant now{1h};

 private:
  std::optional<AdmissionLoop> loop_;
};

TEST_F(AdmissionDecision, StartsWithTheConfiguredLimit) {
  settings.admission.limit_initial = 33;
  EXPECT_DOUBLE_EQ(step().policy.limit, 33);
}

TEST_F(AdmissionDecision, RulesLowerTheCeilingUntilTheDirectiveOutlivesItsLease) {
  direct(0.6, false);
  EXPECT_DOUBLE_EQ(step().policy.ceiling_factor, 0.6);
  EXPECT_DOUBLE_EQ(step(some_traffic(), 9s).policy.ceiling_factor, 0.6);
  EXPECT_DOUBLE_EQ(step(some_traffic(), 2s).policy.ceiling_factor, 0.8) << "a tenth per second";
  EXPECT_DOUBLE_EQ(step(some_traffic(), 2s).policy.ceiling_factor, 1);
}

TEST_F(AdmissionDecision, CeilingNeverClosesTheGate) {
  direct(0, false);
  EXPECT_DOUBLE_EQ(step().policy.ceiling_factor, AdmissionLoop::ceiling_min);
}

TEST_F(AdmissionDecision, EmergencyShedsTheLowestClassOnly) {
  direct(1, true);
  EXPECT_EQ(step().policy.shed_class_from, 3);
  direct(1, false);
  EXPECT_EQ(step().policy.shed_class_from, 255);
}

TEST_F(AdmissionDecision, NormalClassIsShedOnlyWhenSomethingRanksAboveIt) {
  GateFigures figures = some_traffic();
  figures.queue_standing = 20s;
  for (int i = 0; i < 300; ++i) {
    direct(1, true);
    ASSERT_EQ(step(figures).policy.shed_class_from, 3);
  }
  settings.admission.priorities.push_back({{"/checkout*", {}}, 0});
  loop().reload(shared(settings));
  for (int i = 0; i < 155; ++i) {
    direct(1, true);
    static_cast<void>(step(figures));
  }
  direct(1, true);
  EXPECT_EQ(step(figures).policy.shed_class_from, 2);
  figures.queue_standing = 0s;
  for (int i = 0; i < 155; ++i) {
    direct(1, true);
    static_cast<void>(step(figures));
  }
  EXPECT_EQ(step(figures).policy.shed_class_from, 3);
}

TEST_F(AdmissionDecision, MemoryPressureShedsByClassAndLetsGoSlowly) {
  settings.admission.priorities.push_back({{"/checkout*", {}}, 0});
  measure(SignalId::memory_utilization, 0.96);
  EXPECT_EQ(step().policy.shed_class_from, 2);
  measure(SignalId::memory_utilization, 0.5);
  EXPECT_EQ(step().policy.shed_class_from, 2);
  for (int i = 0; i < 105; ++i) {
    measure(SignalId::memory_utilization, 0.5);
    static_cast<void>(step());
  }
  EXPECT_EQ(step().policy.shed_class_from, 3);
}

TEST_F(AdmissionDecision, MemoryThatIsNearlyFullEndsKeepAliveButNotInShadow) {
  measure(SignalId::memory_utilization, 0.94);
  EXPECT_FALSE(step().policy.stop_keep_alive);
  measure(SignalId::memory_utilization, 0.96);
  EXPECT_TRUE(step().policy.stop_keep_alive);
  settings.admission.mode = config::LoopMode::shadow;
  loop().reload(shared(settings));
  EXPECT_FALSE(step().policy.stop_keep_alive);
}

TEST_F(AdmissionDecision, MemoryPressureWithoutPrioritiesThrottlesInsteadOfRejectingAll) {
  measure(SignalId::memory_utilization, 0.99);
  const AdmissionPolicy policy = step().policy;
  EXPECT_EQ(policy.shed_class_from, 3);
  EXPECT_DOUBLE_EQ(policy.ceiling_factor, AdmissionLoop::unranked_ceiling);
}

TEST_F(AdmissionDecision, MemoryPressureCapsTheLimitAndSaysSo) {
  settings.admission.limit_initial = 900;
  settings.admission.limit_max = 1000;
  EXPECT_DOUBLE_EQ(step().policy.limit, 900);
  measure(SignalId::memory_utilization, 0.99);
  EXPECT_DOUBLE_EQ(step().policy.limit, 300);
  Shared<AdmissionReadings> readings;
  while (!readings) {
    measure(SignalId::memory_utilization, 0.99);
    readings = step().readings;
  }
  EXPECT_NE(readings->reason.find("30% of limit_max"), std::string::npos) << readings->reason;
  EXPECT_DOUBLE_EQ(readings->limit, 300);
}

TEST_F(AdmissionDecision, BusyCpuAloneIsNotOverload) {
  measure(SignalId::cpu_utilization, 1.0);
  const AdmissionPolicy policy = step().policy;
  EXPECT_DOUBLE_EQ(policy.limit, settings.admission.limit_initial);
  EXPECT_DOUBLE_EQ(policy.ceiling_factor, 1);
}

TEST_F(AdmissionDecision, OldResourceReadingsCarryNoPressure) {
  measure(SignalId::memory_utilization, 0.99);
  for (int i = 0; i < 400; ++i) static_cast<void>(step());
  EXPECT_EQ(step().policy.shed_class_from, 255);
}

TEST_F(AdmissionDecision, TheLevelCountsUntilTheDirectiveOutlivesItsLease) {
  direct(rules::Level::aggressive);
  EXPECT_EQ(step().policy.level, rules::Level::aggressive);
  EXPECT_EQ(step(some_traffic(), 9s).policy.level, rules::Level::aggressive);
  EXPECT_EQ(step(some_traffic(), 2s).policy.level, rules::Level::balanced);
}

TEST_F(AdmissionDecision, TheLevelSaysAtWhatCpuTheLimitNoLongerGrows) {
  // Half of the latency is a queue in the upstream, whatever the level.
  const auto frozen_at = [&](rules::Level level) {
    std::string reason;
    for (int i = 0; i < 60; ++i) {
      direct(level);
      measure(SignalId::cpu_utilization, 0.80);
      GateFigures figures = some_traffic();
      figures.window.in_flight_mean = 20;
      figures.window.limited_share = 1;
      const double latency = i < 10 && level == rules::Level::conservative ? 0.01 : 0.03;
      figures.window.endpoints = {{.endpoint = 1,
                                   .count = 60,
                                   .latency_sum = 60 * latency,
                                   .latency_square_sum = 60 * latency * latency,
                                   .latency_min = latency}};
      if (const auto readings = step(figures).readings) reason += readings->reason + "\n";
    }
    return reason.find("growth frozen") != std::string::npos;
  };
  EXPECT_TRUE(frozen_at(rules::Level::conservative));
  EXPECT_FALSE(frozen_at(rules::Level::aggressive));
}

TEST_F(AdmissionDecision, AMaxWaitOfTheOperatorsIsReportedAtEveryLevel) {
  settings.admission.max_wait = 70ms;
  for (const auto level : {rules::Level::conservative, rules::Level::aggressive}) {
    Shared<AdmissionReadings> readings;
    while (!readings) {
      direct(level);
      readings = step().readings;
    }
    EXPECT_EQ(readings->profile.max_wait, Duration(70ms));
    EXPECT_EQ(readings->profile.cpu_freeze, rules::admission_profile(level).cpu_freeze);
  }
}

TEST_F(AdmissionDecision, ReadingsSumUpAllWindowsOfAnInterval) {
  static_cast<void>(step());  // the first step reports at once
  GateFigures figures = some_traffic();
  figures.admitted = 8;
  figures.rejected = 2;
  figures.window.in_flight_mean = 4;
  Shared<AdmissionReadings> readings;
  int steps = 0;
  while (!readings && steps < 20) {
    figures.queue_wait_p95 = steps == 3 ? 0.05 : 0.01;
    readings = step(figures).readings;
    ++steps;
  }
  ASSERT_TRUE(readings);
  EXPECT_EQ(steps, 10);
  EXPECT_EQ(readings->offered, 100u);
  EXPECT_DOUBLE_EQ(readings->reject_ratio, 0.2);
  EXPECT_DOUBLE_EQ(readings->queue_wait_p95, 0.05);
  EXPECT_NEAR(readings->in_flight, 4, 1e-9);
}

TEST_F(AdmissionDecision, NewBoundsKeepTheLimitWithinThem) {
  settings.admission.limit_initial = 100;
  static_cast<void>(step());
  settings.admission.limit_max = 40;
  loop().reload(shared(settings));
  EXPECT_LE(step().policy.limit, 40);
}

}  // namespace
}  // namespace homeostat::actors
