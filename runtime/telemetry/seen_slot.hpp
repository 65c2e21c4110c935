// The collector's memory of a worker's slot: reading returns what was added
// since the last reading.
//
// Thread safety: one reader. Memory: as large as the slot it follows.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "runtime/telemetry/telemetry.hpp"

namespace homeostat::telemetry {

struct SeenHistogram {
  using Block = std::array<std::uint32_t, LatencyHistogram::block_size>;
  std::array<std::unique_ptr<Block>, LatencyHistogram::blocks> blocks;

  /// Adds what is new in one block to `sums`.
  void read(const LatencyHistogram& histogram, std::size_t block, Block& sums);
};

/// The new counts of several histograms as one sorted list.
template <class ForEach>
void read_histograms(std::vector<BucketCount>& out, ForEach&& for_each) {
  for (std::size_t block = 0; block < LatencyHistogram::blocks; ++block) {
    SeenHistogram::Block sums{};
    for_each(block, sums);
    for (std::size_t i = 0; i < sums.size(); ++i) {
      if (sums[i] == 0) continue;
      out.push_back(
          {static_cast<std::uint16_t>(block * LatencyHistogram::block_size + i), sums[i]});
    }
  }
}

struct SeenSlot {
  std::uint64_t records = 0;
  TrafficTotals totals;  ///< latency buckets unused; nanoseconds is
  SeenHistogram latency;

  /// Adds the counters' increments to `totals`.
  void read_counters(const EndpointSlot& slot, TrafficTotals& into);
};

}  // namespace homeostat::telemetry
