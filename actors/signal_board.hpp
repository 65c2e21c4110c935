// The newest reading of every source, merged into one frame per tick.
//
// A source that has not reported for three of its periods turns `stale`: its
// old values stay visible, but no rule may act on them. Injected values
// override measured ones until they expire and are marked in every frame.
//
// Pure: time comes in. Thread safety: none; owned by the rule engine. Bounds:
// one slot per signal, one injection per signal, `injection_max` long.
#pragma once

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "actors/messages.hpp"
#include "actors/objective_board.hpp"
#include "rules/engine/frame.hpp"

namespace homeostat::actors {

inline constexpr Duration injection_max = std::chrono::hours(1);
inline constexpr int stale_periods = 3;

class SignalBoard {
 public:
  void receive(Shared<ResourceReadings> readings) { resources_ = std::move(readings); }
  void receive(Shared<TrafficReadings> readings) {
    traffic_ = std::move(readings);
    if (traffic_->figures) objectives_.receive(*traffic_->figures);
  }
  void receive(Shared<AdmissionReadings> readings) { admission_ = std::move(readings); }

  /// Overrides a signal until `until` (at most injection_max from now).
  void inject(rules::SignalId signal, double value, Instant now, Duration for_);
  [[nodiscard]] bool any_injected() const noexcept;
  /// Dotted names of the signals under injection.
  [[nodiscard]] std::vector<std::string> injected() const;

  /// Builds the frame for `now`. `period` is the interval of the monitors.
  [[nodiscard]] rules::Frame frame(Instant now, Duration period);
  /// The labelled signals among `selectors` that are known and fresh.
  [[nodiscard]] std::vector<rules::LabelledReading> labelled(
      Instant now, Duration period, std::span<const rules::Selector> selectors) const;

  /// The newest traffic and admission readings, null when older than three
  /// periods or never received.
  [[nodiscard]] const TrafficReadings* fresh_traffic(Instant now, Duration period) const;
  [[nodiscard]] const AdmissionReadings* fresh_admission(Instant now, Duration period) const;
  [[nodiscard]] Shared<TrafficFigures> traffic() const {
    return traffic_ ? traffic_->figures : nullptr;
  }
  [[nodiscard]] Shared<AdmissionReadings> admission() const { return admission_; }
  [[nodiscard]] const ObjectiveBoard& objectives() const noexcept { return objectives_; }

 private:
  struct Injection {
    double value = 0;
    Instant until{};
  };
  void merge_admission(rules::SignalValues& values) const;
  void apply_injections(rules::Frame& frame);

  Shared<ResourceReadings> resources_;
  Shared<TrafficReadings> traffic_;
  Shared<AdmissionReadings> admission_;
  ObjectiveBoard objectives_;
  std::array<std::optional<Injection>, rules::signal_count> injections_;
};

}  // namespace homeostat::actors
