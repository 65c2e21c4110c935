// One event count.
//
// Thread safety: one writer, any readers; relaxed. The writer pays a load and
// a store, no locked instruction.
#pragma once

#include <atomic>
#include <cstdint>

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

}  // namespace homeostat::cache
