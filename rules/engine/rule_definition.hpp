// Comparing rules by what they say.
#pragma once

#include "rules/engine/rule.hpp"

namespace homeostat::rules {

/// Whether two rules behave the same: everything but `where`, `description`
/// and `enabled`. Expressions are compared with their macros written out.
[[nodiscard]] bool same_definition(const Rule& a, const Rule& b);

}  // namespace homeostat::rules
