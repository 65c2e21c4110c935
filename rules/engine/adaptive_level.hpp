// The level that follows the load, for `optimization.level: adaptive`.
//
// Algorithm. The pressure of a frame is the worst of a few signals, each scaled
// so that 0 is idle and 1 is the end of the road (see `pressure_of`). Above
// `raise_at` of the present level for `raise_after` the level goes one step up;
// below `lower_at` for `lower_after` it goes one step down. A pressure between
// the two thresholds, or none at all, changes nothing and restarts both
// timers: up is fast because it protects, down is slow because it only saves.
//
// No flapping. A step up within `relapse_within` of a step down proves that
// the step down was premature: the next one must wait twice as long, up to
// `lower_after_max`. Going without a relapse for that long resets the patience.
//
// Pure: time comes in. Thread safety: none; one owner. No allocation except
// for the reason of a move.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "rules/engine/frame.hpp"
#include "rules/engine/rule.hpp"

namespace homeostat::rules {

/// The worst scaled signal of a frame and its name.
struct Pressure {
  double value = 0;         ///< 0 idle .. 1 exhausted
  const char* signal = "";  ///< static string, e.g. "cpu.utilization"
};

/// Scales cpu.utilization and memory.utilization by 1, cpu.pressure so that
/// 50 % stalled is 1, memory.pressure so that 20 % is 1, the admission reject
/// ratio so that 20 % is 1, the 95th percentile of the wait for admission so
/// that 1 s is 1, and traffic.error_ratio so that 20 % is 1. Nothing when no
/// such signal is usable. `objective_burn`: how fast the error budget of the
/// worst latency or availability objective is spent, 0 where none is
/// configured; 14.4 times too fast, which spends 2 % of a month's budget in an
/// hour (Google, "The Site Reliability Workbook", 2018, chapter 5), is 1.
[[nodiscard]] std::optional<Pressure> pressure_of(const SignalValues& values,
                                                  double objective_burn = 0);

struct AdaptiveLevelBounds {
  double balanced_raise_at = 0.70;    ///< conservative -> balanced at or above
  double balanced_lower_at = 0.50;    ///< balanced -> conservative below
  double aggressive_raise_at = 0.90;  ///< balanced -> aggressive at or above
  double aggressive_lower_at = 0.75;  ///< aggressive -> balanced below
  Duration raise_after = std::chrono::seconds(10);
  Duration lower_after = std::chrono::seconds(120);
  Duration lower_after_max = std::chrono::minutes(32);
  Duration relapse_within = std::chrono::minutes(10);
};

/// A change of level and why.
struct LevelMove {
  Level from = Level::balanced;
  Level to = Level::balanced;
  std::string reason;  ///< "cpu.utilization: pressure 0.93 >= 0.90 for 10s"
};

class AdaptiveLevel {
 public:
  explicit AdaptiveLevel(Level start = Level::balanced, AdaptiveLevelBounds bounds = {})
      : bounds_(bounds), level_(start), patience_(bounds.lower_after) {}

  /// REQUIRES: now does not go backwards. Moves at most one step per call.
  [[nodiscard]] std::optional<LevelMove> update(const std::optional<Pressure>& pressure,
                                                Instant now);
  [[nodiscard]] Level level() const noexcept { return level_; }
  /// How long the pressure must stay low before the next step down.
  [[nodiscard]] Duration patience() const noexcept { return patience_; }

 private:
  [[nodiscard]] std::optional<LevelMove> consider_raise(const Pressure& pressure, Instant now);
  [[nodiscard]] std::optional<LevelMove> consider_lower(const Pressure& pressure, Instant now);
  LevelMove move_to(Level next, std::string reason);

  AdaptiveLevelBounds bounds_;
  Level level_;
  Duration patience_;
  std::optional<Instant> high_since_, low_since_, lowered_at_;
};

}  // namespace homeostat::rules
