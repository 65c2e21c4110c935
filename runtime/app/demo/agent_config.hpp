// The configuration the story gives the agent: what an operator of this shop
// would write, with rule times short enough to be seen within a minute.
//
// Pure text. Thread safety: free function without state.
#pragma once

#include <cstdint>
#include <string>

namespace homeostat::demo {

/// YAML for `homeostat run --config`. `pid_file` names the application's.
[[nodiscard]] std::string agent_config(std::uint16_t application_port,
                                       const std::string& rules_file, const std::string& pid_file);

/// The shop's own rules, added to the built-in ones.
[[nodiscard]] std::string agent_rules();

}  // namespace homeostat::demo
