#include "runtime/compress/variant.hpp"

#include <gtest/gtest.h>

namespace homeostat::compress {
namespace {

std::string vary_with(std::string_view vary) {
  std::string out;
  append_vary(out, vary);
  return out;
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
