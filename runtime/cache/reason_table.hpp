// How often each reason kept an endpoint's traffic out of the cache: one
// thread's counts, summed by whoever asks.
//
// Thread safety: one writer, any readers. Memory: a row for each endpoint that
// had a reason. Bound: endpoints from `endpoints_max` on count only in total.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "runtime/cache/counter.hpp"
#include "runtime/cache/reason.hpp"
#include "runtime/ports/policy.hpp"

namespace homeostat::cache {

class ReasonTable {
 public:
  static constexpr std::size_t endpoints_max = 1024;
  using Row = std::array<Counter, reason_count>;

  ReasonTable() = default;
  ~ReasonTable() {
    for (std::atomic<Row*>& row : rows_) delete row.load();
  }
  ReasonTable(const ReasonTable&) = delete;
  ReasonTable& operator=(const ReasonTable&) = delete;

  void count(EndpointId endpoint, Reason reason, std::uint64_t times = 1) {
    if (endpoint >= endpoints_max) return;
    Row* row = rows_[endpoint].load(std::memory_order_relaxed);
    if (row == nullptr) {
      row = new Row();
      rows_[endpoint].store(row, std::memory_order_release);
    }
    (*row)[static_cast<std::size_t>(reason)].add(times);
  }
  /// Null: nothing was counted.
  [[nodiscard]] const Row* row(EndpointId endpoint) const noexcept {
    return endpoint < endpoints_max ? rows_[endpoint].load(std::memory_order_acquire) : nullptr;
  }

 private:
  std::array<std::atomic<Row*>, endpoints_max> rows_{};
};

}  // namespace homeostat::cache
