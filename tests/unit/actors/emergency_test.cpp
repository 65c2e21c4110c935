// Emergency mode in the control plane: the panic switch in every mode, and the
// signals that enter it.
#include <memory>

#include "tests/unit/actors/actor_fixture.hpp"

namespace homeostat::actors {
namespace {

class PanicSwitch : public ActorFixture {
 protected:
  void panic(bool on, const std::string& reason = "by hand") {
    LevelCommand command{rules::LevelSetting::balanced, reason, on};
    send(Shared<LevelCommand>(std::make_shared<const LevelCommand>(command)));
    run_for(3s);
  }
  std::vector<std::string> emergency_events() {
    std::vector<std::string> found;
    for (const auto& event : events.read(0, EventLog::events_max).events) {
      if (event->type != "emergency") continue;
      std::string text;
      for (const auto& [key, value] : event->details) {
        if (key == "change") text = std::get<std::string>(value) + text;
        if (key == "shadow" && std::get<bool>(value)) text += " in shadow";
      }
      found.push_back(text);
    }
    return found;
  }
};

TEST_F(PanicSwitch, ActsWhileOptimizationIsOff) {
  settings.optimization.mode = config::LoopMode::off;
  sensor.set(SignalId::cpu_utilization, 0.2);
  start();
  run_for(2s);
  panic(true);
  EXPECT_TRUE(policy().mode.emergency);
  EXPECT_EQ(policy().admission.shed_class_from, 3);
  EXPECT_TRUE(board.current()->emergency);
  EXPECT_EQ(board.current()->emergency_reason, "panic switch: by hand");
  EXPECT_EQ(alerts.count("HomeostatEmergency", true), 1u);
  panic(false);
  EXPECT_FALSE(policy().mode.emergency) << "ends at once when let go";
  EXPECT_EQ(policy().admission.shed_class_from, 255);
  EXPECT_EQ(alerts.count("HomeostatEmergency", false), 1u);
  EXPECT_EQ(emergency_events(), (std::vector<std::string>{"entered", "left"}));
}

TEST_F(PanicSwitch, ActsInShadowAndNothingElseDoes) {
  settings.optimization.mode = config::LoopMode::shadow;
  settings.optimization.rules.rules = {
      make_rule("throttle", "cpu.utilization > 90%", rules::Throttle{0.5}),
      make_rule("alert", "cpu.utilization > 90%", rules::RaiseAlert{})};
  sensor.set(SignalId::cpu_utilization, 0.95);
  start();
  run_for(2s);
  panic(true);
  EXPECT_TRUE(policy().mode.emergency);
  EXPECT_DOUBLE_EQ(policy().admission.ceiling_factor, 1);
  EXPECT_EQ(alerts.count("HomeostatEmergency", true), 1u);
  EXPECT_EQ(alerts.count("HomeostatRule", true), 0u);
  panic(false);
  EXPECT_FALSE(policy().mode.emergency);
}

TEST_F(PanicSwitch, TakesOverAnEmergencyInShadowAndGivesItBack) {
  settings.optimization.mode = config::LoopMode::shadow;
  settings.optimization.rules.rules = {
      make_rule("emergency", "cpu.utilization > 90%", rules::EnterEmergency{})};
  sensor.set(SignalId::cpu_utilization, 0.95);
  start();
  run_for(3s);
  ASSERT_TRUE(board.current()->emergency);
  ASSERT_FALSE(policy().mode.emergency);
  panic(true);
  EXPECT_TRUE(policy().mode.emergency);
  EXPECT_EQ(board.current()->emergency_reason, "panic switch: by hand");
  panic(false);
  EXPECT_FALSE(policy().mode.emergency);
  EXPECT_EQ(board.current()->emergency_reason.rfind("shadow: ", 0), 0u);
  EXPECT_EQ(emergency_events(), (std::vector<std::string>{"entered in shadow", "entered", "left"}));
}

TEST_F(PanicSwitch, OutlivesAChangeOfMode) {
  start();
  run_for(1s);
  panic(true);
  for (const auto mode : {config::LoopMode::off, config::LoopMode::shadow, config::LoopMode::on}) {
    settings.optimization.mode = mode;
    reload();
    run_for(2s);
    EXPECT_TRUE(policy().mode.emergency);
  }
  EXPECT_EQ(board.current()->emergencies_total, 1u);
}

class EmergencySignals : public ActorFixture {
 protected:
  void upstream(std::uint64_t calls, double errors) {
    TrafficFigures figures;
    figures.all_10s.requests = 1000;  // nearly all of them hits
    figures.upstream_known = true;
    figures.upstream_requests = calls;
    figures.upstream_error_ratio = errors;
    traffic.set(figures);
  }
};

TEST_F(EmergencySignals, FewFailedCallsAmongManyHitsAreNone) {
  sensor.set(SignalId::memory_utilization, 0.96);
  upstream(2, 1.0);
  start();
  run_for(30s);
  EXPECT_FALSE(policy().mode.emergency);
  upstream(20, 1.0);
  run_for(15s);
  EXPECT_TRUE(policy().mode.emergency);
}

TEST_F(EmergencySignals, AnInjectedShareOfFailedCallsCountsAsOne) {
  sensor.set(SignalId::memory_utilization, 0.96);
  start();
  run_for(5s);
  inject(SignalId::upstream_error_ratio, 0.9, 60s);
  run_for(15s);
  EXPECT_TRUE(policy().mode.emergency);
}

TEST_F(EmergencySignals, OneOverloadThatAdmissionHandlesIsNoEmergency) {
  GateFigures figures;
  figures.admitted = 40;
  figures.rejected = 60;
  figures.critical_admitted = 10;
  figures.queue_standing = 20s;
  figures.queue_length = 10;
  gate.set(figures);
  start();
  run_for(30s);
  EXPECT_GT(
      board.current()->signals[static_cast<std::size_t>(SignalId::admission_reject_ratio)].value,
      0.5);
  EXPECT_FALSE(policy().mode.emergency) << board.current()->emergency_reason;
  // The critical class is no longer spared: admission has failed.
  figures.critical_admitted = 8;
  figures.critical_rejected = 2;
  gate.set(figures);
  run_for(15s);
  EXPECT_TRUE(policy().mode.emergency);
}

}  // namespace
}  // namespace homeostat::actors
