#include "runtime/http/header_table.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace homeostat::http {
namespace {

std::string in_case(std::string_view text, int (*fold)(int)) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(fold(static_cast<unsigned char>(c)));
  return result;
}

TEST(HeaderId, FindsEveryNameInAnyCase) {
  for (std::size_t i = 1; i < header_id_count; ++i) {
    const auto id = static_cast<HeaderId>(i);
    EXPECT_FALSE(header_name(id).empty());
    EXPECT_EQ(header_id(header_name(id)), id) << header_name(id);
    EXPECT_EQ(header_id(in_case(header_name(id), std::toupper)), id);
    EXPECT_EQ(header_id(in_case(header_name(id), std::tolower)), id);
  }
}

TEST(HeaderId, DoesNotMistakeNeighbours) {
  for (std::size_t i = 1; i < header_id_count; ++i) {
    const std::string name(header_name(static_cast<HeaderId>(i)));
    std::string changed = name;
    changed[name.size() / 3] = '~';
    EXPECT_EQ(header_id(changed), HeaderId::other) << changed;
    EXPECT_NE(header_id(name + "x"), static_cast<HeaderId>(i));
    EXPECT_NE(header_id(name.substr(1)), static_cast<HeaderId>(i));
  }
  EXPECT_EQ(header_id(""), HeaderId::other);
  EXPECT_EQ(header_id(std::string(1000, 'a')), HeaderId::other);
  EXPECT_EQ(header_name(HeaderId::other), "");
}

TEST(HeaderTable, FindsFieldsByIdAndByName) {
  HeaderTable table;
  EXPECT_TRUE(table.add("hOst", "a"));
  EXPECT_TRUE(table.add("X-Custom", "b"));
  EXPECT_TRUE(table.add("x-custom", "c"));
  EXPECT_EQ(table.get(HeaderId::host), "a");
  EXPECT_EQ(table.get("HOST"), "a");
  EXPECT_EQ(table.get("X-CUSTOM"), "b");
  EXPECT_EQ(table.find("X-Other"), nullptr);
  EXPECT_EQ(table.find(HeaderId::age), nullptr);
  EXPECT_EQ(table.get(HeaderId::age), "");
  EXPECT_TRUE(table.has(HeaderId::host));
  EXPECT_FALSE(table.has(HeaderId::age));
  EXPECT_EQ(table.size(), 3U);
  EXPECT_EQ(table[1].name, "X-Custom");
}

TEST(HeaderTable, CountsRepeatedFieldsAndFindsTheFirst) {
  HeaderTable table;
  table.add("Vary", "a");
  table.add("Age", "1");
  table.add("vary", "b");
  table.add(HeaderId::vary, "c");
  EXPECT_EQ(table.count(HeaderId::vary), 3U);
  EXPECT_EQ(table.count(HeaderId::age), 1U);
  EXPECT_EQ(table.count(HeaderId::via), 0U);
  EXPECT_EQ(table.get(HeaderId::vary), "a");
  EXPECT_EQ(table[3].name, "Vary");
}

TEST(HeaderTable, SearchesTokensOverAllLines) {
  HeaderTable table;
  table.add("Connection", "close , X-A");
  table.add("Date", "upgrade");
  table.add("Connection", ",\"a, upgrade\", Keep-Alive");
  EXPECT_TRUE(table.contains_token(HeaderId::connection, "x-a"));
  EXPECT_TRUE(table.contains_token(HeaderId::connection, "keep-alive"));
  EXPECT_FALSE(table.contains_token(HeaderId::connection, "upgrade"));
  EXPECT_FALSE(table.contains_token(HeaderId::connection, "keep"));
  std::vector<std::string> tokens;
  table.for_each_token(HeaderId::connection, [&](std::string_view t) { tokens.emplace_back(t); });
  EXPECT_EQ(tokens, (std::vector<std::string>{"close", "X-A", "\"a, upgrade\"", "Keep-Alive"}));
}

TEST(HeaderTable, ForgetsEverythingOnClear) {
  HeaderTable table;
  table.add("Host", "a");
  table.add("Host", "b");
  table.clear();
  EXPECT_TRUE(table.empty());
  EXPECT_FALSE(table.has(HeaderId::host));
  table.add("Age", "1");
  table.add("Host", "c");
  EXPECT_EQ(table.get(HeaderId::host), "c");
  EXPECT_EQ(table.count(HeaderId::host), 1U);
}

TEST(HeaderTable, GrowsToItsBoundAndRefusesMore) {
  HeaderTable table;
  for (std::size_t i = 0; i < HeaderTable::capacity_max - 1; ++i) {
    ASSERT_TRUE(table.add("X-Filler", "v"));
  }
  ASSERT_TRUE(table.add("Host", "last"));
  EXPECT_FALSE(table.add("Age", "no room"));
  EXPECT_EQ(table.size(), HeaderTable::capacity_max);
  EXPECT_EQ(table.get(HeaderId::host), "last");
  EXPECT_FALSE(table.has(HeaderId::age));
}

TEST(HeaderTable, CopiesSmallAndLargeTables) {
  for (const std::size_t fillers : {std::size_t{1}, std::size_t{100}}) {
    HeaderTable table;
    for (std::size_t i = 0; i < fillers; ++i) table.add("X-Filler", "v");
    table.add("Vary", "a");
    table.add("Vary", "b");
    HeaderTable copy(table);
    HeaderTable assigned;
    assigned.add("Age", "1");
    assigned = copy;
    table.clear();
    EXPECT_EQ(assigned.size(), fillers + 2);
    EXPECT_EQ(assigned.get(HeaderId::vary), "a");
    EXPECT_EQ(assigned.count(HeaderId::vary), 2U);
    EXPECT_FALSE(assigned.has(HeaderId::age));
  }
}

}  // namespace
}  // namespace homeostat::http
