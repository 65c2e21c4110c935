// Shared by the configuration's tests: loading text, temporary folders, the
// project's own files.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "config/loader.hpp"
#include "config/rule_loader.hpp"

namespace homeostat::config {

/// What every configuration needs; two lines.
inline constexpr std::string_view base =
    "listen: 127.0.0.1:8080\n"
    "upstream: {url: http://127.0.0.1:9000}\n";

inline LoadResult load(std::string_view text, const Environment& environment = {}) {
  return load_text(text, "t.yaml", environment, ".");
}

/// Settings of `base` plus `text`; the test fails with the messages if there are none.
inline Settings must_load(std::string_view text, const Environment& environment = {}) {
  auto result = load(std::string(base) + std::string(text), environment);
  EXPECT_TRUE(result.ok()) << text << "\n" << format(result.diagnostics);
  return result.ok() ? std::move(*result.settings) : Settings{};
}

/// All diagnostics as printed.
inline std::string errors_of(std::string_view text, const Environment& environment = {}) {
  return format(load(text, environment).diagnostics);
}

inline std::string errors_below_base(std::string_view text, const Environment& environment = {}) {
  return errors_of(std::string(base) + std::string(text), environment);
}

inline std::string rule_errors_of(std::string_view text) {
  return format(load_rules_text(text, "r.yaml", {}).diagnostics);
}

/// A folder of its own for one test, removed afterwards.
class Folder {
 public:
  Folder() {
    auto pattern = (std::filesystem::path(testing::TempDir()) / "homeostat_config_XXXXXX").string();
    path_ = ::mkdtemp(pattern.data()) == nullptr ? "" : pattern;
  }
  ~Folder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  std::string write(const std::string& name, std::string_view text) const {
    const auto file = std::filesystem::path(path_) / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
    return file.string();
  }

 private:
  std::string path_;
};

/// A file of the project, e.g. "docs/config_reference.md".
inline std::string project_path(const std::string& name) {
  return (std::filesystem::path(HOMEOSTAT_SOURCE_DIR) / name).string();
}

inline std::string project_file(const std::string& name) {
  std::ifstream file(project_path(name), std::ios::binary);
  EXPECT_TRUE(file.good()) << name;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace homeostat::config
