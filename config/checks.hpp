// What must hold between keys, after each one was read by itself.
#pragma once

#include "config/leaf.hpp"
#include "config/settings.hpp"

namespace homeostat::config {

/// Reports missing keys and contradictions. `root` is the place to name for
/// what is not given at all.
void check_settings(const Settings& settings, const Place& root, Reading& reading);

}  // namespace homeostat::config
