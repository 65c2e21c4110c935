// From a signal to a published policy and back, through all actors.
#include <cmath>

#include "tests/unit/actors/actor_fixture.hpp"

namespace homeostat::actors {
namespace {

using rules::Quality;

class Decision : public ActorFixture {
 protected:
  void add(rules::Rule rule) { settings.optimization.rules.rules.push_back(std::move(rule)); }

  [[nodiscard]] const rules::Reading signal(SignalId id) const {
    return board.current()->signals[static_cast<std::size_t>(id)];
  }

  static EndpointFigures slow_endpoint(EndpointId id, double p95) {
    EndpointFigures figures;
    figures.id = id;
    figures.method = "GET";
    figures.route = "/slow";
    figures.last_10s.requests = 100;
    figures.last_10s.rate = 10;
    figures.last_10s.latency_p95 = p95;
    return figures;
  }
};

TEST_F(Decision, SignalsOfEverySourceReachTheReport) {
  sensor.set(SignalId::cpu_utilization, 0.42);
  TrafficFigures figures;
  figures.all_10s.requests = 50;
  figures.all_10s.rate = 5;
  figures.all_10s.latency_p95 = 0.2;
  traffic.set(figures);
  GateFigures gate_figures;
  gate_figures.admitted = 9;
  gate_figures.rejected = 1;
  gate.set(gate_figures);
  CacheFigures cache_figures;
  cache_figures.bytes = settings.cache.memory / 4;
  cache.set(cache_figures);
  start();
  run_for(3s);
  EXPECT_DOUBLE_EQ(signal(SignalId::cpu_utilization).value, 0.42);
  EXPECT_DOUBLE_EQ(signal(SignalId::traffic_latency_p95).value, 0.2);
  EXPECT_DOUBLE_EQ(signal(SignalId::cache_utilization).value, 0.25);
  EXPECT_DOUBLE_EQ(signal(SignalId::admission_reject_ratio).value, 0.1);
  EXPECT_EQ(signal(SignalId::memory_utilization).quality, Quality::missing);
  EXPECT_GT(board.current()->admission_limit, 0);
}

TEST_F(Decision, FiringRuleIsPublishedAndUndone) {
  add(make_rule("longer-ttl", "endpoint.latency_p95 > 2s", rules::ScaleTtl{2.0, 1h},
                rules::Scope::endpoint));
  TrafficFigures figures;
  figures.endpoints = {slow_endpoint(3, 2.5)};
  traffic.set(figures);
  start();
  run_for(3s);
  EXPECT_DOUBLE_EQ(policy().cache.of(3).ttl_multiplier, 2);
  EXPECT_EQ(policy().cache.of(3).ttl_max, 3600s);
  EXPECT_DOUBLE_EQ(policy().cache.of(2).ttl_multiplier, 1);
  ASSERT_EQ(board.current()->active.size(), 1u);
  EXPECT_EQ(board.current()->active[0].action.rule, "longer-ttl");
  EXPECT_TRUE(log.contains("longer-ttl GET /slow"));

  figures.endpoints = {slow_endpoint(3, 0.1)};
  traffic.set(figures);
  run_for(4s);
  EXPECT_TRUE(board.current()->active.empty());
  EXPECT_LT(policy().cache.of(3).ttl_share, 1) << "on its way back";
  run_for(10s);
  EXPECT_DOUBLE_EQ(policy().cache.of(3).ttl_multiplier, 1);
  EXPECT_EQ(board.current()->triggers_total, 1u);
}

TEST_F(Decision, AOneSecondRuleActsWithinItsForPlusOneSecond) {
  rules::Rule rule = make_rule("throttle", "cpu.utilization > 90%", rules::Throttle{0.5});
  rule.for_ = 5s;
  add(rule);
  start();
  run_for(3s);
  sensor.set(SignalId::cpu_utilization, 0.99);
  run_for(4900ms);
  EXPECT_DOUBLE_EQ(policy().admission.ceiling_factor, 1) << "acted before `for`";
  run_for(1300ms);
  EXPECT_DOUBLE_EQ(policy().admission.ceiling_factor, 0.5);
}

TEST_F(Decision, SilentSourceTurnsStaleAfterThreePeriods) {
  sensor.set(SignalId::cpu_utilization, 0.5);
  start();
  run_for(3s);
  ASSERT_EQ(signal(SignalId::cpu_utilization).quality, Quality::good);
  sensor.fail_with("gone");
  run_for(15s);
  EXPECT_EQ(signal(SignalId::cpu_utilization).quality, Quality::stale);
  EXPECT_DOUBLE_EQ(signal(SignalId::cpu_utilization).value, 0.5);
  sensor.fail_with(std::nullopt);
  run_for(12s);
  EXPECT_EQ(signal(SignalId::cpu_utilization).quality, Quality::good);
}

TEST_F(Decision, InjectionIsMarkedActsAndExpires) {
  add(make_rule("throttle", "cpu.utilization > 90%", rules::Throttle{0.5}));
  sensor.set(SignalId::cpu_utilization, 0.1);
  start();
  run_for(2s);
  inject(SignalId::cpu_utilization, 0.97, 5s);
  run_for(2s);
  EXPECT_EQ(signal(SignalId::cpu_utilization).quality, Quality::injected);
  ASSERT_EQ(board.current()->injected.size(), 1u);
  EXPECT_EQ(board.current()->injected[0], "cpu.utilization");
  EXPECT_DOUBLE_EQ(policy().admission.ceiling_factor, 0.5);
  ASSERT_FALSE(board.current()->recent.empty());
  EXPECT_TRUE(board.current()->recent.back().transition.injected);
  run_for(12s);
  EXPECT_EQ(signal(SignalId::cpu_utilization).quality, Quality::good);
  EXPECT_TRUE(board.current()->injected.empty());
  EXPECT_DOUBLE_EQ(policy().admission.ceiling_factor, 1);
}

TEST_F(Decision, InjectionOfAnEndpointSignalReachesEveryEndpoint) {
  add(make_rule("longer-ttl", "endpoint.latency_p95 > 2s", rules::ScaleTtl{2.0, 1h},
                rules::Scope::endpoint));
  TrafficFigures figures;
  figures.endpoints = {slow_endpoint(0, 0.1), slow_endpoint(1, 0.1)};
  figures.endpoints[1].route = "/other";
  traffic.set(figures);
  start();
  run_for(2s);
  inject(SignalId::endpoint_latency_p95, 3, 10s);
  run_for(2s);
  EXPECT_DOUBLE_EQ(policy().cache.of(0).ttl_multiplier, 2);
  EXPECT_DOUBLE_EQ(policy().cache.of(1).ttl_multiplier, 2);
}

TEST_F(Decision, EmergencyEntersAlertsOnceLeavesAndResolves) {
  add(make_rule("cpu-emergency", "cpu.utilization > 98%", rules::EnterEmergency{}));
  sensor.set(SignalId::cpu_utilization, 0.99);
  start();
  run_for(10s);
  EXPECT_TRUE(policy().mode.emergency);
  EXPECT_EQ(policy().admission.shed_class_from, 3);
  EXPECT_TRUE(board.current()->emergency);
  EXPECT_NE(board.current()->emergency_reason.find("cpu-emergency"), std::string::npos);
  EXPECT_EQ(board.current()->emergencies_total, 1u);
  EXPECT_EQ(alerts.count("HomeostatEmergency", true), 1u);

  sensor.set(SignalId::cpu_utilization, 0.2);
  run_for(30s);
  EXPECT_TRUE(policy().mode.emergency) << "left before it was clean for a minute";
  run_for(40s);
  EXPECT_FALSE(policy().mode.emergency);
  EXPECT_EQ(policy().admission.shed_class_from, 255);
  EXPECT_EQ(alerts.count("HomeostatEmergency", true), 1u);
  EXPECT_EQ(alerts.count("HomeostatEmergency", false), 1u);
  EXPECT_GT(board.current()->emergency_seconds_total, 60);
  EXPECT_LT(board.current()->emergency_seconds_total, 80);
}

TEST_F(Decision, RuleAlertCarriesRuleAndValues) {
  add(make_rule("errors", "traffic.error_ratio > 5%",
                rules::RaiseAlert{rules::Severity::warning, "too many errors"}));
  TrafficFigures figures;
  figures.all_10s.requests = 100;
  figures.all_10s.error_ratio = 0.2;
  traffic.set(figures);
  start();
  run_for(5s);
  ASSERT_EQ(alerts.count("HomeostatRule", true), 1u);
  const auto call = alerts.calls().back();
  EXPECT_EQ(call.alert.scope, "errors");
  EXPECT_EQ(call.alert.summary, "too many errors");
  EXPECT_NE(call.alert.description.find("traffic.error_ratio"), std::string::npos);
  EXPECT_FALSE(call.alert.injected);
  figures.all_10s.error_ratio = 0;
  traffic.set(figures);
  run_for(5s);
  EXPECT_EQ(alerts.count("HomeostatRule", false), 1u);
}

TEST_F(Decision, AlertThatEndsWhileTheAlerterIsDeadIsStillResolved) {
  add(make_rule("hot", "cpu.utilization > 90%", rules::RaiseAlert{}));
  sensor.set(SignalId::cpu_utilization, 0.95);
  start();
  run_for(3s);
  ASSERT_EQ(alerts.count("HomeostatRule", true), 1u);
  sensor.set(SignalId::cpu_utilization, 0.1);
  for (int i = 0; i < 6; ++i) {
    crash("alerter");
    run_for(50ms);
  }
  run_for(15s);
  EXPECT_EQ(alerts.count("HomeostatRule", true), 1u);
  EXPECT_EQ(alerts.count("HomeostatRule", false), 1u);
}

TEST_F(Decision, ExpiredLeaseRaisesAnAlertAndResolvesWithTheNextPolicy) {
  start();
  run_for(2s);
  for (int i = 0; i < 7; ++i) {
    crash("rule_engine");
    run_for(50ms);
  }
  clock.advance(11s);  // the watchdog looks while nobody renews
  ASSERT_FALSE(policies.expire().empty());
  run_for(2s);
  EXPECT_EQ(alerts.count("HomeostatPolicyExpired", true), 1u);
  run_for(20s);
  EXPECT_EQ(alerts.count("HomeostatPolicyExpired", false), 1u);
}

TEST_F(Decision, ShadowModeComputesAndReportsButPublishesNothing) {
  settings.optimization.mode = config::LoopMode::shadow;
  add(make_rule("throttle", "cpu.utilization > 90%", rules::Throttle{0.5}));
  add(make_rule("emergency", "cpu.utilization > 90%", rules::EnterEmergency{}));
  add(make_rule("release", "cpu.utilization > 90%",
                rules::ReleaseMemory{true, 0.5, true, true, 30s}));
  add(make_rule("alert", "cpu.utilization > 90%", rules::RaiseAlert{}));
  sensor.set(SignalId::cpu_utilization, 0.95);
  start();
  run_for(15s);
  EXPECT_EQ(board.current()->triggers_total, 4u);
  EXPECT_TRUE(board.current()->emergency);
  EXPECT_EQ(board.current()->emergency_reason.rfind("shadow: ", 0), 0u);
  EXPECT_EQ(board.current()->mode, "shadow");
  for (const TransitionRecord& record : board.current()->recent) EXPECT_TRUE(record.shadow);
  EXPECT_EQ(policy().mode, ModePolicy{});
  EXPECT_DOUBLE_EQ(policy().admission.ceiling_factor, 1);
  EXPECT_EQ(policy().cache, CachePolicy{});
  EXPECT_EQ(memory.releases(), 0u);
  EXPECT_TRUE(memory.hooks().empty());
  EXPECT_TRUE(cache.ratios().empty());
  EXPECT_TRUE(alerts.calls().empty());
  EXPECT_TRUE(policies.expire().empty()) << "defaults must be renewed";
}

TEST_F(Decision, OffModeEvaluatesNothingButShowsSignals) {
  settings.optimization.enabled = false;
  add(make_rule("throttle", "cpu.utilization > 90%", rules::Throttle{0.5}));
  sensor.set(SignalId::cpu_utilization, 0.95);
  start();
  run_for(15s);
  EXPECT_EQ(board.current()->triggers_total, 0u);
  EXPECT_DOUBLE_EQ(signal(SignalId::cpu_utilization).value, 0.95);
  EXPECT_TRUE(policies.expire().empty());
}

TEST_F(Decision, SwitchingToShadowUndoesWhatWasInForce) {
  add(make_rule("throttle", "cpu.utilization > 90%", rules::Throttle{0.5}));
  sensor.set(SignalId::cpu_utilization, 0.95);
  start();
  run_for(3s);
  ASSERT_DOUBLE_EQ(policy().admission.ceiling_factor, 0.5);
  settings.optimization.mode = config::LoopMode::shadow;
  reload();
  run_for(8s);
  EXPECT_DOUBLE_EQ(policy().admission.ceiling_factor, 1);
}

TEST_F(Decision, AdaptiveLevelFollowsTheLoadAndSaysWhy) {
  settings.optimization.level = rules::LevelSetting::adaptive;
  sensor.set(SignalId::cpu_utilization, 0.95);
  start();
  run_for(15s);
  EXPECT_EQ(board.current()->level, rules::LevelSetting::adaptive);
  EXPECT_EQ(board.current()->effective_level, rules::Level::aggressive);
  EXPECT_NE(board.current()->level_reason.find("cpu.utilization"), std::string::npos);
  set_level(rules::LevelSetting::conservative);
  run_for(2s);
  EXPECT_EQ(board.current()->effective_level, rules::Level::conservative);
}

TEST_F(Decision, ReportsTrendsAndKeepsAHistoryForReaders) {
  start();
  for (int second = 0; second < 700; second += 10) {
    sensor.set(SignalId::memory_utilization, 0.3 + 0.0005 * second);
    run_for(10s, 500ms);
  }
  const auto report = board.current();
  const auto memory_id = static_cast<std::size_t>(SignalId::memory_utilization);
  ASSERT_TRUE(report->trends[memory_id]);
  EXPECT_NEAR(*report->trends[memory_id], 0.3, 0.01) << "30 points in ten minutes";
  EXPECT_FALSE(report->trends[static_cast<std::size_t>(SignalId::disk_utilization)]);
  ASSERT_TRUE(report->history);
  EXPECT_EQ(report->history->levels[2].step, 60s);
  EXPECT_NEAR(report->history->levels[0].series[memory_id].back(), 0.645F, 0.01F);
}

TEST_F(Decision, AnInjectionLeavesNoTraceInTheHistory) {
  sensor.set(SignalId::memory_utilization, 0.3);
  add(make_rule("average", "avg(memory.utilization, 20s) > 50%", rules::Throttle{0.5}));
  start();
  run_for(30s, 500ms);
  inject(SignalId::memory_utilization, 0.9, 8s);
  run_for(11s, 500ms);
  const auto memory_id = static_cast<std::size_t>(SignalId::memory_utilization);
  for (const float value : board.current()->history->levels[0].series[memory_id]) {
    EXPECT_TRUE(std::isnan(value) || std::abs(value - 0.3F) < 0.01F) << value;
  }
  EXPECT_EQ(board.current()->triggers_total, 0u);
}

TEST_F(Decision, KeepsTheHistoryWhileRulesAreOff) {
  settings.optimization.mode = config::LoopMode::off;
  sensor.set(SignalId::cpu_utilization, 0.95);
  start();
  run_for(65s, 500ms);
  settings.optimization.mode = config::LoopMode::on;
  add(make_rule("throttle", "avg(cpu.utilization, 1m) > 90%", rules::Throttle{0.5}));
  reload();
  run_for(2s);
  EXPECT_DOUBLE_EQ(policy().admission.ceiling_factor, 0.5);
}

TEST_F(Decision, ActsOnSignalsOfTheApplicationsOwnMetrics) {
  add(make_rule("pool", "scrape.pool{name=\"main\"} > 5", rules::Throttle{0.5}));
  start();
  run_for(2s);
  ASSERT_EQ(labelled.wanted(), (std::vector<std::string>{"scrape.pool{name=\"main\"}"}));
  EXPECT_DOUBLE_EQ(policy().admission.ceiling_factor, 1);
  labelled.set("scrape.pool{name=\"main\"}", 7);
  run_for(3s);
  ASSERT_EQ(board.current()->selected.size(), 1u);
  EXPECT_EQ(board.current()->selected[0].name, "scrape.pool{name=\"main\"}");
  EXPECT_DOUBLE_EQ(board.current()->selected[0].reading.value, 7);
  EXPECT_DOUBLE_EQ(policy().admission.ceiling_factor, 0.5);
  settings.optimization.rules.rules.clear();
  reload();
  run_for(2s);
  EXPECT_TRUE(labelled.wanted().empty());
}

TEST_F(Decision, ActsOnTheBurnRateOfAnObjective) {
  add(make_rule("page", "slo.burn{objective=\"checkout\"} > 14.4", rules::Throttle{0.5}));
  TrafficFigures figures;
  figures.objectives = {{"checkout", 0.999, 0, 0}};
  traffic.set(figures);
  start();
  run_for(2s);
  EXPECT_DOUBLE_EQ(policy().admission.ceiling_factor, 1);
  figures.objectives = {{"checkout", 0.999, 1000, 50}};
  traffic.set(figures);
  run_for(3s);
  EXPECT_DOUBLE_EQ(policy().admission.ceiling_factor, 0.5);
  ASSERT_EQ(board.current()->objectives.size(), 1u);
  EXPECT_NEAR(board.current()->objectives[0].burn, 50, 0.01);
}

}  // namespace
}  // namespace homeostat::actors
