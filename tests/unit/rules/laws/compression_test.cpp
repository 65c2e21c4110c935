#include "rules/laws/compression.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace homeostat::rules {
namespace {

using namespace std::chrono_literals;
using Instant = CompressionHeadroom::Instant;

constexpr std::array<Coding, 3> preference = {Coding::zstd, Coding::brotli, Coding::gzip};
constexpr CodingSet all{Coding::gzip, Coding::brotli, Coding::zstd};

CompressionQuestion question(double uses, double headroom = 1, double bytes = 100'000) {
  CompressionQuestion question;
  question.allowed = all;
  question.bytes = bytes;
  question.uses = uses;
  question.headroom = headroom;
  question.preference = preference;
  return question;
}

CompressionChoice choose(const CompressionQuestion& question,
                         CompressionUse use = CompressionUse::stored) {
  return choose_compression(standard_costs(use), question);
}

double ratio_of(const CompressionChoice& choice, CompressionUse use = CompressionUse::stored) {
  return standard_costs(use)[index_of(choice.coding)][static_cast<std::size_t>(choice.effort - 1)]
      .ratio;
}

TEST(ChooseCompression, IsArithmetic) {
  CodingCosts costs{};
  for (auto& row : costs) row.fill({1e9, 1});
  costs[index_of(Coding::gzip)][2] = {10, 0.5};
  costs[index_of(Coding::gzip)][6] = {100, 0.25};
  CompressionQuestion asked = question(1, 1, 1000);
  const CompressionBounds bounds{.byte_worth_ns = 100, .job_ns = 1000};
  // Effort 3: 1000 x 0.5 x 100 - (1000 x 10 + 1000); effort 7: 75 000 - 101 000.
  CompressionChoice choice = choose_compression(costs, asked, bounds);
  EXPECT_EQ(choice.coding, Coding::gzip);
  EXPECT_EQ(choice.effort, 3);
  EXPECT_DOUBLE_EQ(choice.gain_ns, 39'000);
  asked.uses = 5;  // 239 000 against 274 000
  choice = choose_compression(costs, asked, bounds);
  EXPECT_EQ(choice.effort, 7);
  EXPECT_DOUBLE_EQ(choice.gain_ns, 274'000);
  asked.headroom = 0.5;  // 114 000 against 86 500
  EXPECT_EQ(choose_compression(costs, asked, bounds).effort, 3);
}

TEST(ChooseCompression, GivesNothingWithoutHeadroomCodingsOrBytes) {
  EXPECT_TRUE(choose(question(1000, 0)).none());
  EXPECT_TRUE(choose(question(1000, std::nan(""))).none());
  EXPECT_TRUE(choose(question(1, 1, 100)).none()) << "less to gain than a job costs";
  CompressionQuestion nothing = question(1000);
  nothing.allowed = {};
  EXPECT_TRUE(choose(nothing).none());
}

TEST(ChooseCompression, EarnsMoreEffortWithDemandAndLessWithLoad) {
  double before = 1;
  for (const double uses : {1.0, 30.0, 3'000.0, 1'000'000.0}) {
    const double ratio = ratio_of(choose(question(uses)));
    EXPECT_LE(ratio, before);
    before = ratio;
  }
  EXPECT_GT(ratio_of(choose(question(30, 0.25))), ratio_of(choose(question(30, 1))));
}

TEST(ChooseCompression, TakesACheapEffortForStreams) {
  const CompressionChoice choice = choose(question(1), CompressionUse::streamed);
  const CodingCost& cost =
      standard_costs(CompressionUse::streamed)[index_of(choice.coding)]
                                              [static_cast<std::size_t>(choice.effort - 1)];
  EXPECT_FALSE(choice.none());
  EXPECT_LE(cost.ns_per_byte, 10);
}

TEST(ChooseCompression, NeedsLessThanFiftyMillisecondsForAHundredKilobytesAtFirst) {
  const CompressionChoice choice = choose(question(uses_max));
  const CodingCost& cost = standard_costs(
      CompressionUse::stored)[index_of(choice.coding)][static_cast<std::size_t>(choice.effort - 1)];
  EXPECT_LT(cost.ns_per_byte * 100'000, 50e6);
}

TEST(ChooseCompression, GivesAHotObjectTheBestRatioWhenItIsRebuilt) {
  CompressionQuestion hot = question(uses_max);
  const CompressionChoice first = choose(hot);
  hot.rebuild = true;
  hot.ratio_now = ratio_of(first);
  const CompressionChoice second = choose(hot);
  ASSERT_FALSE(second.none());
  EXPECT_LT(ratio_of(second), ratio_of(first));
  hot.ratio_now = ratio_of(second);
  EXPECT_TRUE(choose(hot).none()) << "and then stays";
}

TEST(ChooseCompression, DoesNotRebuildForAGainThatNoiseCouldMake) {
  CompressionQuestion warm = question(20);
  const CompressionChoice first = choose(warm);
  warm.rebuild = true;
  warm.ratio_now = ratio_of(first) * 1.02;
  EXPECT_TRUE(choose(warm).none());
}

TEST(ChooseCompression, BoundsTheTimeOfARebuild) {
  CompressionQuestion huge = question(uses_max, 1, 1e9);
  huge.rebuild = true;
  huge.ratio_now = 0.2;
  const CompressionChoice choice = choose(huge);
  EXPECT_TRUE(choice.none() || choice.effort < effort_max);
}

TEST(ChooseCompression, ScalesWhatItExpectsByHowTheBodyHasCompressedSoFar) {
  CompressionQuestion hard = question(3'000);
  hard.rebuild = true;
  hard.ratio_now = 0.8;
  hard.ratio_scale = 0.8 / ratio_of(choose(question(4)));
  const CompressionChoice scaled = choose(hard);
  hard.ratio_scale = 1;  // as if it could still become a tenth
  EXPECT_LT(scaled.gain_ns, choose(hard).gain_ns);
}

TEST(ChooseCompression, LeavesNearTiesToThePreference) {
  CodingCosts costs{};
  for (const Coding coding : encoded_codings) costs[index_of(coding)].fill({10, 0.2});
  costs[index_of(Coding::gzip)][0] = {10, 0.19};
  EXPECT_EQ(choose_compression(costs, question(1000)).coding, Coding::zstd);
  costs[index_of(Coding::gzip)][0] = {10, 0.1};
  EXPECT_EQ(choose_compression(costs, question(1000)).coding, Coding::gzip);
}

TEST(ExpectedUses, ProjectsTheRateOverTheRestOfTheLife) {
  EXPECT_DOUBLE_EQ(expected_uses(600, 60s, 120s), 1200);
  EXPECT_DOUBLE_EQ(expected_uses(0, 60s, 120s), uses_prior);
  EXPECT_DOUBLE_EQ(expected_uses(1000, 60s, 0s), uses_prior);
  EXPECT_DOUBLE_EQ(expected_uses(64, 1ms, 10s), 640) << "a moment is no rate";
  EXPECT_DOUBLE_EQ(expected_uses(1e9, 1s, 1h), uses_max);
}

TEST(Headroom, FallsAtOnceAndRisesAStepAtATime) {
  CompressionHeadroom headroom;
  Instant now{};
  EXPECT_DOUBLE_EQ(headroom.current(), headroom_unknown);
  EXPECT_DOUBLE_EQ(headroom.update(now, 0.95), 0);
  EXPECT_DOUBLE_EQ(headroom.update(now += 1s, 0.1), 0);
  EXPECT_DOUBLE_EQ(headroom.update(now += 4s, 0.1), 0);
  EXPECT_DOUBLE_EQ(headroom.update(now += 1s, 0.1), 0.25);
  EXPECT_DOUBLE_EQ(headroom.update(now += 4s, 0.1), 0.25);
  EXPECT_DOUBLE_EQ(headroom.update(now += 1s, 0.1), 0.5);
  EXPECT_DOUBLE_EQ(headroom.update(now += 1s, 0.75), 0.25);
}

TEST(Headroom, DoesNotFlapAtTheEdgeOfAStep) {
  CompressionHeadroom headroom;
  Instant now{};
  headroom.update(now, 0.71);
  ASSERT_DOUBLE_EQ(headroom.current(), 0.25);
  for (int i = 0; i < 100; ++i) {
    headroom.update(now += 1s, i % 2 == 0 ? 0.69 : 0.71);
    EXPECT_DOUBLE_EQ(headroom.current(), 0.25);
  }
  for (int i = 0; i < 10; ++i) headroom.update(now += 1s, 0.68);  // still within the margin
  EXPECT_DOUBLE_EQ(headroom.current(), 0.25);
  for (int i = 0; i < 10; ++i) headroom.update(now += 1s, 0.66);
  EXPECT_DOUBLE_EQ(headroom.current(), 0.5);
}

TEST(Headroom, IsHalfWhileTheCpuIsUnknown) {
  CompressionHeadroom headroom;
  headroom.update({}, 0.99);
  EXPECT_DOUBLE_EQ(headroom.update({}, std::nullopt), headroom_unknown);
  EXPECT_DOUBLE_EQ(headroom.update({}, std::numeric_limits<double>::quiet_NaN()), headroom_unknown);
}

}  // namespace
}  // namespace homeostat::rules
