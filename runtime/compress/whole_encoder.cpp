#include "runtime/compress/whole_encoder.hpp"

#include <brotli/encode.h>
#include <libdeflate.h>
#include <zstd.h>

#include <algorithm>
#include <cstdint>
#include <memory>

#include "runtime/compress/efforts.hpp"
#include "runtime/compress/encoder_state.hpp"

namespace homeostat::compress {
namespace {

struct FreeDeflate {
  void operator()(libdeflate_compressor* state) const noexcept {
    libdeflate_free_compressor(state);
  }
};
struct FreeZstd {
  void operator()(ZSTD_CCtx* state) const noexcept { ZSTD_freeCCtx(state); }
};

// Each returns the bytes written, 0 on failure or too little room.

std::size_t gzip(int level, std::string_view input, std::string& out) {
  const std::unique_ptr<libdeflate_compressor, FreeDeflate> state(
      libdeflate_alloc_compressor(level));
  if (!state) return 0;
  return libdeflate_gzip_compress(state.get(), input.data(), input.size(), out.data(), out.size());
}

std::size_t brotli(int quality, std::string_view input, std::string& out) {
  // From quality 10 on memory grows with the window, and by more than it earns.
  const int window = window_log(input.size(), quality >= 10 ? 20 : 22);
  std::size_t size = out.size();
  const bool ok =
      BrotliEncoderCompress(quality, std::max(window, BROTLI_MIN_WINDOW_BITS), BROTLI_MODE_TEXT,
                            input.size(), reinterpret_cast<const std::uint8_t*>(input.data()),
                            &size, reinterpret_cast<std::uint8_t*>(out.data())) != BROTLI_FALSE;
  return ok ? size : 0;
}

std::size_t zstd(int level, std::string_view input, std::string& out) {
  const std::unique_ptr<ZSTD_CCtx, FreeZstd> state(ZSTD_createCCtx());
  if (!state) return 0;
  const auto set = [&state](ZSTD_cParameter parameter, int value) {
    return ZSTD_isError(ZSTD_CCtx_setParameter(state.get(), parameter, value)) == 0;
  };
  const int window = window_log(input.size(), 21);
  if (!set(ZSTD_c_compressionLevel, level) || !set(ZSTD_c_windowLog, window)) return 0;
  // The tables of high levels are made for windows of many megabytes.
  if (level >= 16 && (!set(ZSTD_c_hashLog, std::clamp(window, 12, 20)) ||
                      !set(ZSTD_c_chainLog, std::clamp(window + 1, 12, 21)))) {
    return 0;
  }
  const std::size_t size =
      ZSTD_compress2(state.get(), out.data(), out.size(), input.data(), input.size());
  return ZSTD_isError(size) == 0 ? size : 0;
}

}  // namespace

bool encode_whole(rules::Coding coding, int effort, std::string_view input, std::size_t bytes_max,
                  std::string& out) {
  // No more room than the result is worth: a library that runs out stops early.
  out.resize(bytes_max);
  const int level = whole_level(coding, effort);
  std::size_t size = 0;
  switch (coding) {
    case rules::Coding::gzip: size = gzip(level, input, out); break;
    case rules::Coding::brotli: size = brotli(level, input, out); break;
    case rules::Coding::zstd: size = zstd(level, input, out); break;
    case rules::Coding::identity: break;
  }
  out.resize(size);
  return size != 0;
}

}  // namespace homeostat::compress
