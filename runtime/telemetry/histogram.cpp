#include "runtime/telemetry/histogram.hpp"

#include <algorithm>
#include <cmath>
#include <new>

namespace homeostat::telemetry {
namespace {

constexpr unsigned count_bits = 21;
constexpr std::size_t kept_entries = 64;  // capacity worth keeping in a cleared slice

constexpr std::uint32_t pack(std::uint32_t bucket, std::uint32_t count) noexcept {
  return (bucket << count_bits) | count;
}
constexpr std::uint32_t bucket_of(std::uint32_t entry) noexcept { return entry >> count_bits; }
constexpr std::uint32_t count_of(std::uint32_t entry) noexcept {
  return entry & SparseCounts::count_max;
}
constexpr std::uint32_t saturated(std::uint64_t count) noexcept {
  return count > SparseCounts::count_max ? SparseCounts::count_max
                                         : static_cast<std::uint32_t>(count);
}
static_assert(LatencyBuckets::count < (1U << (32 - count_bits)));

}  // namespace

LatencyHistogram::~LatencyHistogram() {
  for (auto& block : blocks_) delete block.load(std::memory_order_relaxed);
}

LatencyHistogram::Block* LatencyHistogram::allocate(std::size_t index) noexcept {
  auto* block = new (std::nothrow) Block{};
  if (block != nullptr) blocks_[index].store(block, std::memory_order_release);
  return block;
}

void HistogramCounts::merge(const HistogramCounts& other) noexcept {
  for (std::size_t i = other.first_; i < other.end_; ++i) {
    if (other.counts_[i] != 0) add(i, other.counts_[i]);
  }
}

void HistogramCounts::clear() noexcept {
  if (first_ < end_) {
    std::fill(counts_.begin() + static_cast<std::ptrdiff_t>(first_),
              counts_.begin() + static_cast<std::ptrdiff_t>(end_), std::uint64_t{0});
  }
  total_ = 0;
  first_ = LatencyBuckets::count;
  end_ = 0;
}

double HistogramCounts::quantile(double quantile) const noexcept {
  double result = 0;
  find_quantiles(&quantile, &result, 1);
  return result;
}

void HistogramCounts::find_quantiles(const double* wanted, double* result,
                                     std::size_t count) const noexcept {
  if (total_ == 0) {
    std::fill(result, result + count, 0.0);
    return;
  }
  std::uint64_t seen = 0;
  std::size_t bucket = first_;
  for (std::size_t i = 0; i < count; ++i) {
    // Nearest rank: the smallest value with at least quantile * n values <= it.
    const double rank = std::ceil(wanted[i] * static_cast<double>(total_));
    const std::uint64_t target =
        std::clamp<std::uint64_t>(rank < 1 ? 1 : static_cast<std::uint64_t>(rank), 1, total_);
    while (bucket < end_ && seen + counts_[bucket] < target) seen += counts_[bucket++];
    result[i] = LatencyBuckets::middle_seconds(bucket);
  }
}

void SparseCounts::add(const std::vector<BucketCount>& sorted) {
  if (sorted.empty()) return;
  // Count the buckets that are new, grow once, then merge from the back.
  std::size_t fresh = 0, at = 0;
  for (const BucketCount& item : sorted) {
    while (at < entries_.size() && bucket_of(entries_[at]) < item.bucket) ++at;
    if (at == entries_.size() || bucket_of(entries_[at]) != item.bucket) ++fresh;
  }
  std::size_t read = entries_.size();
  entries_.resize(read + fresh);
  std::size_t write = entries_.size();
  for (std::size_t i = sorted.size(); i-- > 0;) {
    const BucketCount& item = sorted[i];
    while (read > 0 && bucket_of(entries_[read - 1]) > item.bucket)
      entries_[--write] = entries_[--read];
    if (read > 0 && bucket_of(entries_[read - 1]) == item.bucket) {
      const std::uint64_t sum = std::uint64_t{count_of(entries_[--read])} + item.count;
      entries_[--write] = pack(item.bucket, saturated(sum));
    } else {
      entries_[--write] = pack(item.bucket, saturated(item.count));
    }
  }
}

void SparseCounts::add_to(HistogramCounts& target) const noexcept {
  if (entries_.empty()) return;
  target.add_range(bucket_of(entries_.front()), bucket_of(entries_.back()), [this](auto& counts) {
    std::uint64_t sum = 0;
    for (const std::uint32_t entry : entries_) {
      counts[bucket_of(entry)] += count_of(entry);
      sum += count_of(entry);
    }
    return sum;
  });
}

void SparseCounts::clear() noexcept {
  if (entries_.capacity() > kept_entries) {
    std::vector<std::uint32_t>{}.swap(entries_);
  } else {
    entries_.clear();
  }
}

}  // namespace homeostat::telemetry
