// How long reads of the shared tier took: counts in buckets a quarter of an octave wide,
// so that a quantile is right within a tenth.
//
// Thread safety: record() and totals() from any thread. Memory: one counter per bucket.
// Bounds: below 8 us each microsecond by itself; above two minutes all in the last.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace homeostat::tier {

class ReadTimes {
 public:
  static constexpr std::size_t exact = 8;  ///< microseconds with a bucket of their own
  static constexpr std::size_t per_octave = 4;
  static constexpr std::size_t octaves = 24;  ///< from 8 us on
  static constexpr std::size_t size = exact + per_octave * octaves;
  using Totals = std::array<std::uint64_t, size>;

  void record(std::chrono::nanoseconds took) noexcept {
    counts_[bucket_of(took)].fetch_add(1, std::memory_order_relaxed);
  }
  [[nodiscard]] Totals totals() const noexcept {
    Totals out{};
    for (std::size_t i = 0; i < size; ++i) out[i] = counts_[i].load(std::memory_order_relaxed);
    return out;
  }

  [[nodiscard]] static std::size_t bucket_of(std::chrono::nanoseconds took) noexcept {
    const auto us = static_cast<std::uint64_t>(std::max<std::int64_t>(0, took.count() / 1000));
    if (us < exact) return us;
    const auto octave = static_cast<std::size_t>(std::bit_width(us)) - 4;  // 8 us is the first
    const auto quarter = static_cast<std::size_t>(us >> (octave + 1)) & (per_octave - 1);
    return std::min(exact + octave * per_octave + quarter, size - 1);
  }
  /// The middle of a bucket, in seconds.
  [[nodiscard]] static double seconds_of(std::size_t bucket) noexcept {
    if (bucket < exact) return (static_cast<double>(bucket) + 0.5) * 1e-6;
    const std::size_t octave = (bucket - exact) / per_octave;
    const std::size_t quarter = (bucket - exact) % per_octave;
    const auto width = static_cast<double>(std::uint64_t{1} << (octave + 1));
    return (static_cast<double>(per_octave + quarter) + 0.5) * width * 1e-6;
  }

 private:
  std::array<std::atomic<std::uint64_t>, size> counts_{};
};

/// Nearest rank over counts by bucket, in seconds. REQUIRES: some count.
[[nodiscard]] inline double quantile_of(const ReadTimes::Totals& counts, double wanted) noexcept {
  std::uint64_t all = 0;
  for (const std::uint64_t count : counts) all += count;
  const double rank = wanted * static_cast<double>(all);
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    below += counts[i];
    if (counts[i] > 0 && static_cast<double>(below) >= rank) return ReadTimes::seconds_of(i);
  }
  return ReadTimes::seconds_of(counts.size() - 1);
}

}  // namespace homeostat::tier
