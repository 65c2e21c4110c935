// Hit ratios on seeded workloads, against a plain byte-bounded LRU.
#include "runtime/cache/eviction_policy.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <list>
#include <memory>
#include <random>
#include <unordered_map>
#include <vector>

namespace homeostat::cache {
namespace {

constexpr Instant start{std::chrono::hours(1)};

struct Access {
  std::uint64_t key;
  std::size_t size;
};

std::size_t size_of(std::uint64_t key, bool mixed) {
  if (!mixed) return 1000;
  // Log-uniform 200 B .. 200 KB, by key.
  const double unit = static_cast<double>((key * 0x9E3779B97F4A7C15U) >> 40U) / double(1 << 24);
  return static_cast<std::size_t>(200 * std::pow(1000.0, unit));
}

/// Zipf(0.9) over `keys`, with scans of never-repeated keys in between.
std::vector<Access> workload(std::size_t count, std::size_t keys, bool scans, bool mixed,
                             std::uint64_t seed) {
  std::vector<double> cumulative(keys);
  double sum = 0;
  for (std::size_t i = 0; i < keys; ++i) {
    sum += 1 / std::pow(static_cast<double>(i + 1), 0.9);
    cumulative[i] = sum;
  }
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> uniform(0, 1);
  std::vector<Access> accesses;
  std::uint64_t next_scan = 1U << 30U;
  while (accesses.size() < count) {
    const bool scanning = scans && (accesses.size() / 20000) % 2 == 1;
    if (scanning && uniform(random) < 0.5) {
      ++next_scan;
      accesses.push_back({next_scan, size_of(next_scan, mixed)});
      continue;
    }
    const auto rank = std::lower_bound(cumulative.begin(), cumulative.end(), uniform(random) * sum);
    const auto key = static_cast<std::uint64_t>(rank - cumulative.begin());
    accesses.push_back({key, size_of(key, mixed)});
  }
  return accesses;
}

double lru_hit_ratio(const std::vector<Access>& accesses, std::size_t bound) {
  std::list<Access> order;
  std::unordered_map<std::uint64_t, std::list<Access>::iterator> index;
  std::size_t used = 0, hits = 0;
  for (const Access& access : accesses) {
    if (const auto found = index.find(access.key); found != index.end()) {
      ++hits;
      order.splice(order.begin(), order, found->second);
      continue;
    }
    if (access.size > bound) continue;
    while (used + access.size > bound) {
      used -= order.back().size;
      index.erase(order.back().key);
      order.pop_back();
    }
    order.push_front(access);
    index[access.key] = order.begin();
    used += access.size;
  }
  return static_cast<double>(hits) / static_cast<double>(accesses.size());
}

double policy_hit_ratio(const std::vector<Access>& accesses, std::size_t bound) {
  EvictionPolicy policy;
  EvictionPolicy::Victims victims;
  std::unordered_map<std::uint64_t, std::unique_ptr<PolicyItem>> stored;
  std::unordered_map<const PolicyItem*, std::uint64_t> keys;
  std::size_t hits = 0;
  Instant now = start;
  for (const Access& access : accesses) {
    now += std::chrono::milliseconds(1);
    if (const auto found = stored.find(access.key); found != stored.end()) {
      ++hits;
      found->second->touch();
      continue;
    }
    auto item = std::make_unique<PolicyItem>();
    item->hash = access.key * 0xD6E8FEB86659FD93U;
    item->weight = access.size;
    item->expires = now + std::chrono::hours(24);
    policy.record_miss(item->hash);
    if (policy.admit(*item, now, bound, victims)) {
      keys[item.get()] = access.key;
      stored[access.key] = std::move(item);
    }
    for (const PolicyItem* victim : victims) {
      const std::uint64_t key = keys.at(victim);
      keys.erase(victim);
      stored.erase(key);
    }
    victims.clear();
    EXPECT_LE(policy.used(), bound);
    EXPECT_EQ(policy.size(), stored.size());
  }
  return static_cast<double>(hits) / static_cast<double>(accesses.size());
}

TEST(EvictionPolicy, BeatsLruUnderZipfWithScans) {
  const auto accesses = workload(120000, 20000, true, false, 1);
  const double lru = lru_hit_ratio(accesses, 1000000);
  const double own = policy_hit_ratio(accesses, 1000000);
  RecordProperty("lru", std::to_string(lru));
  RecordProperty("own", std::to_string(own));
  EXPECT_GT(own, lru + 0.05) << "lru " << lru;
}

TEST(EvictionPolicy, BeatsLruOnMixedSizes) {
  const auto accesses = workload(120000, 20000, true, true, 2);
  const double lru = lru_hit_ratio(accesses, 20000000);
  const double own = policy_hit_ratio(accesses, 20000000);
  RecordProperty("lru", std::to_string(lru));
  RecordProperty("own", std::to_string(own));
  EXPECT_GT(own, lru + 0.15) << "lru " << lru;
}

TEST(EvictionPolicy, IsNotWorseThanLruWithoutScans) {
  const auto accesses = workload(120000, 20000, false, false, 3);
  EXPECT_GT(policy_hit_ratio(accesses, 1000000), lru_hit_ratio(accesses, 1000000));
}

TEST(EvictionPolicy, DeclinesWhatIsLargerThanEverything) {
  EvictionPolicy policy;
  EvictionPolicy::Victims victims;
  PolicyItem item;
  item.weight = 100001;
  item.expires = start + std::chrono::hours(1);
  EXPECT_FALSE(policy.admit(item, start, 100000, victims));
}

TEST(EvictionPolicy, OneTimerIsDeclinedWhereEverythingWasAskedForOften) {
  EvictionPolicy policy;
  EvictionPolicy::Victims victims;
  std::vector<std::unique_ptr<PolicyItem>> items;
  const auto offer = [&](std::uint64_t hash, unsigned requests) {
    items.push_back(std::make_unique<PolicyItem>());
    PolicyItem& item = *items.back();
    item.hash = hash * 0x9E3779B97F4A7C15U;
    item.weight = 1000;
    item.expires = start + std::chrono::hours(1);
    for (unsigned i = 0; i < requests; ++i) policy.record_miss(item.hash);
    return policy.admit(item, start, policy.used() + 500, victims);
  };
  const std::size_t bound = policy.used() + 60000;  // objects and their places
  for (std::uint64_t i = 1; i <= 50; ++i) {
    items.push_back(std::make_unique<PolicyItem>());
    PolicyItem& item = *items.back();
    item.hash = i * 0x9E3779B97F4A7C15U;
    item.weight = 1000;
    item.expires = start + std::chrono::hours(1);
    for (int k = 0; k < 8; ++k) policy.record_miss(item.hash);
    ASSERT_TRUE(policy.admit(item, start, bound, victims));
  }
  EXPECT_FALSE(offer(1000, 1));
  EXPECT_TRUE(victims.empty());
  EXPECT_TRUE(offer(1001, 15));
  EXPECT_FALSE(victims.empty());
}

TEST(EvictionPolicy, RemovalGivesBackExactlyTheWeight) {
  EvictionPolicy policy;
  EvictionPolicy::Victims victims;
  std::vector<std::unique_ptr<PolicyItem>> items;
  for (std::uint64_t i = 0; i < 40; ++i) {
    items.push_back(std::make_unique<PolicyItem>());
    items.back()->hash = i;
    items.back()->weight = 100 + i;
    items.back()->expires = start + std::chrono::seconds(i);
    ASSERT_TRUE(policy.admit(*items.back(), start - std::chrono::hours(1), 1000000, victims));
  }
  policy.change_weight(*items[3], 5000);
  EXPECT_EQ(policy.expire(start + std::chrono::seconds(9), 100, victims),
            10 * 100 + 45 - 103 + 5000U);
  EXPECT_EQ(victims.size(), 10U);
  for (const auto& item : items) policy.remove(*item);  // no harm for those already gone
  EXPECT_EQ(policy.used(), policy.table_bytes());
}

TEST(EvictionPolicy, ShrinksInSlicesAndSaysWhenItIsDone) {
  EvictionPolicy policy;
  EvictionPolicy::Victims victims;
  std::vector<std::unique_ptr<PolicyItem>> items;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    items.push_back(std::make_unique<PolicyItem>());
    items.back()->hash = i * 0x9E3779B97F4A7C15U;
    items.back()->weight = 1000;
    items.back()->expires = start + std::chrono::hours(1);
    ASSERT_TRUE(policy.admit(*items.back(), start, 10000000, victims));
  }
  const std::size_t bound = policy.used() - 500000;
  std::size_t calls = 1;
  for (; !policy.shrink(start, bound, 100, victims); ++calls) {
    EXPECT_EQ(victims.size(), 100 * calls);
  }
  EXPECT_GE(calls, 5U);
  EXPECT_LE(policy.used(), bound);
  EXPECT_EQ(policy.size() + victims.size(), 1000U);
}

TEST(EvictionPolicy, AStoreHelpsToReachALoweredBoundWithinItsWalk) {
  EvictionPolicy policy;
  EvictionPolicy::Victims victims;
  std::vector<std::unique_ptr<PolicyItem>> items;
  const auto offer = [&](std::size_t bound) {
    items.push_back(std::make_unique<PolicyItem>());
    items.back()->hash = items.size() * 0x9E3779B97F4A7C15U;
    items.back()->weight = 1000;
    items.back()->expires = start + std::chrono::hours(1);
    return policy.admit(*items.back(), start, bound, victims);
  };
  while (items.size() < 4 * EvictionPolicy::walk_max) ASSERT_TRUE(offer(100000000));
  EXPECT_FALSE(offer(200000));
  EXPECT_EQ(victims.size(), EvictionPolicy::walk_max);
}

TEST(EvictionPolicy, LearnsThatALoopIsBetterKeptInPart) {
  // 150 objects in turn, room for 100: whoever yields to the newcomer has no hit.
  std::vector<Access> loop;
  for (std::uint64_t i = 0; i < 60000; ++i) loop.push_back({i % 150, 4000});
  const std::size_t room = 100 * 4000 + 60000;
  EXPECT_EQ(lru_hit_ratio(loop, room), 0);
  EXPECT_GT(policy_hit_ratio(loop, room), 0.3);
}

TEST(FrequencySketch, RemembersHalvesAndKeepsEstimatesWhenGrowing) {
  FrequencySketch sketch;
  for (int i = 0; i < 9; ++i) sketch.add(12345);
  EXPECT_EQ(sketch.estimate(12345), 9U);
  sketch.add(777, 400);
  EXPECT_EQ(sketch.estimate(777), FrequencySketch::count_max);
  const std::size_t before = sketch.memory();
  sketch.fit(1000, 1 << 20);
  EXPECT_GT(sketch.memory(), before);
  EXPECT_EQ(sketch.estimate(12345), 9U);
  sketch.fit(1000000, 1 << 16);
  EXPECT_LE(sketch.memory(), 1U << 16U);
}

TEST(FrequencySketch, KeepsEstimatesWhileItGrowsInSteps) {
  FrequencySketch sketch;
  const auto hash = [](std::uint64_t i) { return (i + 1) * 0xD6E8FEB86659FD93U; };
  for (std::size_t objects = 1000; objects <= 64000; objects *= 2) sketch.fit(objects, 1U << 24U);
  for (std::uint64_t i = 0; i < 200; ++i) sketch.add(hash(i), 7);
  for (std::uint64_t i = 1000; i < 9000; ++i) {
    sketch.fit(64000, 1U << 24U);
    sketch.add(hash(i));
    ASSERT_GE(sketch.estimate(hash(i % 200)), 7U) << i;
  }
  EXPECT_GE(sketch.memory(), 4U * 64000 * 8);
}

TEST(FrequencySketch, ForgetsByHalving) {
  FrequencySketch sketch;
  sketch.add(12345, 9);
  for (int i = 0; i < 7000; ++i) sketch.add(777);
  EXPECT_EQ(sketch.estimate(12345), 4U);
}

}  // namespace
}  // namespace homeostat::cache
