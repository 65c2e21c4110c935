// Death, restart and orderly end of every actor.
#include "tests/unit/actors/actor_fixture.hpp"

namespace homeostat::actors {
namespace {

class Supervision : public ActorFixture {
 protected:
  Supervision() {
    settings.optimization.rules.rules.push_back(
        make_rule("throttle", "cpu.utilization > 90%", rules::Throttle{0.5}));
    sensor.set(SignalId::cpu_utilization, 0.95);
  }
};

TEST_F(Supervision, ReportsEveryActorAliveAfterTheStart) {
  start();
  run_for(2s);
  const auto report = board.current();
  ASSERT_EQ(report->actors.size(), child_count);
  for (const ActorHealth& actor : report->actors) {
    EXPECT_TRUE(actor.alive) << actor.name;
    EXPECT_EQ(actor.restarts, 0u) << actor.name;
  }
}

TEST_F(Supervision, KillingAnyActorLeavesTheOthersRunningAndRestartsIt) {
  start();
  run_for(3s);
  for (const std::string_view name : child_names) {
    SCOPED_TRACE(name);
    crash(std::string(name));
    run_for(3s);
    const ActorHealth victim = health_of(std::string(name));
    EXPECT_TRUE(victim.alive);
    EXPECT_EQ(victim.restarts, 1u);
    EXPECT_NE(victim.last_error.find("fault injected"), std::string::npos) << victim.last_error;
    EXPECT_DOUBLE_EQ(policy().admission.ceiling_factor, 0.5) << "policy was not restored";
    EXPECT_EQ(clock.now() - board.current()->at_steady < 1100ms, true) << "report is old";
    EXPECT_FALSE(policies.degraded());
  }
  EXPECT_EQ(alerts.count("HomeostatActorRestarted", true), child_count);
}

TEST_F(Supervision, ExceptionFromAPortIsARestartWithItsText) {
  start();
  run_for(2s);
  sensor.fail_with("no /proc here");
  run_for(1s);
  sensor.fail_with(std::nullopt);
  run_for(2s);
  EXPECT_GE(health_of("resource_monitor").restarts, 1u);
  EXPECT_EQ(health_of("resource_monitor").last_error, "no /proc here");
  EXPECT_TRUE(health_of("resource_monitor").alive);
}

TEST_F(Supervision, CrashLoopIsSlowedDownAfterFiveDeathsInAMinute) {
  start();
  run_for(1s);
  const std::size_t before = sensor.samples();
  sensor.fail_with("broken");
  run_for(30s);
  // Each life takes one sample: five immediate restarts, then one every 10 s.
  EXPECT_LE(sensor.samples() - before, 10u);
  EXPECT_GE(sensor.samples() - before, 7u);
  EXPECT_FALSE(health_of("resource_monitor").alive);
  sensor.fail_with(std::nullopt);
  run_for(12s);
  EXPECT_TRUE(health_of("resource_monitor").alive);
}

TEST_F(Supervision, RestartAlertResolvesAfterFiveQuietMinutes) {
  start();
  run_for(1s);
  crash("cache_tuner");
  run_for(4min, 100ms);
  EXPECT_EQ(alerts.count("HomeostatActorRestarted", false), 0u);
  run_for(70s, 100ms);
  EXPECT_EQ(alerts.count("HomeostatActorRestarted", true), 1u);
  EXPECT_EQ(alerts.count("HomeostatActorRestarted", false), 1u);
}

TEST_F(Supervision, OperatorStateSurvivesTheRuleEngine) {
  start();
  run_for(1s);
  set_level(rules::LevelSetting::aggressive);
  switch_rule("throttle", false);
  run_for(7s);
  ASSERT_DOUBLE_EQ(policy().admission.ceiling_factor, 1);
  crash("rule_engine");
  run_for(3s);
  EXPECT_EQ(board.current()->level, rules::LevelSetting::aggressive);
  EXPECT_EQ(board.current()->rules_enabled, 0u);
  EXPECT_DOUBLE_EQ(policy().admission.ceiling_factor, 1);
}

TEST_F(Supervision, CountersCarryOnAfterTheRuleEngineDied) {
  start();
  run_for(3s);
  const auto before = board.current();
  ASSERT_EQ(before->triggers_total, 1u);
  crash("rule_engine");
  run_for(3s);
  const auto after = board.current();
  EXPECT_EQ(after->triggers_total, 2u);  // the fresh engine fires anew
  EXPECT_EQ(after->triggers_last_hour, 2u);
  constexpr auto firing = static_cast<std::size_t>(rules::RuleState::firing);
  ASSERT_EQ(after->transitions.size(), 1u);
  EXPECT_EQ(after->transitions.begin()->second.at(firing), 2u);
  EXPECT_GT(after->recent.size(), before->recent.size());
}

TEST_F(Supervision, DeadRuleEngineShowsInTheReport) {
  start();
  run_for(1s);
  for (int i = 0; i < 6; ++i) {
    crash("rule_engine");
    run_for(100ms);
  }
  EXPECT_FALSE(health_of("rule_engine").alive);
  EXPECT_TRUE(health_of("throttler").alive);
}

TEST_F(Supervision, ReloadKeepsTheOperatorsLevelAndSwitches) {
  start();
  run_for(1s);
  set_level(rules::LevelSetting::aggressive);
  switch_rule("throttle", false);
  settings.optimization.level = rules::LevelSetting::conservative;
  reload();
  run_for(2s);
  EXPECT_EQ(board.current()->level, rules::LevelSetting::aggressive);
  EXPECT_EQ(board.current()->rules_enabled, 0u);
}

TEST_F(Supervision, OverridesSurviveReloadsAndTheRuleEngineUntilTheyAreTakenBack) {
  start();
  run_for(1s);
  rules::RuleOverride terms;
  terms.dry_run = true;
  override_rule("throttle", terms);
  reload();
  crash("rule_engine");
  run_for(8s);
  EXPECT_DOUBLE_EQ(policy().admission.ceiling_factor, 1);
  ASSERT_TRUE(board.current()->rule_choices.contains("throttle"));
  EXPECT_EQ(board.current()->rule_choices.at("throttle").terms.dry_run, true);
  override_rule("throttle", {});
  run_for(8s);
  EXPECT_TRUE(board.current()->rule_choices.empty());
  EXPECT_LT(policy().admission.ceiling_factor, 1);
}

TEST_F(Supervision, ARuleThatIsMissingFromOneReloadComesBackAsItWasChosen) {
  start();
  run_for(1s);
  switch_rule("throttle", false);
  run_for(1s);
  const config::Settings with_rule = settings;
  settings.optimization.rules.rules.clear();
  reload();
  run_for(1s);
  settings = with_rule;
  reload();
  run_for(1s);
  EXPECT_EQ(board.current()->rules_enabled, 0u);
}

TEST_F(Supervision, ASwitchThatIsTakenBackIsAsTheFileSays) {
  start();
  run_for(1s);
  switch_rule("throttle", false);
  run_for(1s);
  ASSERT_EQ(board.current()->rules_enabled, 0u);
  switch_rule("throttle", std::nullopt);
  run_for(1s);
  EXPECT_EQ(board.current()->rules_enabled, 1u);
}

TEST_F(Supervision, ReloadTakesTheConfiguredLevelWhenNoCommandWasGiven) {
  start();
  run_for(1s);
  settings.optimization.level = rules::LevelSetting::conservative;
  reload();
  run_for(2s);
  EXPECT_EQ(board.current()->level, rules::LevelSetting::conservative);
  EXPECT_EQ(board.current()->effective_level, rules::Level::conservative);
}

TEST_F(Supervision, ReloadedIntervalsApply) {
  start();
  run_for(5s);
  settings.monitor.interval = 5s;
  reload();
  run_for(5s);
  const std::size_t before = sensor.samples();
  run_for(20s);
  EXPECT_EQ(sensor.samples() - before, 4u);
}

TEST_F(Supervision, NewRulesTakeEffectAndSurviveARestart) {
  start();
  run_for(2s);
  rules::RuleSet rules;
  rules.rules.push_back(make_rule("gentle", "cpu.utilization > 90%", rules::Throttle{0.8}));
  send(std::make_shared<const rules::RuleSet>(rules));
  run_for(5s);
  EXPECT_DOUBLE_EQ(policy().admission.ceiling_factor, 0.8);
  crash("rule_engine");
  run_for(3s);
  EXPECT_DOUBLE_EQ(policy().admission.ceiling_factor, 0.8);
}

TEST_F(Supervision, StopEndsEveryActorEvenWhileOneWaitsForItsRestart) {
  start();
  run_for(1s);
  sensor.fail_with("broken");
  run_for(10s);
  ASSERT_FALSE(health_of("resource_monitor").alive);
  // The destructor of the fixture checks that nobody outlives the stop.
}

TEST_F(Supervision, UnknownCrashTargetAndUnknownRuleAreHarmless) {
  start();
  run_for(1s);
  crash("nobody");
  switch_rule("no-such-rule", false);
  run_for(1s);
  EXPECT_TRUE(log.contains("no rule named no-such-rule"));
  EXPECT_TRUE(health_of("rule_engine").alive);
}

TEST_F(Supervision, TicksKeepAbsoluteDeadlines) {
  start();
  // Steps of 30 ms never meet a full second exactly; drift would lose ticks.
  run_for(100s, 30ms);
  EXPECT_NEAR(static_cast<double>(sensor.samples()), 100, 1.1);
  const auto times = sensor.times();
  const auto span = times.back() - times.front();
  const auto periods = static_cast<int>(times.size()) - 1;
  EXPECT_LE(span, periods * 1s + 30ms);
  EXPECT_GE(span, periods * 1s - 30ms);
}

}  // namespace
}  // namespace homeostat::actors
