// Decodes a whole encoded body within bounds: a small body may stand for
// gigabytes (a compression bomb), a window for as much memory.
//
// Bounds: bytes out, bytes out per byte in, time by the clock given, and windows
// of 32 KiB (gzip), 16 MiB (brotli's own limit) and 8 MiB (zstd, RFC 9659
// section 3). Beyond any of them the body is given up, never truncated.
// Several gzip members or zstd frames in a row are one body (RFC 1952 section
// 2.2, RFC 8878 section 3.1); anything behind the end is an error.
// Thread safety: none needed. May take long: not for a worker.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "rules/laws/coding.hpp"
#include "runtime/ports/clock.hpp"

namespace homeostat::compress {

struct DecodeLimits {
  std::size_t bytes_max = 16 * 1024 * 1024;
  /// Text reaches 10 to 30, a table of zeros more; deflate's own end is 1032.
  std::size_t ratio_max = 200;
  /// Ratios are not looked at below this output: tiny bodies of one letter are
  /// no bombs.
  std::size_t ratio_from = 64 * 1024;
  /// By the clock given: decode_whole() asks it on the calling thread only, so that it
  /// may be a ThreadClock where others can keep the thread from running.
  Duration time_max = std::chrono::seconds(2);
};

enum class DecodeResult : std::uint8_t {
  ok,
  broken,     ///< not that coding, cut short, or with something behind its end
  too_large,  ///< bytes_max, or a window above the bound
  ratio,
  timeout,
  failed  ///< the library has no memory, or identity was asked for
};

/// Replaces `out`; it is empty unless the result is ok. May throw std::bad_alloc.
[[nodiscard]] DecodeResult decode_whole(rules::Coding coding, std::string_view input,
                                        const DecodeLimits& limits, const Clock& clock,
                                        std::string& out);

}  // namespace homeostat::compress
