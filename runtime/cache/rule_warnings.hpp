// Cache rules that are allowed but do not do what they say: never reached, keeping nothing, or
// keeping what nobody else can use. `homeostat check` prints them.
//
// Pure. Work: a match for each pair of rules; for commands, not for requests.
#pragma once

#include <string>
#include <vector>

#include "config/settings/cache.hpp"

namespace homeostat::cache {

/// One line for each, in the order of the rules; begins with the rule's key and path.
[[nodiscard]] std::vector<std::string> rule_warnings(const config::CacheSettings& settings);

}  // namespace homeostat::cache
