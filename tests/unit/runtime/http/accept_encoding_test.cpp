#include "runtime/http/accept_encoding.hpp"

#include <gtest/gtest.h>

namespace homeostat::http {
namespace {

CodingWishes wishes(const char* value) {
  HeaderTable table;
  table.add("Accept-Encoding", value);
  return coding_wishes(table);
}

CodingSet wanted(const char* value, CodingSet available = {Coding::gzip}) {
  return wishes(value).wanted(available);
}

const CodingSet all{Coding::gzip, Coding::brotli, Coding::zstd};

TEST(AcceptEncoding, ChoosesGzipOnlyWhenItIsAcceptable) {
  for (const char* yes : {"gzip", "deflate, GZIP", "*", "gzip;q=0.001", "x-gzip", "gzip ; q=1.000",
                          "identity;q=0.5, gzip;q=0.5", "identity;q=0, gzip", "br, *;q=0.1",
                          "gzip;q=0.5, identity;q=0.3"}) {
    EXPECT_EQ(wanted(yes), CodingSet{Coding::gzip}) << yes;
    EXPECT_TRUE(wishes(yes).accepts(Coding::gzip)) << yes;
  }
  for (const char* no :
       {"", "br", "gzip;q=0", "gzip;q=0.000, *", "identity", "identity;q=1, gzip;q=0.5",
        "*;q=0, identity;q=1", "gzip;q=2", "gzip;q=x", "gzip;q=", "identity;q=0", "*;q=0"}) {
    EXPECT_TRUE(wanted(no).empty()) << no;
  }
}

TEST(AcceptEncoding, MeansIdentityWhenAbsent) {
  EXPECT_TRUE(coding_wishes({}).wanted(all).empty());
  EXPECT_FALSE(coding_wishes({}).accepts(Coding::gzip));
  EXPECT_TRUE(coding_wishes({}).accepts(Coding::identity));
}

TEST(AcceptEncoding, GivesAllThatAreWantedMostAndEqually) {
  EXPECT_EQ(wanted("gzip, br, zstd", all), all);
  EXPECT_EQ(wanted("gzip, br", all), (CodingSet{Coding::gzip, Coding::brotli}));
  EXPECT_EQ(wanted("gzip;q=0.9, br;q=0.8", all), CodingSet{Coding::gzip});
  EXPECT_EQ(wanted("gzip;q=0.8, br;q=0.9, zstd;q=0.9", all),
            (CodingSet{Coding::brotli, Coding::zstd}));
  EXPECT_EQ(wanted("*", all), all);
  EXPECT_EQ(wanted("zstd;q=0, *", all), (CodingSet{Coding::gzip, Coding::brotli}));
  EXPECT_EQ(wanted("zstd, gzip;q=0.5", {Coding::gzip}), CodingSet{Coding::gzip});
}

TEST(AcceptEncoding, ReadsAllLines) {
  HeaderTable table;
  table.add("Accept-Encoding", "br");
  table.add("Accept-Encoding", "gzip");
  EXPECT_EQ(coding_wishes(table).wanted({Coding::gzip}), CodingSet{Coding::gzip});
}

TEST(ContentEncoding, NamesOneCodingOrNothing) {
  const auto coding = [](std::initializer_list<const char*> values) {
    HeaderTable table;
    for (const char* value : values) table.add("Content-Encoding", value);
    return single_coding(table);
  };
  EXPECT_EQ(coding({}), Coding::identity);
  EXPECT_EQ(coding({"identity"}), Coding::identity);
  EXPECT_EQ(coding({" GZip "}), Coding::gzip);
  EXPECT_EQ(coding({"x-gzip"}), Coding::gzip);
  EXPECT_EQ(coding({"zstd"}), Coding::zstd);
  EXPECT_EQ(coding({"gzip, br"}), std::nullopt);
  EXPECT_EQ(coding({"gzip", "br"}), std::nullopt);
  EXPECT_EQ(coding({"dcb"}), std::nullopt);
}

TEST(ContentEncoding, KnowsTheFieldsThatBelongToTheBytes) {
  for (const char* name : {"Content-MD5", "digest", "Content-Digest", "Repr-Digest",
                           "Accept-Ranges", "Content-Length"}) {
    EXPECT_TRUE(describes_coded_bytes(header_id(name), name)) << name;
  }
  for (const char* name : {"ETag", "Vary", "Content-Type", "X-Digest"}) {
    EXPECT_FALSE(describes_coded_bytes(header_id(name), name)) << name;
  }
}

TEST(AcceptEncoding, ReadsQualityValuesStrictly) {
  EXPECT_EQ(parse_quality("1"), 1000);
  EXPECT_EQ(parse_quality("0."), 0);
  EXPECT_EQ(parse_quality("0.25"), 250);
  EXPECT_EQ(parse_quality("0.123"), 123);
  for (const char* bad : {"", "2", "1.001", "0.1234", ".5", "-0", "0,5", "1x"})
    EXPECT_EQ(parse_quality(bad), -1) << bad;
}

}  // namespace
}  // namespace homeostat::http
