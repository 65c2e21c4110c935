// The throttler's decisions without its actor: gate figures in, admission
// policy and the next period out.
//
// Each step feeds the window to the concurrency law and caps its limit by the
// pressure of CPU and memory (rules/laws/pressure.hpp). The published ceiling
// factor comes from the rules. Classes are shed by memory and by emergency mode,
// whichever sheds more. The level in force says how long requests may wait and
// where CPU freezes growth. A directive older than the policy lease no longer
// counts: a dead rule engine must not throttle for ever; then as at balanced.
//
// Where nothing is ranked above the normal class, shedding it would reject
// everybody. Instead the ceiling drops to `unranked_ceiling`.
//
// Modes. on: as above. shadow: the law only looks on, and what it finds is
// published, so that the gate counts whom it would refuse. off: the law does not
// run, the policy stays at its default.
//
// Pure: time comes in. Thread safety: none; owned by the throttler.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "actors/class_shedding.hpp"
#include "actors/messages.hpp"
#include "actors/reject_share.hpp"
#include "rules/laws/concurrency_limit.hpp"
#include "rules/laws/pressure.hpp"
#include "rules/laws/step_limit.hpp"
#include "runtime/ports/policy.hpp"
#include "runtime/ports/signals.hpp"

namespace homeostat::actors {

class AdmissionLoop {
 public:
  static constexpr Duration fast_period = std::chrono::milliseconds(100);
  static constexpr Duration quiet_period = std::chrono::seconds(1);
  static constexpr Duration quiet_after = std::chrono::seconds(5);
  /// A queue standing this long in an emergency counts as continuing danger.
  static constexpr Duration standing_danger = std::chrono::seconds(5);
  static constexpr double ceiling_min = 0.05;
  static constexpr double unranked_ceiling = 0.3;
  /// How fast the ceiling rises again; it falls at once.
  static constexpr double ceiling_per_second = 0.1;

  struct Step {
    AdmissionPolicy policy;
    Shared<AdmissionReadings> readings;  ///< null when none are due
    Duration next_period = fast_period;
  };

  /// `resume_limit` is where a predecessor left off; 0 starts at limit_initial.
  AdmissionLoop(Shared<config::Settings> settings, Instant now, double resume_limit = 0);

  /// New bounds restart the law from the limit it had reached.
  void reload(Shared<config::Settings> settings);
  void receive(Shared<Directive> directive) { directive_ = std::move(directive); }
  void receive(Shared<ResourceReadings> resources) { resources_ = std::move(resources); }

  /// REQUIRES: now does not go backwards.
  [[nodiscard]] Step step(const GateFigures& figures, Instant now);

 private:
  /// Sums of the windows since the last readings were sent.
  struct Sums {
    std::uint64_t admitted = 0, rejected = 0;
    std::uint64_t critical_admitted = 0, critical_rejected = 0;
    double queue_wait_p95 = 0;
    double in_flight_seconds = 0, seconds = 0;
  };

  /// Bounds that start at `limit` when it is positive.
  [[nodiscard]] static rules::LimitBounds bounds_of(const config::AdmissionSettings& settings,
                                                    double limit = 0);
  [[nodiscard]] const Directive* current_directive(Instant now) const;
  /// The usable value of a recent resource signal.
  [[nodiscard]] std::optional<double> resource(rules::SignalId id, Instant now) const;
  [[nodiscard]] rules::PressureInput pressure_input(bool queueing, Instant now) const;
  [[nodiscard]] AdmissionPolicy decide(const GateFigures& figures, Instant now);
  [[nodiscard]] std::uint8_t shed_from(const GateFigures& figures, bool ranked, Instant now);
  /// Takes on what the level in force means; returns the level.
  rules::Level follow_level(Instant now);
  void explain_pressure(const AdmissionPolicy& policy);
  [[nodiscard]] bool in_danger(const GateFigures& figures, Instant now) const;
  void add_up(const GateFigures& figures);
  [[nodiscard]] Shared<AdmissionReadings> readings(const GateFigures& figures, Instant now);

  Shared<config::Settings> settings_;
  rules::ConcurrencyLimit law_;
  rules::PressureLadder pressure_;
  double limit_;  ///< last decision, under pressure
  std::string reason_;
  rules::AdmissionProfile profile_;
  ClassShedding shedding_;
  rules::StepLimit ceiling_{1, ceiling_per_second};
  Shared<Directive> directive_;
  Shared<ResourceReadings> resources_;
  Sums sums_;
  RejectShare reject_share_, critical_reject_share_;
  Instant last_busy_;
  std::optional<Instant> reported_at_;
};

}  // namespace homeostat::actors
