// Which signals are kept outside of the agent, by the recorder and as metrics, beyond the
// global ones: those of the busiest endpoints, what rules read by labels, and objectives.
//
// Thread safety: none; one owner each. Bounds: endpoints_max endpoints, the 64 selected signals
// of a rule set, two for each objective.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "rules/engine/frame.hpp"
#include "runtime/ports/control.hpp"

namespace homeostat::app {

/// The busiest endpoints, with some constancy: one that is in stays while it is among the
/// busiest twice as many. Otherwise those at the edge would come and go with every minute.
class RecordedEndpoints {
 public:
  static constexpr std::size_t endpoints_max = 50;

  /// By id; only what has answered in the last minute, and nothing while the figures are stale.
  [[nodiscard]] std::vector<rules::EndpointFrame> update(const ControlReport& report);

 private:
  std::vector<rules::EndpointId> members_;  ///< sorted
};

/// By name: what rules read by labels, and each objective by itself, which no rule may read yet.
[[nodiscard]] std::map<std::string, rules::Reading> recorded_selected(const ControlReport& report);

}  // namespace homeostat::app
