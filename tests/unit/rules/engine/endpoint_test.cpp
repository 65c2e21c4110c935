// Endpoint scope: independence, vanishing endpoints, bounded memory.
#include "engine_helpers.hpp"

namespace homeostat::rules::testing {
namespace {

Rule slow() { return rule("slow", "endpoint.latency_p95 > 2s", {ScaleTtl{2.0, 3600s}}); }

TEST(Endpoints, HaveIndependentStates) {
  Rule patient = slow();
  patient.for_ = 2s;
  Timeline timeline(set_of({patient}));
  (void)timeline.latency(1, 3).latency(2, 0.1).tick();
  (void)timeline.latency(2, 3).tick();
  const TickResult result = timeline.tick();
  EXPECT_EQ(timeline.state("slow", 1), RuleState::firing);
  EXPECT_EQ(timeline.state("slow", 2), RuleState::pending);
  ASSERT_EQ(result.transitions.size(), 1U);
  EXPECT_EQ(result.transitions[0].endpoint, 1U);
  EXPECT_EQ(result.transitions[0].endpoint_name, "GET /1");
  ASSERT_EQ(result.outcome.endpoints.size(), 1U);
  EXPECT_EQ(result.outcome.endpoints[0].id, 1U);
  EXPECT_EQ(result.outcome.endpoints[0].ttl_multiplier, 2.0);
  EXPECT_EQ(result.outcome.endpoints[0].ttl_max, 3600s);
  (void)timeline.latency(1, 0.1).tick();
  EXPECT_EQ(timeline.state("slow", 1), RuleState::inactive);
  EXPECT_EQ(timeline.state("slow", 2), RuleState::firing);
}

TEST(Endpoints, MayMixGlobalSignals) {
  Timeline timeline(set_of({rule("mixed", "endpoint.latency_p95 > 2s and cpu.utilization > 90%")}));
  (void)timeline.latency(1, 3).cpu(0.5).tick();
  EXPECT_EQ(timeline.state("mixed", 1), RuleState::inactive);
  (void)timeline.cpu(0.95).tick();
  EXPECT_EQ(timeline.state("mixed", 1), RuleState::firing);
}

TEST(Endpoints, KeepTheirStateWhenTheFrameIsReordered) {
  Timeline timeline(set_of({slow()}));
  (void)timeline.latency(1, 3).latency(2, 0.1).tick();
  const TickResult result = timeline.forget(1).latency(1, 3).tick();
  EXPECT_TRUE(result.transitions.empty());
  EXPECT_EQ(timeline.state("slow", 1), RuleState::firing);
}

TEST(VanishedEndpoints, CountAsNoData) {
  for (const auto& [mode, expected] :
       std::map<NoData, RuleState>{{NoData::hold, RuleState::firing},
                                   {NoData::clear, RuleState::inactive},
                                   {NoData::fire, RuleState::firing}}) {
    Rule own = slow();
    own.no_data = mode;
    Timeline timeline(set_of({own}));
    (void)timeline.latency(1, 3).tick();
    (void)timeline.forget(1).tick();
    EXPECT_EQ(timeline.state("slow", 1), expected);
  }
}

TEST(VanishedEndpoints, StartNothingNew) {
  Rule own = slow();
  own.no_data = NoData::fire;
  own.cooldown = 1s;
  Timeline timeline(set_of({own}));
  (void)timeline.latency(1, 0.1).tick();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(timeline.forget(1).tick().triggers, 0U);
}

TEST(VanishedEndpoints, StartNothingNewThoughTheirRuleIsRemembered) {
  Rule own = slow();
  own.no_data = NoData::fire;
  own.hold = 1min;  // a relapse is remembered for minutes
  Timeline timeline(set_of({own}));
  (void)timeline.latency(1, 3).tick();
  for (int i = 0; i < 70; ++i) (void)timeline.latency(1, 0.1).tick();
  ASSERT_EQ(timeline.state("slow", 1), RuleState::inactive);
  for (int i = 0; i < 60; ++i) EXPECT_EQ(timeline.forget(1).tick().triggers, 0U);
}

TEST(VanishedEndpoints, WaitWithWhatWasPending) {
  Rule own = slow();
  own.no_data = NoData::fire;
  own.for_ = 5s;
  Timeline timeline(set_of({own}));
  (void)timeline.latency(1, 3).tick();
  ASSERT_EQ(timeline.state("slow", 1), RuleState::pending);
  for (int i = 0; i < 60; ++i) EXPECT_EQ(timeline.forget(1).tick().triggers, 0U);
  int seconds = 0;
  while (timeline.latency(1, 3).tick().triggers == 0 && seconds < 60) ++seconds;
  EXPECT_NEAR(seconds, 5, 1) << "time out of sight does not count";
}

TEST(VanishedEndpoints, AreGivenUpAfterAWhile) {
  Timeline timeline(set_of({slow()}));
  (void)timeline.latency(1, 3).tick();
  TickResult result = timeline.forget(1).tick(endpoint_forget - 1s);
  EXPECT_EQ(result.outcome.endpoints.size(), 1U) << "still in force";
  result = timeline.tick();
  ASSERT_EQ(result.transitions.size(), 1U);
  EXPECT_EQ(result.transitions[0].to, RuleState::inactive);
  EXPECT_EQ(result.transitions[0].endpoint_name, "GET /1");
  EXPECT_EQ(result.transitions[0].reason, "the endpoint is gone");
  EXPECT_TRUE(result.active.empty());
  EXPECT_TRUE(timeline.tick().transitions.empty());
}

TEST(Endpoints, AnIdGivenToAnotherEndpointStartsAfresh) {
  Timeline timeline(set_of({slow()}));
  (void)timeline.latency(1, 3).tick();
  timeline.endpoint(1).name = "GET /other";
  timeline.latency(1, 0.1);
  const TickResult result = timeline.tick();
  ASSERT_EQ(result.transitions.size(), 1U);
  EXPECT_EQ(result.transitions[0].endpoint_name, "GET /1");
  EXPECT_EQ(timeline.state("slow", 1), RuleState::inactive);
}

TEST(Endpoints, SlotsAreReusedAfterChurn) {
  Timeline timeline(set_of({slow()}));
  for (EndpointId id = 0; id < 50; ++id) {
    (void)timeline.latency(id, 3).tick(endpoint_forget);
    timeline.forget(id);
  }
  // Only the last endpoint is still known.
  const auto rows = timeline.engine.status();
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].endpoint, 49U);
}

TEST(Endpoints, ADuplicateIdCountsOnce) {
  Timeline timeline(set_of({slow()}));
  Frame frame;
  frame.now = Instant(1h);
  for (const char* name : {"GET /a", "GET /b"}) {
    EndpointFrame endpoint;
    endpoint.id = 7;
    endpoint.name = name;
    put(endpoint.values, SignalId::endpoint_latency_p95, 3);
    frame.endpoints.push_back(endpoint);
  }
  Engine engine(set_of({slow()}));
  EXPECT_EQ(engine.tick(frame).transitions.size(), 1U);
  frame.now += 1s;
  EXPECT_TRUE(engine.tick(frame).transitions.empty());
}

TEST(Status, ListsActiveInstancesAndOneRowPerInactiveRule) {
  Rule off = rule("off", "cpu.utilization > 90%");
  off.enabled = false;
  Rule high = rule("high", "cpu.utilization > 90%");
  high.level = Level::aggressive;
  Timeline timeline(set_of({slow(), off, high}));
  (void)timeline.cpu(0.5).latency(1, 2.31).latency(2, 3).latency(3, 0.1).tick();
  const auto rows = timeline.engine.status();
  ASSERT_EQ(rows.size(), 4U);
  EXPECT_EQ(rows[0].endpoint_name, "GET /1");
  EXPECT_EQ(rows[0].values, "endpoint.latency_p95 = 2.31s");
  EXPECT_EQ(rows[0].since, Instant(1h));
  EXPECT_EQ(rows[1].endpoint_name, "GET /2");
  EXPECT_EQ(rows[2].rule, "off");
  EXPECT_FALSE(rows[2].enabled);
  EXPECT_EQ(rows[2].values, "cpu.utilization = 50%");
  EXPECT_EQ(rows[3].rule, "high");
  EXPECT_FALSE(rows[3].active_at_level);
  EXPECT_EQ(rows[3].state, RuleState::inactive);
}

}  // namespace
}  // namespace homeostat::rules::testing
