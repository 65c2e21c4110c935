// The byte bound holds whatever is stored, and what is given back is exact.
#include <random>

#include "cache_fixture.hpp"

namespace homeostat::cache {
namespace {

using testing::at;
using testing::fresh;
using testing::Harness;
using testing::TestRequest;

void expect_within_bound(const Harness& harness) {
  const CacheFigures figures = harness.cache.figures();
  ASSERT_LE(figures.bytes, figures.bytes_max);
}

TEST(Bounds, ManyTinyAndSomeLargeObjectsStayBelowTheBound) {
  config::CacheSettings settings = testing::small_settings();
  settings.memory = config::mebibyte;
  Harness harness(settings);
  std::mt19937_64 random(7);
  std::uniform_int_distribution<int> percent(0, 99);
  for (int i = 0; i < 8000; ++i) {
    TestRequest request = testing::at("/" + std::to_string(i));
    const int kind = percent(random);
    const std::size_t size = kind < 90 ? 1 : kind < 99 ? 5000 : 120000;
    testing::FieldList fields = fresh();
    if (kind % 5 == 0) {
      fields.emplace_back("Vary", "X-A");
      request.path = "/vary/" + std::to_string(i / 10);
      request.fields = {{"X-A", std::to_string(i)}};
    }
    harness.get(request, {200, fields, std::string(size, 'x')});
    expect_within_bound(harness);
  }
  EXPECT_GT(harness.cache.figures().evictions, 100U);
  EXPECT_GT(harness.cache.bytes(), settings.memory / 2);
  testing::flush(harness.cache);
  EXPECT_EQ(harness.cache.figures().entries, 0U);
  EXPECT_LT(harness.cache.bytes(), settings.memory / 12);  // only the policy's own tables
}

TEST(Bounds, OverheadOfTinyObjectsIsCounted) {
  Harness harness;
  harness.get({}, {200, fresh(), ""});
  // At least the entry and the object themselves.
  EXPECT_GT(harness.cache.bytes(), sizeof(Entry) + sizeof(Object));
}

TEST(Bounds, ShrinkEvictsAndGrowingBackAllowsMore) {
  Harness harness;
  const auto fill = [&](int count) {
    for (int i = 0; i < count; ++i) {
      TestRequest request = testing::at("/" + std::to_string(i));
      harness.get(request, {200, fresh(), std::string(4000, 'x')});
    }
  };
  fill(500);
  const std::size_t before = harness.cache.bytes();
  EXPECT_GT(harness.cache.shrink_to(0.25), 0U);
  EXPECT_LE(harness.cache.bytes(), config::mebibyte);
  EXPECT_EQ(harness.cache.figures().bytes_max, config::mebibyte);
  fill(500);
  EXPECT_LE(harness.cache.bytes(), config::mebibyte);
  EXPECT_EQ(harness.cache.shrink_to(1.0), 0U);
  fill(500);
  EXPECT_GT(harness.cache.bytes(), before / 2);
  harness.cache.shrink_to(0);
  EXPECT_EQ(harness.cache.figures().entries, 0U);
}

TEST(Bounds, ShrinkingALargeCacheIsDoneInBoundedCalls) {
  config::CacheSettings settings = testing::small_settings();
  settings.memory = 64 * config::mebibyte;
  Harness harness(settings);
  for (int i = 0; i < 20000; ++i) {
    TestRequest request = testing::at("/" + std::to_string(i));
    harness.get(request, {200, fresh(), "x"});
  }
  const std::size_t before = harness.cache.figures().entries;
  harness.cache.shrink_to(0);
  EXPECT_GT(harness.cache.figures().entries, 0U);
  EXPECT_LT(harness.cache.figures().entries, before);
  harness.cache.shrink_to(0);
  EXPECT_EQ(harness.cache.figures().entries, 0U);
}

TEST(Bounds, ShrinkingKeepsWhatIsUsedMost) {
  Harness harness;
  const auto at = [](int i) { return testing::at("/" + std::to_string(i)); };
  for (int i = 0; i < 400; ++i) harness.get(at(i), {200, fresh(), std::string(4000, 'x')});
  for (int round = 0; round < 5; ++round) {
    for (int i = 0; i < 40; ++i) EXPECT_EQ(harness.find(at(i)).kind, Lookup::Kind::hit);
  }
  harness.cache.shrink_to(0.2);
  int kept = 0;
  for (int i = 0; i < 40; ++i) kept += harness.find(at(i)).kind == Lookup::Kind::hit ? 1 : 0;
  EXPECT_EQ(kept, 40);
}

TEST(Bounds, ExpiredObjectsGoBeforeLiveOnes) {
  config::CacheSettings settings = testing::small_settings();
  settings.memory = config::mebibyte;
  settings.stale_if_unreachable = std::chrono::seconds(0);  // of no use once expired
  Harness harness(settings);
  const std::string body(20000, 'x');
  for (int i = 0; i < 20; ++i) {
    harness.get(at("/short/" + std::to_string(i)), {200, fresh(5), body});
    harness.find(at("/short/" + std::to_string(i)));  // even if they were liked
  }
  for (int i = 0; i < 20; ++i)
    harness.get(at("/long/" + std::to_string(i)), {200, fresh(900), body});
  harness.clock.advance(std::chrono::seconds(10));
  for (int i = 0; i < 20; ++i)
    harness.get(at("/new/" + std::to_string(i)), {200, fresh(900), body});
  EXPECT_EQ(harness.cache.figures().evictions, 0U);
  EXPECT_GT(harness.cache.figures().expirations, 5U);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(harness.find(at("/long/" + std::to_string(i))).kind, Lookup::Kind::hit);
  }
}

TEST(Bounds, EvictedObjectStaysAliveForWhoSendsIt) {
  Harness harness;
  harness.get({}, {200, fresh(), "held"});
  const ObjectPtr held = harness.find({}).object;
  testing::flush(harness.cache);
  EXPECT_EQ(harness.find({}).kind, Lookup::Kind::miss);
  EXPECT_EQ(testing::body_of(*held), "held");
}

TEST(Bounds, HitForMissMarksAreBounded) {
  config::CacheSettings settings = testing::small_settings();
  settings.negative_entries_max = 64;
  Harness harness(settings);
  for (int i = 0; i < 5000; ++i) {
    TestRequest request = testing::at("/" + std::to_string(i));
    harness.get(request, {200, {}});
  }
  int remembered = 0;
  for (int i = 0; i < 5000; ++i) {
    TestRequest request = testing::at("/" + std::to_string(i));
    remembered += harness.begin(request).kind == FillStart::Kind::pass ? 1 : 0;
  }
  EXPECT_GT(remembered, 30);
  EXPECT_LE(remembered, 64);
}

}  // namespace
}  // namespace homeostat::cache
