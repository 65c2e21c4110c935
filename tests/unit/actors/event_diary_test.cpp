#include "actors/event_diary.hpp"

#include <map>

#include "tests/unit/actors/actor_fixture.hpp"

namespace homeostat::actors {
namespace {

std::string detail(const Event& event, const std::string& name) {
  for (const auto& [key, value] : event.details) {
    if (key != name) continue;
    if (const auto* text = std::get_if<std::string>(&value)) return *text;
    if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
    if (const auto* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
    return "null";
  }
  return "absent";
}

rules::ActiveAction throttle(const std::string& rule, double to, bool overruled = false) {
  rules::ActiveAction active;
  active.rule = rule;
  active.action = rules::Throttle{to};
  active.overruled = overruled;
  return active;
}

TEST(EventDiary, TellsWhenAnActionStartsIsOverruledAndEnds) {
  EventDiary diary;
  const auto told = [&diary](std::vector<rules::ActiveAction> active) {
    diary.actions(active, {}, {}, WallTime{});
    std::string text;
    for (const Event& event : diary.take()) {
      text += detail(event, "rule") + " " + detail(event, "change") + "; ";
    }
    return text;
  };
  EXPECT_EQ(told({throttle("a", 0.5)}), "a started; ");
  EXPECT_EQ(told({throttle("a", 0.5)}), "");
  EXPECT_EQ(told({throttle("a", 0.5, true), throttle("b", 0.3)}), "a overruled; b started; ");
  EXPECT_EQ(told({throttle("a", 0.5)}), "a prevails; b ended; ");
  EXPECT_EQ(told({}), "a ended; ");
}

TEST(EventDiary, AnActionThatATrialTurnsOffToCompareHasNotEnded) {
  EventDiary diary;
  diary.actions({throttle("a", 0.5), throttle("b", 0.5)}, {}, {}, WallTime{});
  EXPECT_EQ(diary.take().size(), 2U);
  diary.actions({throttle("b", 0.5)}, {{"a", ""}}, {}, WallTime{});
  diary.actions({throttle("a", 0.5), throttle("b", 0.5)}, {}, {}, WallTime{});
  EXPECT_TRUE(diary.take().empty());
  diary.actions({throttle("b", 0.5)}, {}, {}, WallTime{});
  const auto ended = diary.take();
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(detail(ended[0], "change"), "ended");
}

TEST(EventDiary, CountsWhatAFloodOfTransitionsLeavesOut) {
  EventDiary diary;
  std::vector<rules::Transition> many(EventDiary::rule_events_max + 9);
  diary.transitions(many, false, WallTime{});
  const auto events = diary.take();
  ASSERT_EQ(events.size(), EventDiary::rule_events_max + 1);
  EXPECT_EQ(detail(events.back(), "left_out"), "9");
}

TEST(EventDiary, MarksEffectsOfInjectedActivationsAndOfShadow) {
  EventDiary diary;
  const std::vector<rules::TrialStep> steps{{"a", "", {}}, {"b", "GET /", {}}};
  diary.trials(steps, {{"b", "GET /"}}, true, WallTime{});
  const auto events = diary.take();
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(detail(events[0], "injected"), "false");
  EXPECT_EQ(detail(events[1], "injected"), "true");
  EXPECT_EQ(detail(events[1], "shadow"), "true");
}

class EventsOfTheControlPlane : public ActorFixture {
 protected:
  std::vector<std::shared_ptr<const Event>> of_type(const std::string& type) {
    std::vector<std::shared_ptr<const Event>> found;
    for (auto& event : events.read(0, EventLog::events_max).events) {
      if (event->type == type) found.push_back(event);
    }
    return found;
  }
};

TEST_F(EventsOfTheControlPlane, TellARulesLifeWithItsAction) {
  settings.optimization.rules.rules = {
      make_rule("busy", "cpu.utilization > 50%", rules::Throttle{0.5})};
  sensor.set(SignalId::cpu_utilization, 0.1);
  start();
  run_for(2s);
  inject(SignalId::cpu_utilization, 0.9, 3s);
  run_for(6s);
  const auto rule = of_type("rule");
  ASSERT_EQ(rule.size(), 2U);
  EXPECT_EQ(detail(*rule[0], "to"), "firing");
  EXPECT_EQ(detail(*rule[0], "injected"), "true");
  EXPECT_EQ(detail(*rule[1], "to"), "inactive");
  const auto action = of_type("action");
  ASSERT_EQ(action.size(), 2U);
  EXPECT_EQ(detail(*action[0], "change"), "started");
  EXPECT_EQ(detail(*action[0], "action"), "throttle(to 50%)");
  EXPECT_EQ(detail(*action[0], "injected"), "true");
  EXPECT_EQ(detail(*action[1], "change"), "ended");
}

TEST_F(EventsOfTheControlPlane, TellNoActionInShadow) {
  settings.optimization.mode = config::LoopMode::shadow;
  settings.optimization.rules.rules = {
      make_rule("busy", "cpu.utilization > 50%", rules::Throttle{0.5})};
  start();
  inject(SignalId::cpu_utilization, 0.9, 3s);
  run_for(3s);
  ASSERT_FALSE(of_type("rule").empty());
  EXPECT_EQ(detail(*of_type("rule")[0], "shadow"), "true");
  EXPECT_TRUE(of_type("action").empty());
}

TEST_F(EventsOfTheControlPlane, TellThatARestartOfTheRuleEngineEndsWhatWasInForce) {
  settings.optimization.rules.rules = {
      make_rule("busy", "cpu.utilization > 50%", rules::Throttle{0.5}),
      make_rule("panic", "cpu.utilization > 98%", rules::EnterEmergency{})};
  sensor.set(SignalId::cpu_utilization, 0.99);
  start();
  run_for(3s);
  sensor.set(SignalId::cpu_utilization, 0.1);
  crash("rule_engine");
  run_for(10s);
  const auto emergency = of_type("emergency");
  ASSERT_GE(emergency.size(), 2U);
  EXPECT_EQ(detail(*emergency[0], "change"), "entered");
  EXPECT_EQ(detail(*emergency[1], "change"), "left");
  EXPECT_EQ(detail(*emergency[1], "reason"), "the rule engine was started anew");
  std::map<std::string, int> running;
  for (const auto& event : of_type("action")) {
    int& count = running[detail(*event, "action")];
    count += detail(*event, "change") == "started" ? 1 : -1;
    EXPECT_LE(count, 1) << "started twice";
  }
  EXPECT_EQ(running["throttle(to 50%)"], 0);
}

TEST_F(EventsOfTheControlPlane, TellThatAnotherModeEndsWhatWasInForce) {
  settings.optimization.rules.rules = {
      make_rule("busy", "cpu.utilization > 50%", rules::Throttle{0.5}),
      make_rule("panic", "cpu.utilization > 98%", rules::EnterEmergency{})};
  sensor.set(SignalId::cpu_utilization, 0.99);
  start();
  run_for(3s);
  settings.optimization.mode = config::LoopMode::off;
  reload();
  run_for(3s);
  const auto emergency = of_type("emergency");
  ASSERT_EQ(emergency.size(), 2U);
  EXPECT_EQ(detail(*emergency[1], "reason"), "optimization.mode was changed");
  const auto rule = of_type("rule");
  ASSERT_EQ(rule.size(), 4U);
  EXPECT_EQ(detail(*rule[3], "to"), "inactive");
  EXPECT_EQ(detail(*rule[3], "reason"), "optimization.mode was changed");
}

TEST_F(EventsOfTheControlPlane, TheAdaptiveLevelOutlivesARestartOfTheRuleEngine) {
  settings.optimization.level = rules::LevelSetting::adaptive;
  sensor.set(SignalId::memory_utilization, 0.94);
  start();
  run_for(60s);
  const rules::Level reached = board.current()->effective_level;
  ASSERT_NE(reached, rules::Level::balanced);
  const std::size_t told = of_type("level").size();
  crash("rule_engine");
  run_for(1500ms);
  EXPECT_EQ(board.current()->effective_level, reached);
  EXPECT_EQ(of_type("level").size(), told);
}

TEST_F(EventsOfTheControlPlane, DryRunsAreNoTriggersAfterARestartEither) {
  rules::Rule dry = make_rule("dry", "cpu.utilization > 50%", rules::Throttle{0.5});
  dry.dry_run = true;
  settings.optimization.rules.rules = {dry};
  sensor.set(SignalId::cpu_utilization, 0.9);
  start();
  run_for(3s);
  ASSERT_EQ(board.current()->triggers_last_hour, 0U);
  crash("rule_engine");
  run_for(3s);
  EXPECT_EQ(board.current()->triggers_last_hour, 0U);
}

TEST_F(EventsOfTheControlPlane, TellLevelsAndEmergencies) {
  settings.optimization.rules.rules = {
      make_rule("panic", "cpu.utilization > 98%", rules::EnterEmergency{})};
  sensor.set(SignalId::cpu_utilization, 0.1);
  start();
  run_for(1s);
  set_level(rules::LevelSetting::aggressive);
  inject(SignalId::cpu_utilization, 0.99, 2s);
  run_for(70s);
  const auto level = of_type("level");
  ASSERT_EQ(level.size(), 1U);
  EXPECT_EQ(detail(*level[0], "from"), "balanced");
  EXPECT_EQ(detail(*level[0], "to"), "aggressive");
  EXPECT_EQ(detail(*level[0], "injected"), "false");
  const auto emergency = of_type("emergency");
  ASSERT_EQ(emergency.size(), 2U);
  EXPECT_EQ(detail(*emergency[0], "change"), "entered");
  EXPECT_EQ(detail(*emergency[1], "change"), "left");
}

}  // namespace
}  // namespace homeostat::actors
