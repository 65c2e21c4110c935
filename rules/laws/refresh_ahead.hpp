// Which stored responses are fetched again before they expire, and how many.
//
// A key that is asked for often never makes anybody wait for its expiry: when
// the time left falls below what a fetch takes, the next hit starts one in the
// background. What is measured is the key's own: hits since it was stored, and
// the time its last fetch took (waiting for admission included).
//
//   due  <=>  hits >= hits_min                        r x tau > 10: it will be used again
//        and  left <= min(quarter, max(2 x fetch, 3 x elapsed / hits))
//   quarter = a fourth of the time it was usable when stored
// The second term of max is three mean gaps between requests: the chance that
// nobody asks in that time, and the refresh never starts, is e^-3 = 5 %.
// `hits` may saturate: the gap is then overestimated, never underestimated.
//
// Cost: a refresh throws away `left / usable` of a lifetime already paid for,
// and is lost as a whole if nobody uses it. RefreshBudget keeps the sum of both
// below a share of all fetches, whatever the traffic.
//
// Source: own; compare XFetch (Vattani et al., VLDB 2015), which needs no
// single flight but throws dice.
// Thread safety: none; the budget has one owner. Units: std::chrono.
#pragma once

#include <chrono>
#include <cstdint>

#include "rules/engine/frame.hpp"

namespace homeostat::rules {

struct AheadView {
  Duration usable{};  ///< freshness it had left when it was stored
  Duration left{};    ///< freshness it has left now
  Duration fetch{};   ///< what the last fetch took
  unsigned hits = 0;  ///< since it was stored, this one included; may saturate
};

inline constexpr unsigned ahead_hits_min = 10;

[[nodiscard]] bool refresh_ahead_due(const AheadView& view) noexcept;

/// The part of a fetch that refreshing now costs beyond refreshing at expiry.
[[nodiscard]] double refresh_ahead_cost(const AheadView& view) noexcept;

class RefreshBudget {
 public:
  static constexpr double burst = 10;  ///< fetches; also the deepest debt

  /// The cache asked the origin for something. `share` in 0..1.
  void fetched(double share) noexcept;
  /// False: not now. A budget in debt grants nothing.
  [[nodiscard]] bool take(double cost) noexcept;
  /// A refresh nobody used before it went.
  void wasted() noexcept;
  [[nodiscard]] double left() const noexcept { return tokens_; }

 private:
  double tokens_ = burst;
};

}  // namespace homeostat::rules
