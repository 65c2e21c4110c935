#include "runtime/compress/encoder.hpp"

#include <brotli/decode.h>
#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>

#include "runtime/compress/whole_encoder.hpp"
#include "tests/unit/runtime/compress/texts.hpp"

namespace homeostat::compress {
namespace {

using testing::decoded;
using testing::json_text;
using testing::noise;

constexpr std::size_t plenty = 1U << 30U;

/// What a client can read of a stream that has not ended.
std::string readable(Coding coding, std::string_view input) {
  std::string out(1U << 20U, '\0');
  const auto* bytes = reinterpret_cast<const unsigned char*>(input.data());
  if (coding == Coding::gzip) {
    z_stream stream{};
    EXPECT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
    stream.next_in = const_cast<Bytef*>(bytes);
    stream.avail_in = static_cast<uInt>(input.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    inflate(&stream, Z_SYNC_FLUSH);
    out.resize(stream.total_out);
    inflateEnd(&stream);
  } else if (coding == Coding::brotli) {
    BrotliDecoderState* state = BrotliDecoderCreateInstance(nullptr, nullptr, nullptr);
    std::size_t in = input.size(), room = out.size(), total = 0;
    auto* to = reinterpret_cast<std::uint8_t*>(out.data());
    BrotliDecoderDecompressStream(state, &in, &bytes, &room, &to, &total);
    out.resize(total);
    BrotliDecoderDestroyInstance(state);
  } else {
    ZSTD_DCtx* state = ZSTD_createDCtx();
    ZSTD_inBuffer from{input.data(), input.size(), 0};
    ZSTD_outBuffer to{out.data(), out.size(), 0};
    while (from.pos < from.size) {
      if (ZSTD_isError(ZSTD_decompressStream(state, &to, &from)) != 0) break;
    }
    out.resize(to.pos);
    ZSTD_freeDCtx(state);
  }
  return out;
}

class Encoders : public ::testing::TestWithParam<Coding> {
 protected:
  EncoderBudget budget_{plenty};
  EncoderPool pool_{budget_};
};

INSTANTIATE_TEST_SUITE_P(Each, Encoders, ::testing::ValuesIn(rules::encoded_codings),
                         [](const auto& each) { return std::string(coding_name(each.param)); });

TEST_P(Encoders, GiveBackWhatWentInAtEveryEffortInPiecesOfAnySize) {
  for (const std::string& text : {std::string(), std::string("a"), json_text(40000), noise(70000),
                                  std::string(300000, 'z')}) {
    for (int effort = 1; effort <= 9; ++effort) {
      std::string out = "kept";
      Encoder encoder = pool_.acquire(GetParam(), effort);
      ASSERT_TRUE(encoder.valid());
      std::size_t piece = 1;
      for (std::size_t at = 0; at < text.size(); at += piece, piece = piece * 3 + 1) {
        ASSERT_TRUE(encoder.write(std::string_view(text).substr(at, piece), out));
      }
      ASSERT_TRUE(encoder.finish(out));
      ASSERT_EQ(out.substr(0, 4), "kept");
      EXPECT_EQ(decoded(GetParam(), std::string_view(out).substr(4)), text);
      EXPECT_EQ(encoder.bytes_in(), text.size());
      EXPECT_EQ(encoder.bytes_out(), out.size() - 4);
      EXPECT_FALSE(encoder.write("more", out));
      EXPECT_FALSE(encoder.finish(out));
    }
  }
}

TEST_P(Encoders, HoldNothingBackAfterAFlush) {
  Encoder encoder = pool_.acquire(GetParam(), 5);
  std::string sent, expected;
  for (int i = 0; i < 20; ++i) {
    const std::string event = "data: " + std::to_string(i) + "\n\n";
    expected += event;
    ASSERT_TRUE(encoder.write(event, sent));
    ASSERT_TRUE(encoder.write({}, sent, Flush::sync));
    EXPECT_EQ(readable(GetParam(), sent), expected);
  }
  ASSERT_TRUE(encoder.write({}, sent, Flush::sync)) << "nothing new to flush";
  ASSERT_TRUE(encoder.finish(sent));
  EXPECT_EQ(decoded(GetParam(), sent), expected);
}

TEST_P(Encoders, UseTheKnownLengthForASmallerWindowOnly) {
  const std::string text = json_text(3000);
  for (const std::uint64_t length : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{3000}}) {
    Encoder encoder = pool_.acquire(GetParam(), 6, length);  // even if it is not true
    std::string out;
    ASSERT_TRUE(encoder.write(text, out));
    ASSERT_TRUE(encoder.finish(out));
    EXPECT_EQ(decoded(GetParam(), out), text);
  }
}

TEST_P(Encoders, StartAfreshWhateverTheStateDidBefore) {
  const std::string text = json_text(50000);
  std::string first;
  {
    Encoder encoder = pool_.acquire(GetParam(), 5);
    ASSERT_TRUE(encoder.write(text, first));
    ASSERT_TRUE(encoder.finish(first));
  }
  {
    std::string unfinished;
    Encoder encoder = pool_.acquire(GetParam(), 9);
    ASSERT_TRUE(encoder.write(noise(100000), unfinished));
  }
  std::string again;
  Encoder encoder = pool_.acquire(GetParam(), 5);
  ASSERT_TRUE(encoder.write(text, again));
  ASSERT_TRUE(encoder.finish(again));
  EXPECT_EQ(again, first);
}

TEST_P(Encoders, CountInTheBudgetAndAreRefusedBeyondIt) {
  const std::size_t one = state_bytes(GetParam(), 5);
  EncoderBudget budget(2 * one);
  EncoderPool pool(budget, 0);
  {
    const Encoder a = pool.acquire(GetParam(), 5);
    Encoder b = pool.acquire(GetParam(), 5);
    EXPECT_TRUE(a.valid() && b.valid());
    EXPECT_EQ(budget.used(), 2 * one);
    EXPECT_FALSE(pool.acquire(GetParam(), 5).valid());
    EXPECT_EQ(budget.refused(), 1U);
    b = Encoder();
    EXPECT_TRUE(pool.acquire(GetParam(), 5).valid());
  }
  EXPECT_EQ(budget.used(), 0U);
}

TEST_P(Encoders, WriteTheSameWholeBodyAsDecodersExpect) {
  for (const std::string& text : {json_text(1), json_text(1500), json_text(60000)}) {
    for (int effort = 1; effort <= 9; ++effort) {
      std::string out;
      ASSERT_TRUE(encode_whole(GetParam(), effort, text, text.size() + 100, out));
      EXPECT_EQ(decoded(GetParam(), out), text) << effort;
    }
  }
  std::string out;
  EXPECT_FALSE(encode_whole(GetParam(), 5, noise(10000), 9000, out));
  EXPECT_TRUE(out.empty());
}

TEST_P(Encoders, ShrinkJsonByAtLeastWhatIsPromised) {
  const std::string text = json_text(100000);
  std::string out;
  ASSERT_TRUE(encode_whole(GetParam(), 1, text, text.size(), out));
  EXPECT_LT(out.size(), text.size() * 4 / 10) << "60 to 80 % saved on JSON";
}

TEST(EncoderPool, KeepsIdleStatesOfGzipAndZstdUpToItsBound) {
  EncoderBudget budget(plenty);
  EncoderPool pool(budget, 2);
  {
    const Encoder a = pool.acquire(Coding::gzip, 1);
    const Encoder b = pool.acquire(Coding::zstd, 1);
    const Encoder c = pool.acquire(Coding::zstd, 1);
  }
  EXPECT_EQ(pool.idle(), 2U);
  pool.trim();
  EXPECT_EQ(pool.idle(), 0U);
  EXPECT_EQ(budget.used(), 0U);
}

TEST(EncoderPool, HasNoEncoderForIdentity) {
  EncoderBudget budget(plenty);
  EncoderPool pool(budget);
  Encoder encoder = pool.acquire(Coding::identity, 5);
  std::string out;
  EXPECT_FALSE(encoder.valid());
  EXPECT_FALSE(encoder.write("a", out));
  EXPECT_FALSE(encoder.finish(out));
}

}  // namespace
}  // namespace homeostat::compress
