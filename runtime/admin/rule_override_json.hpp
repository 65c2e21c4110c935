// What an operator set on a rule, as JSON: the members of the body that sets it.
//
// Thread safety: pure function.
#pragma once

#include <boost/json/value.hpp>

#include "rules/engine/rule_override.hpp"

namespace homeostat::admin {

/// {"for": "30s", "dry_run": true}; null if nothing is overridden.
[[nodiscard]] boost::json::value override_json(const rules::RuleOverride& terms);

}  // namespace homeostat::admin
