#include "runtime/admin/cache_events.hpp"

#include <gtest/gtest.h>

namespace homeostat::admin {
namespace {

using Texts = std::vector<std::string>;

const CacheEvents books = {
    {"review.created",
     {"book:detail:{bookId}", "book:reviews:{bookId}:*", "tag:books", "event:stats.changed"}},
    {"stats.changed", {"user:stats:{userId}", "/api/v1/stats/{userId}", "tag:stats:{userId}"}},
    {"circle", {"event:other", "a"}},
    {"other", {"event:circle", "b"}},
};

TEST(CacheEvents, PutValuesIntoTagsPatternsAndKeysAndFollowCascades) {
  const auto expanded = expand_event(books, "review.created", {{"bookId", "42"}, {"userId", "7"}});
  EXPECT_TRUE(expanded.errors.empty());
  EXPECT_EQ(expanded.events, (Texts{"review.created", "stats.changed"}));
  EXPECT_EQ(expanded.purge.keys, (Texts{"book:detail:42", "user:stats:7"}));
  EXPECT_EQ(expanded.purge.patterns, (Texts{"book:reviews:42:*", "/api/v1/stats/7"}));
  EXPECT_EQ(expanded.purge.tags, (Texts{"books", "stats:7"}));
}

TEST(CacheEvents, CirclesEnd) {
  const auto expanded = expand_event(books, "circle", {});
  EXPECT_EQ(expanded.events, (Texts{"circle", "other"}));
  EXPECT_EQ(expanded.purge.keys, (Texts{"b", "a"}));
}

TEST(CacheEvents, EveryMissingValueIsNamedAndNothingIsDone) {
  const auto expanded = expand_event(books, "review.created", {});
  EXPECT_EQ(expanded.errors, (Texts{"bookId: the event needs a value for it",
                                    "userId: the event needs a value for it"}));
}

TEST(CacheEvents, AValueCannotTakeMoreThanItself) {
  for (const std::string value : {"*", "4*", "", "a\nb"}) {
    const auto expanded = expand_event(books, "stats.changed", {{"userId", value}});
    EXPECT_FALSE(expanded.errors.empty()) << value;
  }
  EXPECT_FALSE(
      expand_event(books, "stats.changed", {{"userId", std::string(257, 'x')}}).errors.empty());
}

}  // namespace
}  // namespace homeostat::admin
