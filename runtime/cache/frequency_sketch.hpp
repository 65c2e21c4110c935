// How often a key was asked for lately, remembered beyond eviction: a
// count-min sketch of 4 rows with 8-bit counters and conservative increment,
// halved now and then (TinyLFU: Einziger, Friedman, Manes, ACM TOS 2017).
//
// Eight columns per stored object; halved every 50 x objects increments: fewer
// columns collide too often, faster halving forgets too soon, and counters that
// end at 15 do not tell what is hot from what is hotter (decision 13). It grows by
// doubling, which keeps every estimate. Growing and halving are spread over the
// following increments, `slice_bytes` each, so that none of them takes long.
//
// Thread safety: none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>

namespace homeostat::cache {

class FrequencySketch {
 public:
  static constexpr unsigned count_max = 255;
  static constexpr std::size_t slice_bytes = 4096;

  FrequencySketch();

  void add(std::uint64_t hash, unsigned count = 1);
  [[nodiscard]] unsigned estimate(std::uint64_t hash) const noexcept;
  /// Grows to suit that many stored objects; bounded by `bytes_max`.
  void fit(std::size_t objects, std::size_t bytes_max);
  [[nodiscard]] std::size_t memory() const noexcept {
    return table_.bytes() + (growing() ? former_.bytes() : 0);
  }

 private:
  static constexpr std::size_t rows = 4;
  static constexpr std::size_t columns_min = 1024;
  static constexpr std::size_t columns_per_object = 8;
  static constexpr std::size_t halving_period = 50;  // x objects

  struct Free {
    void operator()(std::uint8_t* bytes) const noexcept { std::free(bytes); }
  };
  /// One row after the other.
  struct Table {
    std::unique_ptr<std::uint8_t[], Free> cells;
    std::size_t columns = 0;

    Table() = default;
    /// From zeroed pages: a large table costs nothing until it is used.
    explicit Table(std::size_t column_count);
    [[nodiscard]] std::size_t bytes() const noexcept { return rows * columns; }
  };
  [[nodiscard]] bool growing() const noexcept { return former_.columns != 0; }
  [[nodiscard]] std::uint8_t& cell(std::uint64_t hash, std::size_t row) const noexcept;
  void continue_growing() noexcept;
  void continue_halving() noexcept;

  Table table_;
  // While growing: the table of half the columns, of which each row's columns
  // below copied_ are in table_ already.
  Table former_;
  std::size_t copied_ = 0;
  std::size_t halved_ = 0;  // bytes of table_ halved so far
  bool halving_ = false;
  std::size_t objects_ = columns_min / columns_per_object;
  std::size_t increments_ = 0;
};

}  // namespace homeostat::cache
