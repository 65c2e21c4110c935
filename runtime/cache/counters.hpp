// One thread's event counts, summed by whoever asks.
//
// Thread safety: one writer, any readers; relaxed. The writer pays a load and
// a store, no locked instruction.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "runtime/cache/epoch.hpp"
#include "runtime/cache/reason.hpp"

namespace homeostat::cache {

class Counter {
 public:
  void add(std::uint64_t n = 1) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t get() const noexcept {
    return value_.load(std::memory_order_relaxed);
  }

 private:
  std::atomic<std::uint64_t> value_{0};
};

struct alignas(cache_line) Counters {
  Counter hits, misses, stale, bypasses, stores, evictions, expirations, deletes, collapsed, errors,
      refreshes;
  std::array<Counter, reason_count> reasons;

  void count(Reason reason) noexcept { reasons[static_cast<std::size_t>(reason)].add(); }
  void add(const Counters& other) noexcept {
    hits.add(other.hits.get());
    misses.add(other.misses.get());
    stale.add(other.stale.get());
    bypasses.add(other.bypasses.get());
    stores.add(other.stores.get());
    evictions.add(other.evictions.get());
    expirations.add(other.expirations.get());
    deletes.add(other.deletes.get());
    collapsed.add(other.collapsed.get());
    errors.add(other.errors.get());
    refreshes.add(other.refreshes.get());
    for (std::size_t i = 0; i < reason_count; ++i) reasons[i].add(other.reasons[i].get());
  }
};

}  // namespace homeostat::cache
