// Which objects stay: a size- and cost-aware GreedyDual-Size-Frequency with a
// frequency sketch, slow aging, and admission that learns from its own duels.
//
//   value    v = (f - 1/2) x (1/size + 1/s0) x min(1, remaining TTL / R)
//   priority H = L + v, with f up to 15: how long a claim holds without being renewed
// f: sketch estimate; the 1/2 keeps one-timers down. s0 = 250 KB: what a miss
// costs beside its bytes (20 ms at 100 Mbit/s), so that neither object nor byte
// hit ratio is all. R: how long evicted objects were idle (EWMA).
//
// Admission of x of size z, when room is needed: expired objects go first; then
// victims in order of H until z fits. Two rules judge:
//   aged    H(x) > max H(victims)  or  v(x) z > sum (H(victim) - L) size(victim)
//   strict  v(x) > max v(victims)  or  v(x) z > sum v(victim) size(victim)
// Where they agree, so it is done; where not, AdmissionDuels knows which of them
// was right in such situations lately. If x is declined, L += .05 (min H - L).
// Each eviction: L += a (H(victim) - L); a = .1 exp(10 (w - .48)), where w is the
// share of duels that newcomers win: what changes faster ages faster.
//
// A hit does not touch the order: it bumps a small saturating counter in the
// item, a relaxed store, and only while below 15. The counter is folded into
// sketch and priority when the item comes up as a victim (lazy promotion), so
// hits never wait for this policy's lock.
//
// Sources: GDSF (Cherkasova 1998), TinyLFU (TOS 2017) and Lightweight Robust
// Size-Aware Cache Management (TOS 2022: aggregated victims).
// Thread safety: none, except PolicyItem::touch. Ownership: none of the items.
// Bounds: `walk_max` items looked at per admission; no operation copies a table.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "runtime/cache/admission_duels.hpp"
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
  std::uint16_t duel = AdmissionDuels::no_duel;
  mutable std::atomic<std::uint8_t> touches{0};

  /// Hits that count between two looks at the item; later ones cost no store.
  static constexpr unsigned touches_max = 15;
  /// A hit, from any thread. Lost increments do no harm.
  void touch() const noexcept {
    const std::uint8_t count = touches.load(std::memory_order_relaxed);
    if (count < touches_max) {
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
  static constexpr std::size_t walk_max = 512;
  static constexpr double miss_cost_bytes = 250e3;  // s0
  static constexpr unsigned claim_max = PolicyItem::touches_max;

  /// A request that was not answered from the cache.
  void record_miss(std::uint64_t hash) {
    duels_.missed(hash);
    sketch_.add(hash);
  }
  /// Makes room and takes the item in, or declines. Items given up are appended
  /// to `victims`; they are no longer part of the policy. Where used() is far
  /// above the bound (it was lowered), up to `walk_max` items are given up and
  /// the item is declined: call shrink().
  [[nodiscard]] bool admit(PolicyItem& item, Instant now, std::size_t bound, Victims& victims);
  /// Does nothing for an item that is not part of the policy.
  void remove(PolicyItem& item) noexcept;
  /// An item became heavier or lighter.
  void change_weight(PolicyItem& item, std::size_t weight) noexcept;
  /// Bytes that belong to no item (lists of variants).
  void charge(std::size_t bytes) noexcept { used_ += bytes; }
  void discharge(std::size_t bytes) noexcept { used_ -= bytes; }
  /// Gives up expired, then the least valuable items until used() <= bound, at
  /// most `count_max`. Returns true if the bound is met or nothing is left.
  bool shrink(Instant now, std::size_t bound, std::size_t count_max, Victims& victims);
  /// Gives up to `count_max` expired items; returns their bytes.
  std::size_t expire(Instant now, std::size_t count_max, Victims& victims);

  /// Bytes of items, charges and the policy's own tables.
  [[nodiscard]] std::size_t used() const noexcept { return used_ + table_bytes(); }
  /// Of used(): what the policy's own tables take.
  [[nodiscard]] std::size_t table_bytes() const noexcept {
    return sketch_.memory() + duels_.memory() + by_priority_.memory() + by_expiry_.memory();
  }
  [[nodiscard]] std::size_t size() const noexcept { return by_priority_.size(); }
  [[nodiscard]] const Totals& totals() const noexcept { return totals_; }

 private:
  /// Newcomer against the victims found so far.
  struct Contest {
    double own = 0;     // v of the newcomer
    double weight = 0;  // its size
    double aged_highest = 0, aged_loss = 0, strict_highest = 0, strict_loss = 0;
    PolicyItem* rival = nullptr;  // the victim with most to lose
    double rival_loss = -1;

    void add(PolicyItem& victim, double age, double value) noexcept;
    /// See AdmissionDuels::prefers_newcomer. REQUIRES: a victim.
    [[nodiscard]] double stake() const noexcept;
    [[nodiscard]] bool aged_wins(double age) const noexcept {
      return age + own > aged_highest || own * weight > aged_loss;
    }
    [[nodiscard]] bool strict_wins() const noexcept {
      return own > strict_highest || own * weight > strict_loss;
    }
  };

  [[nodiscard]] double value(const PolicyItem& item, Instant now,
                             unsigned frequency_max = FrequencySketch::count_max) const noexcept;
  /// The least valuable item, its hits folded in. REQUIRES: not empty.
  [[nodiscard]] PolicyItem* coldest(Instant now, std::size_t& steps);
  /// Collects victims for `missing` bytes in candidates_, taken out of the order;
  /// false as soon as the newcomer cannot win.
  [[nodiscard]] bool collect(Contest& contest, std::size_t missing, Instant now);
  /// Decides between the two rules. REQUIRES: at least one of them is for it.
  [[nodiscard]] bool judge(const Contest& contest, PolicyItem& item);
  void insert(PolicyItem& item, double priority, Instant now, std::size_t bound);
  void evict(PolicyItem& item, Instant now, Victims& victims);

  FrequencySketch sketch_;
  AdmissionDuels duels_;
  IndexedHeap<PolicyItem, &PolicyItem::priority, &PolicyItem::priority_index> by_priority_;
  IndexedHeap<PolicyItem, &PolicyItem::expires, &PolicyItem::expiry_index> by_expiry_;
  std::size_t used_ = 0;
  double age_ = 0;           // L
  double idle_seconds_ = 0;  // R; 0 until something was evicted
  Totals totals_;
  Victims candidates_;  // scratch
};

}  // namespace homeostat::cache
