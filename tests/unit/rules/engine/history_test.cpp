// Rules that look back: what the engine remembers, for how long, within what.
#include "engine_helpers.hpp"
#include "rules/expr/macros.hpp"
#include "rules/history/snapshot.hpp"

namespace homeostat::rules::testing {
namespace {

TEST(EngineHistory, LetsARuleActOnAnAverageInsteadOfAMoment) {
  Timeline timeline(set_of({rule("busy", "avg(cpu.utilization, 20s) > 80%")}));
  for (int i = 0; i < 20; ++i) {
    timeline.cpu(i % 2 == 0 ? 1.0 : 0.3);
    (void)timeline.tick();
  }
  EXPECT_EQ(timeline.state("busy"), RuleState::inactive);
  timeline.cpu(0.9);
  for (int i = 0; i < 20; ++i) (void)timeline.tick();
  EXPECT_EQ(timeline.state("busy"), RuleState::firing);
}

TEST(EngineHistory, TellsWhenMemoryWillRunOut) {
  Timeline timeline(set_of({rule("leak", "predict(memory.utilization, 1m, 10m) > 95%")}));
  for (int i = 0; i < 60; ++i) {
    timeline.memory(0.50 + 0.0005 * i);  // 3 points a minute: 83 % in ten
    (void)timeline.tick();
  }
  EXPECT_EQ(timeline.state("leak"), RuleState::inactive);
  for (int i = 0; i < 60; ++i) {
    timeline.memory(0.53 + 0.001 * i);
    (void)timeline.tick();
  }
  EXPECT_EQ(timeline.state("leak"), RuleState::firing);
}

TEST(EngineHistory, BelongsToEachEndpointByItself) {
  Timeline timeline(set_of({rule("slow", "avg(endpoint.latency_p95, 10s) > 2s")}));
  for (int i = 0; i < 12; ++i) {
    timeline.latency(1, 3.0).latency(2, 0.1);
    (void)timeline.tick();
  }
  EXPECT_EQ(timeline.state("slow", 1), RuleState::firing);
  EXPECT_EQ(timeline.state("slow", 2), RuleState::inactive);
}

TEST(EngineHistory, EndsWithItsEndpoint) {
  Timeline timeline(set_of({rule("slow", "avg(endpoint.latency_p95, 10s) > 2s")}));
  timeline.latency(1, 3.0);
  for (int i = 0; i < 12; ++i) (void)timeline.tick();
  EXPECT_GT(timeline.engine.history_budget().used(), 0U);
  timeline.forget(1);
  timeline.now += endpoint_forget;
  (void)timeline.tick();
  EXPECT_EQ(timeline.engine.history_budget().used(), 0U);
}

TEST(EngineHistory, OfManyEndpointsStaysWithinItsBudget) {
  constexpr std::size_t budget = 1024 * 1024;
  Engine engine(set_of({rule("slow", "avg(endpoint.latency_p95, 5m) > 2s")}), Level::balanced,
                budget);
  Frame frame;
  for (EndpointId id = 0; id < 300; ++id) {
    EndpointFrame endpoint;
    endpoint.id = id;
    endpoint.name = "GET /" + std::to_string(id);
    put(endpoint.values, SignalId::endpoint_latency_p95, 3.0);
    frame.endpoints.push_back(std::move(endpoint));
  }
  for (int i = 0; i < 200; ++i) {
    frame.now += 1s;
    (void)engine.tick(frame);
  }
  EXPECT_LE(engine.history_budget().used(), budget);
  EXPECT_GT(engine.history_budget().refused(), 0U);
}

TEST(EngineHistory, OutlivesReloadRestartAndTimesWithoutRules) {
  const RuleSet rules = set_of({rule("busy", "avg(cpu.utilization, 1m) > 80%")});
  Timeline timeline({});
  timeline.cpu(0.9);
  Frame frame;
  put(frame.global, SignalId::cpu_utilization, 0.9);
  for (int i = 0; i < 60; ++i) {
    frame.now = timeline.now += 1s;
    timeline.engine.observe(frame);
  }
  timeline.engine.reload(rules);
  (void)timeline.tick();
  EXPECT_EQ(timeline.state("busy"), RuleState::firing);
  timeline.engine.restart(rules);
  EXPECT_EQ(timeline.state("busy"), RuleState::inactive);
  (void)timeline.tick();
  EXPECT_EQ(timeline.state("busy"), RuleState::firing);
}

TEST(EngineHistory, CanBeCopiedForReports) {
  Timeline timeline({});
  for (int i = 0; i < 30; ++i) {
    timeline.cpu(0.01 * i);
    (void)timeline.tick();
  }
  const HistorySnapshot snapshot = snapshot_of(timeline.engine.history(), timeline.now);
  const auto cpu = static_cast<std::size_t>(SignalId::cpu_utilization);
  EXPECT_EQ(snapshot.levels[0].step, 1s);
  ASSERT_EQ(snapshot.levels[0].series.at(cpu).size(), 600U);
  EXPECT_FLOAT_EQ(snapshot.levels[0].series[cpu].back(), 0.29F);
  EXPECT_EQ(snapshot.levels[1].step, 10s);
  EXPECT_TRUE(snapshot.levels[2].series.empty()) << "a minute has not passed yet";
}

TEST(EngineSelectors, AskForWhatTheRulesReadAndOnlyThat) {
  Rule first = rule("pool", "scrape.pool{name=\"main\"} > 5 and slo.burn > 2");
  Rule second = rule("again", "avg(scrape.pool{name=\"main\"}, 1m) > 5");
  Timeline timeline(set_of({first, second}));
  std::vector<std::string> asked;
  for (const Selector& selector : timeline.engine.selectors()) asked.push_back(selector.text);
  EXPECT_EQ(asked, (std::vector<std::string>{"scrape.pool{name=\"main\"}", "slo.burn"}));
  timeline.engine.reload({});
  EXPECT_TRUE(timeline.engine.selectors().empty());
}

TEST(EngineSelectors, LetRulesActOnTheValuesOfATick) {
  Engine engine(set_of({rule("pool", "scrape.pool > 5")}));
  Frame frame;
  frame.now = Instant(1h);
  const LabelledReading seven{key_of("scrape.pool"), {7, frame.now, Quality::good, "scrape"}};
  EXPECT_EQ(engine.tick(frame, {&seven, 1}).triggers, 1U);
  EXPECT_EQ(engine.status().front().values, "scrape.pool = 7");
  frame.now += 1s;
  EXPECT_TRUE(engine.tick(frame).transitions.empty()) << "no_data: hold";
}

/// Whether a condition over a counter holds after these values, a second apart.
bool after_counting(std::string_view when, const std::vector<double>& values) {
  Engine engine(set_of({rule("counter", when)}));
  Frame frame;
  frame.now = Instant(1h);
  for (const double value : values) {
    const LabelledReading counted{key_of("scrape.jobs_total"),
                                  {value, frame.now, Quality::good, "scrape"}};
    (void)engine.tick(frame, {&counted, 1});
    frame.now += 1s;
  }
  return engine.status().front().state == RuleState::firing;
}

TEST(CounterRate, CountsOnesAtATenDigitCounter) {
  std::vector<double> values;
  for (int i = 0; i < 20; ++i) values.push_back(1e9 + 7 + i);
  EXPECT_TRUE(after_counting(
      "rate(scrape.jobs_total, 10s) > 0.99/s and rate(scrape.jobs_total, 10s) < 1.01/s", values));
}

TEST(CounterRate, TakesAFallForARestartFromZero) {
  // 2 before, 4 in the second before the restart, 2 after it, 2.
  EXPECT_TRUE(after_counting("rate(scrape.jobs_total, 4s) == 2.5/s", {10, 12, 16, 2, 4}));
}

TEST(CounterRate, IsTheSameHoweverSeldomTheCounterIsRead) {
  Engine engine(set_of({rule("steady",
                             "rate(scrape.jobs_total, 30s) > 9/s and "
                             "rate(scrape.jobs_total, 30s) < 11/s")}));
  Frame frame;
  frame.now = Instant(1h);
  const Instant start = frame.now;
  for (int second = 0; second < 900; ++second) {
    const auto read = frame.now - (frame.now - start) % 300s;  // once in five minutes, ten a second
    const double value = 10 * std::chrono::duration<double>(read - start).count();
    const LabelledReading counted{key_of("scrape.jobs_total"),
                                  {value, read, Quality::good, "scrape"}};
    (void)engine.tick(frame, {&counted, 1});
    frame.now += 1s;
    if (second < 330) continue;
    ASSERT_EQ(engine.status().front().state, RuleState::firing) << second;
  }
}

TEST(CounterRate, IsUnknownBeforeTheSecondValue) {
  EXPECT_FALSE(after_counting("rate(scrape.jobs_total, 2s) < 100/s", {10}));
  EXPECT_TRUE(after_counting("rate(scrape.jobs_total, 2s) < 100/s", {10, 11}));
}

TEST(Reload, TakesAChangedMacroForAChangedRule) {
  const auto with = [](const std::string& threshold) {
    Macros macros;
    EXPECT_FALSE(macros.add("busy", "cpu.utilization > " + threshold));
    auto parsed = Expression::parse_condition("busy", false, &macros);
    Rule out = rule("r", "true");
    out.when = std::get<ExpressionPtr>(parsed);
    return set_of({out});
  };
  Timeline timeline(with("50%"));
  timeline.cpu(0.9);
  (void)timeline.tick();
  timeline.engine.reload(with("50%"));
  EXPECT_EQ(timeline.state("r"), RuleState::firing);
  timeline.engine.reload(with("95%"));
  (void)timeline.tick();
  EXPECT_EQ(timeline.state("r"), RuleState::inactive);
}

}  // namespace
}  // namespace homeostat::rules::testing
