// Rules with `effect` and `rollout`, through the engine.
#include "tests/unit/rules/engine/trial_plant.hpp"

namespace homeostat::rules::testing {
namespace {

TEST(Trial, BeginsWithItsShareOfTheRequestsAndMeasuresThem) {
  Plant plant(set_of({tried()}));
  const TickResult result = plant.tick(1);
  ASSERT_EQ(result.trials.size(), 1U);
  EXPECT_EQ(result.trials[0].report.verdict, TrialVerdict::running);
  ASSERT_EQ(result.outcome.endpoints.size(), 1U);
  EXPECT_EQ(result.outcome.endpoints[0].ttl_share, 0.5);
  EXPECT_EQ(result.outcome.endpoints[0].measured_share, 0.5);
  ASSERT_TRUE(result.active[0].trial.has_value());
}

TEST(Trial, KeepsAndWidensWhatIsUseful) {
  Plant plant(set_of({tried("cache-more", ScaleTtl{}, 0.25)}));
  const auto step = plant.verdict(0.7);
  ASSERT_TRUE(step.has_value());
  EXPECT_EQ(step->report.verdict, TrialVerdict::useful);
  EXPECT_NEAR(step->report.improvement, 0.3, 0.05);
  EXPECT_GT(step->report.confidence, 0.95);
  EXPECT_EQ(plant.share(), 0.25);
  for (int i = 0; i < 35; ++i) plant.tick(0.7);
  EXPECT_EQ(plant.share(), 0.5);
  for (int i = 0; i < 35; ++i) plant.tick(0.7);
  const TickResult whole = plant.tick(0.7);
  EXPECT_EQ(whole.outcome.endpoints[0].ttl_share, 1);
  EXPECT_FALSE(whole.outcome.endpoints[0].measured_share.has_value());
  EXPECT_EQ(plant.report()->verdict, TrialVerdict::useful);
}

TEST(Trial, UndoesWhatHarmsAndDoesNotRepeatItSoon) {
  Plant plant(set_of({tried()}));
  const auto step = plant.verdict(1.4);
  ASSERT_TRUE(step.has_value());
  EXPECT_EQ(step->report.verdict, TrialVerdict::harmful);
  EXPECT_TRUE(step->report.undone);
  EXPECT_LT(step->report.improvement, -0.3);
  EXPECT_EQ(plant.share(), 0);
  EXPECT_EQ(plant.timeline.state("cache-more", page), RuleState::firing);
  // The condition ends and comes again: still not.
  plant.tick(1, 0.1);
  EXPECT_EQ(plant.timeline.state("cache-more", page), RuleState::inactive);
  for (int i = 0; i < 600; ++i) EXPECT_TRUE(plant.tick(1).outcome.endpoints.empty());
  EXPECT_EQ(plant.report()->verdict, TrialVerdict::waiting);
}

TEST(Trial, TriesAgainAfterARestAndThenRestsLonger) {
  Plant plant(set_of({tried()}));
  const auto quiet_seconds = [&plant] {
    for (int i = 0; i < 100'000; ++i) {
      if (!plant.tick(1.4).trials.empty()) return i;
    }
    return -1;
  };
  ASSERT_TRUE(plant.verdict(1.4).has_value());
  EXPECT_NEAR(quiet_seconds(), 3600, 5);
  ASSERT_TRUE(plant.verdict(1.4).has_value());
  EXPECT_NEAR(quiet_seconds(), 7200, 5);
}

TEST(Trial, UndoesWhatHasProvenNothingInTime) {
  Plant plant(set_of({tried()}));
  const auto step = plant.verdict(1);
  ASSERT_TRUE(step.has_value());
  EXPECT_EQ(step->report.verdict, TrialVerdict::unproven);
  EXPECT_TRUE(step->report.undone);
  EXPECT_EQ(plant.share(), 0);
}

TEST(Trial, KeepsTheUnprovenWhereTheRuleSaysSo) {
  Rule kept = tried();
  kept.effect->keep_unproven = true;
  Plant plant(set_of({kept}));
  const auto step = plant.verdict(1);
  ASSERT_TRUE(step.has_value());
  EXPECT_EQ(step->report.verdict, TrialVerdict::unproven);
  EXPECT_FALSE(step->report.undone);
  for (int i = 0; i < 40; ++i) plant.tick(1);
  EXPECT_EQ(plant.share(), 1);
}

TEST(Trial, FindsHarmThatShowsOnlyWhileItWidens) {
  Plant plant(set_of({tried("cache-more", ScaleTtl{}, 0.05)}));
  ASSERT_EQ(plant.verdict(0.7)->report.verdict, TrialVerdict::useful);
  const auto later = plant.verdict(1.5, 140);
  ASSERT_TRUE(later.has_value());
  EXPECT_EQ(later->report.verdict, TrialVerdict::harmful);
  EXPECT_LT(later->report.improvement, 0);
}

TEST(Trial, SaysNothingFromTooFewRequests) {
  Plant plant(set_of({tried()}));
  for (int i = 0; i < 200; ++i) {
    plant.timeline.latency(page, 3);
    plant.timeline.endpoint(page).arms = ArmValues{};
    (void)plant.timeline.tick();
  }
  EXPECT_EQ(plant.report()->samples, 0U);
}

TEST(Trial, ComparesFiguresOnceHoweverOftenTheyAreShown) {
  Plant slow(set_of({tried()}));
  slow.every = 1min;
  for (int second = 0; second < 250; ++second) slow.tick(1);
  EXPECT_LE(slow.report()->samples, 4U);
  EXPECT_GE(slow.report()->samples, 3U);
}

TEST(Trial, ComparesMinutesWhereTenSecondsHoldTooLittle) {
  Rule rule = tried();
  rule.effect->within = 15min;
  Plant plant(set_of({rule}));
  plant.span = 1min;
  for (int second = 0; second < 300; ++second) plant.tick(1);
  // The first minute counts from when the action was in force everywhere.
  EXPECT_EQ(plant.report()->samples, 4U);
  Plant useful(set_of({rule}));
  useful.span = 1min;
  const auto proven = useful.verdict(0.5, 900);
  ASSERT_TRUE(proven.has_value());
  EXPECT_EQ(proven->report.verdict, TrialVerdict::useful);
}

TEST(Trial, OneAtATimeAtAnEndpoint) {
  Plant plant(set_of({tried("first"), tried("second", Compress{})}));
  const TickResult begun = plant.tick(0.7);
  ASSERT_EQ(begun.trials.size(), 1U);
  EXPECT_EQ(begun.trials[0].rule, "first");
  EXPECT_FALSE(begun.outcome.endpoints[0].compress.has_value());
  EXPECT_EQ(plant.report("second")->verdict, TrialVerdict::waiting);
  ASSERT_TRUE(plant.verdict(0.7).has_value());
  bool second = false;
  for (int i = 0; i < 60 && !second; ++i) {
    for (const TrialStep& step : plant.tick(0.7).trials) second = second || step.rule == "second";
  }
  EXPECT_TRUE(second);
}

TEST(Trial, IsPausedWhileAnotherRulesActionDecides) {
  Rule stricter = rule("stricter", "cpu.utilization > 50%", {ScaleTtl{.by = 1.1}});
  Plant plant(set_of({tried(), stricter}));
  plant.timeline.cpu(0.9);
  for (int i = 0; i < 200; ++i) plant.tick(0.5);
  EXPECT_EQ(plant.report()->samples, 0U);
  EXPECT_EQ(plant.report()->verdict, TrialVerdict::waiting);
}

TEST(Trial, WithoutAGoalOnlyWidens) {
  Rule rollout = tried("cache-more", ScaleTtl{}, 0.25);
  rollout.effect.reset();
  Plant plant(set_of({rollout}));
  EXPECT_EQ(plant.share(), 0.25);
  for (int i = 0; i < 31; ++i) plant.tick(9);
  EXPECT_EQ(plant.share(), 0.5);
  for (int i = 0; i < 31; ++i) plant.tick(9);
  EXPECT_EQ(plant.share(), 1);
}

TEST(Trial, SurvivesAReloadThatLeavesItsRuleAlone) {
  Plant plant(set_of({tried()}));
  for (int i = 0; i < 60; ++i) plant.tick(1);
  const std::size_t samples = plant.report()->samples;
  EXPECT_GT(samples, 0U);
  plant.timeline.engine.reload(set_of({rule("new", "cpu.utilization > 99%"), tried()}));
  plant.tick(1);
  EXPECT_GE(plant.report()->samples, samples);
  Rule changed = tried();
  changed.effect->within = 6min;
  plant.timeline.engine.reload(set_of({changed}));
  plant.tick(1);
  EXPECT_EQ(plant.report()->samples, 0U);
}

TEST(Trial, DoesNotActInADryRun) {
  Rule dry = tried();
  dry.dry_run = true;
  Plant plant(set_of({dry}));
  const TickResult result = plant.tick(1);
  EXPECT_TRUE(result.trials.empty());
  EXPECT_TRUE(result.outcome.endpoints.empty());
  EXPECT_FALSE(plant.report().has_value());
}

/// A throttle that is tried in turns; `effect` multiplies the latency while on.
struct Turns {
  explicit Turns(double effect_in, unsigned pattern_in = 7)
      : effect(effect_in), pattern(pattern_in) {
    Rule throttle = rule("throttle", "cpu.utilization > 50%", {Throttle{.to = 0.5}, RaiseAlert{}});
    throttle.effect = EffectGoal{.improve = SignalId::traffic_latency_p95, .within = 30min};
    timeline.emplace(set_of({throttle}));
  }
  TickResult tick() {
    ++second;
    const double noise =
        1 +
        0.05 * (static_cast<double>(static_cast<unsigned>(second) / 10 * pattern % 11) / 5.0 - 1);
    // The day goes on meanwhile: latency doubles in half an hour.
    const double season = 1 + second / 1800.0;
    timeline->cpu(0.9);
    timeline->endpoint(page);
    put(timeline->global(), SignalId::traffic_latency_p95, season * noise * (on ? effect : 1.0));
    TickResult result = timeline->tick();
    on = result.outcome.throttle_to < 1;
    seconds_on += on ? 1 : 0;
    return result;
  }
  std::optional<TrialReport> verdict() {
    for (int i = 0; i < 1900; ++i) {
      for (const TrialStep& step : tick().trials) {
        if (step.report.verdict != TrialVerdict::running) return step.report;
      }
    }
    return std::nullopt;
  }
  double effect;
  unsigned pattern;
  std::optional<Timeline> timeline;
  int second = 0, seconds_on = 0;
  bool on = false;
};

TEST(AlternatingTrial, ComparesTurnsWhileTheDayGoesOn) {
  Turns useful(0.6);
  const auto report = useful.verdict();
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->verdict, TrialVerdict::useful);
  EXPECT_EQ(report->design, TrialDesign::alternating);
  EXPECT_NEAR(report->improvement, 0.4, 0.1);
  EXPECT_NEAR(useful.seconds_on, useful.second / 2.0, 41);
  // Then it stays.
  for (int i = 0; i < 100; ++i) EXPECT_LT(useful.tick().outcome.throttle_to, 1);
}

TEST(AlternatingTrial, UndoesHarmAndTheUseless) {
  EXPECT_EQ(Turns(1.5).verdict()->verdict, TrialVerdict::harmful);
  Turns useless(1.0);
  EXPECT_EQ(useless.verdict()->verdict, TrialVerdict::unproven);
  EXPECT_EQ(useless.tick().outcome.throttle_to, 1);
}

TEST(AlternatingTrial, LeavesAlertsAlone) {
  Turns turns(1.0);
  for (int i = 0; i < 200; ++i) {
    const TickResult result = turns.tick();
    const bool alert = std::any_of(result.active.begin(), result.active.end(), [](const auto& a) {
      return std::holds_alternative<RaiseAlert>(a.action);
    });
    EXPECT_TRUE(alert);
  }
}

}  // namespace
}  // namespace homeostat::rules::testing
