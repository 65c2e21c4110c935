// No-Vary-Search: the examples of the draft, and what must stay different.
#include "runtime/http/search_variance.hpp"

#include <gtest/gtest.h>

namespace homeostat::http {
namespace {

std::optional<SearchVariance> variance(std::string_view text) {
  HeaderTable headers;
  headers.add("No-Vary-Search", text);
  return SearchVariance::of(headers);
}

bool equivalent(std::string_view field, std::string_view a, std::string_view b) {
  const auto rule = variance(field);
  EXPECT_TRUE(rule) << field;
  std::string left, right;
  EXPECT_TRUE(rule->append_canonical(left, a));
  EXPECT_TRUE(rule->append_canonical(right, b));
  return left == right;
}

TEST(SearchVariance, TheDefaultIsNoVariance) {
  HeaderTable none;
  EXPECT_FALSE(SearchVariance::of(none));
  for (const char* text :
       {"", "unknown-key", "key-order=\"not a boolean\"", "params=\"not a boolean or inner list\"",
        "params=(not-a-string)", "params=(\"a\"), except=(\"x\")", "params=(), except=()",
        "params=?0, except=(\"x\")", "params, except=(not-a-string)",
        "params, except=\"not an inner list\"", "params, except=?1", "except=(\"x\")", "except=()",
        "params=?0", "params=()", "key-order=?0", "params=(\"a\"", "params,"}) {
    EXPECT_FALSE(variance(text)) << text;
  }
}

TEST(SearchVariance, UnknownKeysAreIgnoredAndTheLastDuplicateWins) {
  EXPECT_EQ(variance("params, future=(1 2)"), variance("params"));
  EXPECT_EQ(variance("params=(\"a\"), params=(\"b\")"), variance("params=(\"b\")"));
  EXPECT_EQ(variance("params=?1"), variance("params"));
  EXPECT_EQ(variance("params=(\"b\" \"a\" \"b\")"), variance("params=(\"a\" \"b\")"));
}

TEST(SearchVariance, ListedParametersDoNotMatter) {
  const char* const field = "params=(\"utm_source\" \"a b\")";
  EXPECT_TRUE(equivalent(field, "id=1&utm_source=x", "utm_source=y&id=1"));
  EXPECT_TRUE(equivalent(field, "id=1", "id=1&a+b=2&a%20b=3&utm_source"));
  EXPECT_FALSE(equivalent(field, "id=1", "id=2"));
  EXPECT_FALSE(equivalent(field, "id=1&Utm_source=x", "id=1"));
  EXPECT_FALSE(equivalent(field, "id=1&x=2", "x=2&id=1"));
}

TEST(SearchVariance, OnlyExceptedParametersMatter) {
  const char* const field = "params, except=(\"id\")";
  EXPECT_TRUE(equivalent(field, "id=1&a=2", "b=3&id=1"));
  EXPECT_TRUE(equivalent("params", "id=1", ""));
  EXPECT_FALSE(equivalent(field, "id=1", "id=1&id=1"));
  EXPECT_FALSE(equivalent(field, "id=1", ""));
}

TEST(SearchVariance, OrderDoesNotMatterAcrossNamesButWithinOne) {
  EXPECT_TRUE(equivalent("key-order", "b=1&a=2&a=3", "a=2&b=1&a=3"));
  EXPECT_FALSE(equivalent("key-order", "a=2&a=3", "a=3&a=2"));
}

TEST(SearchVariance, ComparesDecodedNamesAndValues) {
  const char* const field = "params=(\"%C3%A9+%E6%B0%97\")";
  EXPECT_TRUE(equivalent(field, "\xC3\xA9+%E6%B0%97=1", "%C3%A9%20\xE6\xB0\x97=2"));
  EXPECT_TRUE(equivalent("key-order", "a=%41", "a=A"));
  EXPECT_TRUE(equivalent("key-order", "a", "a=&&"));
}

TEST(SearchVariance, EncodedSeparatorsCannotPoseAsRealOnes) {
  EXPECT_FALSE(equivalent("key-order", "a=1%26b=2", "a=1&b=2"));
  EXPECT_FALSE(equivalent("key-order", "a%3D1=2", "a=1=2"));
  EXPECT_FALSE(equivalent("key-order", "a=%2525", "a=%25"));
  EXPECT_FALSE(equivalent("key-order", "a=%FF", "a=%FE"));
  EXPECT_FALSE(equivalent("key-order", "a=%4", "a=%2504"));
}

TEST(SearchVariance, IsBounded) {
  std::string names = "params=(";
  for (std::size_t i = 0; i <= SearchVariance::names_max; ++i) {
    names += " \"" + std::to_string(i) + "\"";
  }
  EXPECT_FALSE(variance(names + ")"));
  std::string query;
  for (std::size_t i = 0; i <= SearchVariance::parameters_max; ++i) query += "&a=1";
  std::string out;
  EXPECT_FALSE(variance("key-order")->append_canonical(out, query));
  EXPECT_TRUE(out.empty());
}

}  // namespace
}  // namespace homeostat::http
