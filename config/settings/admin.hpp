// Section `admin`: who may manage the agent, and where.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "config/settings/common.hpp"

namespace homeostat::config {

struct AdminToken {
  enum class Role : std::uint8_t { viewer, operator_ };
  std::string name;
  Role role = Role::viewer;
  std::string secret;       ///< resolved from `secret` (usually ${ENV}) or `secret_file`
  std::string secret_file;  ///< as written; the loader reads it into `secret`
};

struct AdminSettings {
  Address listen{"127.0.0.1", 9180, {}};
  std::vector<AdminToken> tokens;
  bool open_probes = true;       ///< /metrics, /livez and /readyz need no token
  bool allow_injection = false;  ///< POST /api/v1/test/performance
  std::size_t connections_max = 64;
};

}  // namespace homeostat::config
