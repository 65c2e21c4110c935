#include "runtime/tier/data_store.hpp"

#include <gtest/gtest.h>

namespace homeostat::tier {
namespace {

using namespace std::chrono_literals;

constexpr Instant now{1h};

DataStore::Value value_of(std::string bytes, std::vector<std::string> tags = {},
                          Duration ttl = 1min) {
  return {std::move(bytes), std::move(tags), now + ttl};
}

TEST(DataStore, KeepsAValueForItsLifetime) {
  DataStore store(1 << 20);
  ASSERT_TRUE(store.set("a", value_of("1", {"t"}, 10s), now));
  const auto found = store.get("a", now + 9s);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->bytes, "1");
  EXPECT_EQ(found->tags, std::vector<std::string>{"t"});
  EXPECT_FALSE(store.get("a", now + 10s));
  EXPECT_EQ(store.figures().entries, 0U);
  EXPECT_EQ(store.figures().bytes, 0U);
}

TEST(DataStore, ReplacesAndErases) {
  DataStore store(1 << 20);
  store.set("a", value_of("1"), now);
  store.set("a", value_of("2"), now);
  EXPECT_EQ(store.get("a", now)->bytes, "2");
  EXPECT_EQ(store.figures().entries, 1U);
  EXPECT_TRUE(store.erase("a"));
  EXPECT_FALSE(store.erase("a"));
  EXPECT_FALSE(store.get("a", now));
}

TEST(DataStore, DropsTheLeastRecentlyUsedFirstAndNeverHoldsMoreThanItMay) {
  DataStore store(8192);
  for (int i = 0; i < 100; ++i) {
    store.set("k" + std::to_string(i), value_of(std::string(200, 'x')), now);
    EXPECT_TRUE(store.get("k0", now)) << "used all the time";
    EXPECT_LE(store.figures().bytes, 8192U);
  }
  EXPECT_FALSE(store.get("k1", now));
  EXPECT_TRUE(store.get("k99", now));
  EXPECT_GT(store.figures().evictions, 0U);
}

TEST(DataStore, RefusesWhatIsTooLargeAndForgetsWhatWasThere) {
  DataStore store(8192);
  ASSERT_TRUE(store.set("a", value_of("old"), now));
  EXPECT_FALSE(store.set("a", value_of(std::string(4096, 'x')), now));
  EXPECT_FALSE(store.get("a", now)) << "the old one is out of date";
  EXPECT_FALSE(DataStore(0).set("a", value_of("1"), now));
}

TEST(DataStore, PurgesByTagPatternAndKeyAndCountsEachOnce) {
  DataStore store(1 << 20);
  store.set("book:1", value_of("x", {"books"}), now);
  store.set("book:2", value_of("x", {"books", "new"}), now);
  store.set("user:1", value_of("x"), now);
  store.set("user:2", value_of("x"), now);
  store.set("other", value_of("x"), now);
  PurgeRequest request;
  request.tags = {"books"};
  request.patterns = {"book:*", "user:*"};
  request.keys = {"user:1", "other", "absent"};
  const PurgeResult result = store.purge(request);
  EXPECT_EQ(result.by_tags, 2U);
  EXPECT_EQ(result.by_patterns, 2U);
  EXPECT_EQ(result.by_keys, 1U);
  EXPECT_EQ(store.figures().entries, 0U);
  store.set("a", value_of("x"), now);
  PurgeRequest everything;
  everything.patterns = {"*"};
  EXPECT_EQ(store.purge(everything).entries(), 1U);
}

TEST(DataStore, TellsReadersOfOtherPlacesThatTheyAreLate) {
  DataStore store(1 << 20);
  const auto before = store.generation();
  static_cast<void>(store.get("a", now));
  EXPECT_EQ(store.generation(), before);
  store.erase("a");
  EXPECT_NE(store.generation(), before);
}

}  // namespace
}  // namespace homeostat::tier
