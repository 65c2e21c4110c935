// The state machine as timelines, one character a second (engine_helpers.hpp).
// The rule is `cpu.utilization > 90%`; its default until is `< 81%`.
#include <random>

#include "engine_helpers.hpp"

namespace homeostat::rules::testing {
namespace {

struct TimelineCase {
  const char* what;
  Duration for_;
  Duration hold;
  Duration cooldown;
  const char* input;
  const char* states;
};

Rule hot(Duration for_, Duration hold, Duration cooldown) {
  Rule out = rule("hot", "cpu.utilization > 90%", {Throttle{0.5}});
  out.for_ = for_;
  out.hold = hold;
  out.cooldown = cooldown;
  return out;
}

TEST(States, FollowForUntilHoldAndCooldown) {
  for (const TimelineCase& test : std::initializer_list<TimelineCase>{
           {"fires and leaves at once without for and hold", 0s, 0s, 0s,  //
            ".#..##.",                                                    //
            "ifiiffi"},
           {"for counts from the first true tick", 3s, 0s, 0s,  //
            "..######..",                                       //
            "iipppfffii"},
           {"a dip resets for", 3s, 0s, 0s,  //
            "##.####.",                      //
            "ppipppfi"},
           {"the band between until and when keeps the state", 2s, 0s, 0s,  //
            "===####====.===",                                              //
            "iiippffffffiiii"},
           {"hold counts from until", 0s, 3s, 0s,  //
            "##......",                            //
            "ffhhhiii"},
           {"when during hold fires again and hold starts anew", 0s, 3s, 0s,  //
            "#..#......",                                                     //
            "fhhfhhhiii"},
           {"the band does not stop the hold time", 0s, 3s, 0s,  //
            "#.=====",                                           //
            "fhhhiii"},
           {"cooldown delays the next firing, pending meanwhile", 0s, 0s, 4s,  //
            "#.######.",                                                       //
            "fipppfffi"},
           {"for runs during cooldown", 2s, 0s, 4s,  //
            "###.######",                            //
            "ppfipppfff"},
           {"cooldown counts from leaving, not from until", 0s, 2s, 3s,  //
            "#...######",                                                //
            "fhhippffff"},
           {"a cancelled pending starts no cooldown", 2s, 0s, 9s,  //
            "#.###",                                               //
            "pippf"},
       }) {
    Timeline timeline(set_of({hot(test.for_, test.hold, test.cooldown)}));
    EXPECT_EQ(play(timeline, "hot", test.input), test.states) << test.what;
  }
}

struct NoDataCase {
  const char* what;
  NoData mode;
  Duration for_;
  Duration hold;
  const char* input;
  const char* states;
};

TEST(NoDataMode, DecidesWhatAMissingSignalMeans) {
  for (const NoDataCase& test : std::initializer_list<NoDataCase>{
           {"hold: nothing starts", NoData::hold, 0s, 0s, "???", "iii"},
           {"hold: pending waits, the gap does not count", NoData::hold, 2s, 0s, "#??##", "ppppf"},
           {"hold: pending is still cancelled by data", NoData::hold, 2s, 0s, "#??.", "pppi"},
           {"hold: firing stays", NoData::hold, 0s, 0s, "#???.", "ffffi"},
           {"hold: the hold time runs on", NoData::hold, 0s, 2s, "#.??", "fhhi"},
           {"clear: nothing starts", NoData::clear, 0s, 0s, "???", "iii"},
           {"clear: pending is cancelled", NoData::clear, 2s, 0s, "#?###", "pippf"},
           {"clear: firing leaves", NoData::clear, 0s, 0s, "#?", "fi"},
           {"clear: firing leaves through hold", NoData::clear, 0s, 2s, "#???", "fhhi"},
           {"fire: goes through for", NoData::fire, 2s, 0s, "????.", "ppffi"},
           {"fire: firing stays", NoData::fire, 0s, 0s, "#??.", "fffi"},
           {"fire: holding fires again", NoData::fire, 0s, 5s, "#.?", "fhf"},
       }) {
    Rule rule = hot(test.for_, test.hold, 0s);
    rule.no_data = test.mode;
    Timeline timeline(set_of({rule}));
    EXPECT_EQ(play(timeline, "hot", test.input), test.states) << test.what;
  }
}

TEST(NoDataMode, StaleReadingsAreNoData) {
  Timeline timeline(set_of({hot(0s, 0s, 0s)}));
  (void)timeline.cpu(0.99, Quality::stale).tick();
  EXPECT_EQ(timeline.state("hot"), RuleState::inactive);
  (void)timeline.cpu(0.99).tick();
  EXPECT_EQ(timeline.state("hot"), RuleState::firing);
  (void)timeline.cpu(0.10, Quality::stale).tick();
  EXPECT_EQ(timeline.state("hot"), RuleState::firing);
}

TEST(Until, IsNotAskedWhileWhenIsTrue) {
  Rule overlapping = hot(0s, 0s, 0s);
  overlapping.until = condition("cpu.utilization < 100%");
  Timeline timeline(set_of({overlapping}));
  EXPECT_EQ(play(timeline, "hot", "###=."), "fffii");
}

TEST(Until, OfTheRuleReplacesTheDefault) {
  Rule own = hot(0s, 0s, 0s);
  own.until = condition("cpu.utilization < 5%");
  Timeline timeline(set_of({own}));
  EXPECT_EQ(play(timeline, "hot", "#=.."), "ffff");
  (void)timeline.cpu(0.04).tick();
  EXPECT_EQ(timeline.state("hot"), RuleState::inactive);
}

TEST(Ticks, MayBeIrregularAndATickCountsOnlyItsOwnTime) {
  Timeline timeline(set_of({hot(10s, 0s, 0s)}));
  (void)timeline.cpu(0.99).tick(250ms);
  (void)timeline.tick(9s);
  EXPECT_EQ(timeline.state("hot"), RuleState::pending);
  (void)timeline.tick(750ms);
  EXPECT_EQ(timeline.state("hot"), RuleState::pending);
  (void)timeline.tick();
  EXPECT_EQ(timeline.state("hot"), RuleState::firing);
}

TEST(Ticks, AClockThatGoesBackStandsStill) {
  Timeline timeline(set_of({hot(0s, 3s, 0s)}));
  (void)timeline.cpu(0.99).tick();
  (void)timeline.cpu(0.1).tick();
  timeline.now -= 1h;
  const TickResult back = timeline.tick();
  EXPECT_TRUE(back.transitions.empty());
  EXPECT_EQ(timeline.state("hot"), RuleState::holding);
  const TickResult fired = timeline.cpu(0.99).tick();
  ASSERT_EQ(fired.transitions.size(), 1U);
  EXPECT_EQ(fired.transitions[0].at, Instant(1h + 1s)) << "time never runs backwards";
}

TEST(Reasons, NameValueThresholdAndDuration) {
  Rule own = hot(10s, 2min, 0s);
  own.when = condition("cpu.utilization > 95%");
  Timeline timeline(set_of({own}));
  TickResult result = timeline.cpu(0.963).tick(10s);
  ASSERT_EQ(result.transitions.size(), 1U);
  EXPECT_EQ(result.transitions[0].reason,
            "cpu.utilization = 96.3% (threshold cpu.utilization > 95%), fires after 10s");
  EXPECT_EQ(result.transitions[0].at, Instant(1h));

  result = timeline.tick();
  ASSERT_EQ(result.transitions.size(), 1U);
  EXPECT_EQ(result.transitions[0].reason,
            "cpu.utilization = 96.3% (threshold cpu.utilization > 95%) for 10s");
  EXPECT_EQ(result.transitions[0].from, RuleState::pending);
  EXPECT_EQ(result.transitions[0].to, RuleState::firing);
  EXPECT_EQ(result.triggers, 1U);
  ASSERT_EQ(result.active.size(), 1U);
  EXPECT_EQ(result.active[0].reason, result.transitions[0].reason);
  EXPECT_EQ(result.active[0].since, result.transitions[0].at);

  result = timeline.cpu(0.8).tick(2min);
  ASSERT_EQ(result.transitions.size(), 1U);
  EXPECT_EQ(result.transitions[0].reason,
            "cpu.utilization = 80% (until cpu.utilization < 85.5%), holds for 2m");
  EXPECT_EQ(result.active.size(), 1U) << "holding still acts";

  result = timeline.tick();
  ASSERT_EQ(result.transitions.size(), 1U);
  EXPECT_EQ(result.transitions[0].reason,
            "cpu.utilization = 80% (until cpu.utilization < 85.5%) held for 2m");
  EXPECT_TRUE(result.active.empty());
}

TEST(Reasons, SayWhenMissingDataDecided) {
  Rule own = hot(0s, 0s, 0s);
  own.no_data = NoData::fire;
  Timeline timeline(set_of({own}));
  const TickResult result = timeline.cpu(std::nullopt).tick();
  ASSERT_EQ(result.transitions.size(), 1U);
  EXPECT_EQ(result.transitions[0].reason,
            "cpu.utilization = missing (threshold cpu.utilization > 90%), no data "
            "(no_data: fire)");
}

TEST(Injection, IsMarkedOnTransitions) {
  Timeline timeline(set_of({hot(0s, 0s, 0s)}));
  const TickResult injected = timeline.cpu(0.99, Quality::injected).tick();
  ASSERT_EQ(injected.transitions.size(), 1U);
  EXPECT_TRUE(injected.transitions[0].injected);
  const TickResult real = timeline.cpu(0.1).tick();
  ASSERT_EQ(real.transitions.size(), 1U);
  EXPECT_FALSE(real.transitions[0].injected);
}

// -- properties ------------------------------------------------------------------

std::size_t activations_under_noise(double centre, double noise, std::uint64_t seed, int seconds) {
  std::mt19937_64 random(seed);
  Timeline timeline(set_of({hot(0s, 0s, 0s)}));
  std::size_t activations = 0;
  for (int i = 0; i < seconds; ++i) {
    const double unit = static_cast<double>(random() % 20001) / 10000 - 1;
    activations += timeline.cpu(centre + noise * unit).tick().triggers;
  }
  return activations;
}

TEST(Hysteresis, NeverFlapsUnderNoiseSmallerThanTheBand) {
  // The band is 81 % to 90 %: noise of +-4.4 points around anything spans less.
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    const double centre = 0.70 + 0.0075 * static_cast<double>(seed);
    EXPECT_LE(activations_under_noise(centre, 0.044, seed, 1000), 1U) << "seed " << seed;
  }
}

TEST(Hysteresis, TheNoiseTestCanFail) {
  EXPECT_GT(activations_under_noise(0.855, 0.10, 1, 1000), 20U);
}

TEST(Cooldown, BoundsActivationsWhateverTheInput) {
  std::mt19937_64 random(99);
  Timeline timeline(set_of({hot(0s, 0s, 60s)}));
  std::size_t activations = 0;
  for (int i = 0; i < 3600; ++i) {
    activations += timeline.cpu(random() % 2 == 0 ? 0.99 : 0.1).tick().triggers;
  }
  EXPECT_LE(activations, 60U);
  EXPECT_GE(activations, 50U);
}

TEST(Engine, GivesTheSameDecisionsForTheSameFrames) {
  const auto run = [] {
    std::mt19937_64 random(5);
    Timeline timeline(set_of({hot(2s, 3s, 5s), rule("slow", "endpoint.latency_p95 > 2s")}));
    std::string log;
    for (int i = 0; i < 500; ++i) {
      timeline.cpu(static_cast<double>(random() % 100) / 50);
      timeline.latency(static_cast<EndpointId>(random() % 20),
                       static_cast<double>(random() % 40) / 10);
      for (const Transition& transition : timeline.tick().transitions) {
        log += transition.rule + transition.endpoint_name + transition.reason + "\n";
      }
    }
    return log;
  };
  const std::string first = run();
  EXPECT_FALSE(first.empty());
  EXPECT_EQ(first, run());
}

}  // namespace
}  // namespace homeostat::rules::testing
