// How often a key was asked for lately, remembered beyond eviction: a
// count-min sketch of 4 rows with 4-bit counters and conservative increment,
// halved now and then (TinyLFU: Einziger, Friedman, Manes, ACM TOS 2017).
//
// Sixteen columns per stored object; halved every 40 x objects increments: fewer
// columns collide too often, faster halving forgets too soon. It grows by
// doubling, which keeps every estimate. Thread safety: none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace homeostat::cache {

class FrequencySketch {
 public:
  static constexpr unsigned count_max = 15;

  FrequencySketch() : cells_(rows * columns_min / 2) {}

  void add(std::uint64_t hash, unsigned count = 1);
  [[nodiscard]] unsigned estimate(std::uint64_t hash) const noexcept;
  /// Grows to suit that many stored objects; bounded by `bytes_max`.
  void fit(std::size_t objects, std::size_t bytes_max);
  [[nodiscard]] std::size_t memory() const noexcept { return cells_.size(); }

 private:
  static constexpr std::size_t rows = 4;
  static constexpr std::size_t columns_min = 1024;
  static constexpr std::size_t columns_per_object = 16;

  [[nodiscard]] std::size_t cell(std::uint64_t hash, std::size_t row) const noexcept;
  [[nodiscard]] unsigned get(std::size_t cell) const noexcept;
  void set(std::size_t cell, unsigned count) noexcept;
  void halve() noexcept;

  // cells_[row * columns / 2 + column / 2], two counters per byte.
  std::vector<std::uint8_t> cells_;
  std::size_t columns_ = columns_min;
  std::size_t objects_ = columns_min / columns_per_object;
  std::size_t increments_ = 0;
};

}  // namespace homeostat::cache
