// The few things the loader does with files. Nothing but regular files is
// opened, so that a pipe or a device cannot block a reload.
//
// Thread safety: pure but for the file system. Errors: values.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/units.hpp"

namespace homeostat::config {

/// The whole file, at most `bytes_max` bytes.
[[nodiscard]] Parsed<std::string> read_file(const std::string& path, std::size_t bytes_max);

/// `path` if absolute, else below `base_dir`.
[[nodiscard]] std::string resolve_path(const std::string& path, const std::string& base_dir);

/// The folder a file lies in; "." for a bare name.
[[nodiscard]] std::string folder_of(const std::string& path);

[[nodiscard]] bool has_wildcard(std::string_view path) noexcept;

/// Files that match, sorted by name; wildcards (`*`, `?`, `[a-z]`) only in the
/// last component. At most `files_max`; a folder of at most 10000 entries. An
/// existing folder without a match gives an empty list.
[[nodiscard]] Parsed<std::vector<std::string>> expand_glob(const std::string& path,
                                                           std::size_t files_max);

}  // namespace homeostat::config
