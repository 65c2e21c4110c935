#include "runtime/gate/bucket_table.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <thread>
#include <vector>

namespace homeostat::gate {
namespace {

using std::chrono::seconds;

const Instant start{std::chrono::hours(10)};

bool take(BucketTable& table, std::uint64_t key, const rules::RequestRate& rate,
          Instant now = start) {
  return table.take(key, rate, now).allowed;
}

TEST(BucketTable, EachKeyHasItsOwnBucket) {
  BucketTable table(64);
  const auto rate = rules::request_rate(1, seconds(1), 2);
  EXPECT_TRUE(take(table, 1, rate));
  EXPECT_TRUE(take(table, 1, rate));
  EXPECT_FALSE(take(table, 1, rate));
  EXPECT_TRUE(take(table, 2, rate));
  EXPECT_TRUE(take(table, 1, rate, start + seconds(1)));
}

TEST(BucketTable, WhatOthersUsedIsMissingHere) {
  BucketTable table(64);
  const auto rate = rules::request_rate(1, seconds(1), 3);
  EXPECT_TRUE(take(table, 1, rate));
  table.raise(1, seconds(3), start);
  EXPECT_FALSE(take(table, 1, rate));
  EXPECT_TRUE(take(table, 1, rate, start + seconds(1)));
  table.raise(1, seconds(1), start + seconds(1));
  EXPECT_FALSE(take(table, 1, rate, start + seconds(1))) << "raised, never lowered";
  table.raise(2, seconds(3), start);
  EXPECT_FALSE(take(table, 2, rate)) << "also one that this agent has not met";
  EXPECT_TRUE(take(table, 3, rate));
}

TEST(BucketTable, WhatIsGivenBackCanBeTakenAgain) {
  BucketTable table(64);
  const auto rate = rules::request_rate(1, seconds(1), 1);
  EXPECT_TRUE(take(table, 7, rate));
  table.give_back(7, rate);
  EXPECT_TRUE(take(table, 7, rate));
  EXPECT_FALSE(take(table, 7, rate));
}

TEST(BucketTable, AFloodOfNewKeysResetsNobody) {
  BucketTable table(256);
  const auto rate = rules::request_rate(1, seconds(3600), 1);
  std::mt19937_64 random(3);
  std::vector<std::uint64_t> known;
  for (int i = 0; i < 32; ++i) {
    known.push_back(random());
    ASSERT_TRUE(take(table, known.back(), rate));
  }
  ASSERT_EQ(table.crowded(), 0U);
  for (int i = 0; i < 100'000; ++i) (void)take(table, random(), rate, start + seconds(1));
  for (const std::uint64_t key : known) {
    EXPECT_FALSE(take(table, key, rate, start + seconds(2))) << "used its hour's request already";
  }
}

TEST(BucketTable, StrangersWithoutAPlaceShareOneRateInsteadOfHavingNone) {
  BucketTable table(8);  // one set: eight places and a spare bucket
  const auto rate = rules::request_rate(1, seconds(3600), 1);
  int through = 0;
  for (std::uint64_t key = 1; key <= 1000; ++key) through += take(table, key, rate) ? 1 : 0;
  EXPECT_EQ(through, 9);
  EXPECT_EQ(table.crowded(), 992U);
}

TEST(BucketTable, StrangersOfAFastLimitDoNotWaitForThoseOfASlowOne) {
  BucketTable table(8);
  const auto slow = rules::request_rate(10, seconds(3600), 10);
  const auto fast = rules::request_rate(50, seconds(1), 100);
  for (std::uint64_t key = 1; key <= 100; ++key) {
    while (take(table, key, slow)) {
    }
  }
  int through = 0;
  for (std::uint64_t key = 1001; key <= 2000; ++key) through += take(table, key, fast) ? 1 : 0;
  EXPECT_EQ(through, 100) << "their common burst";
  EXPECT_TRUE(take(table, 2001, fast, start + seconds(1)));
  EXPECT_FALSE(take(table, 101, slow, start + seconds(1)))
      << "nor does one make room for the other";
}

TEST(BucketTable, StrangersOfDifferentLimitsNeverGetMoreThanTheLimitsAllow) {
  std::mt19937_64 random(5);
  for (int round = 0; round < 50; ++round) {
    BucketTable table(8);
    std::vector<rules::RequestRate> rates;
    for (int limit = 0; limit < 4; ++limit) {
      rates.push_back(rules::request_rate(1 + static_cast<double>(random() % 1000),
                                          seconds(1 + random() % 100),
                                          static_cast<std::int64_t>(1 + random() % 50)));
    }
    for (std::uint64_t key = 1; key <= 8; ++key) {  // takes all the places
      (void)take(table, key, rules::request_rate(1, std::chrono::hours(1000), 1));
    }
    std::vector<std::int64_t> through(rates.size(), 0);
    Instant now = start;
    for (int i = 0; i < 5000; ++i) {
      now += std::chrono::microseconds(random() % 5000);
      const std::size_t limit = random() % rates.size();
      if (take(table, 100 + random() % 1000, rates[limit], now)) ++through[limit];
    }
    for (std::size_t limit = 0; limit < rates.size(); ++limit) {
      const auto refilled = (now - start) / rates[limit].interval;
      EXPECT_LE(through[limit], rates[limit].burst + refilled + 1);
    }
  }
}

TEST(BucketTable, APlaceIsFreeAgainOnceItsBucketIsFull) {
  BucketTable table(8);
  const auto rate = rules::request_rate(1, seconds(1), 1);
  for (std::uint64_t key = 1; key <= 8; ++key) (void)take(table, key, rate);
  const std::uint64_t crowded = table.crowded();
  for (std::uint64_t key = 101; key <= 107; ++key) {
    EXPECT_TRUE(take(table, key, rate, start + seconds(2)));
  }
  EXPECT_EQ(table.crowded(), crowded);
}

TEST(BucketTable, KeyZeroIsAKeyLikeAnyOther) {
  BucketTable table(64);
  const auto rate = rules::request_rate(1, seconds(1), 1);
  EXPECT_TRUE(take(table, 0, rate));
  EXPECT_FALSE(take(table, 0, rate));
}

TEST(BucketTable, ThreadsNeverTakeMoreThanABucketHolds) {
  BucketTable table(4096);
  const auto rate = rules::request_rate(1, seconds(3600), 100);
  constexpr std::uint64_t keys = 50;
  // A place for each key before the race: two threads that meet a new key at
  // once may give it two.
  for (std::uint64_t key = 1; key <= keys; ++key) {
    (void)take(table, key * 0x9E3779B97F4A7C15U, rate);
  }
  std::atomic<std::uint64_t> through{0};
  std::vector<std::thread> threads;
  for (unsigned index = 0; index < 4; ++index) {
    threads.emplace_back([&, index] {
      std::minstd_rand random(index + 1);
      for (int i = 0; i < 20'000; ++i) {
        const std::uint64_t key = 1 + random() % keys;
        if (take(table, key * 0x9E3779B97F4A7C15U, rate)) ++through;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(through, keys * 99);
}

}  // namespace
}  // namespace homeostat::gate
