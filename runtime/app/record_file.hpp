// An append-only file of lines that keeps its size and stays readable.
//
// What is appended is written at once, as a whole or not at all: what a full disk or a
// kill left of a line before is cut off first. When the file has half of `bytes_max` it
// becomes `<file>.1`, whose predecessor goes; where it cannot be renamed, as a file that is
// mounted by itself, it is emptied instead.
//
// Thread safety: none; one thread. Errors: returned, with the reason in error().
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace homeostat::app {

class RecordFile {
 public:
  RecordFile(std::string path, std::uint64_t bytes_max)
      : path_(std::move(path)), bytes_max_(bytes_max) {}

  /// Before an append: true if the file is, or has become, empty.
  [[nodiscard]] bool make_room();
  /// Appends whole lines. REQUIRES: they end with '\n'.
  [[nodiscard]] bool append(std::string_view lines);
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  /// Why the last call failed, or could not do what it should.
  [[nodiscard]] const std::string& error() const noexcept { return error_; }

 private:
  std::string path_;
  std::uint64_t bytes_max_;
  std::string error_;
};

}  // namespace homeostat::app
