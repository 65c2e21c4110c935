#include "runtime/app/demo/statistics.hpp"

#include <gtest/gtest.h>

#include <chrono>

#include "runtime/app/demo/run_result.hpp"

namespace homeostat::demo {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const Plan plan{
    {"warm-up", seconds(2), 10}, {"overload", seconds(4), 10}, {"recovery", seconds(3), 10}};

Arrival arrival(milliseconds at, RequestKind kind = RequestKind::search) {
  return {at, phase_at(plan, at), kind, 0};
}

void record(RunStatistics& statistics, milliseconds at, Outcome outcome, unsigned times,
            RequestKind kind = RequestKind::search) {
  for (unsigned i = 0; i < times; ++i)
    statistics.record(arrival(at, kind), outcome, milliseconds(10));
}

TEST(RunStatistics, BooksEachOutcomeInItsPhase) {
  RunStatistics statistics(plan);
  record(statistics, seconds(3), Outcome::good, 6);
  record(statistics, seconds(3), Outcome::rejected, 3);
  record(statistics, seconds(3), Outcome::failed, 1);
  record(statistics, seconds(0), Outcome::good, 2);
  const Tally& tally = statistics.phase(overload_phase).all;
  EXPECT_EQ(tally.offered, 10U);
  EXPECT_EQ(tally.good, 6U);
  EXPECT_EQ(tally.rejected, 3U);
  EXPECT_EQ(tally.failed, 1U);
  EXPECT_DOUBLE_EQ(tally.success(), 0.6);
  EXPECT_DOUBLE_EQ(statistics.goodput(overload_phase), 1.5);
  EXPECT_EQ(statistics.offered(), 12U);
}

TEST(RunStatistics, LatencyIsThatOfGoodAnswersOnly) {
  RunStatistics statistics(plan);
  statistics.record(arrival(seconds(3)), Outcome::good, milliseconds(20));
  statistics.record(arrival(seconds(3)), Outcome::failed, milliseconds(1000));
  statistics.record(arrival(seconds(3)), Outcome::rejected, milliseconds(1));
  const auto& latency = statistics.phase(overload_phase).good_latency;
  EXPECT_EQ(latency.total(), 1U);
  EXPECT_NEAR(latency.quantile(0.99), 0.020, 0.0005);
}

TEST(RunStatistics, RecoversAfterTheLastBadHalfSecond) {
  RunStatistics statistics(plan);
  for (int at = 6000; at < 9000; at += 500) {
    record(statistics, milliseconds(at), Outcome::good, 10);
  }
  EXPECT_EQ(statistics.recovery_time(), Duration{});
  record(statistics, milliseconds(7100), Outcome::failed, 1);  // 10 of 11 is less than 95 %
  EXPECT_EQ(statistics.recovery_time(), milliseconds(1500));
}

TEST(RunStatistics, ABadEndIsNoRecovery) {
  RunStatistics statistics(plan);
  record(statistics, milliseconds(6100), Outcome::good, 10);
  record(statistics, milliseconds(8900), Outcome::failed, 10);
  EXPECT_EQ(statistics.recovery_time(), std::nullopt);
}

TEST(RunStatistics, FailuresBeforeTheLastPhaseDoNotCountForRecovery) {
  RunStatistics statistics(plan);
  record(statistics, milliseconds(5900), Outcome::failed, 100);
  record(statistics, milliseconds(6100), Outcome::good, 10);
  EXPECT_EQ(statistics.recovery_time(), Duration{});
}

RunStatistics overload_with(unsigned good, unsigned failed, unsigned good_checkouts,
                            unsigned failed_checkouts) {
  RunStatistics statistics(plan);
  record(statistics, seconds(3), Outcome::good, good);
  record(statistics, seconds(3), Outcome::failed, failed);
  record(statistics, seconds(3), Outcome::good, good_checkouts, RequestKind::checkout);
  record(statistics, seconds(3), Outcome::failed, failed_checkouts, RequestKind::checkout);
  return statistics;
}

TEST(Verdict, BetterNeedsAllThree) {
  const RunStatistics bare = overload_with(10, 80, 1, 9);
  EXPECT_TRUE(judge(bare, overload_with(45, 45, 10, 0)).better());
  const Verdict no_checkout = judge(bare, overload_with(45, 45, 8, 2));
  EXPECT_TRUE(no_checkout.success_higher);
  EXPECT_FALSE(no_checkout.critical_served);
  EXPECT_FALSE(no_checkout.better());
  EXPECT_FALSE(judge(bare, overload_with(3, 87, 10, 0)).success_higher);
}

TEST(Verdict, TwoDeadRunsAreNotBetter) {
  const RunStatistics dead = overload_with(0, 90, 0, 10);
  EXPECT_FALSE(judge(dead, dead).better());
  EXPECT_FALSE(judge(dead, dead).goodput_higher);
  EXPECT_NE(shortcomings(judge(dead, dead)), "");
}

TEST(Validity, IsLostInEitherRunWhenTheLoadWasSentLate) {
  RunStatistics punctual(plan), late(plan);
  punctual.note_lag(milliseconds(20));
  late.note_lag(milliseconds(900));
  late.note_lag(milliseconds(10));
  EXPECT_EQ(late.worst_lag(), milliseconds(900));
  EXPECT_EQ(invalid_because(punctual, punctual), "");
  EXPECT_NE(invalid_because(punctual, late), "");
  EXPECT_NE(invalid_because(late, punctual), "");
}

TEST(AgentUse, DividesByWhatWasMeasured) {
  const AgentUse use{2.0, 20.0, 40000, 0, 75, 25};
  EXPECT_DOUBLE_EQ(use.core_share(), 0.1);
  EXPECT_DOUBLE_EQ(use.microseconds_per_request(), 50);
  EXPECT_DOUBLE_EQ(use.hit_ratio().value_or(0), 0.75);
  EXPECT_EQ(AgentUse{}.hit_ratio(), std::nullopt);
  EXPECT_DOUBLE_EQ(AgentUse{}.microseconds_per_request(), 0);
}

TEST(ComparisonTable, ShowsBothRunsAndSurvivesEmptyOnes) {
  const RunResult bare{overload_with(10, 80, 1, 9), 12345, std::nullopt};
  const RunResult guarded{overload_with(45, 45, 10, 0), 6789,
                          AgentUse{2.0, 20.0, 40000, 0, 75, 25}};
  const std::string table = comparison_table(bare, guarded);
  for (const char* expected : {"12345", "6789", "11.0 %", "55.0 %", "75.0 %", "50 us"}) {
    EXPECT_NE(table.find(expected), std::string::npos) << expected << "\n" << table;
  }
  const RunResult empty{RunStatistics(plan), 0, std::nullopt};
  EXPECT_NE(comparison_table(empty, empty).find("none good"), std::string::npos);
}

}  // namespace
}  // namespace homeostat::demo
