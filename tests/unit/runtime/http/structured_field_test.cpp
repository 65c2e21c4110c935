// Structured fields: what is syntax and what is not.
#include "runtime/http/structured_field.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace homeostat::http {
namespace {

using Kind = StructuredItem::Kind;

bool dictionary_ok(std::string_view text) {
  StructuredFieldReader reader(text);
  StructuredMember member;
  while (reader.next_member(member)) {
  }
  return reader.ok();
}

bool list_ok(std::string_view text) {
  StructuredFieldReader reader(text);
  StructuredItem item;
  while (reader.next_item(item)) {
  }
  return reader.ok();
}

StructuredItem only_item(std::string_view text) {
  StructuredFieldReader reader(text);
  StructuredItem item;
  EXPECT_TRUE(reader.next_item(item)) << text;
  return item;
}

TEST(StructuredField, GivesTheTypeOfEachItem) {
  EXPECT_EQ(only_item("-42").integer, -42);
  EXPECT_TRUE(only_item("4.5").is(Kind::decimal));
  EXPECT_EQ(only_item("\"a b\"").text, "a b");
  EXPECT_EQ(only_item("tok/en:1").text, "tok/en:1");
  EXPECT_TRUE(only_item("*a").is(Kind::token));
  EXPECT_EQ(only_item(":aGk=:").text, "aGk=");
  EXPECT_FALSE(only_item("?0").boolean);
  EXPECT_TRUE(only_item("@1659578233").is(Kind::date));
  EXPECT_TRUE(only_item("%\"f%c3%bc\"").is(Kind::display_string));
  EXPECT_EQ(only_item("(\"a\" b;x 3);y").text, "\"a\" b;x 3");
}

TEST(StructuredField, ReadsDictionariesInOrderWithFlagsAndParameters) {
  StructuredFieldReader reader("  a, b=1;q=\"x\";r , *c=(1 2)");
  StructuredMember member;
  ASSERT_TRUE(reader.next_member(member));
  EXPECT_EQ(member.key, "a");
  EXPECT_TRUE(member.value.is(Kind::boolean) && member.value.boolean);
  ASSERT_TRUE(reader.next_member(member));
  EXPECT_EQ(member.key, "b");
  EXPECT_EQ(member.value.integer, 1);
  ASSERT_TRUE(reader.next_member(member));
  EXPECT_EQ(member.key, "*c");
  EXPECT_TRUE(member.value.is(Kind::inner_list));
  EXPECT_FALSE(reader.next_member(member));
  EXPECT_TRUE(reader.ok());
}

TEST(StructuredField, ReadsTheItemsOfAnInnerList) {
  StructuredFieldReader reader(only_item("( \"a\"  \"b\\\"c\";p=1 )").text);
  StructuredItem item;
  ASSERT_TRUE(reader.next_inner(item));
  EXPECT_EQ(decoded_string(item), "a");
  ASSERT_TRUE(reader.next_inner(item));
  EXPECT_EQ(decoded_string(item), "b\"c");
  EXPECT_FALSE(reader.next_inner(item));
  EXPECT_TRUE(reader.ok());
}

TEST(StructuredField, RefusesWhatIsNoDictionary) {
  for (const char* text : {"A",
                           "a=",
                           "a b",
                           "a,",
                           ",a",
                           "a,,b",
                           "a=(1",
                           "a=(1)2",
                           "a=(1,2)",
                           "a;",
                           "a;B",
                           "a=1 2",
                           "a=\"x",
                           "a=\"\\x\"",
                           "a=\"\x01\"",
                           "a=?2",
                           "a=--1",
                           "a=1234567890123456",
                           "a=1234567890123.1",
                           "a=1.1234",
                           "a=1.",
                           "a=:@:",
                           "a=@x",
                           "a=@1.5",
                           "a=%x",
                           "a=%\"%C3\"",
                           "a=%\"%c\"",
                           "a=%\"x"}) {
    EXPECT_FALSE(dictionary_ok(text)) << text;
  }
  EXPECT_TRUE(dictionary_ok(""));
  EXPECT_TRUE(dictionary_ok("   "));
  EXPECT_TRUE(dictionary_ok("a=123456789012345 "));
}

TEST(StructuredField, RefusesWhatIsNoList) {
  for (const char* text : {"a,", "a b", "(a", "a)", "\"", "1,,2"})
    EXPECT_FALSE(list_ok(text)) << text;
  EXPECT_TRUE(list_ok("a;x=1, (b c);y , \"d\""));
}

TEST(StructuredField, CombinesLinesOfAFieldWithoutAnEmptyOne) {
  HeaderTable headers;
  headers.add("Cache-Groups", "\"a\"");
  headers.add("Cache-Groups", "");
  headers.add("Cache-Groups", "\"b\"");
  std::string storage;
  EXPECT_EQ(combined_value(headers, HeaderId::cache_groups, storage), "\"a\", \"b\"");
}

std::vector<std::string> groups(std::initializer_list<const char*> lines) {
  HeaderTable headers;
  for (const char* line : lines) headers.add("Cache-Groups", line);
  return parse_string_list(headers, HeaderId::cache_groups, 32);
}

TEST(CacheGroups, AreStringsInAnyNumberOfLinesWhateverTheirParameters) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(groups({"\"ExampleJS\";revalidate, \"scripts\"", "\"Scripts\""}),
            (Names{"ExampleJS", "scripts", "Scripts"}));
  EXPECT_EQ(groups({"\"a\\\\b\", \"a\\\\b\""}), Names{"a\\b"});
}

TEST(CacheGroups, OneMemberThatIsNoStringMakesTheFieldIgnored) {
  for (const char* line : {"\"a\", token", "\"a\", 1", "(\"a\")", "\"a\",", "\"a", "a", ""}) {
    EXPECT_TRUE(groups({line}).empty()) << line;
  }
}

TEST(CacheGroups, AreBounded) {
  std::string many;
  for (int i = 0; i < 100; ++i) many += (i > 0 ? ", \"" : "\"") + std::to_string(i) + "\"";
  EXPECT_EQ(groups({many.c_str()}).size(), 32U);
}

}  // namespace
}  // namespace homeostat::http
