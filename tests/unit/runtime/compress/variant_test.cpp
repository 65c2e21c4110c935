#include "runtime/compress/variant.hpp"

#include <gtest/gtest.h>

namespace homeostat::compress {
namespace {

std::string variant_of(std::string_view etag) {
  std::string out;
  append_variant_etag(out, etag);
  return out;
}

std::string without(std::string_view list, bool expected) {
  std::string out;
  EXPECT_EQ(append_without_suffix(out, list), expected) << list;
  return out;
}

std::string vary_with(std::string_view vary) {
  std::string out;
  append_vary(out, vary);
  return out;
}

TEST(VariantEtag, DiffersFromTheIdentitysAndKeepsItsStrength) {
  EXPECT_EQ(variant_of("\"abc\""), "\"abc-gzip\"");
  EXPECT_EQ(variant_of("W/\"abc\""), "W/\"abc-gzip\"");
  EXPECT_EQ(variant_of("\"\""), "\"-gzip\"");
}

TEST(VariantEtag, IsNotMadeOfMalformedTags) {
  for (const char* tag : {"", "abc", "\"", "\"abc", "\"a\"b\"", "W/"})
    EXPECT_EQ(variant_of(tag), "") << tag;
}

TEST(VariantEtag, IsRecognised) {
  EXPECT_TRUE(is_variant_etag("\"abc-gzip\""));
  EXPECT_TRUE(is_variant_etag("W/\"abc-gzip\""));
  EXPECT_FALSE(is_variant_etag("\"abc\""));
  EXPECT_FALSE(is_variant_etag("\"-gzi\""));
  EXPECT_FALSE(is_variant_etag("abc-gzip"));
}

TEST(VariantEtag, LosesItsSuffixInConditionsForTheOrigin) {
  EXPECT_EQ(without("\"abc-gzip\"", true), "\"abc\"");
  EXPECT_EQ(without("\"a\", W/\"b-gzip\" ,\"c,d-gzip\"", true), "\"a\", W/\"b\" ,\"c,d\"");
  EXPECT_EQ(without("\"a\"", false), "\"a\"");
  EXPECT_EQ(without("*", false), "*");
  EXPECT_EQ(without("\"a-gzip", false), "\"a-gzip");
  EXPECT_EQ(without("", false), "");
  EXPECT_EQ(without(variant_of("W/\"x\""), true), "W/\"x\"");
}

TEST(Vary, GetsAcceptEncodingOnce) {
  EXPECT_EQ(vary_with(""), "Accept-Encoding");
  EXPECT_EQ(vary_with("Origin"), "Origin, Accept-Encoding");
  EXPECT_EQ(vary_with("Origin, accept-encoding"), "Origin, accept-encoding");
  EXPECT_EQ(vary_with("Origin, *"), "Origin, *");
  EXPECT_EQ(vary_with("X-Accept-Encoding"), "X-Accept-Encoding, Accept-Encoding");
}

}  // namespace
}  // namespace homeostat::compress
