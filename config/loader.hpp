// Reads the operator's configuration into Settings, or says all that is wrong.
//
// Order of precedence: option > environment > file > default. The file is YAML
// (at most file_bytes_max bytes, file_depth_max levels); `${NAME}` and
// `${NAME:-default}` are replaced in every scalar from the environment; every
// key can be set by a variable such as HOMEOSTAT_CACHE__MEMORY=200MiB. See
// docs/config_reference.md.
//
// Thread safety: the functions share nothing and may run concurrently.
// Errors: values; nothing is thrown but std::bad_alloc. Secrets never appear in
// a diagnostic.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/diagnostic.hpp"
#include "config/settings.hpp"

namespace homeostat::config {

inline constexpr std::size_t file_bytes_max = mebibyte;
inline constexpr std::size_t file_depth_max = 32;
inline constexpr std::size_t file_nodes_max = 50'000;  ///< after aliases were expanded

/// Variables by name. Passed in, so that tests and replay need no real one.
using Environment = std::map<std::string, std::string, std::less<>>;

/// The process's own environment.
[[nodiscard]] Environment process_environment();

/// One key set outside the file, e.g. {"--listen", "listen", ":8080"}. `key` is
/// dotted; `value` is a scalar or YAML flow text ("[a, b]", "{a: 1}").
struct Override {
  std::string origin;  ///< named in diagnostics as "option --listen"
  std::string key;
  std::string value;
};

struct LoadResult {
  std::optional<Settings> settings;     ///< present exactly if diagnostics is empty
  std::vector<Diagnostic> diagnostics;  ///< at most diagnostics_max + 1
  std::vector<std::string> files;       ///< every file read, for watching

  [[nodiscard]] bool ok() const noexcept { return settings.has_value(); }
};

/// What only other rooms can judge. Says what is wrong as (dotted key, message), which is
/// reported where the key was given, unless its value could not be read at all.
using Complain = std::function<void(const std::string& key, const std::string& message)>;
using FurtherCheck = std::function<void(const Settings&, const Complain&)>;

/// Loads a file; relative paths inside it are relative to its folder.
[[nodiscard]] LoadResult load_file(const std::string& path, const Environment& environment,
                                   const std::vector<Override>& overrides = {},
                                   const FurtherCheck& further = {});

/// Loads text. `name` is how diagnostics call it.
[[nodiscard]] LoadResult load_text(std::string_view text, const std::string& name,
                                   const Environment& environment, const std::string& base_dir,
                                   const std::vector<Override>& overrides = {},
                                   const FurtherCheck& further = {});

/// No file: `--listen` and `--upstream` (repeatable) are enough. An empty
/// `listen` or no upstream may still come from the environment or `others`.
[[nodiscard]] LoadResult from_flags(const std::string& listen,
                                    const std::vector<std::string>& upstreams,
                                    const Environment& environment,
                                    const std::vector<Override>& others = {},
                                    const FurtherCheck& further = {});

}  // namespace homeostat::config
