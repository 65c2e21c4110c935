// Levels, enabling, dry run, reload and the checks at setup.
#include <stdexcept>

#include "engine_helpers.hpp"
#include "rules/engine/rule_override.hpp"

namespace homeostat::rules::testing {
namespace {

Rule hot(std::string name = "hot") {
  return rule(std::move(name), "cpu.utilization > 90%", {Throttle{0.5}});
}

TEST(Levels, ARuleIsActiveAtItsOwnLevelAndAbove) {
  for (const Level own : {Level::conservative, Level::balanced, Level::aggressive}) {
    for (const Level level : {Level::conservative, Level::balanced, Level::aggressive}) {
      Rule leveled = hot();
      leveled.level = own;
      Timeline timeline(set_of({leveled}), level);
      EXPECT_EQ(timeline.cpu(0.99).tick().active.size(), level >= own ? 1U : 0U)
          << to_string(own) << " at " << to_string(level);
    }
  }
}

TEST(Levels, EveryLevelRulesAreAlwaysActive) {
  Rule protection = hot();
  protection.level = Level::aggressive;
  protection.every_level = true;
  Timeline timeline(set_of({protection}), Level::conservative);
  EXPECT_EQ(timeline.cpu(0.99).tick().active.size(), 1U);
}

TEST(Levels, ARuleAboveTheLevelLeavesAtOnceWhateverItsHold) {
  Rule held = hot();
  held.hold = 1h;
  Timeline timeline(set_of({held}));
  (void)timeline.cpu(0.99).tick();
  timeline.engine.set_level(Level::conservative);
  const TickResult result = timeline.tick();
  ASSERT_EQ(result.transitions.size(), 1U);
  EXPECT_EQ(result.transitions[0].to, RuleState::inactive);
  EXPECT_EQ(result.transitions[0].reason, "the level is conservative, the rule needs balanced");
  EXPECT_TRUE(result.active.empty());
  EXPECT_EQ(result.outcome.throttle_to, 1);
  timeline.engine.set_level(Level::aggressive);
  EXPECT_EQ(timeline.tick().active.size(), 1U);
}

TEST(Levels, ALevelThatFlapsIsDampedByTheCooldown) {
  Rule cooled = hot();
  cooled.cooldown = 10s;
  Timeline timeline(set_of({cooled}));
  std::size_t activations = 0;
  for (int i = 0; i < 30; ++i) {
    timeline.engine.set_level(i % 2 == 0 ? Level::balanced : Level::conservative);
    activations += timeline.cpu(0.99).tick().triggers;
  }
  EXPECT_LE(activations, 3U);
}

TEST(Enabling, TakesEffectInTheNextTick) {
  Timeline timeline(set_of({hot()}));
  (void)timeline.cpu(0.99).tick();
  EXPECT_TRUE(timeline.engine.adjust(with(hot(), {.enabled = false, .terms = {}})));
  TickResult result = timeline.tick();
  ASSERT_EQ(result.transitions.size(), 1U);
  EXPECT_EQ(result.transitions[0].reason, "the rule was disabled");
  EXPECT_TRUE(result.active.empty());
  EXPECT_TRUE(timeline.engine.adjust(hot()));
  EXPECT_EQ(timeline.tick().triggers, 1U);
  Rule stranger = hot();
  stranger.name = "no-such-rule";
  EXPECT_FALSE(timeline.engine.adjust(stranger));
}

TEST(Adjusting, KeepsAFiringRuleInForceWithItsNewTimes) {
  Rule loaded = hot();
  loaded.hold = 1s;
  Timeline timeline(set_of({loaded}));
  (void)timeline.cpu(0.99).tick();
  RuleChoice choice;
  choice.terms.hold = 1h;
  ASSERT_TRUE(timeline.engine.adjust(with(loaded, choice)));
  EXPECT_TRUE(timeline.tick().transitions.empty());
  (void)timeline.cpu(0.1).tick();
  for (int i = 0; i < 30; ++i) EXPECT_TRUE(timeline.tick().transitions.empty());
  ASSERT_TRUE(timeline.engine.adjust(loaded));  // the end of the override
  EXPECT_EQ(timeline.tick().transitions.size(), 1U);
}

TEST(Adjusting, ADryRunEndsActionsAndALevelEndsTheRule) {
  Timeline timeline(set_of({hot()}));
  EXPECT_FALSE(timeline.cpu(0.99).tick().active.empty());
  RuleChoice choice;
  choice.terms.dry_run = true;
  ASSERT_TRUE(timeline.engine.adjust(with(hot(), choice)));
  EXPECT_TRUE(timeline.tick().active.empty());
  choice.terms = {};
  choice.terms.level = Level::aggressive;
  ASSERT_TRUE(timeline.engine.adjust(with(hot(), choice)));
  EXPECT_EQ(timeline.tick().transitions.size(), 1U);
}

TEST(Status, SaysWhenACooldownEndsAndFromWhenForCounts) {
  Rule slow = hot();
  slow.for_ = 10s;
  slow.cooldown = 5min;
  Timeline timeline(set_of({slow}));
  (void)timeline.cpu(0.99).tick();
  for (int i = 0; i < 10; ++i) (void)timeline.tick();
  ASSERT_EQ(timeline.engine.status().front().state, RuleState::firing);
  (void)timeline.cpu(0.1).tick();
  const auto left = timeline.now - 1s;
  EXPECT_EQ(timeline.engine.status().front().state, RuleState::inactive);
  EXPECT_EQ(timeline.engine.status().front().cooldown_until, left + 5min);
  (void)timeline.cpu(0.99).tick();
  const auto begun = timeline.now - 1s;
  (void)timeline.cpu(std::nullopt).tick();  // a gap does not count towards `for`
  const RuleStatus pending = timeline.engine.status().front();
  EXPECT_EQ(pending.state, RuleState::pending);
  EXPECT_EQ(pending.cooldown_until, left + 5min);
  EXPECT_EQ(pending.pending_clock, begun + 1s);
}

TEST(DryRun, ExplainsAndDoesNotAct) {
  Rule dry = rule("dry", "cpu.utilization > 90%",
                  {Throttle{0.1}, EnterEmergency{}, ReleaseMemory{}, RaiseAlert{}});
  dry.dry_run = true;
  Timeline timeline(set_of({dry}));
  const TickResult result = timeline.cpu(0.99).tick();
  ASSERT_EQ(result.transitions.size(), 1U);
  EXPECT_TRUE(result.transitions[0].dry_run);
  EXPECT_EQ(result.transitions[0].to, RuleState::firing);
  EXPECT_TRUE(result.active.empty());
  EXPECT_TRUE(result.outcome.release_now.empty());
  EXPECT_FALSE(result.outcome.emergency);
  EXPECT_EQ(result.outcome.throttle_to, 1);
  EXPECT_EQ(result.triggers, 0U);
  EXPECT_EQ(timeline.state("dry"), RuleState::firing);
}

TEST(Reload, KeepsTheStateOfUnchangedRules) {
  Rule kept = hot("kept");
  kept.for_ = 3s;
  Timeline timeline(set_of({hot("first"), kept}));
  (void)timeline.cpu(0.99).tick();
  (void)timeline.tick();
  kept.where = {"moved.yaml", 99, 1};
  kept.description = "said better";
  kept.when = condition("cpu.utilization > 90%");  // parsed anew, the same text
  timeline.engine.reload(set_of({kept, hot("new")}));
  (void)timeline.tick();
  EXPECT_EQ(timeline.state("kept"), RuleState::pending);
  const TickResult result = timeline.tick();
  EXPECT_EQ(timeline.state("kept"), RuleState::firing);
  EXPECT_EQ(result.triggers, 1U);
  EXPECT_EQ(timeline.engine.rules().rules[0].where.file, "moved.yaml");
}

TEST(Reload, KeepsEndpointStatesToo) {
  Timeline timeline(set_of({hot(), rule("slow", "endpoint.latency_p95 > 2s", {ScaleTtl{}})}));
  (void)timeline.latency(4, 3).tick();
  timeline.engine.reload(set_of({rule("slow", "endpoint.latency_p95 > 2s", {ScaleTtl{}})}));
  const TickResult result = timeline.tick();
  EXPECT_TRUE(result.transitions.empty());
  EXPECT_EQ(result.outcome.endpoints.size(), 1U);
}

TEST(Reload, ChangedAndRemovedRulesLeaveWithAReason) {
  Timeline timeline(set_of({hot("changed"), hot("removed")}));
  (void)timeline.cpu(0.99).tick();
  Rule changed = hot("changed");
  changed.then = {Throttle{0.9}};
  timeline.engine.reload(set_of({changed}));
  timeline.cpu(0.5);
  const TickResult result = timeline.tick();
  ASSERT_EQ(result.transitions.size(), 2U);
  EXPECT_EQ(result.transitions[0].rule, "changed");
  EXPECT_EQ(result.transitions[0].reason, "the rule was changed by a reload");
  EXPECT_EQ(result.transitions[1].rule, "removed");
  EXPECT_EQ(result.transitions[1].reason, "the rule was removed by a reload");
  EXPECT_EQ(result.transitions[1].at, timeline.now - 1s);
  EXPECT_TRUE(result.active.empty());
  EXPECT_TRUE(timeline.tick().transitions.empty());
}

TEST(Reload, EveryBehaviouralFieldCountsAsAChange) {
  const std::vector<void (*)(Rule&)> changes = {
      [](Rule& r) { r.when = condition("cpu.utilization > 91%"); },
      [](Rule& r) { r.until = condition("cpu.utilization < 10%"); },
      [](Rule& r) { r.for_ = 1s; },
      [](Rule& r) { r.hold = 1s; },
      [](Rule& r) { r.cooldown = 1s; },
      [](Rule& r) { r.level = Level::conservative; },
      [](Rule& r) { r.no_data = NoData::clear; },
      [](Rule& r) { r.priority = 1; },
      [](Rule& r) { r.dry_run = true; },
      [](Rule& r) { r.every_level = true; },
      [](Rule& r) { r.then.push_back(RaiseAlert{}); },
  };
  for (std::size_t i = 0; i < changes.size(); ++i) {
    Timeline timeline(set_of({hot()}));
    (void)timeline.cpu(0.99).tick();
    Rule changed = hot();
    changes[i](changed);
    timeline.engine.reload(set_of({changed}));
    EXPECT_FALSE(timeline.tick().transitions.empty()) << "change " << i;
  }
}

TEST(Reload, EnabledFollowsTheNewSet) {
  Timeline timeline(set_of({hot()}));
  (void)timeline.cpu(0.99).tick();
  Rule off = hot();
  off.enabled = false;
  timeline.engine.reload(set_of({off}));
  const TickResult result = timeline.tick();
  ASSERT_EQ(result.transitions.size(), 1U);
  EXPECT_EQ(result.transitions[0].reason, "the rule was disabled");
}

TEST(Setup, RefusesSetsTheLoaderWouldHaveRefused) {
  EXPECT_THROW(Engine(set_of({hot("a"), hot("a")})), std::invalid_argument);
  EXPECT_THROW(Engine(set_of({Rule{}})), std::invalid_argument);
  std::vector<Rule> many;
  for (std::size_t i = 0; i < rules_max; ++i) many.push_back(hot("r" + std::to_string(i)));
  EXPECT_NO_THROW(Engine(set_of(many)));
  many.push_back(hot("one too many"));
  EXPECT_THROW(Engine(set_of(many)), std::invalid_argument);

  Timeline timeline(set_of({hot()}));
  (void)timeline.cpu(0.99).tick();
  EXPECT_THROW(timeline.engine.reload(set_of({hot("a"), hot("a")})), std::invalid_argument);
  EXPECT_TRUE(timeline.tick().transitions.empty()) << "a bad set changes nothing";
  EXPECT_EQ(timeline.state("hot"), RuleState::firing);
}

TEST(Texts, DescribeActionsAsWritten) {
  EXPECT_EQ(describe(ScaleTtl{2.0, 3600s}), "scale_ttl(by 2, max 1h)");
  EXPECT_EQ(describe(Compress{}), "compress(on)");
  EXPECT_EQ(describe(Compress{true, 5}), "compress(on, level 5)");
  EXPECT_EQ(describe(Compress{true, 0, Coding::zstd}), "compress(on, zstd)");
  EXPECT_EQ(describe(Compress{false, 5}), "compress(off)");
  EXPECT_EQ(describe(Throttle{0.7}), "throttle(to 70%)");
  EXPECT_EQ(describe(ReleaseMemory{true, 0.5, true, true, 30s}),
            "release_memory(expired, shrink cache to 50%, allocator, hook, every 30s)");
  EXPECT_EQ(describe(EnterEmergency{}), "emergency");
  EXPECT_EQ(describe(RaiseAlert{Severity::critical, "hot"}), "alert(critical, \"hot\")");
  EXPECT_EQ(parse_level("adaptive"), LevelSetting::adaptive);
  EXPECT_EQ(parse_level("Adaptive"), std::nullopt);
}

}  // namespace
}  // namespace homeostat::rules::testing
