// Keys set outside the file: by environment variable or command line option.
//
// A variable HOMEOSTAT_CACHE__MEMORY sets cache.memory: the prefix, then the
// key's parts in capitals, joined by two underscores. Its value is a scalar, or
// YAML flow text for lists and maps. Overrides edit the tree before it is read,
// so one set of rules and messages serves all; diagnostics name the variable.
//
// Thread safety: pure functions.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "config/loader.hpp"
#include "config/node.hpp"

namespace homeostat::config {

using Names = std::set<std::string, std::less<>>;

/// "cache.memory" -> "HOMEOSTAT_CACHE__MEMORY".
[[nodiscard]] std::string variable_for(const std::string& key);

/// Applies every variable that names a key. `referenced` receives the names
/// used by `${...}` inside their values.
void apply_environment(Node& root, const Environment& environment, Report& report,
                       Names& referenced);

/// Applies options, in order.
void apply_overrides(Node& root, const std::vector<Override>& overrides,
                     const Environment& environment, Report& report, Names& referenced);

/// Reports HOMEOSTAT_* variables that are meant as a key but name none:
///   - any with `__` after the prefix, which nothing else uses;
///   - any that would name a key if a single underscore were two;
///   - any within one letter of a top-level key.
/// Others (HOMEOSTAT_ADMIN_TOKEN, what Kubernetes sets for a service called
/// homeostat: HOMEOSTAT_SERVICE_HOST, HOMEOSTAT_PORT, ...) and the names in
/// `referenced` are left alone.
void report_unknown_variables(const Environment& environment, const Names& referenced,
                              Report& report);

}  // namespace homeostat::config
