// Rules over recorded signals: what would have fired, and when.
#include "rules/replay/replay.hpp"

#include <gtest/gtest.h>

#include "rules/expr/expression.hpp"

namespace homeostat::rules {
namespace {

using namespace std::chrono_literals;

Rule rule(std::string name, std::string_view when, std::vector<Action> then = {Throttle{0.5}}) {
  Rule out;
  out.name = std::move(name);
  auto parsed = Expression::parse_condition(when, true);
  out.when = std::get<std::shared_ptr<const Expression>>(parsed);
  out.scope = out.when->reads_endpoint() ? Scope::endpoint : Scope::global;
  out.then = std::move(then);
  return out;
}

/// One column, one value a second, from second 1000 on.
Recording recorded(const std::string& column, const std::vector<double>& values) {
  std::string csv = "time," + csv_cell(column) + "\n";
  for (std::size_t i = 0; i < values.size(); ++i) {
    csv += std::to_string(1000 + i) + "," + std::to_string(values[i]) + "\n";
  }
  return std::get<Recording>(read_recording(csv));
}

std::vector<double> steps(std::initializer_list<std::pair<int, double>> phases) {
  std::vector<double> values;
  for (const auto& [seconds, value] : phases) {
    values.insert(values.end(), static_cast<std::size_t>(seconds), value);
  }
  return values;
}

TEST(Replay, TellsWhenARuleWouldHaveFired) {
  Rule busy = rule("busy", "cpu.utilization > 90%");
  busy.for_ = 5s;
  const auto recording = recorded("cpu.utilization", steps({{10, 0.5}, {20, 0.95}, {10, 0.5}}));
  const ReplayResult result = replay(recording, {{busy}}, {});
  ASSERT_EQ(result.events.size(), 3U);
  EXPECT_EQ(result.events[0].to, "pending");
  EXPECT_EQ(result.events[0].at, 1010);
  EXPECT_EQ(result.events[1].to, "firing");
  EXPECT_EQ(result.events[1].at, 1015);
  EXPECT_EQ(result.events[2].to, "inactive");
  EXPECT_EQ(result.events[2].at, 1030);
  EXPECT_EQ(result.rules[0].activations, 1U);
  EXPECT_EQ(result.rules[0].active_seconds, 15);
  EXPECT_EQ(result.throttled_seconds, 15);
}

TEST(Replay, TakesWhatWasRecordedAsTheSameSelectionForTheSum) {
  const auto recording = std::get<Recording>(read_recording(
      "time,scrape.pool,\"scrape.pool{name!=\"\"a\"\"}\",\"scrape.pool{name=\"\"a\"\"}\"\n"
      "1,7,4,3\n2,7,4,3\n"));
  const auto fires = [&](std::string_view when) {
    return replay(recording, {{rule("r", when)}}, {}).rules[0].activations;
  };
  EXPECT_EQ(fires("scrape.pool == 7"), 1U);
  EXPECT_EQ(fires("scrape.pool{name!=\"a\"} == 4"), 1U);
  EXPECT_EQ(fires("scrape.pool{name=\"a\"} == 3"), 1U) << "not what was recorded without it";
}

TEST(Replay, LetsARuleWithATrialActInFullAndSaysSo) {
  Rule judged = rule("judged", "cpu.utilization > 90%");
  judged.effect = EffectGoal{};
  const auto recording = recorded("cpu.utilization", steps({{60, 0.95}}));
  const ReplayResult result = replay(recording, {{judged}}, {});
  EXPECT_TRUE(result.effects_not_replayed);
  EXPECT_EQ(result.rules[0].active_seconds, 59) << "from the first sample to the last";
  EXPECT_EQ(result.throttled_seconds, 59);
  EXPECT_FALSE(
      replay(recording, {{rule("plain", "cpu.utilization > 90%")}}, {}).effects_not_replayed);
}

TEST(Replay, TellsThatUntilReadsWhatWasNotRecorded) {
  Rule odd = rule("odd", "cpu.utilization > 90%");
  odd.until = rule("", "memory.utilization < 50%").when;
  EXPECT_TRUE(replay(recorded("cpu.utilization", {0.5, 0.5}), {{odd}}, {}).rules[0].missing);
}

TEST(Replay, ConcludesNothingFromAFewFailures) {
  std::string csv = "time,upstream.error_ratio,admission.critical_reject_ratio,traffic.rate\n";
  std::string few = csv;
  for (int i = 0; i < 30; ++i) {
    csv += std::to_string(1000 + i) + ",0.9,0.9,100\n";
    few += std::to_string(1000 + i) + ",0.9,0.9,1\n";
  }
  EXPECT_EQ(replay(std::get<Recording>(read_recording(csv)), {}, {}).emergencies, 1U);
  EXPECT_EQ(replay(std::get<Recording>(read_recording(few)), {}, {}).emergencies, 0U);
}

TEST(Replay, LetsTheLevelFollowTheObjectivesAsTheAgentDoes) {
  std::string csv = "time,\"slo.burn{objective=\"\"x\"\"}\",cpu.utilization\n";
  for (int i = 0; i < 60; ++i) csv += std::to_string(1000 + i) + ",20,0.1\n";
  ReplayOptions options;
  options.level = LevelSetting::adaptive;
  const ReplayResult result = replay(std::get<Recording>(read_recording(csv)), {}, options);
  ASSERT_FALSE(result.events.empty());
  EXPECT_EQ(result.events[0].subject, "level");
  EXPECT_EQ(result.events[0].to, "aggressive");
}

TEST(Replay, CountsItsWorkByTicksRulesAndEndpoints) {
  const std::string csv =
      "time,endpoint.latency_p95[GET /a],endpoint.latency_p95[GET /b]\n0,1,1\n99,1,1\n";
  const auto recording = std::get<Recording>(read_recording(csv));
  const RuleSet rules{
      {rule("one", "cpu.utilization > 1%"), rule("each", "endpoint.latency_p95 > 1s")}};
  EXPECT_EQ(needs_of(recording, rules, 1s).evaluations, 100 * 3);
  EXPECT_EQ(needs_of(recording, rules, 10s).evaluations, 10 * 3);
}

TEST(Replay, CountsALargeConditionAsManySmallOnes) {
  const auto recording = recorded("cpu.utilization", {0.5, 0.5});
  std::string large = "true";
  for (int i = 0; i < 20; ++i) {
    large += " and quantile(cpu.utilization, " + std::to_string(1400 - i) + "m, 95%) > 1%";
  }
  EXPECT_GT(needs_of(recording, {{rule("large", large)}}, 1s).evaluations,
            100 * needs_of(recording, {{rule("small", "cpu.utilization > 1%")}}, 1s).evaluations);
}

TEST(Replay, CountsWhatEachTickReadsWhereThatIsMoreThanItsConditions) {
  std::string csv = "time";
  for (int i = 0; i < 800; ++i) csv += ",endpoint.rate[GET /" + std::to_string(i) + "]";
  for (int i = 0; i < 800; ++i) csv += ",\"scrape.pool{n=\"\"" + std::to_string(i) + "\"\"}\"";
  const std::string cells(3200, ',');
  csv += "\n0" + cells.substr(0, 1599) + ",1\n1" + cells.substr(0, 1599) + ",1\n";
  const auto recording = std::get<Recording>(read_recording(csv));
  const ReplayNeeds none = needs_of(recording, {}, 1s);
  EXPECT_EQ(none.endpoints, 800U);
  EXPECT_EQ(none.evaluations, 2 * (1600 + 2 * 800) / 8);
  const RuleSet two{{rule("all", "scrape.pool > 1"), rule("others", "scrape.pool{n!=\"1\"} > 1")}};
  EXPECT_EQ(needs_of(recording, two, 1s).evaluations, 2 * (1600 + 2 * 800 + 800 + 799) / 8.0);
  EXPECT_EQ(needs_of(recording, two, 1s).states, 2U);
  EXPECT_EQ(needs_of(recording, {{rule("each", "endpoint.rate > 1/s")}}, 1s).states, 800U);
}

TEST(Replay, KeepsReasonsShortHoweverManySignalsAConditionReads) {
  std::string large = "cpu.utilization > 50%";
  for (int i = 1; i < 60; ++i)
    large += " and max(cpu.utilization, " + std::to_string(i) + "s) > 1%";
  const auto recording = recorded("cpu.utilization", steps({{100, 0.2}, {10, 0.9}}));
  const ReplayResult result = replay(recording, {{rule("large", large)}}, {});
  ASSERT_EQ(result.events.size(), 1U);
  const std::string& reason = result.events[0].reason;
  EXPECT_LT(reason.size(), 1600U);
  EXPECT_EQ(reason.find("cpu.utilization = 90%, max(cpu.utilization, 1s) = 90%"), 0U) << reason;
  EXPECT_NE(reason.find("... (threshold cpu.utilization > 50% and max("), std::string::npos);
  EXPECT_TRUE(reason.ends_with("...)")) << reason;
}

TEST(Replay, KeepsAsManyEventsAsTheirBytesAllow) {
  std::string wide = "cpu.utilization > 50%";
  for (int i = 1; i < 40; ++i) wide += " and max(cpu.utilization, " + std::to_string(i) + "s) > 1%";
  std::vector<double> swinging;
  for (int i = 0; i < 9'000; ++i) swinging.push_back(i % 2 == 0 ? 0.2 : 0.9);
  const ReplayResult result =
      replay(recorded("cpu.utilization", swinging), {{rule("wide", wide)}}, {});
  std::size_t bytes = 0;
  for (const ReplayEvent& event : result.events)
    bytes += event.subject.size() + event.reason.size();
  EXPECT_GT(result.events.size(), 1'000U);
  EXPECT_LE(bytes, ReplayResult::events_bytes_max);
  EXPECT_LT(result.events.size(), result.events_total);
  EXPECT_NE(describe(result).find("... and "), std::string::npos);
}

TEST(Replay, TellsHowLongADryRunWouldHaveBeenInForce) {
  Rule dry = rule("dry", "cpu.utilization > 90%");
  dry.dry_run = true;
  dry.hold = 5s;
  const auto recording = recorded("cpu.utilization", steps({{10, 0.5}, {20, 0.95}, {20, 0.5}}));
  const ReplayResult result = replay(recording, {{dry}}, {});
  EXPECT_EQ(result.rules[0].activations, 1U);
  EXPECT_EQ(result.rules[0].active_seconds, 25);
  EXPECT_EQ(result.throttled_seconds, 0) << "it does not throttle";
}

TEST(Replay, OfTheLongestRecordingCountsItsTimeRight) {
  const auto recording =
      std::get<Recording>(read_recording("time,cpu.utilization\n0,0.1\n4102444799,0.95\n"));
  const auto result = replay(recording, {{rule("busy", "cpu.utilization > 90%")}},
                             {LevelSetting::balanced, std::chrono::seconds(4'102'444'799)});
  ASSERT_EQ(result.events.size(), 1U);
  EXPECT_EQ(format_time(result.events[0].at), "2099-12-31T23:59:59Z");
}

TEST(Replay, SaysThatItWasCutOff) {
  const std::atomic<bool> cancelled{true};
  ReplayOptions options;
  options.cancelled = &cancelled;
  const ReplayResult result = replay(recorded("cpu.utilization", {0.5, 0.5}), {}, options);
  EXPECT_TRUE(result.truncated);
  EXPECT_NE(describe(result).find("not replayed to its end"), std::string::npos);
  EXPECT_FALSE(replay(recorded("cpu.utilization", {0.5, 0.5}), {}, {}).truncated);
}

TEST(Replay, OfACounterThatWasRecordedSeldomHasAnEvenRate) {
  std::string csv = "time,scrape.jobs_total\n";
  for (int i = 0; i < 20; ++i) csv += std::to_string(60 * i) + "," + std::to_string(600 * i) + "\n";
  const auto recording = std::get<Recording>(read_recording(csv));
  const auto often = rule("often", "rate(scrape.jobs_total, 30s) > 15/s");
  EXPECT_EQ(replay(recording, {{often}}, {}).rules[0].activations, 0U) << "ten a second";
}

TEST(Replay, EndsWhenItIsCancelled) {
  const std::atomic<bool> cancelled{true};
  ReplayOptions options;
  options.cancelled = &cancelled;
  EXPECT_EQ(replay(recorded("cpu.utilization", {0.5, 0.5}), {}, options).ticks, 0U);
}

TEST(Replay, GivesTheSameAnswerEveryTime) {
  const auto recording = recorded("cpu.utilization", steps({{30, 0.95}, {30, 0.2}, {30, 0.99}}));
  const RuleSet rules{{rule("busy", "avg(cpu.utilization, 10s) > 80%")}};
  EXPECT_EQ(describe(replay(recording, rules, {})), describe(replay(recording, rules, {})));
}

TEST(Replay, KeepsEndpointsApart) {
  std::string csv = "time,endpoint.latency_p95[GET /a],endpoint.latency_p95[GET /b]\n";
  for (int i = 0; i < 5; ++i) csv += std::to_string(i) + ",3,0.1\n";
  const auto recording = std::get<Recording>(read_recording(csv));
  const auto result =
      replay(recording, {{rule("slow", "endpoint.latency_p95 > 2s", {ScaleTtl{}})}}, {});
  ASSERT_EQ(result.events.size(), 1U);
  EXPECT_EQ(result.events[0].subject, "slow GET /a");
}

TEST(Replay, AddsUpTheSeriesASelectorMatches) {
  const auto recording = std::get<Recording>(read_recording(
      "time,\"scrape.pool{name=\"\"a\"\"}\",\"scrape.pool{name=\"\"b\"\"}\"\n1,3,4\n2,3,4\n"));
  const auto fires = [&](std::string_view when) {
    return replay(recording, {{rule("r", when)}}, {}).rules[0].activations;
  };
  EXPECT_EQ(fires("scrape.pool == 7"), 1U);
  EXPECT_EQ(fires("scrape.pool{name=\"b\"} == 4"), 1U);
  EXPECT_EQ(fires("scrape.pool{name=\"c\"} > 0"), 0U);
}

TEST(Replay, TakesAGapInTheRecordForMissingData) {
  Rule watchdog = rule("watchdog", "cpu.utilization > 200%");
  watchdog.no_data = NoData::fire;
  const auto recording = std::get<Recording>(
      read_recording("time,cpu.utilization\n0,0.1\n1,0.1\n2,0.1\n30,0.1\n31,0.1\n"));
  const auto result = replay(recording, {{watchdog}}, {});
  ASSERT_GE(result.events.size(), 2U);
  EXPECT_EQ(result.events[0].at, 6) << "three seconds after the last sample";
  EXPECT_EQ(result.events[1].at, 30);
}

TEST(Replay, SaysWhichRulesReadWhatWasNotRecorded) {
  const auto recording = recorded("cpu.utilization", {0.1, 0.2});
  const auto result =
      replay(recording,
             {{rule("known", "cpu.utilization > 1%"), rule("blind", "disk.utilization > 1%")}}, {});
  EXPECT_FALSE(result.rules[0].missing);
  EXPECT_TRUE(result.rules[1].missing);
  EXPECT_NE(describe(result).find("were not recorded"), std::string::npos);
}

TEST(Replay, MovesTheAdaptiveLevelAndEntersEmergency) {
  const auto recording = recorded("memory.utilization", steps({{30, 0.5}, {60, 0.99}, {200, 0.3}}));
  const auto result = replay(recording, {}, {LevelSetting::adaptive, 1s});
  EXPECT_EQ(result.emergencies, 1U);
  EXPECT_GT(result.emergency_seconds, 60);
  EXPECT_EQ(result.events.front().subject, "emergency");
  const bool raised = std::any_of(
      result.events.begin(), result.events.end(),
      [](const auto& event) { return event.subject == "level" && event.to == "aggressive"; });
  EXPECT_TRUE(raised);
}

TEST(Replay, ComparesTwoRuleSets) {
  const auto recording = recorded("cpu.utilization", steps({{10, 0.5}, {20, 0.85}}));
  const auto first = replay(recording, {{rule("busy", "cpu.utilization > 90%")}}, {});
  const auto second =
      replay(recording,
             {{rule("busy", "cpu.utilization > 80%"), rule("new", "cpu.utilization > 1%")}}, {});
  const std::string text = describe_difference(first, second);
  EXPECT_NE(text.find("busy             0             1            0s           19s"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("new              -             1"), std::string::npos) << text;
}

TEST(Replay, OfNothingIsEmpty) {
  const auto result = replay(Recording{}, {{rule("busy", "cpu.utilization > 90%")}}, {});
  EXPECT_EQ(result.ticks, 1U);
  EXPECT_TRUE(result.events.empty());
}

}  // namespace
}  // namespace homeostat::rules
