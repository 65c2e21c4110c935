// The built-in rule files, embedded in the binary at build time from
// config/builtin/*.yaml, exactly as written, so that they can be printed,
// copied and overridden.
//
// Thread safety: immutable static data.
#pragma once

#include <span>
#include <string_view>

namespace homeostat::config {

struct BuiltinFile {
  std::string_view name;  ///< "builtin/cpu.yaml"
  std::string_view text;
};

/// In the order in which they are loaded (by name).
[[nodiscard]] std::span<const BuiltinFile> builtin_files() noexcept;

}  // namespace homeostat::config
