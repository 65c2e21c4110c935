// Looks at loaded Settings as a whole: prints them, compares them.
//
// Thread safety: pure functions.
#pragma once

#include <string>
#include <vector>

#include "config/settings.hpp"

namespace homeostat::config {

/// Every key with its effective value as YAML that loads again (but for the
/// secrets, which are shown as "***"; so are the paths of webhook URLs, which
/// often carry a token).
[[nodiscard]] std::string to_yaml(const Settings& settings);

/// Dotted keys that differ and take effect only after a restart; all others are
/// applied by a reload. Sorted as in the reference.
[[nodiscard]] std::vector<std::string> restart_required(const Settings& old_, const Settings& new_);

/// What a reload may put into force of what it has loaded.
struct Reloadable {
  Settings settings;              ///< keys that need a restart are as they were
  std::vector<std::string> kept;  ///< which of them differ; restart_required()
  /// Why what was kept and what is new do not go together; empty: they do.
  std::vector<std::string> contradictions;
};
[[nodiscard]] Reloadable until_restart(const Settings& in_force, Settings loaded);

/// Dotted keys that differ, whether they need a restart or not. Secrets are
/// compared too, but only their key is named.
[[nodiscard]] std::vector<std::string> changed_keys(const Settings& old_, const Settings& new_);

}  // namespace homeostat::config
