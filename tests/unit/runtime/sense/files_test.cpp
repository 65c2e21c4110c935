#include "runtime/sense/files.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "fixture_tree.hpp"

namespace homeostat::sense {
namespace {

TEST(CpuList, CountsEveryForm) {
  const std::vector<std::pair<std::string, std::size_t>> table = {
      {"0", 1},   {"0-3", 4},     {"0-3,8-11", 8}, {"0,2", 2},   {"0,2,4-5,7\n", 5},
      {" 3 ", 1}, {"0-3,2-5", 6}, {"5,0-7", 8},    {"1,1,1", 1}, {"0-65535", 65536}};
  for (const auto& [list, count] : table) EXPECT_EQ(count_cpu_list(list), count) << list;
}

TEST(CpuList, RefusesGarbage) {
  for (const char* list :
       {"", "\n", "a", "0-", "-3", "3-0", "0,,2", "0-3,", "0-99999999", "0 2", "0-3-5"}) {
    EXPECT_EQ(count_cpu_list(list), std::nullopt) << list;
  }
}

TEST(Files, ParseNumbersStrictly) {
  EXPECT_EQ(parse_number("42\n"), 42U);
  EXPECT_EQ(parse_number("18446744073709551615"), ~std::uint64_t{0});
  for (const char* text : {"", "max", "-1", "4x", "18446744073709551616", "0x10", "1.5"}) {
    EXPECT_EQ(parse_number(text), std::nullopt) << text;
  }
}

TEST(Files, FindAKeyOnlyAsAWholeWord) {
  const std::string text = "anon_thp 7\nanon 5\ninactive_file 9\nbroken\nanon_x";
  EXPECT_EQ(keyed_number(text, "anon"), 5U);
  EXPECT_EQ(keyed_number(text, "inactive_file"), 9U);
  EXPECT_EQ(keyed_number(text, "file"), std::nullopt);
  EXPECT_EQ(keyed_number(text, "broken"), std::nullopt);
}

TEST(Files, AnswerNothingForWhatCannotBeRead) {
  FixtureTree tree;
  tree.make_directory("/directory");
  EXPECT_EQ(read_file(tree.path("/absent")), std::nullopt);
  EXPECT_EQ(read_file(tree.path("/directory")), std::nullopt);
  EXPECT_TRUE(list_directory(tree.path("/absent"), 5).empty());
}

TEST(Files, CutWhatIsTooLong) {
  FixtureTree tree;
  tree.write("/long", std::string(file_bytes_max + 100000, 'x'));
  const auto content = read_file(tree.path("/long"));
  ASSERT_TRUE(content.has_value());
  EXPECT_LE(content->size(), file_bytes_max + 8192);
}

TEST(Files, JoinPathsWithOneSlash) {
  EXPECT_EQ(join_path("/", "/proc/stat"), "/proc/stat");
  EXPECT_EQ(join_path("/tmp/x/", "proc"), "/tmp/x/proc");
  EXPECT_EQ(join_path("/tmp/x", "/"), "/tmp/x");
  EXPECT_EQ(join_path("/", "/"), "/");
}

}  // namespace
}  // namespace homeostat::sense
