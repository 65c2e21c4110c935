// How fast an objective's error budget is being spent.
//
// The burn rate of a window is its share of bad requests over the share that
// the objective allows: 1 spends the budget exactly over the objective's
// period, 14.4 spends 2 % of a 30-day budget in an hour. One window alone is
// either slow to notice or slow to end, so two are asked for at once (The Site
// Reliability Workbook, chapter 5, "Multiwindow, Multi-Burn-Rate Alerts"):
//
//   fast = min(burn over 1 h, burn over 5 min)   page above 14.4
//   slow = min(burn over 6 h, burn over 30 min)  page above 6
//
// A window without requests burns nothing; a window longer than what was seen
// so far is judged by what was seen.
//
// Pure: time comes in. Thread safety: none; one owner. Memory: 361 buckets of
// a minute, 6 KB.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>

#include "rules/engine/frame.hpp"

namespace homeostat::rules {

/// Totals since the start.
struct ObjectiveTotals {
  std::uint64_t requests = 0;
  std::uint64_t bad = 0;
};

class SloBurn {
 public:
  /// REQUIRES: 0 < target < 1.
  explicit SloBurn(double target) : allowed_(1 - target) {}

  /// Takes the totals at `now`. Totals that fell (a restart of their source)
  /// start anew. A `now` before the last is ignored.
  void update(Instant now, const ObjectiveTotals& totals);

  /// REQUIRES: 1 min <= window <= 6 h.
  [[nodiscard]] double burn(std::chrono::minutes window) const noexcept;
  [[nodiscard]] double fast() const noexcept;
  [[nodiscard]] double slow() const noexcept;

 private:
  static constexpr std::size_t buckets = 361;  ///< 6 h and the open minute
  struct Bucket {
    std::int64_t minute = -1;
    std::uint64_t requests = 0, bad = 0;
  };

  double allowed_;
  std::array<Bucket, buckets> buckets_{};
  std::int64_t minute_ = -1;  ///< of the last update
  ObjectiveTotals last_;
  bool started_ = false;
};

}  // namespace homeostat::rules
