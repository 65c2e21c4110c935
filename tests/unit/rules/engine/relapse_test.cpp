// Rules whose cure removes their reason: the hold grows with each relapse.
#include "tests/unit/rules/engine/engine_helpers.hpp"

namespace homeostat::rules::testing {
namespace {

/// CPU is high unless the throttle is in force.
struct Swing {
  Swing() {
    throttle.until = condition("cpu.utilization < 85%");
    throttle.for_ = 10s;
    throttle.hold = 2min;
    timeline.emplace(set_of({throttle}));
  }
  void enable(bool enabled) {
    throttle.enabled = enabled;
    ASSERT_TRUE(timeline->engine.adjust(throttle));
  }
  /// Activations in that time under load.
  int run(int seconds, bool load = true) {
    int activations = 0;
    for (int second = 0; second < seconds; ++second) {
      timeline->cpu(load && !acts ? 0.99 : 0.7);
      const TickResult result = timeline->tick();
      activations += static_cast<int>(result.triggers);
      acts = result.outcome.throttle_to < 1;
      for (const Transition& transition : result.transitions) {
        if (transition.to == RuleState::holding) reason = transition.reason;
      }
    }
    return activations;
  }
  Rule throttle = rule("throttle", "cpu.utilization > 95%", {Throttle{}});
  std::optional<Timeline> timeline;
  bool acts = false;
  std::string reason;
};

TEST(Relapse, UnderSustainedLoadDoublesTheHold) {
  Swing swing;
  EXPECT_LE(swing.run(3600), 6) << "27 without";
  EXPECT_LE(swing.run(3600), 3);
  EXPECT_NE(swing.reason.find("holds for 20m, longer than its 2m"), std::string::npos)
      << swing.reason;
  EXPECT_EQ(swing.timeline->engine.status().front().hold, Duration(20min));
}

/// What keeps the load away cannot see it go: it must be let in again to find out.
TEST(Relapse, OfARuleThatAsksForEmergencyModeEndsFiveMinutesAfterItsReason) {
  Rule shed = rule("shed", "cpu.utilization > 98%", {EnterEmergency{}});
  shed.until = condition("cpu.utilization < 90%");
  shed.hold = 1min;
  Timeline timeline(set_of({std::move(shed)}));
  bool acts = false;
  for (int second = 0; second < 3 * 3600; ++second) {
    acts = timeline.cpu(acts ? 0.5 : 0.99).tick().outcome.emergency;
  }
  int still = 0;
  while (acts && still < 3600) {
    acts = timeline.cpu(0.5).tick().outcome.emergency;
    ++still;
  }
  EXPECT_LE(still, 301) << "20 minutes for what only throttles";
  EXPECT_EQ(timeline.state("shed"), RuleState::inactive);
}

TEST(Relapse, IsForgottenAfterAQuietTime) {
  Swing swing;
  swing.run(3600);
  swing.run(21 * 60 + 20 * 60 + 60, false);
  ASSERT_EQ(swing.timeline->state("throttle"), RuleState::inactive);
  swing.run(20);
  EXPECT_NE(swing.reason.find("holds for 2m"), std::string::npos) << swing.reason;
  EXPECT_EQ(swing.reason.find("longer"), std::string::npos) << swing.reason;
}

TEST(Relapse, IsNoneWhenTheRuleWasTakenOut) {
  Swing swing;
  swing.run(60);
  ASSERT_TRUE(swing.acts);
  swing.enable(false);
  swing.run(5);
  swing.enable(true);
  swing.run(60);
  ASSERT_TRUE(swing.acts);
  EXPECT_EQ(swing.timeline->engine.status().front().hold, Duration(2min));
}

}  // namespace
}  // namespace homeostat::rules::testing
