#include "runtime/http/accept_encoding.hpp"

#include <gtest/gtest.h>

namespace homeostat::http {
namespace {

Negotiation negotiate(const char* value, CodingSet available = {Coding::gzip}) {
  HeaderTable table;
  table.add("Accept-Encoding", value);
  return negotiate_coding(table, available);
}

TEST(AcceptEncoding, ChoosesGzipOnlyWhenItIsAcceptable) {
  for (const char* yes : {"gzip", "deflate, GZIP", "*", "gzip;q=0.001", "x-gzip", "gzip ; q=1.000",
                          "identity;q=0.5, gzip;q=0.5", "identity;q=0, gzip", "br, *;q=0.1",
                          "gzip;q=0.5, identity;q=0.3"}) {
    EXPECT_EQ(negotiate(yes).coding, Coding::gzip) << yes;
    EXPECT_TRUE(negotiate(yes).acceptable);
  }
  for (const char* no :
       {"", "br", "gzip;q=0", "gzip;q=0.000, *", "identity", "identity;q=1, gzip;q=0.5",
        "*;q=0, identity;q=1", "gzip;q=2", "gzip;q=x", "gzip;q="}) {
    EXPECT_EQ(negotiate(no).coding, Coding::identity) << no;
    EXPECT_TRUE(negotiate(no).acceptable) << no;
  }
}

TEST(AcceptEncoding, MeansIdentityWhenAbsent) {
  EXPECT_EQ(negotiate_coding({}, {Coding::gzip}).coding, Coding::identity);
}

TEST(AcceptEncoding, TellsWhenEverythingIsRefused) {
  EXPECT_FALSE(negotiate("identity;q=0").acceptable);
  EXPECT_FALSE(negotiate("*;q=0").acceptable);
  EXPECT_FALSE(negotiate("br, identity;q=0").acceptable);
}

TEST(AcceptEncoding, PrefersHigherQualityThenSmallerOutput) {
  const CodingSet all{Coding::gzip, Coding::brotli, Coding::zstd};
  EXPECT_EQ(negotiate("gzip, br, zstd", all).coding, Coding::zstd);
  EXPECT_EQ(negotiate("gzip, br", all).coding, Coding::brotli);
  EXPECT_EQ(negotiate("gzip;q=0.9, br;q=0.8", all).coding, Coding::gzip);
  EXPECT_EQ(negotiate("*", all).coding, Coding::zstd);
  EXPECT_EQ(negotiate("zstd;q=0, *", all).coding, Coding::brotli);
}

TEST(AcceptEncoding, ReadsAllLines) {
  HeaderTable table;
  table.add("Accept-Encoding", "br");
  table.add("Accept-Encoding", "gzip");
  EXPECT_EQ(negotiate_coding(table, {Coding::gzip}).coding, Coding::gzip);
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
