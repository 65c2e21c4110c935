// What the agent did and why, as its own management API tells it.
//
// Pure functions on the API's documents.
#pragma once

#include <boost/json/value.hpp>
#include <string>

namespace homeostat::demo {

/// Rules that fired, latest reason each, and the admission limit, from
/// GET /api/v1/performance/status. At most 12 lines.
[[nodiscard]] std::string explain_decisions(const boost::json::value& status);

/// How many rules are loaded and which are acting now, from GET /api/v1/rules.
[[nodiscard]] std::string explain_rules(const boost::json::value& rules);

}  // namespace homeostat::demo
