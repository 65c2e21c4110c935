#include "runtime/compress/gzip_encoder.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "tests/unit/runtime/compress/gunzip.hpp"

namespace homeostat::compress {
namespace {

using testing::gunzip;

std::string text_of(std::size_t size) {
  std::string text;
  while (text.size() < size) text += "line " + std::to_string(text.size()) + " of some json, ";
  text.resize(size);
  return text;
}

std::string noise_of(std::size_t size) {
  std::mt19937 random(7);
  std::string noise(size, '\0');
  for (char& c : noise) c = static_cast<char>(random());
  return noise;
}

TEST(GzipEncoder, RoundTripsAnythingAtEveryLevel) {
  GzipPool pool;
  for (const std::string& input :
       {std::string(), std::string("x"), text_of(300000), noise_of(200000)}) {
    for (int level = -1; level <= 11; ++level) {
      std::string out = "prefix";
      ASSERT_TRUE(gzip_all(pool, input, level, out));
      EXPECT_EQ(out.substr(0, 6), "prefix");
      const auto back = gunzip(std::string_view(out).substr(6));
      EXPECT_TRUE(back.complete);
      EXPECT_TRUE(back.text == input) << "level " << level << ", size " << input.size();
    }
  }
}

TEST(GzipEncoder, GivesTheSameBodyForAnyPieces) {
  GzipPool pool;
  const std::string input = text_of(50000);
  for (const std::size_t piece :
       {std::size_t{1}, std::size_t{7}, std::size_t{4096}, std::size_t{60000}}) {
    GzipEncoder encoder = pool.acquire(6);
    std::string out;
    for (std::size_t at = 0; at < input.size(); at += piece) {
      ASSERT_TRUE(encoder.write(std::string_view(input).substr(at, piece), out));
    }
    ASSERT_TRUE(encoder.finish(out));
    EXPECT_EQ(encoder.bytes_in(), input.size());
    EXPECT_EQ(encoder.bytes_out(), out.size());
    EXPECT_TRUE(gunzip(out).text == input);
  }
}

TEST(GzipEncoder, HoldsNothingBackAfterASyncFlush) {
  GzipPool pool;
  GzipEncoder encoder = pool.acquire(5);
  std::string out;
  std::string sent;
  for (int i = 0; i < 20; ++i) {
    const std::string event = "data: " + std::to_string(i) + "\n\n";
    sent += event;
    ASSERT_TRUE(encoder.write(event, out, Flush::sync));
    EXPECT_EQ(gunzip(out).text, sent);
  }
  ASSERT_TRUE(encoder.write({}, out, Flush::sync));
  ASSERT_TRUE(encoder.write({}, out, Flush::sync));
  ASSERT_TRUE(encoder.finish(out));
  EXPECT_TRUE(gunzip(out).complete);
}

TEST(GzipEncoder, FlushesOutputLargerThanOneGrowthStep) {
  GzipPool pool;
  GzipEncoder encoder = pool.acquire(1);
  const std::string input = noise_of(500000);
  std::string out;
  ASSERT_TRUE(encoder.write(input, out, Flush::sync));
  EXPECT_TRUE(gunzip(out).text == input);
}

TEST(GzipEncoder, RefusesWritesAfterTheEnd) {
  GzipPool pool;
  GzipEncoder encoder = pool.acquire(5);
  std::string out;
  ASSERT_TRUE(encoder.finish(out));
  const std::size_t size = out.size();
  EXPECT_FALSE(encoder.write("more", out));
  EXPECT_FALSE(encoder.finish(out));
  EXPECT_EQ(out.size(), size);
  EXPECT_FALSE(GzipEncoder().write("x", out));
  EXPECT_FALSE(GzipEncoder().valid());
}

TEST(GzipPool, ReusesStatesUpToItsBound) {
  GzipPool pool(2);
  {
    GzipEncoder a = pool.acquire(1);
    GzipEncoder b = pool.acquire(1);
    GzipEncoder c = pool.acquire(1);
    GzipEncoder moved = std::move(a);
    EXPECT_FALSE(a.valid());
    EXPECT_TRUE(moved.valid());
    EXPECT_EQ(pool.idle(), 0U);
  }
  EXPECT_EQ(pool.idle(), 2U);
  GzipEncoder again = pool.acquire(9);
  EXPECT_EQ(pool.idle(), 1U);
  again = pool.acquire(9);
  EXPECT_EQ(pool.idle(), 1U);
  pool.trim();
  EXPECT_EQ(pool.idle(), 0U);
}

TEST(GzipPool, GivesCleanStreamsAfterAbandonedOnes) {
  GzipPool pool(1);
  const std::string input = text_of(20000);
  for (int level = 1; level <= 9; ++level) {
    std::string dropped;
    {
      GzipEncoder abandoned = pool.acquire(10 - level);
      ASSERT_TRUE(abandoned.write(noise_of(100000), dropped));
    }
    std::string out;
    ASSERT_TRUE(gzip_all(pool, input, level, out));
    EXPECT_TRUE(gunzip(out).text == input);
    EXPECT_TRUE(gunzip(out).complete);
    std::string fresh;
    GzipPool other;
    ASSERT_TRUE(gzip_all(other, input, level, fresh));
    EXPECT_EQ(out, fresh);  // the level of the abandoned stream left no trace
  }
}

}  // namespace
}  // namespace homeostat::compress
