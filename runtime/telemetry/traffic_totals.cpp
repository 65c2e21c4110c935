#include <algorithm>
#include <numeric>

#include "runtime/telemetry/telemetry.hpp"

namespace homeostat::telemetry {
namespace {

/// Which exported bucket each log-linear bucket belongs to.
constexpr auto bound_of_bucket = [] {
  std::array<std::uint8_t, LatencyBuckets::count> table{};
  std::size_t bound = 0;
  for (std::size_t i = 0; i < table.size(); ++i) {
    while (bound < duration_bounds.size() &&
           LatencyBuckets::middle_seconds(i) > duration_bounds[bound]) {
      ++bound;
    }
    table[i] = static_cast<std::uint8_t>(bound);
  }
  return table;
}();

template <std::size_t N>
void add_all(std::array<std::uint64_t, N>& to, const std::array<std::uint64_t, N>& from) noexcept {
  for (std::size_t i = 0; i < N; ++i) to[i] += from[i];
}

}  // namespace

void DurationTotals::add(const std::vector<BucketCount>& counts) noexcept {
  for (const BucketCount& item : counts) buckets[bound_of_bucket[item.bucket]] += item.count;
}

void DurationTotals::add(const DurationTotals& other) noexcept {
  add_all(buckets, other.buckets);
  nanoseconds += other.nanoseconds;
}

std::uint64_t TrafficTotals::requests() const noexcept {
  return std::accumulate(status.begin(), status.end(), std::uint64_t{0});
}

void TrafficTotals::add(const TrafficTotals& other) noexcept {
  add_all(status, other.status);
  add_all(cache, other.cache);
  failed += other.failed;
  rejected += other.rejected;
  upstream_errors += other.upstream_errors;
  upstream_timeouts += other.upstream_timeouts;
  client_aborts += other.client_aborts;
  request_bytes += other.request_bytes;
  response_bytes += other.response_bytes;
  latency.add(other.latency);
}

}  // namespace homeostat::telemetry
