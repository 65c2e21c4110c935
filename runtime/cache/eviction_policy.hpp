// Which objects stay: a size- and cost-aware GreedyDual-Size-Frequency with a
// frequency sketch, slow aging and admission against the aggregated victims.
//
//   value    v = (f - 1/2) x (1/size + 1/s0) x min(1, remaining TTL / R)
//   priority H = L + v
// f: sketch estimate; the 1/2 keeps one-timers down. s0 = 250 KB: what a miss
// costs beside its bytes (20 ms at 100 Mbit/s), so that neither object nor byte
// hit ratio is all. R: how long evicted objects were idle (EWMA).
// Admission of x of size z, when room is needed: expired objects go first; then
// victims in order of H until z fits; x enters if H(x) > max H(victims) or
// v(x) z > sum (H(victim) - L) size(victim); else it is declined and
// L += .05 (min H - L). Each eviction: L += .1 (H(victim) - L).
//
// A hit does not touch the order: it bumps a small saturating counter in the
// item, a relaxed store, and only while below 15. The counter is folded into
// sketch and priority when the item comes up as a victim (lazy promotion), so
// hits never wait for this policy's lock.
//
// Sources: GDSF (Cherkasova 1998), TinyLFU (TOS 2017) and Lightweight Robust
// Size-Aware Cache Management (TOS 2022: aggregated victims).
// Thread safety: none, except PolicyItem::touch. Ownership: none of the items.
// Bounds: `walk_max` items looked at per admission.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "runtime/cache/frequency_sketch.hpp"
#include "runtime/cache/indexed_heap.hpp"
#include "runtime/ports/clock.hpp"

namespace homeostat::cache {

/// What the policy keeps per object; a base of the cache's entries.
struct PolicyItem {
  std::uint64_t hash = 0;
  std::size_t weight = 0;  ///< bytes, all overhead included
  Instant expires{};
  double priority = 0;  // H
  Instant examined{};   // when H was last computed
  std::uint32_t priority_index = not_in_heap;
  std::uint32_t expiry_index = not_in_heap;
  mutable std::atomic<std::uint8_t> touches{0};

  /// A hit, from any thread. Lost increments do no harm.
  void touch() const noexcept {
    const std::uint8_t count = touches.load(std::memory_order_relaxed);
    if (count < FrequencySketch::count_max) {
      touches.store(static_cast<std::uint8_t>(count + 1), std::memory_order_relaxed);
    }
  }
};

class EvictionPolicy {
 public:
  using Victims = std::vector<PolicyItem*>;
  struct Totals {
    std::uint64_t evictions = 0, expirations = 0;
  };
  static constexpr std::size_t walk_max = 4096;
  static constexpr double miss_cost_bytes = 250e3;  // s0

  /// A request that was not answered from the cache.
  void record_miss(std::uint64_t hash) { sketch_.add(hash); }
  /// Makes room and takes the item in, or declines. Items given up are appended
  /// to `victims`; they are no longer part of the policy.
  [[nodiscard]] bool admit(PolicyItem& item, Instant now, std::size_t bound, Victims& victims);
  /// Does nothing for an item that is not part of the policy.
  void remove(PolicyItem& item) noexcept;
  /// An item became heavier or lighter.
  void change_weight(PolicyItem& item, std::size_t weight) noexcept;
  /// Bytes that belong to no item (lists of variants).
  void charge(std::size_t bytes) noexcept { used_ += bytes; }
  void discharge(std::size_t bytes) noexcept { used_ -= bytes; }
  /// Gives up expired, then the least valuable items until used() <= bound.
  void shrink(Instant now, std::size_t bound, Victims& victims);
  /// Gives up to `count_max` expired items; returns their bytes.
  std::size_t expire(Instant now, std::size_t count_max, Victims& victims);

  /// Bytes of items, charges and the policy's own tables.
  [[nodiscard]] std::size_t used() const noexcept { return used_ + sketch_.memory(); }
  [[nodiscard]] std::size_t size() const noexcept { return by_priority_.size(); }
  [[nodiscard]] const Totals& totals() const noexcept { return totals_; }

 private:
  [[nodiscard]] double value(const PolicyItem& item, Instant now) const noexcept;
  /// The least valuable item, its hits folded in. REQUIRES: not empty.
  [[nodiscard]] PolicyItem* coldest(Instant now, std::size_t& steps);
  void insert(PolicyItem& item, double priority, Instant now, std::size_t bound);
  void evict(PolicyItem& item, Instant now, Victims& victims);

  FrequencySketch sketch_;
  IndexedHeap<PolicyItem, &PolicyItem::priority, &PolicyItem::priority_index> by_priority_;
  IndexedHeap<PolicyItem, &PolicyItem::expires, &PolicyItem::expiry_index> by_expiry_;
  std::size_t used_ = 0;
  double age_ = 0;           // L
  double idle_seconds_ = 0;  // R; 0 until something was evicted
  Totals totals_;
  Victims candidates_;  // scratch
};

}  // namespace homeostat::cache
