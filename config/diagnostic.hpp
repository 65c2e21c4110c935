// What is wrong in a configuration, where, and what to write instead.
//
// Plain values. A Report collects every error of one load (at most
// diagnostics_max; one further entry says that more were left out), so that an
// operator repairs a file in one go. Messages never carry secrets.
//
// Thread safety: none; a Report belongs to one load.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace homeostat::config {

inline constexpr std::size_t diagnostics_max = 50;

/// One error. `line` and `column` count from 1 (columns in bytes); line 0 means
/// that the place is not in a file, e.g. file = "environment HOMEOSTAT_LISTEN".
struct Diagnostic {
  std::string file;
  int line = 0;
  int column = 0;
  std::string message;
  std::string suggestion;  ///< "did you mean `upstream`?"; may be empty
  std::string excerpt;     ///< offending text and carets below it; may be empty

  bool operator==(const Diagnostic&) const = default;
};

/// "file:line:col: message; suggestion", then the excerpt on further lines.
[[nodiscard]] std::string format(const Diagnostic& diagnostic);
/// Every diagnostic on its own line(s), in order.
[[nodiscard]] std::string format(const std::vector<Diagnostic>& diagnostics);

/// A text that was read: a file, an environment variable or an option.
struct Source {
  std::string name;  ///< as shown to the operator
  std::string text;
  bool lines = true;  ///< false: places in it are named without line and column
};

/// A file's text as a source; a UTF-8 byte order mark is left out.
[[nodiscard]] std::shared_ptr<const Source> make_source(std::string name, std::string text);

/// A point in a source.
struct Place {
  std::shared_ptr<const Source> source;
  int line = 0;
  int column = 0;
  std::size_t offset = 0;  ///< byte offset into source->text
};

class Report {
 public:
  void error(const Place& place, std::string message, std::string suggestion = {},
             std::string excerpt = {});

  [[nodiscard]] bool empty() const noexcept { return diagnostics_.empty(); }
  [[nodiscard]] bool full() const noexcept { return diagnostics_.size() >= diagnostics_max; }
  [[nodiscard]] std::size_t size() const noexcept { return diagnostics_.size(); }

  /// Registers a value that must not appear in any diagnostic.
  void keep_secret(const std::string& value);

  /// Hands the diagnostics over, with secrets blanked out.
  [[nodiscard]] std::vector<Diagnostic> take();

 private:
  std::vector<Diagnostic> diagnostics_;
  std::vector<std::string> secrets_;
  bool dropped_ = false;
};

}  // namespace homeostat::config
