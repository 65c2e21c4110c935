// What an effort of 1 (fastest) to 9 (smallest) means in each library's own
// levels. Chosen so that equal efforts cost about the same;
// bench/compression_bench measures them.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "rules/laws/coding.hpp"
#include "rules/laws/compression.hpp"

namespace homeostat::compress {

using EffortLevels = std::array<std::array<int, rules::effort_max>, rules::coding_count>;

/// Bodies known as a whole: gzip by libdeflate, 1..12; brotli 0..11; zstd 1..19.
inline constexpr EffortLevels whole_levels = {{{},
                                               {1, 2, 3, 4, 6, 7, 8, 9, 12},
                                               {1, 2, 3, 4, 5, 6, 7, 9, 11},
                                               {1, 2, 3, 4, 6, 8, 9, 11, 19}}};
/// Streams: gzip by zlib, 1..9. A worker must not be held up, so the slow half
/// of each scale is left out.
inline constexpr EffortLevels stream_levels = {
    {{}, {1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 1, 2, 3, 4, 4, 5, 5, 5}, {1, 1, 2, 3, 3, 4, 5, 6, 7}}};

[[nodiscard]] constexpr int level_of(const EffortLevels& levels, rules::Coding coding,
                                     int effort) noexcept {
  const int index = std::clamp(effort, 1, rules::effort_max) - 1;
  return levels[rules::index_of(coding)][static_cast<std::size_t>(index)];
}
[[nodiscard]] constexpr int stream_level(rules::Coding coding, int effort) noexcept {
  return level_of(stream_levels, coding, effort);
}
[[nodiscard]] constexpr int whole_level(rules::Coding coding, int effort) noexcept {
  return level_of(whole_levels, coding, effort);
}

}  // namespace homeostat::compress
