// What compression costs and saves here, as measured: the figures of the law in
// rules/laws/compression.hpp.
//
// Each cell is an exponentially weighted average that starts at the standard
// cost and stays within a factor of `trust` of it: a thread that was preempted
// while it measured must not rule out an algorithm for good, and cells that are
// never used stay comparable with those that are.
//
// Thread safety: any thread; relaxed atomics, a lost update is one sample less.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>

#include "rules/laws/compression.hpp"

namespace homeostat::compress {

class CostTable {
 public:
  static constexpr double weight = 0.1;  ///< of a new sample
  static constexpr double trust = 4;
  /// Smaller bodies measure the fixed cost, not the cost per byte.
  static constexpr std::size_t sample_bytes_min = 4096;

  explicit CostTable(rules::CompressionUse use) noexcept : standard_(rules::standard_costs(use)) {
    for (std::size_t i = 0; i < rules::coding_count; ++i) {
      for (std::size_t j = 0; j < standard_[i].size(); ++j) {
        cells_[i][j].ns_per_byte.store(static_cast<float>(standard_[i][j].ns_per_byte));
        cells_[i][j].ratio.store(static_cast<float>(standard_[i][j].ratio));
      }
    }
  }

  void add(rules::Coding coding, int effort, std::size_t bytes_in, std::size_t bytes_out,
           double nanoseconds) noexcept {
    if (bytes_in < sample_bytes_min) return;
    const std::size_t i = rules::index_of(coding);
    const auto j = static_cast<std::size_t>(std::clamp(effort, 1, rules::effort_max) - 1);
    const auto bytes = static_cast<double>(bytes_in);
    const rules::CodingCost& standard = standard_[i][j];
    blend(cells_[i][j].ns_per_byte, nanoseconds / bytes, standard.ns_per_byte);
    blend(cells_[i][j].ratio, static_cast<double>(bytes_out) / bytes, standard.ratio);
  }

  [[nodiscard]] rules::CodingCosts current() const noexcept {
    rules::CodingCosts costs;
    for (std::size_t i = 0; i < rules::coding_count; ++i) {
      for (std::size_t j = 0; j < costs[i].size(); ++j) {
        costs[i][j] = {cells_[i][j].ns_per_byte.load(std::memory_order_relaxed),
                       cells_[i][j].ratio.load(std::memory_order_relaxed)};
      }
    }
    return costs;
  }

 private:
  struct Cell {
    std::atomic<float> ns_per_byte{0}, ratio{1};
  };
  static void blend(std::atomic<float>& cell, double sample, double standard) noexcept {
    const double before = cell.load(std::memory_order_relaxed);
    const double after = before + weight * (sample - before);
    cell.store(static_cast<float>(std::clamp(after, standard / trust, standard * trust)),
               std::memory_order_relaxed);
  }

  const rules::CodingCosts& standard_;
  std::array<std::array<Cell, rules::effort_max>, rules::coding_count> cells_;
};

}  // namespace homeostat::compress
