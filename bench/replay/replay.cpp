#include "bench/replay/replay.hpp"

#include <algorithm>
#include <chrono>
#include <stdexcept>

namespace homeostat::replay {
namespace {

// The replayer measures; it is the one place of bench/ that reads a clock.
using Stopwatch = std::chrono::steady_clock;

double nanoseconds(Stopwatch::duration duration) {
  return std::chrono::duration<double, std::nano>(duration).count();
}

}  // namespace

ReplayResult replay(const Trace& trace, std::string_view name, const ReplaySettings& settings) {
  const auto policy = make_policy(name, {settings.capacity, trace.objects(), settings.seed});
  ReplayResult result;
  std::vector<float> times;
  if (settings.latency) times.reserve(trace.accesses.size());
  const auto began = Stopwatch::now();
  for (const Access& access : trace.accesses) {
    const std::uint64_t size = trace.sizes[access.id];
    bool hit = false;
    if (settings.object_bytes_max == 0 || size <= settings.object_bytes_max) {
      const auto before = settings.latency ? Stopwatch::now() : began;
      hit = policy->access(access.id, size, access.time, access.time + trace.ttl(access.id));
      if (settings.latency) {
        times.push_back(static_cast<float>(nanoseconds(Stopwatch::now() - before)));
      }
    }
    ++result.requests;
    result.bytes += size;
    if (!hit) {
      ++result.misses;
      result.missed_bytes += size;
    }
  }
  result.mean_ns =
      nanoseconds(Stopwatch::now() - began) / static_cast<double>(trace.accesses.size());
  if (policy->bytes() > settings.capacity) {
    throw std::logic_error(std::string(name) + " holds more than its capacity");
  }
  if (!times.empty()) {
    const auto rank = times.begin() + static_cast<std::ptrdiff_t>(times.size() * 99 / 100);
    std::nth_element(times.begin(), rank, times.end());
    result.p99_ns = static_cast<double>(*rank);
    result.max_ns = static_cast<double>(*std::max_element(times.begin(), times.end()));
  }
  return result;
}

double lowest_object_miss_ratio(const Trace& trace, std::uint64_t capacity) {
  std::vector<std::size_t> last(trace.objects(), trace.accesses.size());
  std::vector<double> costs;
  for (std::size_t i = 0; i < trace.accesses.size(); ++i) {
    const std::uint32_t id = trace.accesses[i].id;
    if (last[id] < i) {
      costs.push_back(static_cast<double>(trace.sizes[id]) * static_cast<double>(i - last[id]));
    }
    last[id] = i;
  }
  std::sort(costs.begin(), costs.end());
  double left = static_cast<double>(capacity) * static_cast<double>(trace.accesses.size());
  std::size_t hits = 0;
  while (hits < costs.size() && costs[hits] <= left) left -= costs[hits++];
  return 1 - static_cast<double>(hits) / static_cast<double>(trace.accesses.size());
}

}  // namespace homeostat::replay
