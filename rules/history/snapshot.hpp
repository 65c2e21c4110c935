// A copy of a history's means, for readers on other threads.
//
// Plain values. Thread safety: immutable once shared. Memory: 4 bytes for each
// slot of each series, about 0.3 MB for the global signals.
#pragma once

#include <array>
#include <chrono>
#include <vector>

#include "rules/history/series_group.hpp"

namespace homeostat::rules {

struct HistorySnapshot {
  struct Level {
    std::chrono::seconds step{0};
    /// By series, oldest first; the last is the slot open at `at`. NaN: missing.
    /// Empty before the level's first step.
    std::vector<std::vector<float>> series;
  };
  Instant at{};
  std::array<Level, history_levels> levels;
};

[[nodiscard]] HistorySnapshot snapshot_of(const SeriesGroup& group, Instant at);

}  // namespace homeostat::rules
