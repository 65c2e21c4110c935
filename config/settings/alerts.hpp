// Section `alerts`.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "config/settings/common.hpp"

namespace homeostat::config {

struct AlertSettings {
  std::string alertmanager;  ///< base URL; empty = none
  std::vector<std::string> webhooks;
  seconds resend{60};
  milliseconds timeout{5000};
  std::size_t queue_max = 256;
  std::vector<std::pair<std::string, std::string>> labels;  ///< added to every alert
};

}  // namespace homeostat::config
