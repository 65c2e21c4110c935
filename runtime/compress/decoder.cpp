#include "runtime/compress/decoder.hpp"

#include <brotli/decode.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <limits>
#include <memory>

namespace homeostat::compress {
namespace {

constexpr std::size_t piece = 64 * 1024;
constexpr int zstd_window_log_max = 23;

/// The output so far and whether it may go on.
class Output {
 public:
  Output(std::string_view input, const DecodeLimits& limits, const Clock& clock, std::string& out)
      : limits_(limits), clock_(clock), out_(out), deadline_(clock.now() + limits.time_max) {
    out_.clear();
    ratio_bytes_max_ = std::max(limits.ratio_from, input.size() * limits.ratio_max);
  }

  /// Room for the next piece; one byte more than allowed shows who goes beyond.
  [[nodiscard]] char* room(std::size_t& size) {
    size = std::min(piece, limits_.bytes_max - used_ + 1);
    out_.resize(used_ + size);
    return out_.data() + used_;
  }
  [[nodiscard]] DecodeResult add(std::size_t bytes) {
    used_ += bytes;
    if (used_ > limits_.bytes_max) return DecodeResult::too_large;
    if (used_ > ratio_bytes_max_) return DecodeResult::ratio;
    return clock_.now() > deadline_ ? DecodeResult::timeout : DecodeResult::ok;
  }
  [[nodiscard]] DecodeResult end(DecodeResult result) {
    out_.resize(result == DecodeResult::ok ? used_ : 0);
    return result;
  }

 private:
  const DecodeLimits& limits_;
  const Clock& clock_;
  std::string& out_;
  Instant deadline_;
  std::size_t used_ = 0;
  std::size_t ratio_bytes_max_ = 0;
};

struct EndInflate {
  void operator()(z_stream* stream) const noexcept { inflateEnd(stream); }
};
struct FreeBrotli {
  void operator()(BrotliDecoderState* state) const noexcept { BrotliDecoderDestroyInstance(state); }
};
struct FreeZstd {
  void operator()(ZSTD_DCtx* state) const noexcept { ZSTD_freeDCtx(state); }
};

DecodeResult gunzip(std::string_view input, Output& output) {
  z_stream stream{};
  if (inflateInit2(&stream, 15 + 16) != Z_OK) return DecodeResult::failed;
  const std::unique_ptr<z_stream, EndInflate> guard(&stream);
  if (input.size() > std::numeric_limits<uInt>::max()) return DecodeResult::too_large;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data()));
  stream.avail_in = static_cast<uInt>(input.size());
  for (;;) {
    std::size_t size = 0;
    stream.next_out = reinterpret_cast<Bytef*>(output.room(size));
    stream.avail_out = static_cast<uInt>(size);
    const int status = inflate(&stream, Z_NO_FLUSH);
    const DecodeResult result = output.add(size - stream.avail_out);
    if (result != DecodeResult::ok) return result;
    if (status == Z_STREAM_END) {
      if (stream.avail_in == 0) return DecodeResult::ok;
      if (inflateReset(&stream) != Z_OK) return DecodeResult::failed;
      continue;
    }
    if (status == Z_MEM_ERROR) return DecodeResult::failed;
    // Neither input nor output left to go on with: cut short.
    if (status != Z_OK || (stream.avail_in == 0 && stream.avail_out != 0)) {
      return DecodeResult::broken;
    }
  }
}

DecodeResult unbrotli(std::string_view input, Output& output) {
  const std::unique_ptr<BrotliDecoderState, FreeBrotli> state(
      BrotliDecoderCreateInstance(nullptr, nullptr, nullptr));
  if (!state) return DecodeResult::failed;
  const auto* next = reinterpret_cast<const std::uint8_t*>(input.data());
  std::size_t left = input.size();
  for (;;) {
    std::size_t size = 0;
    auto* to = reinterpret_cast<std::uint8_t*>(output.room(size));
    std::size_t free = size;
    const BrotliDecoderResult status =
        BrotliDecoderDecompressStream(state.get(), &left, &next, &free, &to, nullptr);
    const DecodeResult result = output.add(size - free);
    if (result != DecodeResult::ok) return result;
    switch (status) {
      case BROTLI_DECODER_RESULT_SUCCESS:
        return left == 0 ? DecodeResult::ok : DecodeResult::broken;
      case BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT: break;
      default: return DecodeResult::broken;
    }
  }
}

DecodeResult unzstd(std::string_view input, Output& output) {
  const std::unique_ptr<ZSTD_DCtx, FreeZstd> state(ZSTD_createDCtx());
  if (!state) return DecodeResult::failed;
  if (ZSTD_isError(ZSTD_DCtx_setParameter(state.get(), ZSTD_d_windowLogMax, zstd_window_log_max)) !=
      0) {
    return DecodeResult::failed;
  }
  if (input.empty()) return DecodeResult::broken;
  ZSTD_inBuffer in{input.data(), input.size(), 0};
  for (;;) {
    std::size_t size = 0;
    char* to = output.room(size);
    ZSTD_outBuffer out{to, size, 0};
    const std::size_t before = in.pos;
    const std::size_t wanted = ZSTD_decompressStream(state.get(), &out, &in);
    const DecodeResult result = output.add(out.pos);
    if (result != DecodeResult::ok) return result;
    if (ZSTD_isError(wanted) != 0) {
      return ZSTD_getErrorString(ZSTD_error_frameParameter_windowTooLarge) ==
                     std::string_view(ZSTD_getErrorName(wanted))
                 ? DecodeResult::too_large
                 : DecodeResult::broken;
    }
    if (wanted == 0 && in.pos == in.size) return DecodeResult::ok;
    const bool stuck = in.pos == before && out.pos == 0;
    if (stuck || (in.pos == in.size && out.pos < out.size)) return DecodeResult::broken;
  }
}

}  // namespace

DecodeResult decode_whole(rules::Coding coding, std::string_view input, const DecodeLimits& limits,
                          const Clock& clock, std::string& out) {
  Output output(input, limits, clock, out);
  DecodeResult result = DecodeResult::failed;
  switch (coding) {
    case rules::Coding::gzip: result = gunzip(input, output); break;
    case rules::Coding::brotli: result = unbrotli(input, output); break;
    case rules::Coding::zstd: result = unzstd(input, output); break;
    case rules::Coding::identity: break;
  }
  return output.end(result);
}

}  // namespace homeostat::compress
