// `homeostat replay`: rules over recorded signals, offline.
//
// Exit code: 0 = replayed, 1 = bad rules or signals.
#pragma once

#include <string>
#include <vector>

#include "rules/engine/rule.hpp"

namespace homeostat::app {

struct ReplayCommand {
  std::vector<std::string> rules{"builtin"};  ///< files, globs, "builtin"
  std::vector<std::string> compare;           ///< a second set; empty = none
  std::string signals;                        ///< CSV, or .json of a Prometheus range query
  std::string level = "balanced";
  int step_seconds = 1;
  bool json = false;
};

[[nodiscard]] int run_replay(const ReplayCommand& command);

}  // namespace homeostat::app
