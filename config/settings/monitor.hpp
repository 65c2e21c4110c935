// Section `monitor`: what is sensed, where and how often.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "config/settings/common.hpp"

namespace homeostat::config {

struct EndpointSettings {
  std::vector<std::string> routes;  ///< explicit templates, e.g. /book/{id}
  std::size_t max = 500;            ///< further ones are counted as "other"
};

struct MonitorSettings {
  milliseconds interval{1000};
  std::string app_pid_file;
  std::string app_cgroup;  ///< path of the application's cgroup, if mounted
  std::vector<std::string> disks = {"/"};
  std::string root = "/";  ///< where /proc and /sys are found (tests, containers)
  EndpointSettings endpoints;
};

}  // namespace homeostat::config
