// Decides when the agent is in emergency mode.
//
// Enter: the panic switch at once; two independent signals for `enter_after`, or one fatal one at
// once (a rule with the emergency action counts as fatal: its own `for` has already passed). Leave:
// `leave_after` without any signal, where a signal only ends below its lower leave threshold, so
// that a value wavering around the entry threshold keeps the mode. A value that stays between the
// two holds it for `linger_max` after the last one beyond an entry threshold, no longer: an
// application may live there. Signals: memory utilization,
// memory full pressure, success ratio, standing queue, rejected critical requests. How many of all
// are rejected is none: that and a standing queue are one overload, which admission deals with by
// itself; only where the critical class is not spared it has failed. Memory may act alone: its two
// measures count as two signals, and utilization alone is fatal at
// `memory_fatal`. What the panic switch held ends with it, unless some signal is
// there to go on: somebody who looks needs no minute to be sure. Values that are not a number count
// as unknown, as no signal.
//
// Pure. Thread safety: none; owned by one actor.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "rules/engine/frame.hpp"

namespace homeostat::rules {

struct EmergencyInput {
  Instant now{};
  bool operator_demands = false;  ///< the panic switch; ends it at once when let go
  std::string operator_reason;
  bool rule_demands = false;  ///< an EnterEmergency action is in force
  std::string rule_reason;
  double memory_utilization = 0;  ///< 0 when unknown
  double memory_full_pressure = 0;
  double success_ratio = 1;          ///< of upstream calls in the window
  Duration queue_standing{};         ///< how long the admission queue was never empty
  double critical_reject_ratio = 0;  ///< of the critical class alone
};

enum class EmergencyEvent : std::uint8_t { none, entered, left };

struct EmergencyBounds {
  Duration enter_after = std::chrono::seconds(5);
  Duration leave_after = std::chrono::seconds(60);
  Duration linger_max = std::chrono::minutes(10);
  double memory_high = 0.95;
  double memory_fatal = 0.98;
  double memory_full_pressure_high = 0.05;
  double success_low = 0.5;
  Duration queue_standing_long = std::chrono::seconds(10);
  double critical_reject_high = 0.05;
  // A signal has ended when it is below (success: above) its leave threshold.
  double memory_leave = 0.90;
  double memory_full_pressure_leave = 0.025;
  double success_leave = 0.6;
  Duration queue_standing_leave = std::chrono::seconds(5);
  double critical_reject_leave = 0.01;
};

class Emergency {
 public:
  explicit Emergency(EmergencyBounds bounds = {}) : bounds_(bounds) {}
  /// Takes effect at once, also on a mode that is active.
  void set_leave_after(Duration leave_after) noexcept { bounds_.leave_after = leave_after; }

  /// REQUIRES: input.now does not go backwards.
  [[nodiscard]] EmergencyEvent update(const EmergencyInput& input);
  [[nodiscard]] bool active() const noexcept { return active_; }
  /// Why the mode was entered or left last: signals with values and thresholds.
  [[nodiscard]] const std::string& reason() const noexcept { return reason_; }
  /// When the mode was entered or left last.
  [[nodiscard]] Instant since() const noexcept { return since_; }

 private:
  EmergencyEvent try_enter(const EmergencyInput& input);
  EmergencyEvent try_leave(const EmergencyInput& input);
  EmergencyEvent enter(Instant now, std::string reason);
  [[nodiscard]] std::string fatal_signal(const EmergencyInput& input) const;
  [[nodiscard]] bool all_clear(const EmergencyInput& input) const;

  EmergencyBounds bounds_;
  bool active_ = false;
  bool by_operator_ = false;  ///< entered or prolonged by the panic switch
  Instant since_{};
  std::string reason_;
  std::optional<Instant> suspect_since_;
  std::optional<Instant> clean_since_;
  Instant danger_at_{};  ///< last signal beyond its entry threshold, while active
};

}  // namespace homeostat::rules
