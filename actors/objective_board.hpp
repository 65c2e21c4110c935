// The configured objectives' burn rates, and the slo.* signals made of them.
//
// Pure: time comes in. Thread safety: none; owned by the rule engine. Bounds:
// config::objectives_max objectives.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "config/settings/slo.hpp"
#include "rules/engine/frame.hpp"
#include "rules/expr/selector.hpp"
#include "rules/laws/slo_burn.hpp"
#include "runtime/ports/control.hpp"
#include "runtime/ports/signals.hpp"

namespace homeostat::actors {

class ObjectiveBoard {
 public:
  void receive(const TrafficFigures& figures);

  /// Appends a reading for every slo.* selector: the worst of the objectives
  /// it matches by {objective="name"}; nothing where none matches.
  void fill(std::span<const rules::Selector> selectors, Instant at,
            std::vector<rules::LabelledReading>& readings) const;

  [[nodiscard]] std::vector<ObjectiveReport> report() const;
  /// The fastest of all objectives' burns; 0 without objectives.
  [[nodiscard]] double worst_burn() const;
  /// The same of late answers alone, refusals left out; nothing without latency objectives.
  [[nodiscard]] std::optional<double> late_burn() const;

 private:
  struct Objective {
    ObjectiveFigures figures;
    rules::SloBurn burn, late;
  };
  std::vector<Objective> objectives_;
};

}  // namespace homeostat::actors
