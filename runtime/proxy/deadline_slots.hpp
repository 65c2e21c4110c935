// Several deadlines of one owner at the price of one node in the wheel: the
// owner arms its node for the earliest.
//
// Thread safety: none.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "runtime/ports/clock.hpp"

namespace homeostat::proxy {

/// `Slot` is an enumeration that ends with `count_`.
template <class Slot>
class DeadlineSlots {
 public:
  DeadlineSlots() noexcept { clear(); }

  void set(Slot slot, Instant at) noexcept { at_[index(slot)] = at; }
  void clear(Slot slot) noexcept { set(slot, Instant::max()); }
  void clear() noexcept { at_.fill(Instant::max()); }
  [[nodiscard]] bool armed(Slot slot) const noexcept { return at_[index(slot)] != Instant::max(); }
  /// Instant::max() when none is armed.
  [[nodiscard]] Instant earliest() const noexcept {
    return *std::min_element(at_.begin(), at_.end());
  }
  /// Takes out the earliest deadline if it is due; else returns Slot::count_.
  [[nodiscard]] Slot take_due(Instant now) noexcept {
    const auto first = std::min_element(at_.begin(), at_.end());
    if (*first > now) return Slot::count_;
    *first = Instant::max();
    return static_cast<Slot>(first - at_.begin());
  }

 private:
  static constexpr std::size_t index(Slot slot) noexcept { return static_cast<std::size_t>(slot); }

  std::array<Instant, static_cast<std::size_t>(Slot::count_)> at_;
};

}  // namespace homeostat::proxy
