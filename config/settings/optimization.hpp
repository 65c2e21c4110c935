// Section `optimization`: the rules and how they are applied.
#pragma once

#include <string>
#include <vector>

#include "config/settings/common.hpp"
#include "rules/engine/rule.hpp"

namespace homeostat::config {

struct OptimizationSettings {
  bool enabled = true;
  LoopMode mode = LoopMode::on;
  rules::LevelSetting level = rules::LevelSetting::balanced;
  rules::RuleSet rules;  ///< parsed and checked; built-in and files
  std::vector<std::string> rule_sources = {
      "builtin"};  ///< `rules` as written: builtin, files, globs
  milliseconds interval{1000};
  std::string memory_hook;  ///< URL called by release_memory with hook: true
  milliseconds memory_hook_timeout{2000};
  seconds emergency_leave_after{60};  ///< without any of its signals
  seconds policy_lease{10};           ///< how long the data plane trusts the last policy
};

}  // namespace homeostat::config
