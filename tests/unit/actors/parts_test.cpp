// The pure parts of the control plane, by arithmetic.
#include <gtest/gtest.h>

#include "actors/alert_ledger.hpp"
#include "actors/child.hpp"
#include "actors/class_shedding.hpp"
#include "actors/hourly_count.hpp"
#include "actors/reject_share.hpp"
#include "actors/restart_budget.hpp"
#include "actors/rule_choices.hpp"
#include "actors/signal_board.hpp"
#include "actors/traffic_signals.hpp"
#include "tests/support/fake_ports.hpp"

namespace homeostat::actors {
namespace {

using namespace std::chrono_literals;
using rules::Quality;
using rules::SignalId;

constexpr Instant start{1h};

TEST(HourlyCount, ForgetsAfterAnHour) {
  HourlyCount count;
  count.add(start, 3);
  count.add(start + 30min, 2);
  EXPECT_EQ(count.total(start + 59min), 5u);
  EXPECT_EQ(count.total(start + 62min), 2u);
  EXPECT_EQ(count.total(start + 5h), 0u);
}

TEST(RestartBudget, AllowsFiveDeathsAMinuteThenPauses) {
  RestartBudget budget;
  for (int i = 0; i < 5; ++i) EXPECT_EQ(budget.on_death(start + i * 1s), 0s);
  EXPECT_EQ(budget.on_death(start + 6s), 10s);
  EXPECT_EQ(budget.on_death(start + 16s), 10s);
  EXPECT_EQ(budget.on_death(start + 120s), 0s);
}

TEST(Heartbeats, ActorThatNeverBeatIsNotStalled) {
  Heartbeats heartbeats;
  EXPECT_FALSE(heartbeats.stalled(Child::throttler, start));
  heartbeats.beat(Child::throttler, start);
  EXPECT_FALSE(heartbeats.stalled(Child::throttler, start + 10s));
  EXPECT_TRUE(heartbeats.stalled(Child::throttler, start + 11s));
  EXPECT_FALSE(heartbeats.stalled(Child::alerter, start + 11s));
}

TEST(RejectShare, ConcludesNothingFromTooFewRequests) {
  RejectShare share;
  EXPECT_EQ(share.update({start, 1, 1}), 0) << "one of one is not 100 %";
  EXPECT_EQ(share.update({start + 1s, 18, 9}), 0);
  EXPECT_DOUBLE_EQ(share.update({start + 2s, 1, 0}), 0.5) << "twenty in three seconds";
}

TEST(RejectShare, IsOfTheNewestSpanThatHoldsEnoughAndNoOlderThanTenSeconds) {
  RejectShare share;
  EXPECT_DOUBLE_EQ(share.update({start, 100, 100}), 1);
  EXPECT_DOUBLE_EQ(share.update({start + 1s, 100, 10}), 0.1) << "what was before does not count";
  EXPECT_EQ(share.update({start + 9s, 0, 0}), 0.1);
  EXPECT_EQ(share.update({start + 11s, 0, 0}), 0);
}

TEST(ClassShedding, StepsOneClassPerPeriodAndEndsWithTheEmergency) {
  ClassShedding shedding;
  const auto at = [&](Duration after, bool emergency, bool danger) {
    return shedding.update({start + after, emergency, danger, true});
  };
  EXPECT_EQ(at(0s, false, true), 255);
  EXPECT_EQ(at(1s, true, true), 3);
  EXPECT_EQ(at(15s, true, true), 3);
  EXPECT_EQ(at(16s, true, true), 2);
  EXPECT_EQ(at(60s, true, true), 2) << "never beyond the normal class";
  EXPECT_EQ(at(61s, true, false), 2);
  EXPECT_EQ(at(76s, true, false), 3);
  EXPECT_EQ(at(77s, false, true), 255);
}

// -- traffic signals ---------------------------------------------------------------

TEST(TrafficSignals, FewSamplesAreJudgedOverTheMinute) {
  WindowFigures ten, minute;
  EXPECT_EQ(judging_window(ten, minute), nullptr);
  minute.requests = 1;
  EXPECT_EQ(judging_window(ten, minute), &minute);
  ten.requests = samples_min - 1;
  EXPECT_EQ(judging_window(ten, minute), &minute);
  ten.requests = samples_min;
  EXPECT_EQ(judging_window(ten, minute), &ten);
}

TEST(TrafficSignals, WithoutRequestsOnlyTheRateIsKnown) {
  TrafficFigures figures;
  rules::SignalValues values{};
  fill_traffic_signals(figures, start, values);
  EXPECT_TRUE(values[static_cast<std::size_t>(SignalId::traffic_rate)].usable());
  EXPECT_FALSE(values[static_cast<std::size_t>(SignalId::traffic_latency_p95)].usable());
  EXPECT_FALSE(values[static_cast<std::size_t>(SignalId::traffic_error_ratio)].usable());
  EXPECT_FALSE(values[static_cast<std::size_t>(SignalId::upstream_error_ratio)].usable());
}

// -- signal board --------------------------------------------------------------------

Shared<ResourceReadings> cpu_readings(double value, Instant at) {
  auto readings = std::make_shared<ResourceReadings>();
  readings->at = at;
  readings->values[static_cast<std::size_t>(SignalId::cpu_utilization)] = {value, at, Quality::good,
                                                                           "test"};
  return readings;
}

TEST(SignalBoard, ReadingIsStaleAfterThreePeriods) {
  SignalBoard board;
  board.receive(cpu_readings(0.5, start));
  EXPECT_EQ(board.frame(start + 3s, 1s)[SignalId::cpu_utilization].quality, Quality::good);
  EXPECT_EQ(board.frame(start + 3100ms, 1s)[SignalId::cpu_utilization].quality, Quality::stale);
}

TEST(SignalBoard, AdmissionReadingsGoStaleToo) {
  SignalBoard board;
  auto readings = std::make_shared<AdmissionReadings>();
  readings->at = start;
  readings->limit = 12;
  board.receive(Shared<AdmissionReadings>(readings));
  EXPECT_NE(board.fresh_admission(start + 3s, 1s), nullptr);
  EXPECT_EQ(board.fresh_admission(start + 4s, 1s), nullptr);
  EXPECT_EQ(board.frame(start + 4s, 1s)[SignalId::admission_limit].quality, Quality::stale);
}

TEST(SignalBoard, AdmissionReadingsOfAQuietSecondAreFreshWhateverTheMonitorsDo) {
  SignalBoard board;
  auto readings = std::make_shared<AdmissionReadings>();
  readings->at = start;
  board.receive(Shared<AdmissionReadings>(readings));
  EXPECT_NE(board.fresh_admission(start + 1s, 100ms), nullptr);
  EXPECT_EQ(board.frame(start + 1s, 100ms)[SignalId::admission_limit].quality, Quality::good);
}

TEST(RuleChoices, ComeBackWithTheRuleWhenAMistakenReloadIsTakenBack) {
  const auto set_of = [](const std::vector<std::string>& names) {
    rules::RuleSet set;
    for (const std::string& name : names) set.rules.emplace_back().name = name;
    return set;
  };
  RuleChoices choices;
  const rules::RuleSet good = set_of({"a", "b"});
  choices.forget_absent(good);
  ASSERT_TRUE(choices.take({"a", std::optional(false)}, good).has_value());
  choices.forget_absent(set_of({"b"}));
  EXPECT_TRUE(choices.all().empty()) << "not shown while the rule is gone";
  choices.forget_absent(set_of({"b"}));  // a reload that changes no rule
  choices.forget_absent(good);
  EXPECT_FALSE(choices.applied_to(good).rules[0].enabled);
  choices.forget_absent(set_of({"b"}));
  choices.forget_absent(set_of({"b", "c"}));
  choices.forget_absent(good);
  EXPECT_TRUE(choices.applied_to(good).rules[0].enabled) << "gone for longer: as its file says";
}

TEST(TrafficSignals, SayHowFarBackTheyReach) {
  TrafficFigures figures;
  figures.all_10s.requests = 3;
  figures.all_1m.requests = 18;
  rules::SignalValues values{};
  fill_traffic_signals(figures, start, values);
  EXPECT_EQ(values[static_cast<std::size_t>(SignalId::traffic_latency_p95)].span, 1min);
  EXPECT_EQ(values[static_cast<std::size_t>(SignalId::traffic_rate)].span, 10s);
  EndpointFigures endpoint;
  endpoint.last_1m.requests = 18;
  endpoint.arms.emplace();
  figures.endpoints = {endpoint};
  const auto frames = endpoint_frames(figures, start);
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(frames[0].values[static_cast<std::size_t>(SignalId::endpoint_latency_p95)].span, 1min);
  EXPECT_EQ(frames[0].arms->at, start) << "by this a trial tells new figures from shown ones";
}

TEST(SignalBoard, InjectionOverridesUntilItExpires) {
  SignalBoard board;
  board.receive(cpu_readings(0.5, start));
  board.inject(SignalId::cpu_utilization, 0.9, start, 2s);
  EXPECT_TRUE(board.any_injected());
  EXPECT_DOUBLE_EQ(board.frame(start + 1s, 1s)[SignalId::cpu_utilization].value, 0.9);
  const rules::Frame after = board.frame(start + 2s, 1s);
  EXPECT_DOUBLE_EQ(after[SignalId::cpu_utilization].value, 0.5);
  EXPECT_EQ(after[SignalId::cpu_utilization].quality, Quality::good);
  EXPECT_FALSE(board.any_injected());
}

TEST(SignalBoard, InjectionLastsAnHourAtMostAndCanBeTakenBack) {
  SignalBoard board;
  board.inject(SignalId::cpu_utilization, 0.9, start, 100h);
  EXPECT_TRUE(board.frame(start + 59min, 1s)[SignalId::cpu_utilization].usable());
  EXPECT_FALSE(board.frame(start + 61min, 1s)[SignalId::cpu_utilization].usable());
  board.inject(SignalId::cpu_utilization, 0.9, start + 61min, 1h);
  board.inject(SignalId::cpu_utilization, 0, start + 61min, 0s);
  EXPECT_FALSE(board.any_injected());
}

// -- alert ledger ---------------------------------------------------------------------

Alert alert(const std::string& name, const std::string& scope = "") {
  return {name, rules::Severity::warning, scope, "", "", false};
}

TEST(AlertLedger, FiresOnceAndResolvesOnce) {
  AlertLedger ledger;
  test::FakeAlertSink sink;
  for (int i = 0; i < 3; ++i) ledger.sync(AlertSource::rules, {alert("a")}, sink, WallTime{});
  EXPECT_EQ(sink.count("a", true), 1u);
  for (int i = 0; i < 3; ++i) ledger.sync(AlertSource::rules, {}, sink, WallTime{});
  EXPECT_EQ(sink.count("a", false), 1u);
}

TEST(AlertLedger, SourcesDoNotResolveEachOther) {
  AlertLedger ledger;
  test::FakeAlertSink sink;
  ledger.sync(AlertSource::rules, {alert("a")}, sink, WallTime{});
  ledger.sync(AlertSource::policy, {}, sink, WallTime{});
  EXPECT_EQ(sink.count("a", false), 0u);
}

TEST(AlertLedger, HigherSeverityIsToldWithTheFirstSince) {
  AlertLedger ledger;
  test::FakeAlertSink sink;
  ledger.sync(AlertSource::rules, {alert("a")}, sink, WallTime{10s});
  Alert worse = alert("a");
  worse.severity = rules::Severity::critical;
  ledger.sync(AlertSource::rules, {worse}, sink, WallTime{20s});
  ASSERT_EQ(sink.calls().size(), 2u);
  EXPECT_EQ(sink.calls()[1].at, WallTime{10s});
}

TEST(AlertLedger, IsBounded) {
  AlertLedger ledger;
  test::FakeAlertSink sink;
  std::vector<Alert> many;
  for (std::size_t i = 0; i < AlertLedger::firing_max + 7; ++i) {
    many.push_back(alert("a", std::to_string(i)));
  }
  EXPECT_EQ(ledger.sync(AlertSource::rules, many, sink, WallTime{}), 7u);
  EXPECT_EQ(ledger.firing(), AlertLedger::firing_max);
}

}  // namespace
}  // namespace homeostat::actors
