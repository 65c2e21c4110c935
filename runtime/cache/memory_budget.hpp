// Bytes held by fills in flight, against one bound shared by all workers.
// Thread safety: atomic. `reserve` fails instead of going above the bound;
// `charge` is for what is held anyway and bounded otherwise.
#pragma once

#include <atomic>
#include <cstddef>

namespace homeostat::cache {

class MemoryBudget {
 public:
  explicit MemoryBudget(std::size_t bound) noexcept : bound_(bound) {}

  [[nodiscard]] bool reserve(std::size_t bytes) noexcept {
    std::size_t used = used_.load(std::memory_order_relaxed);
    do {
      if (bytes > bound() || used > bound() - bytes) return false;
    } while (!used_.compare_exchange_weak(used, used + bytes, std::memory_order_relaxed));
    return true;
  }
  void charge(std::size_t bytes) noexcept { used_.fetch_add(bytes, std::memory_order_relaxed); }
  void release(std::size_t bytes) noexcept { used_.fetch_sub(bytes, std::memory_order_relaxed); }
  [[nodiscard]] std::size_t used() const noexcept { return used_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::size_t bound() const noexcept {
    return bound_.load(std::memory_order_relaxed);
  }
  void set_bound(std::size_t bound) noexcept { bound_.store(bound, std::memory_order_relaxed); }

 private:
  std::atomic<std::size_t> bound_;
  std::atomic<std::size_t> used_{0};
};

}  // namespace homeostat::cache
