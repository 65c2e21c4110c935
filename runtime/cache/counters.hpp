// One thread's event counts, summed by whoever asks.
//
// Thread safety: one writer, any readers.
#pragma once

#include <array>
#include <cstdint>

#include "runtime/cache/counter.hpp"
#include "runtime/cache/epoch.hpp"
#include "runtime/cache/reason.hpp"
#include "runtime/cache/reason_table.hpp"

namespace homeostat::cache {

struct alignas(cache_line) Counters {
  Counter hits, misses, stale, bypasses, stores, evictions, expirations, deletes, collapsed, errors,
      refreshes, ahead_useful;
  std::array<Counter, reason_count> reasons;
  ReasonTable endpoints;  // the same for each endpoint

  void count(Reason reason) noexcept { reasons[static_cast<std::size_t>(reason)].add(); }
  void count(Reason reason, EndpointId endpoint) {
    count(reason);
    endpoints.count(endpoint, reason);
  }
  /// Everything but `endpoints`.
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
    ahead_useful.add(other.ahead_useful.get());
    for (std::size_t i = 0; i < reason_count; ++i) reasons[i].add(other.reasons[i].get());
  }
};

}  // namespace homeostat::cache
