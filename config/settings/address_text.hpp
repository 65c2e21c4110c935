// How an address is written in configuration, logs and errors.
#pragma once

#include <string>

#include "config/settings/common.hpp"

namespace homeostat::config {

/// "127.0.0.1:8080", "[::1]:80", "unix:/path": as parse_listen_address reads it.
[[nodiscard]] inline std::string to_string(const Address& address) {
  if (!address.unix_path.empty()) return "unix:" + address.unix_path;
  const bool v6 = address.host.find(':') != std::string::npos;
  return (v6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

}  // namespace homeostat::config
