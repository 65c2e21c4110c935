// Range: RFC 9110 section 14, examples and abuse.
#include "runtime/http/byte_range.hpp"

#include <gtest/gtest.h>

namespace homeostat::http {
namespace {

using Kind = ByteRanges::Kind;
using List = std::vector<ByteRange>;

List ranges(std::string_view value, std::uint64_t length) {
  const ByteRanges parsed = ByteRanges::parse(value, length);
  EXPECT_EQ(parsed.kind(), Kind::partial) << value;
  return {parsed.ranges().begin(), parsed.ranges().end()};
}

TEST(ByteRanges, FirstLastOpenAndSuffix) {
  EXPECT_EQ(ranges("bytes=0-499", 10000), (List{{0, 500}}));
  EXPECT_EQ(ranges("bytes=9500-", 10000), (List{{9500, 500}}));
  EXPECT_EQ(ranges("bytes=-500", 10000), (List{{9500, 500}}));
  EXPECT_EQ(ranges("bytes=-20000", 10000), (List{{0, 10000}}));
  EXPECT_EQ(ranges("bytes=9999-20000", 10000), (List{{9999, 1}}));
  EXPECT_EQ(ranges("Bytes=0-0 ,\t-1", 10000), (List{{0, 1}, {9999, 1}}));
  EXPECT_EQ(ranges("bytes=5-99999999999999999999999", 10), (List{{5, 5}}));
}

TEST(ByteRanges, KeepsTheOrderAskedForAndJoinsWhatTouches) {
  EXPECT_EQ(ranges("bytes=5000-5099, 0-99", 10000), (List{{5000, 100}, {0, 100}}));
  EXPECT_EQ(ranges("bytes=0-99, 50-149, 150-199", 10000), (List{{0, 200}}));
  EXPECT_EQ(ranges("bytes=0-9, 80-89", 10000), (List{{0, 90}}));
  EXPECT_EQ(ranges("bytes=0-, 0-, 0-, 0-", 10000), (List{{0, 10000}}));
}

TEST(ByteRanges, OneSatisfiableRangeIsEnough) {
  EXPECT_EQ(ranges("bytes=20000-, 1-2", 10000), (List{{1, 2}}));
  for (const char* value : {"bytes=10000-", "bytes=-0", "bytes=99999999999999999999-"}) {
    EXPECT_EQ(ByteRanges::parse(value, 10000).kind(), Kind::unsatisfiable) << value;
  }
  EXPECT_EQ(ByteRanges::parse("bytes=0-", 0).kind(), Kind::unsatisfiable);
  EXPECT_EQ(ByteRanges::parse("bytes=-5", 0).kind(), Kind::ignored);
}

TEST(ByteRanges, BrokenOnesAreIgnored) {
  for (const char* value :
       {"", "bytes", "bytes=", "bytes=,", "bytes=a-b", "bytes=5-2", "bytes=--5", "bytes=1 -2",
        "bytes=1", "bytes=+1-2", "items=0-5", "bytes =0-1", "bytes=0-1;2-3", "bytes=0-1, x"}) {
    EXPECT_EQ(ByteRanges::parse(value, 10000).kind(), Kind::ignored) << value;
    EXPECT_FALSE(is_byte_range(value)) << value;
  }
  EXPECT_TRUE(is_byte_range("bytes=99-"));
}

TEST(ByteRanges, TooManyAreIgnored) {
  std::string value = "bytes=";
  for (std::size_t i = 0; i <= ByteRanges::ranges_max; ++i) {
    value += std::to_string(i * 1000) + "-" + std::to_string(i * 1000 + 9) + ",";
  }
  EXPECT_EQ(ByteRanges::parse(value, 100000).kind(), Kind::ignored);
  std::string many = "bytes=";
  for (std::size_t i = 0; i <= ByteRanges::specs_max; ++i) many += "0-1,";
  EXPECT_EQ(ByteRanges::parse(many, 100000).kind(), Kind::ignored);
}

TEST(ByteRanges, NeverMoreBytesThanThereAre) {
  const ByteRanges parsed =
      ByteRanges::parse("bytes=0-4000,3000-9000,100-8000,9500-,200-300,-9000", 10000);
  std::uint64_t total = 0;
  for (const ByteRange& range : parsed.ranges()) total += range.length;
  EXPECT_LE(total, 10000U);
}

TEST(ContentRange, SaysWhatIsSent) {
  std::string text;
  append_content_range(text, {10, 5}, 100);
  EXPECT_EQ(text, "bytes 10-14/100");
  text.clear();
  append_unsatisfied_range(text, 100);
  EXPECT_EQ(text, "bytes */100");
}

}  // namespace
}  // namespace homeostat::http
