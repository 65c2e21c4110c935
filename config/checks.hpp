// What must hold between keys, after each one was read by itself.
#pragma once

#include <string_view>

#include "config/leaf.hpp"
#include "config/settings.hpp"

namespace homeostat::config {

/// Where the key was given, else the list or section it belongs to, else `root`.
[[nodiscard]] const Place& place_of(std::string_view key, const Place& root,
                                    const Reading& reading);

/// Whether the key's value, or a part of it, was given but is wrong by itself.
[[nodiscard]] bool could_not_read(std::string_view key, const Reading& reading);

/// Reports missing keys and contradictions, except between values that could not be read. `root` is
/// the place to name for what is not given at all.
void check_settings(const Settings& settings, const Place& root, Reading& reading);

}  // namespace homeostat::config
