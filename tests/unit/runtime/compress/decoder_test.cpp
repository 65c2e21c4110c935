#include "runtime/compress/decoder.hpp"

#include <gtest/gtest.h>
#include <zstd.h>

#include "runtime/compress/whole_encoder.hpp"
#include "tests/unit/runtime/compress/texts.hpp"

namespace homeostat::compress {
namespace {

using rules::Coding;
using testing::json_text;

std::string encoded(Coding coding, std::string_view text) {
  std::string out;
  EXPECT_TRUE(encode_whole(coding, 5, text, text.size() + 200, out));
  return out;
}

class Decoding : public ::testing::TestWithParam<Coding> {
 protected:
  DecodeResult decode(std::string_view input) {
    return decode_whole(GetParam(), input, limits_, clock_, out_);
  }
  DecodeLimits limits_;
  ManualClock clock_;
  std::string out_;
};

INSTANTIATE_TEST_SUITE_P(Each, Decoding, ::testing::ValuesIn(rules::encoded_codings),
                         [](const auto& each) {
                           return std::string(rules::coding_name(each.param));
                         });

TEST_P(Decoding, GivesTheWholeBody) {
  for (const std::size_t bytes : {1U, 65536U, 65537U, 300000U}) {
    const std::string text = json_text(bytes);
    EXPECT_EQ(decode(encoded(GetParam(), text)), DecodeResult::ok);
    EXPECT_EQ(out_, text);
  }
}

TEST_P(Decoding, RefusesWhatIsCutShortBrokenOrFollowedByMore) {
  const std::string whole = encoded(GetParam(), json_text(20000));
  for (const std::size_t bytes :
       {std::size_t{0}, std::size_t{1}, whole.size() / 2, whole.size() - 1}) {
    EXPECT_EQ(decode(std::string_view(whole).substr(0, bytes)), DecodeResult::broken) << bytes;
    EXPECT_TRUE(out_.empty());
  }
  EXPECT_EQ(decode(whole + "x"), DecodeResult::broken);
  EXPECT_EQ(decode(testing::noise(5000)), DecodeResult::broken);
  EXPECT_EQ(decode("{\"no\": \"coding\"}"), DecodeResult::broken);
}

TEST_P(Decoding, GivesUpAtTheBoundOfBytes) {
  const std::string text = json_text(100000);
  const std::string input = encoded(GetParam(), text);
  limits_.bytes_max = text.size();
  EXPECT_EQ(decode(input), DecodeResult::ok);
  limits_.bytes_max = text.size() - 1;
  EXPECT_EQ(decode(input), DecodeResult::too_large);
  EXPECT_TRUE(out_.empty());
}

TEST_P(Decoding, GivesUpOnABombLongBeforeItHasBurst) {
  const std::string bomb = encoded(GetParam(), std::string(64 * 1024 * 1024, '\0'));
  limits_.bytes_max = std::size_t{1} << 40U;
  EXPECT_EQ(decode(bomb), DecodeResult::ratio);
  limits_.ratio_max = 1U << 20U;
  limits_.bytes_max = 16 * 1024 * 1024;
  EXPECT_EQ(decode(bomb), DecodeResult::too_large);
  EXPECT_LE(out_.capacity(), 2 * limits_.bytes_max + 200000);
}

TEST_P(Decoding, AllowsAHighRatioInASmallBody) {
  EXPECT_EQ(decode(encoded(GetParam(), std::string(50000, 'a'))), DecodeResult::ok);
}

TEST_P(Decoding, GivesUpWhenItTakesTooLong) {
  const testing::Hurrying clock;
  const std::string input = encoded(GetParam(), json_text(1000000));
  EXPECT_EQ(decode_whole(GetParam(), input, limits_, clock, out_), DecodeResult::timeout);
  EXPECT_TRUE(out_.empty());
}

TEST(DecodeWhole, TakesSeveralMembersOrFramesAsOneBody) {
  const ManualClock clock;
  std::string out;
  for (const Coding coding : {Coding::gzip, Coding::zstd}) {
    const std::string two = encoded(coding, "first ") + encoded(coding, "second");
    EXPECT_EQ(decode_whole(coding, two, {}, clock, out), DecodeResult::ok);
    EXPECT_EQ(out, "first second");
  }
}

TEST(DecodeWhole, RefusesAZstdWindowAboveEightMebibytes) {
  const ManualClock clock;
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, 24);
  ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
  // A stream of unknown length, so that the frame keeps the window it was told.
  const std::string text = json_text(1000);
  std::string input(ZSTD_compressBound(text.size()) + 100, '\0');
  ZSTD_inBuffer from{text.data(), text.size(), 0};
  ZSTD_outBuffer to{input.data(), input.size(), 0};
  ZSTD_compressStream2(context, &to, &from, ZSTD_e_flush);
  ASSERT_EQ(ZSTD_compressStream2(context, &to, &from, ZSTD_e_end), 0U);
  ZSTD_freeCCtx(context);
  input.resize(to.pos);
  std::string out;
  EXPECT_EQ(decode_whole(Coding::zstd, input, {}, clock, out), DecodeResult::too_large);
}

TEST(DecodeWhole, HasNothingToDoForIdentity) {
  const ManualClock clock;
  std::string out = "old";
  EXPECT_EQ(decode_whole(Coding::identity, "x", {}, clock, out), DecodeResult::failed);
  EXPECT_TRUE(out.empty());
}

}  // namespace
}  // namespace homeostat::compress
