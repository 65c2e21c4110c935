#include "runtime/http/field_lines.hpp"

#include <gtest/gtest.h>

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "runtime/http/line_scanner.hpp"

namespace homeostat::http {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

struct Split {
  FieldLines result = FieldLines::ok;
  Fields fields;
};

Split split(std::string_view block, std::size_t count_max = 100) {
  HeaderTable table;
  Split split;
  split.result = split_field_lines(block, count_max, table);
  for (const Field& field : table) split.fields.emplace_back(field.name, field.value);
  return split;
}

TEST(FieldLines, SplitsNamesFromTrimmedValues) {
  const Split all =
      split("Host: a\r\nX-Empty:\r\nX-Blank: \t \r\nx-Odd:\t b  c \t\r\nX:y:z\r\n\r\n");
  EXPECT_EQ(all.result, FieldLines::ok);
  EXPECT_EQ(
      all.fields,
      (Fields{{"Host", "a"}, {"X-Empty", ""}, {"X-Blank", ""}, {"x-Odd", "b  c"}, {"X", "y:z"}}));
  EXPECT_TRUE(split("\r\n").fields.empty());
}

TEST(FieldLines, RefusesWhatIsNoToken) {
  for (const char* name : {"", "X ", "X\t", "X(", "X\xc3\xa9", "\"X\"", "X@", "X/Y", "X{}"}) {
    EXPECT_EQ(split("A: 1\r\n" + std::string(name) + ": y\r\n\r\n").result, FieldLines::bad_name)
        << name;
  }
  EXPECT_EQ(split("no colon\r\n\r\n").result, FieldLines::bad_name);
  EXPECT_EQ(split("token\r\n\r\n").result, FieldLines::bad_name);
}

TEST(FieldLines, StopsAtTheBound) {
  EXPECT_EQ(split("A: 1\r\nB: 2\r\n\r\n", 2).result, FieldLines::ok);
  EXPECT_EQ(split("A: 1\r\nB: 2\r\nC: 3\r\n\r\n", 2).result, FieldLines::too_many);
}

TEST(FieldLines, LeavesOutUnderscoresWhereTheyAreCounted) {
  const std::string block = "X_Forwarded_For: 1\r\nHost: a\r\nX-Tra_ce: 2\r\nX-Plain: a_b\r\n\r\n";
  EXPECT_EQ(split(block).fields.size(), 4U);
  HeaderTable table;
  std::size_t dropped = 0;
  ASSERT_EQ(split_field_lines(block, 2, table, &dropped), FieldLines::ok)
      << "what is left out takes no place";
  EXPECT_EQ(dropped, 2U);
  ASSERT_EQ(table.size(), 2U);
  EXPECT_EQ(table[0].name, "Host");
  EXPECT_EQ(table[1].value, "a_b");
  EXPECT_EQ(split_field_lines("a_b c: 1\r\n\r\n", 9, table, &dropped), FieldLines::bad_name);
}

TEST(FieldLines, LeavesOutOtherNamesThatServersTakeForPlainOnes) {
  const std::string block =
      "X.Forwarded.Host: 1\r\nX!Tenant: 1\r\nX~A: 1\r\nX-Plain9: a\r\nAccept.Language: de\r\n\r\n";
  EXPECT_EQ(split(block).fields.size(), 5U);
  HeaderTable table;
  std::size_t dropped = 0;
  ASSERT_EQ(split_field_lines(block, 9, table, &dropped), FieldLines::ok);
  EXPECT_EQ(dropped, 4U);
  ASSERT_EQ(table.size(), 1U);
  EXPECT_EQ(table[0].name, "X-Plain9");
}

/// What Beast makes of the same lines in a response without a framing field.
bool beast_accepts(const std::string& block, Fields& fields) {
  boost::beast::http::response_parser<boost::beast::http::string_body> parser;
  parser.header_limit(1U << 20U);
  boost::beast::error_code error;
  const std::string text = "HTTP/1.1 200 OK\r\n" + block;
  parser.put(boost::asio::buffer(text), error);
  if (error) return false;
  for (const auto& field : parser.get()) fields.emplace_back(field.name_string(), field.value());
  return true;
}

TEST(FieldLines, AgreesWithBeastOnRandomLines) {
  std::mt19937 random(20240501);  // a fixed seed: the same lines in every run
  const std::string pieces[] = {"X",        "abc", ":",     ": ", " ",    "\t", "\r\n",
                                "\r\nY: z", "(",   "\"q\"", ",",  "\x80", "-"};
  int accepted = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string block = "A";
    const std::size_t count = 1 + random() % 9;
    for (std::size_t i = 0; i < count; ++i) block += pieces[random() % std::size(pieces)];
    block += "\r\n\r\n";
    LineScanner scanner;
    if (scanner.to_empty_line(block) != ScanStatus::complete) continue;
    block.resize(scanner.line_start());
    Fields expected;
    const bool valid = beast_accepts(block, expected);
    const Split ours = split(block);
    ASSERT_EQ(ours.result == FieldLines::ok, valid) << block;
    if (!valid) continue;
    ++accepted;
    ASSERT_EQ(ours.fields, expected) << block;
  }
  EXPECT_GT(accepted, 1000);
}

}  // namespace
}  // namespace homeostat::http
