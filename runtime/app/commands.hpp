// The subcommands behind the command line; each returns the exit code.
//
// 0 = fine, 1 = bad configuration or start failed.
#pragma once

#include <string>
#include <vector>

#include "config/loader.hpp"

namespace homeostat::app {

/// Where the configuration comes from. `settings` are KEY=VALUE overrides.
struct RunOptions {
  std::string config;
  std::string listen;
  std::vector<std::string> upstreams;
  std::vector<std::string> settings;
};

/// Options over environment over file over defaults.
[[nodiscard]] config::LoadResult load(const RunOptions& options);

[[nodiscard]] int run_agent(const RunOptions& options);
[[nodiscard]] int check_configuration(const RunOptions& options, bool print);
/// Rule files by themselves, in order: paths, globs or `builtin`.
[[nodiscard]] int check_rules(const std::vector<std::string>& sources);
[[nodiscard]] int print_builtin_rules();

}  // namespace homeostat::app
