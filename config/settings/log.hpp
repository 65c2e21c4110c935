// Section `log`.
#pragma once

#include <cstdint>
#include <string>

#include "config/settings/common.hpp"

namespace homeostat::config {

struct AccessLogSettings {
  bool enabled = false;
  double sample = 1.0;  ///< share of requests written, 0..1; errors are always written
};

struct LogSettings {
  enum class Format : std::uint8_t { console, json };
  Format format = Format::console;
  std::string level = "info";  ///< trace, debug, info, warn, error
  AccessLogSettings access;
};

}  // namespace homeostat::config
