// Encodes a body that is known as a whole, with the best tool for that:
// libdeflate for gzip (bench/compression_bench compares it with zlib),
// the one-shot calls of libbrotli and libzstd.
//
// Memory: freed before it returns; at effort 9 up to about 24 MiB, because
// windows are bounded (1 MiB for brotli 10 and 11, 2 MiB for zstd).
// Thread safety: none needed. May take long: not for a worker.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "rules/laws/coding.hpp"

namespace homeostat::compress {

/// Replaces `out`. False, with `out` empty, if the result would be larger than
/// `bytes_max` or the library failed. May throw std::bad_alloc.
[[nodiscard]] bool encode_whole(rules::Coding coding, int effort, std::string_view input,
                                std::size_t bytes_max, std::string& out);

}  // namespace homeostat::compress
