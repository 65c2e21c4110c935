#include "runtime/ports/request_match.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace homeostat {
namespace {

TEST(WildcardMatch, AStarIsAnyRunOfCharacters) {
  EXPECT_TRUE(wildcard_match("*", ""));
  EXPECT_TRUE(wildcard_match("/a*c", "/abbc"));
  EXPECT_TRUE(wildcard_match("/a*c*", "/acxcx"));
  EXPECT_FALSE(wildcard_match("/a*c", "/abb"));
  EXPECT_FALSE(wildcard_match("/a", "/a/b"));
  EXPECT_FALSE(wildcard_match("", "a"));
}

TEST(WildcardMatch, TakesForTheSameWhatItIsTold) {
  EXPECT_FALSE(wildcard_match("Text/*", "text/html"));
  EXPECT_TRUE(
      wildcard_match("Text/*", "text/html", [](char a, char b) { return (a | 32) == (b | 32); }));
}

TEST(RequestMatch, NeedsTheMethodOnlyWhereOneIsListed) {
  EXPECT_TRUE(matches({"/a/*", {}}, "PUT", "/a/b"));
  EXPECT_TRUE(matches({"/a/*", {"GET", "PUT"}}, "PUT", "/a/b"));
  EXPECT_FALSE(matches({"/a/*", {"GET"}}, "PUT", "/a/b"));
  EXPECT_FALSE(matches({"/a/*", {"GET"}}, "GET", "/b"));
}

TEST(RequestMatch, TheFirstRuleThatFitsDecides) {
  struct Rule {
    config::RequestMatch match;
    int number;
  };
  const std::vector<Rule> rules = {{{"/a", {"PUT"}}, 1}, {{"/a*", {}}, 2}, {{"*", {}}, 3}};
  EXPECT_EQ(first_match(rules, "GET", "/a")->number, 2);
  EXPECT_EQ(first_match(rules, "PUT", "/a")->number, 1);
  EXPECT_EQ(first_match(rules, "GET", "/b")->number, 3);
  EXPECT_EQ(first_match(std::vector<Rule>{}, "GET", "/b"), nullptr);
}

}  // namespace
}  // namespace homeostat
