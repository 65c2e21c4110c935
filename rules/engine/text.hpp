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

/// Why an instance went to `to`: values, the threshold that decided, times.
/// `until` is the expression in use, `no_data` that a signal was not usable.
[[nodiscard]] std::string explain_step(const Rule& rule, const Expression& until,
                                       const Scene& scene, RuleState from, RuleState to,
                                       bool no_data);

}  // namespace homeostat::rules
