// How long requests may wait for admission where the level is adaptive.
//
// The load alone cannot say: when requests queue, shorter waits suit clients that do
// not wait long, longer ones those that do. What the service promises its clients can:
// while answers that come later than a latency objective allows spend its error budget,
// waits get shorter; while hardly any of it is spent, they may get longer, so that fewer
// requests are turned away. Without such an objective they stay as at balanced.
//
// Algorithm: AdaptiveLevel's, mirrored, with longer times, since the burn is that of five
// minutes: up (here: to shorter waits) after ten seconds, down after five minutes, twice
// as long after each relapse within half an hour, an hour and twenty minutes at most.
//
// Pure: time comes in. Thread safety: none; one owner.
#pragma once

#include <optional>

#include "rules/engine/adaptive_level.hpp"

namespace homeostat::rules {

class AdaptiveWaits {
 public:
  /// `late_burn`: how fast late answers spend the error budget of the worst latency
  /// objective, 1 = exactly as fast as it allows; nothing without one.
  /// REQUIRES: now does not go backwards. Moves at most one step per call.
  [[nodiscard]] std::optional<LevelMove> update(std::optional<double> late_burn, Instant now);
  /// Whose waits are in force: conservative's are short, aggressive's long.
  [[nodiscard]] Level level() const noexcept { return mirrored(haste_.level()); }

 private:
  [[nodiscard]] static Level mirrored(Level level) noexcept;

  AdaptiveLevel haste_{Level::balanced,
                       {.lower_after = std::chrono::minutes(5),
                        .lower_after_max = std::chrono::minutes(80),
                        .relapse_within = std::chrono::minutes(30)}};
};

}  // namespace homeostat::rules
