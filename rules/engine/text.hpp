// Texts of the engine's explanations.
//
// Thread safety: pure functions.
#pragma once

#include <string>

#include "rules/engine/engine.hpp"
#include "rules/engine/frame.hpp"
#include "rules/engine/rule.hpp"
#include "rules/expr/expression.hpp"

namespace homeostat::rules {

/// "30s", "1.5m".
[[nodiscard]] std::string format_duration(Duration duration);

/// A change of state to be explained.
struct StepCause {
  RuleState from, to;
  Duration hold;         ///< in force, which may be longer than the rule's own
  bool no_data = false;  ///< a signal was not usable
};

/// Why an instance went to another state: values, the threshold that decided,
/// times. `until` is the expression in use.
[[nodiscard]] std::string explain_step(const Rule& rule, const Expression& until,
                                       const Scene& scene, const StepCause& cause);

}  // namespace homeostat::rules
