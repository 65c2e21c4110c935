// Log-linear latency histograms: a lock-free one that a worker writes, and two
// plain ones (dense, sparse) in which the collector adds and asks for quantiles.
//
// Layout: 32 octaves from 1.024 us to 73 min (2^10..2^42 ns), each cut into 32
// equal sub-buckets, plus one bucket below and one above. A quantile is the
// nearest-rank bucket's midpoint, so its relative error is at most
// 1/64 = 1.6 %. Below 1.024 us the error is absolute (0.5 us); above the range
// the upper edge is reported. The scheme is that of HdrHistogram (G. Tene) with
// a power-of-two sub-bucket count.
//
// Thread safety: LatencyHistogram has one writer (relaxed load and store, no
// read-modify-write) and any readers; the others have none.
// Memory: LatencyHistogram allocates blocks of four octaves (512 bytes) when
// they are first hit: 64 bytes empty, about 1 to 2 KiB in use, 4.2 KiB at most.
// SparseCounts needs 4 bytes for each bucket in use. HistogramCounts is 8 KiB.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace homeostat::telemetry {

/// The bucket arithmetic shared by all histograms. Values are nanoseconds.
struct LatencyBuckets {
  static constexpr unsigned sub_bits = 5;         ///< 32 sub-buckets an octave
  static constexpr unsigned first_exponent = 10;  ///< 2^10 ns = 1.024 us
  static constexpr unsigned octaves = 32;
  static constexpr std::size_t inner = std::size_t{octaves} << sub_bits;
  static constexpr std::size_t count = inner + 2;  ///< with underflow and overflow
  static constexpr std::size_t overflow = count - 1;

  [[nodiscard]] static constexpr std::size_t index_of(std::uint64_t nanoseconds) noexcept {
    if (nanoseconds < (std::uint64_t{1} << first_exponent)) return 0;
    const unsigned exponent = static_cast<unsigned>(std::bit_width(nanoseconds)) - 1;
    if (exponent >= first_exponent + octaves) return overflow;
    const std::uint64_t sub = (nanoseconds >> (exponent - sub_bits)) & ((1U << sub_bits) - 1);
    return 1 +
           ((std::size_t{exponent - first_exponent} << sub_bits) | static_cast<std::size_t>(sub));
  }
  /// Lower edge in nanoseconds. REQUIRES: index < count.
  [[nodiscard]] static constexpr std::uint64_t lower(std::size_t index) noexcept {
    if (index == 0) return 0;
    const std::size_t position = index - 1;  // the overflow bucket falls on 2^42 by itself
    const auto exponent = static_cast<unsigned>(position >> sub_bits) + first_exponent;
    const std::uint64_t sub = position & ((1U << sub_bits) - 1);
    return ((std::uint64_t{1} << sub_bits) + sub) << (exponent - sub_bits);
  }
  /// The value reported for a bucket, in seconds.
  [[nodiscard]] static constexpr double middle_seconds(std::size_t index) noexcept {
    if (index >= overflow) return static_cast<double>(lower(overflow)) * 1e-9;
    return static_cast<double>(lower(index) + lower(index + 1)) * 0.5e-9;
  }
};

/// Written by one worker, read by the collector. Counts wrap at 2^32: readers
/// take differences, which stay right as long as they look once per wrap.
class LatencyHistogram {
 public:
  static constexpr std::size_t block_size = 128;  ///< buckets: four octaves
  static constexpr std::size_t blocks = (LatencyBuckets::count + block_size - 1) / block_size;
  using Block = std::array<std::atomic<std::uint32_t>, block_size>;

  LatencyHistogram() = default;
  LatencyHistogram(const LatencyHistogram&) = delete;
  LatencyHistogram& operator=(const LatencyHistogram&) = delete;
  ~LatencyHistogram();

  /// Writer only. Allocates on the first hit of a block; if that fails the
  /// value is dropped.
  void record(std::uint64_t nanoseconds) noexcept {
    const std::size_t index = LatencyBuckets::index_of(nanoseconds);
    Block* block = blocks_[index / block_size].load(std::memory_order_relaxed);
    if (block == nullptr) [[unlikely]] {
      block = allocate(index / block_size);
      if (block == nullptr) return;
    }
    auto& cell = (*block)[index % block_size];
    cell.store(cell.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }

  /// Null while nothing was recorded there. REQUIRES: index < blocks.
  [[nodiscard]] const Block* block(std::size_t index) const noexcept {
    return blocks_[index].load(std::memory_order_acquire);
  }

 private:
  Block* allocate(std::size_t index) noexcept;

  std::array<std::atomic<Block*>, blocks> blocks_{};
};

/// One bucket's increment.
struct BucketCount {
  std::uint16_t bucket = 0;
  std::uint32_t count = 0;
};

/// Dense counts: scratch space for merging and quantiles.
class HistogramCounts {
 public:
  void record(std::uint64_t nanoseconds) noexcept { add(LatencyBuckets::index_of(nanoseconds), 1); }
  void add(std::size_t bucket, std::uint64_t count) noexcept {
    counts_[bucket] += count;
    total_ += count;
    if (bucket < first_) first_ = bucket;
    if (bucket >= end_) end_ = bucket + 1;
  }
  void merge(const HistogramCounts& other) noexcept;
  /// Adds buckets that lie in [first, last]; `each(counts)` writes them and
  /// returns their sum.
  template <class Each>
  void add_range(std::size_t first, std::size_t last, Each&& each) noexcept {
    total_ += each(counts_);
    if (first < first_) first_ = first;
    if (last >= end_) end_ = last + 1;
  }
  void clear() noexcept;
  [[nodiscard]] std::uint64_t total() const noexcept { return total_; }
  [[nodiscard]] std::uint64_t at(std::size_t bucket) const noexcept { return counts_[bucket]; }
  /// Seconds; 0 when empty. REQUIRES: 0 <= quantile <= 1.
  [[nodiscard]] double quantile(double quantile) const noexcept;
  /// Several quantiles in one pass. REQUIRES: ascending.
  template <std::size_t N>
  [[nodiscard]] std::array<double, N> quantiles(
      const std::array<double, N>& wanted) const noexcept {
    std::array<double, N> result{};
    find_quantiles(wanted.data(), result.data(), N);
    return result;
  }

 private:
  void find_quantiles(const double* wanted, double* result, std::size_t count) const noexcept;

  std::array<std::uint64_t, LatencyBuckets::count> counts_{};
  std::uint64_t total_ = 0;
  std::size_t first_ = LatencyBuckets::count;  // the range in use, to scan less
  std::size_t end_ = 0;
};

/// Sorted (bucket, count) pairs packed into 32 bits: 11 bits of bucket, 21 of
/// count. A count beyond 2^21-1 saturates.
class SparseCounts {
 public:
  static constexpr std::uint32_t count_max = (1U << 21) - 1;

  /// REQUIRES: sorted by bucket, each once.
  void add(const std::vector<BucketCount>& sorted);
  void add_to(HistogramCounts& target) const noexcept;
  /// Empties it; gives large storage back.
  void clear() noexcept;
  [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }
  [[nodiscard]] std::size_t bytes() const noexcept {
    return entries_.capacity() * sizeof(std::uint32_t);
  }

 private:
  std::vector<std::uint32_t> entries_;
};

}  // namespace homeostat::telemetry
