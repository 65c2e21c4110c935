// Several rules on one actuator: the most restrictive wins, with provenance.
#include <algorithm>

#include "engine_helpers.hpp"

namespace homeostat::rules::testing {
namespace {

Rule always(std::string name, Action action) {
  return rule(std::move(name), "cpu.utilization > 90%", {std::move(action)});
}

Rule at_endpoint(std::string name, Action action) {
  return rule(std::move(name), "endpoint.latency_p95 > 2s", {std::move(action)});
}

/// One tick in which every rule fires, for endpoints 1 and 2.
TickResult fire_all(std::vector<Rule> rules) {
  Timeline timeline(set_of(std::move(rules)));
  return timeline.cpu(0.99).latency(1, 3).latency(2, 3).tick();
}

/// The names of the rules whose action counts, in order.
std::vector<std::string> deciding(const TickResult& result) {
  std::vector<std::string> names;
  for (const ActiveAction& action : result.active) {
    if (!action.overruled) names.push_back(action.rule);
  }
  return names;
}

using Names = std::vector<std::string>;

TEST(Conflicts, TheSmallestThrottleWins) {
  const TickResult result = fire_all(
      {always("a", Throttle{0.7}), always("b", Throttle{0.4}), always("c", Throttle{0.9})});
  EXPECT_EQ(result.outcome.throttle_to, 0.4);
  EXPECT_EQ(deciding(result), Names{"b"});
  EXPECT_EQ(result.active.size(), 3U) << "overruled actions are kept for the explanation";
}

/// What decides instead, by overruled rule; of each endpoint where there are several.
std::multimap<std::string, std::string> overruled(const TickResult& result) {
  std::multimap<std::string, std::string> names;
  for (const ActiveAction& action : result.active) {
    if (action.overruled) {
      names.emplace(action.rule, action.overruled_by);
    } else {
      EXPECT_EQ(action.overruled_by, "") << action.rule;
    }
  }
  return names;
}

using Overruled = std::multimap<std::string, std::string>;

TEST(Conflicts, TheOverruledSayWhoDecidesInstead) {
  EXPECT_EQ(overruled(fire_all({always("a", Throttle{0.7}), always("b", Throttle{0.4})})),
            (Overruled{{"a", "b"}}));
  EXPECT_EQ(overruled(fire_all({always("all", ScaleTtl{3, 1h}), at_endpoint("one", ScaleTtl{2, 1h}),
                                at_endpoint("two", ScaleTtl{4, 1h})})),
            (Overruled{{"all", "one"}, {"two", "one"}, {"two", "one"}}));
  EXPECT_EQ(overruled(fire_all({always("all", ScaleTtl{2, 1h}), always("more", ScaleTtl{4, 1h}),
                                at_endpoint("one", ScaleTtl{3, 1h})})),
            (Overruled{{"more", "all"}, {"one", "all"}, {"one", "all"}}));
}

TEST(Conflicts, ThrottlesOfEndpointRulesCompeteWithGlobalOnes) {
  const TickResult result = fire_all({always("a", Throttle{0.7}), at_endpoint("b", Throttle{0.5})});
  EXPECT_EQ(result.outcome.throttle_to, 0.5);
  EXPECT_EQ(deciding(result), Names{"b"}) << "one of the two instances of b";
}

TEST(Conflicts, TiesGoToPriorityThenName) {
  Rule low = always("a-low", Throttle{0.5});
  Rule high = always("z-high", Throttle{0.5});
  high.priority = 5;
  EXPECT_EQ(deciding(fire_all({low, high})), Names{"z-high"});
  high.priority = 0;
  EXPECT_EQ(deciding(fire_all({high, low})), Names{"a-low"});
}

TEST(Conflicts, PriorityDoesNotBeatAStricterAction) {
  Rule lax = always("lax", Throttle{0.9});
  lax.priority = 100;
  EXPECT_EQ(deciding(fire_all({lax, always("strict", Throttle{0.5})})), Names{"strict"});
}

struct TtlCase {
  const char* what;
  std::vector<double> factors;
  double expected;
};

TEST(Conflicts, TheSmallestTtlFactorWinsAndFactorsAreNeverMultiplied) {
  for (const TtlCase& test : std::vector<TtlCase>{{"of raises the smaller", {3, 2}, 2},
                                                  {"lowering beats raising", {2, 0.5}, 0.5},
                                                  {"the stronger lowering", {0.5, 0.2}, 0.2},
                                                  {"equal factors stay", {2, 2}, 2}}) {
    std::vector<Rule> rules;
    for (std::size_t i = 0; i < test.factors.size(); ++i) {
      rules.push_back(at_endpoint("r" + std::to_string(i), ScaleTtl{test.factors[i], 3600s}));
    }
    const TickResult result = fire_all(rules);
    ASSERT_EQ(result.outcome.endpoints.size(), 2U) << test.what;
    EXPECT_EQ(result.outcome.endpoints[0].ttl_multiplier, test.expected) << test.what;
    EXPECT_EQ(result.outcome.endpoints[1].ttl_multiplier, test.expected) << test.what;
  }
}

TEST(Conflicts, OnEqualFactorsTheSmallerMaximumWins) {
  const TickResult result =
      fire_all({at_endpoint("a", ScaleTtl{2, 3600s}), at_endpoint("b", ScaleTtl{2, 600s})});
  EXPECT_EQ(result.outcome.endpoints[0].ttl_max, 600s);
  EXPECT_EQ(deciding(result), (Names{"b", "b"}));
}

TEST(Conflicts, ANeutralFactorForbidsRaisingAndIsNotListed) {
  const TickResult result =
      fire_all({at_endpoint("raise", ScaleTtl{2, 3600s}), at_endpoint("keep", ScaleTtl{1, 3600s})});
  EXPECT_TRUE(result.outcome.endpoints.empty());
  EXPECT_EQ(deciding(result), (Names{"keep", "keep"}));
}

TEST(Conflicts, GlobalRulesApplyToEveryEndpoint) {
  Timeline timeline(
      set_of({always("all", ScaleTtl{2, 3600s}), at_endpoint("one", ScaleTtl{0.5, 3600s})}));
  const TickResult result = timeline.cpu(0.99).latency(1, 3).latency(2, 0.1).tick();
  ASSERT_EQ(result.outcome.endpoints.size(), 2U);
  EXPECT_EQ(result.outcome.endpoints[0].ttl_multiplier, 0.5);
  EXPECT_EQ(result.outcome.endpoints[1].ttl_multiplier, 2);
  EXPECT_EQ(deciding(result), (Names{"all", "one"})) << "each decides somewhere";
}

TEST(Conflicts, CompressionOffWinsThenTheLowerLevel) {
  TickResult result =
      fire_all({at_endpoint("on", Compress{true, 1}), at_endpoint("off", Compress{false, 9})});
  EXPECT_EQ(result.outcome.endpoints[0].compress, false);
  EXPECT_EQ(deciding(result), (Names{"off", "off"}));
  result =
      fire_all({at_endpoint("strong", Compress{true, 9}), at_endpoint("weak", Compress{true, 3})});
  EXPECT_EQ(result.outcome.endpoints[0].compress, true);
  EXPECT_EQ(result.outcome.endpoints[0].compress_level, 3);
}

TEST(Conflicts, TtlAndCompressionOfOneEndpointComeTogether) {
  const TickResult result =
      fire_all({at_endpoint("ttl", ScaleTtl{2, 3600s}), at_endpoint("gzip", Compress{true, 4})});
  ASSERT_EQ(result.outcome.endpoints.size(), 2U);
  EXPECT_EQ(result.outcome.endpoints[1].id, 2U);
  EXPECT_EQ(result.outcome.endpoints[1].ttl_multiplier, 2);
  EXPECT_EQ(result.outcome.endpoints[1].compress, true);
}

TEST(Conflicts, AnyEmergencyIsAnEmergency) {
  EXPECT_TRUE(
      fire_all({always("a", Throttle{0.7}), always("b", EnterEmergency{})}).outcome.emergency);
  EXPECT_FALSE(fire_all({always("a", Throttle{0.7})}).outcome.emergency);
}

TEST(Conflicts, TheSmallestCacheShrinkWins) {
  const TickResult result = fire_all({always("a", ReleaseMemory{.shrink_cache_to = 0.8}),
                                      always("b", ReleaseMemory{.shrink_cache_to = 0.5})});
  EXPECT_EQ(result.outcome.shrink_cache_to, 0.5);
  EXPECT_EQ(result.outcome.release_now.size(), 2U) << "each rule's own pulse counts";
}

TEST(Conflicts, NothingInForceLeavesTheDefaults) {
  Timeline timeline(set_of({always("a", Throttle{0.1})}));
  const Outcome outcome = timeline.cpu(0.1).latency(1, 3).tick().outcome;
  EXPECT_TRUE(outcome.endpoints.empty());
  EXPECT_EQ(outcome.throttle_to, 1);
  EXPECT_EQ(outcome.shrink_cache_to, 1);
  EXPECT_FALSE(outcome.emergency);
}

TEST(Conflicts, TheSecondWinsOnceTheFirstLeaves) {
  Rule memory = rule("memory", "memory.utilization > 90%", {Throttle{0.3}});
  Timeline timeline(set_of({always("cpu", Throttle{0.6}), memory}));
  EXPECT_EQ(timeline.cpu(0.99).memory(0.99).tick().outcome.throttle_to, 0.3);
  EXPECT_EQ(timeline.memory(0.1).tick().outcome.throttle_to, 0.6);
  EXPECT_EQ(timeline.cpu(0.1).tick().outcome.throttle_to, 1);
}

// -- release_memory pulses -----------------------------------------------------------

std::string pulses(Rule rule, std::string_view input) {
  Timeline timeline(set_of({std::move(rule)}));
  std::string out;
  for (const char c : input) {
    out += timeline.cpu(c == '#' ? 0.99 : 0.1).tick().outcome.release_now.empty() ? '.' : 'R';
  }
  return out;
}

TEST(ReleaseMemory, PulsesOnFiringAndEveryIntervalWhileInForce) {
  const Rule every_three = always("gc", ReleaseMemory{.every = 3s});
  EXPECT_EQ(pulses(every_three, ".#######.."),  //
            ".R..R..R..");
  EXPECT_EQ(pulses(every_three, "##.##"), "R..R.") << "a new activation pulses at once";
  Rule held = every_three;
  held.hold = 5s;
  EXPECT_EQ(pulses(held, "#......."), "R..R....") << "holding is in force";
  EXPECT_EQ(pulses(always("gc", ReleaseMemory{.every = 0s}), "####.##"), "R....R.")
      << "every: 0 is once per activation";
}

TEST(ReleaseMemory, OfManyEndpointsPulsesOncePerRule) {
  const TickResult result = fire_all({at_endpoint("gc", ReleaseMemory{})});
  EXPECT_EQ(result.active.size(), 2U);
  EXPECT_EQ(result.outcome.release_now.size(), 1U);
  EXPECT_EQ(result.outcome.release_now[0].rule, "gc");
}

}  // namespace
}  // namespace homeostat::rules::testing
