// What the tests of the cache share: a short configuration, and what a response
// says about where it comes from.
#pragma once

#include <string>
#include <string_view>

#include "tests/e2e/running_agent.hpp"

namespace homeostat::test {

/// `cache`: that section as YAML flow text.
inline AgentConfig config_of(const ScriptedOrigin& origin, const std::string& cache = {}) {
  AgentConfig config = config_for(origin);
  config.cache = cache;
  return config;
}

inline bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

inline bool is_hit(const Message& response) {
  return contains(response.get("cache-status"), "; hit");
}

}  // namespace homeostat::test
