#include "runtime/cache/frequency_sketch.hpp"

#include <algorithm>
#include <cstring>
#include <new>

namespace homeostat::cache {

FrequencySketch::Table::Table(std::size_t column_count)
    : cells(static_cast<std::uint8_t*>(std::calloc(rows * column_count, 1))),
      columns(column_count) {
  if (!cells) throw std::bad_alloc();
}

FrequencySketch::FrequencySketch() : table_(columns_min) {}

std::uint8_t& FrequencySketch::cell(std::uint64_t hash, std::size_t row) const noexcept {
  // One odd multiplier per row; the high bits of the product are well mixed.
  constexpr std::uint64_t multipliers[rows] = {0x9E3779B97F4A7C15U, 0xC2B2AE3D27D4EB4FU,
                                               0x165667B19E3779F9U, 0xD6E8FEB86659FD93U};
  std::uint64_t mixed = (hash ^ (hash >> 31U)) * multipliers[row];
  mixed ^= mixed >> 32U;
  const Table* table = &table_;
  std::size_t column = static_cast<std::size_t>(mixed) & (table_.columns - 1);
  if (growing() && (column & (former_.columns - 1)) >= copied_) {
    table = &former_;
    column &= former_.columns - 1;
  }
  return table->cells[row * table->columns + column];
}

unsigned FrequencySketch::estimate(std::uint64_t hash) const noexcept {
  unsigned lowest = count_max;
  for (std::size_t row = 0; row < rows; ++row) lowest = std::min<unsigned>(lowest, cell(hash, row));
  return lowest;
}

void FrequencySketch::add(std::uint64_t hash, unsigned count) {
  const unsigned now = std::min(count_max, estimate(hash) + count);
  for (std::size_t row = 0; row < rows; ++row) {
    std::uint8_t& count_here = cell(hash, row);
    if (count_here < now) count_here = static_cast<std::uint8_t>(now);
  }
  increments_ += count;
  if (increments_ >= halving_period * objects_ && !halving_) {
    halving_ = true;
    halved_ = 0;
    increments_ /= 2;
  }
  if (growing()) {
    continue_growing();
  } else if (halving_) {
    continue_halving();
  }
}

void FrequencySketch::continue_halving() noexcept {
  const std::size_t end = std::min(table_.bytes(), halved_ + slice_bytes);
  for (; halved_ < end; ++halved_) {
    std::uint8_t& count = table_.cells[halved_];
    count = static_cast<std::uint8_t>(count >> 1U);
  }
  halving_ = halved_ < table_.bytes();
}

void FrequencySketch::continue_growing() noexcept {
  const std::size_t count = std::min(former_.columns - copied_, slice_bytes / rows);
  for (std::size_t row = 0; row < rows; ++row) {
    // A counter of column c serves the new columns c and c + former_.columns.
    const std::uint8_t* from = &former_.cells[row * former_.columns + copied_];
    std::uint8_t* to = &table_.cells[row * table_.columns + copied_];
    std::memcpy(to, from, count);
    std::memcpy(to + former_.columns, from, count);
  }
  copied_ += count;
  if (copied_ == former_.columns) former_ = {};
}

void FrequencySketch::fit(std::size_t objects, std::size_t bytes_max) {
  objects_ = std::max(objects_, objects);
  // A halving under way comes first: it would miss what is copied behind it.
  if (growing() || halving_ || table_.columns >= objects_ * columns_per_object) return;
  if (table_.bytes() * 2 > bytes_max) return;
  former_ = std::move(table_);
  table_ = Table(former_.columns * 2);
  copied_ = 0;
  continue_growing();
}

}  // namespace homeostat::cache
