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

/// The agent's own record of its signals, for replays.
struct RecordSettings {
  std::string file;  ///< absolute; empty = none
  milliseconds every{5000};
  std::size_t bytes_max = 64 * mebibyte;  ///< of the file and its predecessor together
};

struct MonitorSettings {
  milliseconds interval{1000};
  std::string app_pid_file;
  std::string app_cgroup;  ///< path of the application's cgroup, if mounted
  std::vector<std::string> disks = {"/"};
  std::string root = "/";  ///< where /proc and /sys are found (tests, containers)
  EndpointSettings endpoints;
  std::size_t history_memory = 16 * mebibyte;  ///< of the endpoints' histories
  std::string scrape;                          ///< URL of the application's metrics; empty = none
  milliseconds scrape_interval{5000};
  milliseconds scrape_timeout{2000};
  RecordSettings record;
};

}  // namespace homeostat::config
