#include "runtime/telemetry/endpoint_table.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "runtime/telemetry/request_hash.hpp"

namespace homeostat::telemetry {
namespace {

config::EndpointSettings settings(std::size_t max, std::vector<std::string> routes = {}) {
  config::EndpointSettings result;
  result.max = max;
  result.routes = std::move(routes);
  return result;
}

std::string route_of(EndpointTable& table, const std::string& target) {
  return table.name(table.learn("GET", target)).route;
}

/// Words that no templating rule takes for an identifier.
std::string word(std::size_t i) {
  std::string text = "w";
  for (std::size_t n = i;; n /= 16) {
    text += static_cast<char>('g' + n % 16);
    if (n < 16) return text;
  }
}

TEST(EndpointTable, GivesOneIdPerMethodAndTemplate) {
  EndpointTable table(settings(10));
  const EndpointId first = table.learn("GET", "/book/1");
  EXPECT_NE(first, other_endpoint);
  EXPECT_EQ(table.learn("GET", "/book/2?x=1"), first);
  EXPECT_NE(table.learn("POST", "/book/2"), first);
  EXPECT_EQ(table.find("GET", "/book/77"), first);
  EXPECT_EQ(table.find("GET", "/unknown"), other_endpoint);
  EXPECT_EQ(table.name(first).method, "GET");
  EXPECT_EQ(table.name(first).route, "/book/{id}");
  EXPECT_EQ(table.live_count(), 2U);
}

TEST(EndpointTable, SharesOneMethodNameAmongUnknownMethods) {
  EndpointTable table(settings(10));
  const EndpointId id = table.learn("BREW", "/pot");
  EXPECT_EQ(table.learn("get", "/pot"), id);
  EXPECT_EQ(table.name(id).method, "OTHER");
}

TEST(EndpointTable, CountsWhatDoesNotFitAsOther) {
  EndpointTable table(settings(3));
  std::set<EndpointId> ids;
  for (std::size_t i = 0; i < 3; ++i) ids.insert(table.learn("GET", "/" + word(i)));
  EXPECT_EQ(ids.size(), 3U);
  EXPECT_FALSE(ids.contains(other_endpoint));
  EXPECT_TRUE(table.full());
  EXPECT_EQ(table.learn("GET", "/one-more"), other_endpoint);
  EXPECT_TRUE(ids.contains(table.learn("GET", "/" + word(0))));
  EXPECT_EQ(table.live_count(), 3U);
  EXPECT_EQ(table.name(other_endpoint).route, "other");
}

TEST(EndpointTable, TellsNothingApartWithAMaximumOfZero) {
  EndpointTable table(settings(0));
  EXPECT_EQ(table.learn("GET", "/a"), other_endpoint);
}

TEST(EndpointTable, CollapsesAPositionWithTooManyValues) {
  EndpointTable table(settings(500));
  std::set<EndpointId> before;
  for (std::size_t i = 0; i < EndpointTable::values_max; ++i) {
    before.insert(table.learn("GET", "/user/" + word(i) + "/posts"));
  }
  EXPECT_EQ(before.size(), EndpointTable::values_max);
  const EndpointId collapsed = table.learn("GET", "/user/the-last-straw/posts");
  EXPECT_EQ(table.name(collapsed).route, "/user/{value}/posts");
  EXPECT_FALSE(before.contains(collapsed)) << "ids are never reused";
  EXPECT_EQ(table.live_count(), 1U);
  for (const EndpointId id : before) EXPECT_EQ(table.successor(id), collapsed);
  EXPECT_EQ(table.find("GET", "/user/" + word(3) + "/posts"), collapsed);
  EXPECT_EQ(table.learn("GET", "/user/never-seen/posts"), collapsed);
  EXPECT_EQ(table.retired(0).size(), before.size());
}

TEST(EndpointTable, KeepsMethodsAndSubpathsApartWhenItCollapses) {
  EndpointTable table(settings(500));
  for (std::size_t i = 0; i <= EndpointTable::values_max; ++i) {
    table.learn("GET", "/user/" + word(i));
    table.learn("PUT", "/user/" + word(i));
    table.learn("GET", "/user/" + word(i) + "/posts/7");
  }
  std::set<std::string> names;
  for (const EndpointId id : table.live())
    names.insert(table.name(id).method + " " + table.name(id).route);
  EXPECT_EQ(names, (std::set<std::string>{"OTHER other", "GET /user/{value}", "PUT /user/{value}",
                                          "GET /user/{value}/posts/{id}"}));
}

TEST(EndpointTable, KeepsTheBranchesOfTheApplicationWhenTheRootCollapses) {
  EndpointTable table(settings(500));
  for (const char* leaf : {"books", "users", "orders", "carts", "stock"}) {
    table.learn("GET", std::string("/api/") + leaf);
  }
  table.learn("GET", "/123");
  for (std::size_t i = 0; i < 60; ++i) table.learn("GET", "/" + word(i));
  EXPECT_EQ(route_of(table, "/api/books"), "/api/books");
  EXPECT_EQ(route_of(table, "/some-article"), "/{value}");
  EXPECT_EQ(route_of(table, "/77"), "/{id}");
}

TEST(EndpointTable, CollapsesAgainBelowACollapsedPosition) {
  EndpointTable table(settings(3000));
  for (std::size_t user = 0; user <= 50; ++user) {
    for (std::size_t tag = 0; tag < 3; ++tag) {
      table.learn("GET", "/u/" + word(user) + "/tag/" + word(1000 + user * 3 + tag));
    }
  }
  EXPECT_EQ(route_of(table, "/u/someone/tag/something"), "/u/{value}/tag/{value}");
  EXPECT_EQ(table.live_count(), 1U);
  for (EndpointId id = 1; id < table.given(); ++id) {
    EXPECT_EQ(table.successor(table.successor(id)), table.successor(id)) << "chains are followed";
  }
}

TEST(EndpointTable, NeverGivesMoreIdsThanItsSpace) {
  EndpointTable table(settings(60));
  std::set<EndpointId> ids;
  for (std::size_t parent = 0; parent < 40; ++parent) {
    for (std::size_t i = 0; i < 55; ++i) {
      const EndpointId id = table.learn("GET", "/" + word(parent) + "/" + word(i));
      ASSERT_LT(id, table.id_space());
      ids.insert(id);
    }
  }
  EXPECT_LE(table.given(), table.id_space());
  EXPECT_LE(table.live_count(), 60U);
}

TEST(EndpointTable, UsesExplicitRoutesFirst) {
  EndpointTable table(settings(10, {"/book/{isbn}", "/static/*"}));
  EXPECT_EQ(route_of(table, "/book/war-and-peace"), "/book/{isbn}");
  EXPECT_EQ(route_of(table, "/static/css/a.css"), "/static/*");
  EXPECT_EQ(route_of(table, "/cd/1"), "/cd/{id}");
  EXPECT_EQ(table.find("GET", "/book/another"), table.learn("GET", "/book/x"));
  EXPECT_EQ(table.live_count(), 3U);
}

TEST(EndpointCache, SeesChangesOfTheTable) {
  EndpointTable table(settings(500));
  EndpointCache cache(table);
  EXPECT_EQ(cache.find("GET", "/user/a?q=1"), other_endpoint);
  const EndpointId id = table.learn("GET", "/user/a");
  EXPECT_EQ(cache.find("GET", "/user/a?q=1"), id);
  EXPECT_EQ(cache.find("POST", "/user/a"), other_endpoint);
  EXPECT_EQ(cache.translate(id), id);
  for (std::size_t i = 0; i <= EndpointTable::values_max; ++i)
    table.learn("GET", "/user/" + word(i));
  EXPECT_EQ(table.name(cache.find("GET", "/user/a")).route, "/user/{value}");
  EXPECT_EQ(cache.translate(id), cache.find("GET", "/user/a"));
  EXPECT_EQ(cache.adopted(), table.generation());
}

TEST(EndpointCache, AgreesWithTheTableForMorePathsThanItHolds) {
  EndpointTable table(settings(500));
  EndpointCache cache(table);
  const EndpointId book = table.learn("GET", "/book/1");
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 10000; ++i)
      ASSERT_EQ(cache.find("GET", "/book/" + std::to_string(i)), book);
  }
  EXPECT_EQ(cache.find("GET", "/books/1"), other_endpoint);
}

TEST(RequestHash, DependsOnEveryByteAndTheSeed) {
  std::set<std::uint64_t> seen;
  const std::string base(40, 'x');
  for (std::size_t length = 0; length <= base.size(); ++length) {
    ASSERT_TRUE(seen.insert(request_hash(std::string_view(base).substr(0, length), 1)).second);
  }
  for (std::size_t i = 0; i < base.size(); ++i) {
    std::string changed = base;
    changed[i] = 'y';
    ASSERT_TRUE(seen.insert(request_hash(changed, 1)).second) << i;
  }
  EXPECT_TRUE(seen.insert(request_hash(base, 2)).second);
}

}  // namespace
}  // namespace homeostat::telemetry
