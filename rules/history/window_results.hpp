// What window functions have come to in this tick, so that rules which look
// back in the same way share one pass over the history.
//
// A small direct-mapped table by the hash of series and query: a collision
// costs a second computation, never a wrong value (keys are compared in full;
// two queries with the same 64-bit hash would have to meet).
//
// Thread safety: none; one per endpoint and one for the global signals, owned
// by the engine. Memory: 1 KiB, allocated with the object.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace homeostat::rules {

class WindowResults {
 public:
  static constexpr std::size_t size = 64;

  /// The history has moved on: nothing is known any more.
  void advance() noexcept { ++tick_; }

  /// Null unless it was put since the last advance().
  [[nodiscard]] const double* find(std::uint64_t key) const noexcept {
    const Entry& entry = entries_[place(key)];
    return entry.tag == tag(key) ? &entry.value : nullptr;
  }
  void put(std::uint64_t key, double value) noexcept { entries_[place(key)] = {tag(key), value}; }

 private:
  struct Entry {
    std::uint64_t tag = 0;
    double value = 0;
  };
  static constexpr std::uint64_t odd = 0x9e3779b97f4a7c15ULL;

  [[nodiscard]] static std::size_t place(std::uint64_t key) noexcept { return key % size; }
  /// Differs by key and by tick, so that nothing needs to be cleared.
  [[nodiscard]] std::uint64_t tag(std::uint64_t key) const noexcept { return key + tick_ * odd; }

  std::uint64_t tick_ = 1;
  std::array<Entry, size> entries_{};
};

}  // namespace homeostat::rules
