#include "runtime/http/etag.hpp"

#include <gtest/gtest.h>

#include <initializer_list>

namespace homeostat::http {
namespace {

HeaderTable request(HeaderId id, std::initializer_list<const char*> lines) {
  HeaderTable table;
  for (const char* line : lines) table.add(id, line);
  return table;
}

TEST(EntityTag, ComparesAsRfc9110Section8Shows) {
  EXPECT_FALSE(strongly_equal("W/\"1\"", "W/\"1\""));
  EXPECT_TRUE(weakly_equal("W/\"1\"", "W/\"1\""));
  EXPECT_FALSE(weakly_equal("W/\"1\"", "W/\"2\""));
  EXPECT_FALSE(strongly_equal("W/\"1\"", "\"1\""));
  EXPECT_TRUE(weakly_equal("W/\"1\"", "\"1\""));
  EXPECT_TRUE(strongly_equal("\"1\"", "\"1\""));
}

TEST(EntityTag, NeverMatchesWhenMalformed) {
  for (const char* tag :
       {"", "abc", "\"abc", "abc\"", "w/\"a\"", "W/abc", "\"a\"b", "\"a b\"", "\"a\" \"b\""}) {
    EXPECT_FALSE(parse_entity_tag(tag)) << tag;
    EXPECT_FALSE(weakly_equal(tag, tag)) << tag;
  }
  EXPECT_TRUE(parse_entity_tag(" \"\" "));
}

TEST(IfNoneMatch, SearchesAllLinesWeakly) {
  const auto table = request(HeaderId::if_none_match, {"\"a,b\" , W/\"c\"", "\"d\""});
  EXPECT_TRUE(if_none_match_matches(table, "\"a,b\""));
  EXPECT_TRUE(if_none_match_matches(table, "\"c\""));
  EXPECT_TRUE(if_none_match_matches(table, "W/\"d\""));
  EXPECT_FALSE(if_none_match_matches(table, "\"a\""));
  EXPECT_FALSE(if_none_match_matches(table, ""));
  EXPECT_FALSE(if_none_match_matches(HeaderTable{}, "\"a\""));
}

TEST(IfNoneMatch, UnderstandsTheStarOnlyAlone) {
  EXPECT_TRUE(if_none_match_matches(request(HeaderId::if_none_match, {" * "}), ""));
  EXPECT_FALSE(if_none_match_matches(request(HeaderId::if_none_match, {"\"*\""}), "\"a\""));
}

TEST(IfNoneMatch, SkipsWhatIsNoTag) {
  const auto table = request(HeaderId::if_none_match, {"garbage, \"a\", \"open"});
  EXPECT_TRUE(if_none_match_matches(table, "\"a\""));
  EXPECT_FALSE(if_none_match_matches(table, "\"open\""));
}

TEST(IfMatch, IsStrong) {
  const auto table = request(HeaderId::if_match, {"W/\"a\", \"b\\\", \"c\""});
  EXPECT_FALSE(if_match_matches(table, "\"a\""));
  EXPECT_TRUE(if_match_matches(table, "\"b\\\""));
  EXPECT_TRUE(if_match_matches(table, "\"c\""));
  EXPECT_FALSE(if_match_matches(table, "W/\"c\""));
  EXPECT_TRUE(if_match_matches(request(HeaderId::if_match, {"*"}), "\"x\""));
}

}  // namespace
}  // namespace homeostat::http
