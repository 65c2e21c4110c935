// Reads the project's own sources, for tests that check its structure.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace homeostat::tidy {

struct SourceFile {
  std::string path;  ///< relative to the project's root, with '/'
  std::vector<std::string> lines;

  [[nodiscard]] bool is_cpp() const { return path.ends_with(".cpp") || path.ends_with(".hpp"); }
  /// First folders, e.g. "runtime/cache" or "rules".
  [[nodiscard]] std::string room() const;
};

/// Every source, script, build and document file outside build folders.
[[nodiscard]] const std::vector<SourceFile>& source_tree();

/// The line without comments and with string contents blanked out.
[[nodiscard]] std::string code_of(const std::string& line);

}  // namespace homeostat::tidy
