// What was counted in the last hour, from totals since the start: advice is about what happens,
// not about what happened days ago.
//
// Pure: time comes in. Thread safety: none; the admin thread's. Bounds: a copy of the totals for
// each `every` of the last hour, 13 of at most a few hundred rows.
#pragma once

#include <chrono>
#include <deque>
#include <vector>

#include "runtime/ports/actuators.hpp"
#include "runtime/ports/clock.hpp"
#include "runtime/ports/request_patterns.hpp"

namespace homeostat::admin {

class RecentTotals {
 public:
  static constexpr std::chrono::minutes reach{60};
  static constexpr std::chrono::minutes every{5};

  /// Whether it is time to keep the totals again.
  [[nodiscard]] bool due(Instant now) const noexcept {
    return kept_.empty() || now - kept_.back().at >= every;
  }
  /// REQUIRES: now does not go backwards.
  void keep(Instant now, std::vector<RequestPatterns> patterns, const CacheFigures& cache);

  /// The totals without those of more than `reach` ago (`every` more at most); all of them
  /// while that is before the start.
  [[nodiscard]] std::vector<RequestPatterns> patterns(Instant now,
                                                      std::vector<RequestPatterns> totals) const;
  [[nodiscard]] CacheFigures cache(Instant now, CacheFigures totals) const;

 private:
  struct Kept {
    Instant at{};
    std::vector<RequestPatterns> patterns;
    CacheFigures cache;
  };
  /// The newest that is `reach` old; null before there is one.
  [[nodiscard]] const Kept* base(Instant now) const noexcept;

  std::deque<Kept> kept_;  ///< oldest first
};

}  // namespace homeostat::admin
