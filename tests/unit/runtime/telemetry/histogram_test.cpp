#include "runtime/telemetry/histogram.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace homeostat::telemetry {
namespace {

struct Distribution {
  std::string name;
  std::function<double(std::mt19937_64&)> draw;  // nanoseconds
};

std::vector<Distribution> distributions() {
  return {
      {"uniform", [](auto& random) { return std::uniform_real_distribution(2e3, 5e9)(random); }},
      {"exponential",
       [](auto& random) { return 2e3 + std::exponential_distribution(1 / 20e6)(random); }},
      {"lognormal",
       [](auto& random) { return 2e3 + std::lognormal_distribution(15.0, 2.0)(random); }},
      {"pareto",
       [](auto& random) {
         return 5e4 / std::pow(1 - std::uniform_real_distribution(0.0, 1.0)(random), 1 / 1.1);
       }},
      {"bimodal",
       [](auto& random) {
         const bool slow = std::bernoulli_distribution(0.07)(random);
         return std::max(2e3, std::normal_distribution(slow ? 3e9 : 2e5, slow ? 2e8 : 2e4)(random));
       }},
      {"constant", [](auto&) { return 1.234567e6; }},
      {"whole range",
       [](auto& random) { return std::exp2(std::uniform_real_distribution(10.0, 41.9)(random)); }},
  };
}

double nearest_rank(const std::vector<std::uint64_t>& sorted, double quantile) {
  const auto rank =
      static_cast<std::size_t>(std::ceil(quantile * static_cast<double>(sorted.size())));
  return static_cast<double>(sorted[std::max<std::size_t>(rank, 1) - 1]) * 1e-9;
}

TEST(Histogram, KeepsEveryQuantileWithinTwoPercent) {
  for (const Distribution& distribution : distributions()) {
    for (const std::uint64_t seed : {1U, 2U, 3U, 4U, 5U}) {
      std::mt19937_64 random(seed);
      for (const std::size_t size : {1U, 7U, 100U, 20000U}) {
        HistogramCounts histogram;
        std::vector<std::uint64_t> values;
        for (std::size_t i = 0; i < size; ++i) {
          values.push_back(static_cast<std::uint64_t>(distribution.draw(random)));
          histogram.record(values.back());
        }
        std::sort(values.begin(), values.end());
        for (const double q : {0.0, 0.01, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0}) {
          const double exact = nearest_rank(values, q);
          ASSERT_NEAR(histogram.quantile(q), exact, 0.02 * exact)
              << distribution.name << " seed " << seed << " n " << size << " q " << q;
        }
      }
    }
  }
}

TEST(Histogram, BucketsTouchWithoutGapOrOverlap) {
  for (std::size_t i = 0; i + 1 < LatencyBuckets::count; ++i) {
    ASSERT_LT(LatencyBuckets::lower(i), LatencyBuckets::lower(i + 1));
    ASSERT_EQ(LatencyBuckets::index_of(LatencyBuckets::lower(i)), i);
    ASSERT_EQ(LatencyBuckets::index_of(LatencyBuckets::lower(i + 1) - 1), i);
  }
}

TEST(Histogram, CoversOneMicrosecondToAnHour) {
  EXPECT_EQ(LatencyBuckets::index_of(0), 0U);
  EXPECT_EQ(LatencyBuckets::index_of(1023), 0U);
  EXPECT_LT(LatencyBuckets::index_of(3600ULL * 1000000000ULL), LatencyBuckets::overflow);
  EXPECT_EQ(LatencyBuckets::index_of(~std::uint64_t{0}), LatencyBuckets::overflow);
  HistogramCounts histogram;
  histogram.record(~std::uint64_t{0});
  EXPECT_NEAR(histogram.quantile(0.5), 4398.0, 1.0);
}

TEST(Histogram, AnswersZeroWhenEmptyAndAfterClearing) {
  HistogramCounts histogram;
  EXPECT_EQ(histogram.quantile(0.99), 0.0);
  histogram.record(5000000);
  histogram.clear();
  EXPECT_EQ(histogram.total(), 0U);
  EXPECT_EQ(histogram.quantile(0.99), 0.0);
}

TEST(Histogram, MergingEqualsRecordingTogether) {
  std::mt19937_64 random(11);
  HistogramCounts left, right, both;
  for (int i = 0; i < 5000; ++i) {
    const auto value =
        static_cast<std::uint64_t>(std::exp2(std::uniform_real_distribution(5.0, 45.0)(random)));
    (i % 3 == 0 ? left : right).record(value);
    both.record(value);
  }
  left.merge(right);
  EXPECT_EQ(left.total(), both.total());
  for (std::size_t i = 0; i < LatencyBuckets::count; ++i) ASSERT_EQ(left.at(i), both.at(i));
}

TEST(Histogram, WorkersHistogramCountsEveryBucketOnce) {
  LatencyHistogram histogram;
  for (std::size_t i = 0; i < LatencyBuckets::count; ++i)
    histogram.record(LatencyBuckets::lower(i));
  std::uint64_t sum = 0;
  for (std::size_t b = 0; b < LatencyHistogram::blocks; ++b) {
    ASSERT_NE(histogram.block(b), nullptr);
    for (const auto& cell : *histogram.block(b)) {
      ASSERT_LE(cell.load(), 1U);
      sum += cell.load();
    }
  }
  EXPECT_EQ(sum, LatencyBuckets::count);
}

TEST(Histogram, AllocatesOnlyTheOctavesInUse) {
  LatencyHistogram histogram;
  histogram.record(2000000);
  histogram.record(2100000);
  std::size_t allocated = 0;
  for (std::size_t b = 0; b < LatencyHistogram::blocks; ++b)
    allocated += histogram.block(b) != nullptr;
  EXPECT_EQ(allocated, 1U);
}

TEST(SparseCounts, EqualsTheDenseHistogramAfterManyMerges) {
  std::mt19937_64 random(5);
  SparseCounts sparse;
  HistogramCounts dense;
  for (int round = 0; round < 200; ++round) {
    std::vector<BucketCount> delta;
    for (std::uint16_t bucket = 0; bucket < LatencyBuckets::count; ++bucket) {
      if (std::bernoulli_distribution(0.02)(random)) {
        delta.push_back({bucket, static_cast<std::uint32_t>(1 + random() % 9)});
        dense.add(bucket, delta.back().count);
      }
    }
    sparse.add(delta);
  }
  HistogramCounts expanded;
  sparse.add_to(expanded);
  EXPECT_EQ(expanded.total(), dense.total());
  for (std::size_t i = 0; i < LatencyBuckets::count; ++i) ASSERT_EQ(expanded.at(i), dense.at(i));
}

TEST(SparseCounts, SaturatesInsteadOfSpillingIntoTheNextBucket) {
  SparseCounts sparse;
  sparse.add({{7, SparseCounts::count_max}});
  sparse.add({{7, 10}, {8, 1}});
  HistogramCounts expanded;
  sparse.add_to(expanded);
  EXPECT_EQ(expanded.at(7), SparseCounts::count_max);
  EXPECT_EQ(expanded.at(8), 1U);
}

}  // namespace
}  // namespace homeostat::telemetry
