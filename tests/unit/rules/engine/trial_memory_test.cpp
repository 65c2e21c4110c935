// What trials keep when their activation ends, and how they share a place with
// other rules.
#include "rules/engine/trial.hpp"
#include "tests/unit/rules/engine/trial_plant.hpp"

namespace homeostat::rules::testing {
namespace {

std::optional<RuleStatus> row_of(const Engine& engine, std::string_view rule) {
  for (const RuleStatus& row : engine.status()) {
    if (row.rule == rule) return row;
  }
  return std::nullopt;
}

TEST(TrialMemory, HarmOfShortActivationsAddsUpAndIsFound) {
  Plant plant(set_of({tried()}));
  int harmful = 0, begun = 0, in_force = 0;
  for (int round = 0; round < 30; ++round) {
    for (int second = 0; second < 35; ++second) {
      const TickResult result = plant.tick(1.5);
      in_force += result.outcome.endpoints.empty() ? 0 : 1;
      for (const TrialStep& step : result.trials) {
        begun += step.report.verdict == TrialVerdict::running ? 1 : 0;
        harmful += step.report.verdict == TrialVerdict::harmful ? 1 : 0;
      }
    }
    for (int second = 0; second < 30; ++second) plant.tick(1, 0.1);
  }
  EXPECT_EQ(harmful, 1);
  EXPECT_EQ(begun, 1) << "one trial over all activations";
  EXPECT_LT(in_force, 4 * 35) << "two comparisons in each, six are needed";
}

TEST(TrialMemory, TimeBetweenActivationsDoesNotCount) {
  Rule rule = tried();
  rule.effect->within = 2min;
  Plant plant(set_of({rule}));
  for (int second = 0; second < 30; ++second) plant.tick(1);
  for (int second = 0; second < 3600; ++second) plant.tick(1, 0.1);
  for (int second = 0; second < 60; ++second) EXPECT_TRUE(plant.tick(1).trials.empty());
  EXPECT_EQ(plant.report()->verdict, TrialVerdict::running);
}

TEST(TrialMemory, OfAnUndecidedTrialFadesAfterADay) {
  Plant plant(set_of({tried()}));
  for (int second = 0; second < 60; ++second) plant.tick(1);
  EXPECT_GT(plant.report()->samples, 0U);
  plant.tick(1, 0.1);
  plant.timeline.now += effect_remember;
  plant.tick(1, 0.1);
  EXPECT_FALSE(row_of(plant.timeline.engine, "cache-more")->last_effect.has_value());
  plant.tick(1);
  EXPECT_EQ(plant.report()->samples, 0U);
}

TEST(TrialMemory, TheVerdictOfAnEndedActivationIsStillShown) {
  Plant plant(set_of({tried()}));
  ASSERT_EQ(plant.verdict(0.6)->report.verdict, TrialVerdict::useful);
  EXPECT_FALSE(row_of(plant.timeline.engine, "cache-more")->last_effect.has_value());
  const Instant left = plant.timeline.now;
  plant.tick(1, 0.1);
  const auto row = row_of(plant.timeline.engine, "cache-more");
  ASSERT_TRUE(row && row->last_effect);
  EXPECT_EQ(row->state, RuleState::inactive);
  EXPECT_EQ(row->endpoint, page);
  EXPECT_FALSE(row->trial.has_value());
  EXPECT_EQ(row->last_effect->report.verdict, TrialVerdict::useful);
  EXPECT_GT(row->last_effect->report.improvement, 0.3);
  EXPECT_GT(row->last_effect->report.confidence, 0.95);
  EXPECT_EQ(row->last_effect->at, left);
  // The next activation is a trial of its own, and the last result stays beside it.
  plant.tick(1);
  EXPECT_EQ(plant.report()->samples, 0U);
  EXPECT_TRUE(row_of(plant.timeline.engine, "cache-more")->last_effect.has_value());
}

TEST(TrialMemory, IsBoundedInTheStatus) {
  Timeline timeline(set_of({tried()}));
  for (EndpointId id = 0; id < 50; ++id) timeline.latency(id, 3);
  (void)timeline.tick();
  for (EndpointId id = 0; id < 50; ++id) timeline.latency(id, 0.1);
  (void)timeline.tick();
  EXPECT_EQ(timeline.engine.status().size(), last_effects_max);
}

TEST(TrialPlace, ARolloutWithoutGoalNeitherMeasuresNorMixesWithATrial) {
  Rule rollout = tried("compress", Compress{}, 0.25);
  rollout.effect.reset();
  Plant plant(set_of({tried("cache-more", ScaleTtl{}, 0.5), rollout}));
  // Useless; were the sides those of the rollout, or its action on one side
  // only, the comparison would be of something else.
  for (int second = 0; second < 200; ++second) {
    const TickResult result = plant.tick(1);
    ASSERT_EQ(result.outcome.endpoints.size(), 1U);
    EXPECT_EQ(result.outcome.endpoints[0].measured_share, 0.5);
    EXPECT_FALSE(result.outcome.endpoints[0].compress.has_value()) << "waits for its turn";
  }
  Plant alone(set_of({rollout}));
  EXPECT_FALSE(alone.tick(1).outcome.endpoints[0].measured_share.has_value());
}

TEST(TrialPlace, ATrialWaitsUntilARolloutIsThrough) {
  Rule rollout = tried("a-rollout", Compress{}, 0.25);
  rollout.effect.reset();
  Plant plant(set_of({rollout, tried()}));
  for (int second = 0; second < 60; ++second) plant.tick(1);
  EXPECT_EQ(plant.report()->verdict, TrialVerdict::waiting);
  for (int second = 0; second < 10; ++second) plant.tick(1);
  EXPECT_EQ(plant.report()->verdict, TrialVerdict::running);
}

TEST(TrialPlace, AnOverruledTrialDoesNotKeepOthersWaitingAndEnds) {
  Rule stricter = rule("stricter", "cpu.utilization > 50%", {ScaleTtl{.by = 1.1}});
  Plant plant(set_of({tried("a-overruled"), tried("b-other", Compress{}), stricter}));
  plant.timeline.cpu(0.9);
  bool other_began = false;
  std::optional<TrialStep> ended;
  int seconds = 0;
  for (; seconds < 400 && !ended; ++seconds) {
    for (const TrialStep& step : plant.tick(1).trials) {
      other_began = other_began || step.rule == "b-other";
      if (step.rule == "a-overruled" && step.report.verdict == TrialVerdict::unproven) ended = step;
    }
    if (seconds == 10) {
      EXPECT_TRUE(other_began);
    }
  }
  ASSERT_TRUE(ended.has_value());
  EXPECT_NEAR(seconds, 300, 3) << "`within` is time that passes";
  EXPECT_EQ(ended->report.samples, 0U);
}

TEST(TrialPlace, AnOverruledTrialComesBackOnlyWhenItsPlaceIsFree) {
  Rule stricter = rule("stricter", "cpu.utilization > 50%", {ScaleTtl{.by = 1.1}});
  Plant plant(set_of({tried("a-overruled"), tried("b-other", Compress{}), stricter}));
  plant.timeline.cpu(0.9);
  for (int second = 0; second < 20; ++second) plant.tick(0.6);
  ASSERT_EQ(plant.report("b-other")->verdict, TrialVerdict::running);
  plant.timeline.cpu(0.1);
  for (int second = 0; second < 20; ++second) plant.tick(0.6);
  EXPECT_EQ(plant.report("a-overruled")->verdict, TrialVerdict::waiting);
  EXPECT_EQ(plant.report("a-overruled")->samples, 0U);
  for (int second = 0; second < 200; ++second) plant.tick(0.6);
  EXPECT_EQ(plant.report("b-other")->verdict, TrialVerdict::useful);
  EXPECT_GT(plant.report("a-overruled")->samples, 0U);
}

TEST(TrialPlace, IsFreeWhileItsRuleRunsDry) {
  const Rule first = tried("a-first");
  Plant plant(set_of({first, tried("b-second", Compress{})}));
  for (int second = 0; second < 20; ++second) plant.tick(1);
  ASSERT_EQ(plant.report("b-second")->verdict, TrialVerdict::waiting);
  Rule dry = first;
  dry.dry_run = true;
  ASSERT_TRUE(plant.timeline.engine.adjust(dry));
  for (int second = 0; second < 20; ++second) plant.tick(1);
  EXPECT_EQ(plant.report("b-second")->verdict, TrialVerdict::running);
}

TEST(TrialMemory, TimeOfADryRunDoesNotCount) {
  const Rule judged = tried();
  Plant plant(set_of({judged}));
  for (int second = 0; second < 60; ++second) plant.tick(1);
  Rule dry = judged;
  dry.dry_run = true;
  ASSERT_TRUE(plant.timeline.engine.adjust(dry));
  for (int second = 0; second < 1200; ++second) plant.tick(1);
  ASSERT_TRUE(plant.timeline.engine.adjust(judged));
  for (int second = 0; second < 60; ++second) EXPECT_TRUE(plant.tick(1).trials.empty());
  EXPECT_EQ(plant.report()->verdict, TrialVerdict::running);
}

TEST(MemoryPulse, ReleasesOnceMoreAfterADryRun) {
  const Rule once =
      rule("once", "cpu.utilization > 50%", {ReleaseMemory{.every = std::chrono::seconds(0)}});
  Rule dry = once;
  dry.dry_run = true;
  Timeline timeline(set_of({once}));
  EXPECT_EQ(timeline.cpu(0.9).tick().outcome.release_now.size(), 1U);
  EXPECT_TRUE(timeline.tick().outcome.release_now.empty());
  ASSERT_TRUE(timeline.engine.adjust(dry));
  (void)timeline.tick();
  (void)timeline.cpu(0.1).tick();
  ASSERT_TRUE(timeline.engine.adjust(once));
  EXPECT_EQ(timeline.cpu(0.9).tick().outcome.release_now.size(), 1U);
}

TEST(AlternatingTrial, RestsWhileItsOwnRuleThrottlesForAnotherEndpoint) {
  Rule each = rule("each", "endpoint.latency_p95 > 2s", {Throttle{.to = 0.5}});
  each.effect =
      EffectGoal{.improve = SignalId::traffic_latency_p95, .within = 10min, .keep_unproven = true};
  Timeline timeline(set_of({each}));
  timeline.latency(1, 0.1).latency(2, 3);  // of two that are alike the first prevails
  const auto run = [&](int seconds) {
    for (int second = 0; second < seconds; ++second) {
      put(timeline.global(), SignalId::traffic_latency_p95, 1.0 + 0.01 * (second % 7));
      (void)timeline.tick();
    }
  };
  run(700);
  ASSERT_EQ(row_of(timeline.engine, "each")->trial->verdict, TrialVerdict::unproven);
  timeline.latency(1, 3);
  run(300);
  for (const RuleStatus& row : timeline.engine.status()) {
    if (row.endpoint != 1U) continue;
    EXPECT_EQ(row.trial->samples, 0U) << "its off phases are throttled for the other";
  }
}

TEST(AlternatingTrial, TakesNoValueThatReachesIntoThePhaseBefore) {
  const auto samples = [](Duration span, Duration every) {
    Rule judged = rule("judged", "cpu.utilization > 50%", {Throttle{.to = 0.5}});
    judged.effect = EffectGoal{.improve = SignalId::traffic_latency_p95, .within = 30min};
    Timeline timeline(set_of({judged}));
    timeline.cpu(0.9);
    for (int second = 0; second < 600; ++second) {
      Reading& reading = timeline.global()[static_cast<std::size_t>(SignalId::traffic_latency_p95)];
      if ((timeline.now - Instant{}) % every == 0s || second == 0) {
        reading = {1.0 + 0.01 * (second % 7), timeline.now, Quality::good, "test", span};
      }
      (void)timeline.tick();
    }
    return row_of(timeline.engine, "judged")->trial->samples;
  };
  EXPECT_GT(samples(10s, 1s), 12U);
  EXPECT_GT(samples(10s, 5s), 12U);
  EXPECT_EQ(samples(1min, 1s), 0U);
  EXPECT_LT(samples(10s, 30s), 12U) << "the same value in both phases is no comparison";
}

TEST(AlternatingTrial, TellsThatItsActionIsOffOnlyToCompare) {
  Rule judged = rule("judged", "cpu.utilization > 50%", {Throttle{.to = 0.5}});
  judged.effect = EffectGoal{.improve = SignalId::traffic_latency_p95, .within = 30min};
  Timeline timeline(set_of({judged}));
  timeline.cpu(0.9);
  int off = 0;
  for (int second = 0; second < 200; ++second) {
    const TickResult result = timeline.tick();
    EXPECT_EQ(result.active.empty(), !result.off_phases.empty()) << second;
    off += result.off_phases.empty() ? 0 : 1;
  }
  EXPECT_GT(off, 50);
}

TEST(AlternatingTrial, RestsWhileAnotherThrottleSpoilsItsControl) {
  Rule tried_throttle = rule("a-tried", "cpu.utilization > 50%", {Throttle{.to = 0.5}});
  tried_throttle.effect = EffectGoal{.improve = SignalId::traffic_latency_p95, .within = 30min};
  Timeline timeline(
      set_of({tried_throttle, rule("b-laxer", "memory.utilization > 50%", {Throttle{.to = 0.9}})}));
  timeline.cpu(0.9).memory(0.9);
  const auto samples = [&] { return row_of(timeline.engine, "a-tried")->trial->samples; };
  for (int second = 0; second < 600; ++second) {
    put(timeline.global(), SignalId::traffic_latency_p95, 1.0 + 0.01 * (second % 7));
    (void)timeline.tick();
  }
  EXPECT_EQ(samples(), 0U);
  EXPECT_EQ(row_of(timeline.engine, "a-tried")->trial->verdict, TrialVerdict::waiting);
  timeline.memory(0.1);
  for (int second = 0; second < 90; ++second) {
    put(timeline.global(), SignalId::traffic_latency_p95, 1.0 + 0.01 * (second % 7));
    (void)timeline.tick();
  }
  EXPECT_GT(samples(), 0U);
}

TEST(Trial, CanDecideInTheLeastTimeItIsGiven) {
  Rule rule = tried();
  rule.effect->within = Trial::within_min(TrialDesign::concurrent);
  Plant useful(set_of({rule}));
  EXPECT_EQ(useful.verdict(0.5)->report.verdict, TrialVerdict::useful);
  rule.effect->within -= 1s;
  Plant too_short(set_of({rule}));
  EXPECT_EQ(too_short.verdict(0.5)->report.verdict, TrialVerdict::unproven);
  rule.effect->within = Trial::within_min_of_minutes;
  Plant minutes(set_of({rule}));
  minutes.span = ArmValues::span_long;
  EXPECT_EQ(minutes.verdict(0.5)->report.verdict, TrialVerdict::useful);
  EXPECT_GE(EffectGoal{}.within, Trial::within_min_of_minutes) << "the default decides either way";
}

TEST(Trial, OnlyWhatRequestsCanGoWithoutDividesByRequest) {
  EXPECT_TRUE(divides_by_request(ScaleTtl{.by = 1.5}));
  EXPECT_FALSE(divides_by_request(ScaleTtl{.by = 1}));
  EXPECT_FALSE(divides_by_request(ScaleTtl{.by = 0.5}));
  EXPECT_TRUE(can_alternate(ScaleTtl{.by = 0.5}));
  EXPECT_TRUE(divides_by_request(Compress{}));
  EXPECT_FALSE(divides_by_request(Throttle{}));
}

}  // namespace
}  // namespace homeostat::rules::testing
