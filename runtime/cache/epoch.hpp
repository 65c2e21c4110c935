// Epoch-based reclamation: readers walk shared structures without a lock,
// writers free what they unlinked once no reader can still see it
// (Fraser, "Practical lock-freedom", 2004; chapter 5).
//
// A reader announces the epoch it saw in its own slot; a writer unlinks, then
// stamps the garbage with the next epoch. Garbage stamped `e` may be freed when
// every announced epoch is above `e`. Announcement, pointer load, unlink and
// scan are sequentially consistent, so that a scan which misses an
// announcement proves that the reader will see the unlink.
//
// Thread safety: an EpochSlot belongs to one thread at a time; EpochDomain is
// shared. Cost of enter + leave: one exchange and one store on a private line.
// Bounds: `slots_max` slots; claiming one more throws (setup only).
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <mutex>

namespace homeostat::cache {

inline constexpr std::size_t cache_line = 64;

class EpochDomain {
 public:
  static constexpr std::size_t slots_max = 256;
  static constexpr std::uint64_t none = std::numeric_limits<std::uint64_t>::max();

  /// Stamp for garbage that is already unlinked.
  [[nodiscard]] std::uint64_t stamp() noexcept { return epoch_.fetch_add(1); }
  /// Lowest epoch announced by a reader inside a guard; `none` without readers.
  [[nodiscard]] std::uint64_t oldest() const noexcept;

 private:
  friend class EpochSlot;
  friend class EpochGuard;
  struct alignas(cache_line) Slot {
    std::atomic<std::uint64_t> announced{none};
    bool claimed = false;  // guarded by mutex_
  };
  alignas(cache_line) std::atomic<std::uint64_t> epoch_{1};
  std::array<Slot, slots_max> slots_;
  std::atomic<std::size_t> used_{0};  // slots ever claimed: the scan stops there
  std::mutex mutex_;
};

/// One thread's seat in the domain. REQUIRES: the domain outlives it.
class EpochSlot {
 public:
  explicit EpochSlot(EpochDomain& domain);
  ~EpochSlot();
  EpochSlot(const EpochSlot&) = delete;
  EpochSlot& operator=(const EpochSlot&) = delete;

 private:
  friend class EpochGuard;
  EpochDomain& domain_;
  EpochDomain::Slot* slot_;
  unsigned depth_ = 0;
};

/// While it lives, nothing seen through shared pointers is freed. May nest.
/// Keep it short: garbage piles up while a guard is held.
class EpochGuard {
 public:
  explicit EpochGuard(EpochSlot& slot) noexcept : slot_(slot) {
    if (slot_.depth_++ == 0) {
      slot_.slot_->announced.exchange(slot_.domain_.epoch_.load());
    }
  }
  ~EpochGuard() {
    if (--slot_.depth_ == 0) {
      slot_.slot_->announced.store(EpochDomain::none, std::memory_order_release);
    }
  }
  EpochGuard(const EpochGuard&) = delete;
  EpochGuard& operator=(const EpochGuard&) = delete;

 private:
  EpochSlot& slot_;
};

/// Anything that is unlinked first and freed later.
class Retirable {
 public:
  virtual ~Retirable() = default;
};

/// What waits to be freed. Thread safety: any thread; a leaf lock.
class Garbage {
 public:
  /// More than a request usually leaves behind, so that garbage does not pile up;
  /// few enough that no request pays for another's flush.
  static constexpr std::size_t reclaim_max = 128;

  explicit Garbage(EpochDomain& domain) noexcept : domain_(domain) {}
  /// REQUIRES: `node` is unlinked and nobody else retires it.
  void retire(std::unique_ptr<Retirable> node);
  /// Frees what no reader can see, at most `count_max`; returns how many are
  /// left. Call it outside a guard, else the caller's own epoch holds back its
  /// garbage.
  std::size_t reclaim(std::size_t count_max = reclaim_max);
  [[nodiscard]] std::size_t size() const;

 private:
  struct Item {
    std::uint64_t stamp;
    std::unique_ptr<Retirable> node;
  };
  EpochDomain& domain_;
  mutable std::mutex mutex_;
  std::deque<Item> items_;  // stamps ascend
};

}  // namespace homeostat::cache
