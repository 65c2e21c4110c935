#include "runtime/cache/frequency_sketch.hpp"

#include <algorithm>

namespace homeostat::cache {

std::size_t FrequencySketch::cell(std::uint64_t hash, std::size_t row) const noexcept {
  // One odd multiplier per row; the high bits of the product are well mixed.
  constexpr std::uint64_t multipliers[rows] = {0x9E3779B97F4A7C15U, 0xC2B2AE3D27D4EB4FU,
                                               0x165667B19E3779F9U, 0xD6E8FEB86659FD93U};
  std::uint64_t mixed = (hash ^ (hash >> 31U)) * multipliers[row];
  mixed ^= mixed >> 32U;
  return row * columns_ + (static_cast<std::size_t>(mixed) & (columns_ - 1));
}

unsigned FrequencySketch::get(std::size_t cell) const noexcept {
  const unsigned pair = cells_[cell / 2];
  return (cell & 1U) != 0 ? pair >> 4U : pair & 0x0FU;
}

void FrequencySketch::set(std::size_t cell, unsigned count) noexcept {
  std::uint8_t& pair = cells_[cell / 2];
  const unsigned kept = (cell & 1U) != 0 ? pair & 0x0FU : pair & 0xF0U;
  pair = static_cast<std::uint8_t>(kept | ((cell & 1U) != 0 ? count << 4U : count));
}

unsigned FrequencySketch::estimate(std::uint64_t hash) const noexcept {
  unsigned lowest = count_max;
  for (std::size_t row = 0; row < rows; ++row) lowest = std::min(lowest, get(cell(hash, row)));
  return lowest;
}

void FrequencySketch::add(std::uint64_t hash, unsigned count) {
  const unsigned now = std::min(count_max, estimate(hash) + count);
  for (std::size_t row = 0; row < rows; ++row) {
    const std::size_t at = cell(hash, row);
    if (get(at) < now) set(at, now);
  }
  increments_ += count;
  if (increments_ >= 40 * objects_) halve();
}

void FrequencySketch::halve() noexcept {
  for (std::uint8_t& pair : cells_) pair = static_cast<std::uint8_t>((pair >> 1U) & 0x77U);
  increments_ /= 2;
}

void FrequencySketch::fit(std::size_t objects, std::size_t bytes_max) {
  objects_ = std::max(objects_, objects);
  while (columns_ < objects_ * columns_per_object && cells_.size() * 2 <= bytes_max) {
    // A counter of column c serves the new columns c and c + columns_.
    std::vector<std::uint8_t> doubled(cells_.size() * 2);
    const std::size_t row_bytes = columns_ / 2;
    for (std::size_t row = 0; row < rows; ++row) {
      const auto from = cells_.begin() + static_cast<std::ptrdiff_t>(row * row_bytes);
      auto to = doubled.begin() + static_cast<std::ptrdiff_t>(row * row_bytes * 2);
      to = std::copy_n(from, row_bytes, to);
      std::copy_n(from, row_bytes, to);
    }
    cells_ = std::move(doubled);
    columns_ *= 2;
  }
}

}  // namespace homeostat::cache
