// The guard in front of the HTTP parser: finds the end of a line or of a block
// of lines, refusing what a lenient recipient could read in two ways.
//
// Refused: CR without LF, LF without CR, lines that begin with a blank (obs-fold,
// or a blank before the first field), control bytes other than tab
// (RFC 9112 sections 2.2, 5.2 and 11; RFC 9110 section 5.5).
//
// Works on the bytes from the start of the block, resuming where the last call
// stopped, so that the total work is linear however the bytes arrive. Sixteen
// bytes per step where SSE2 exists. Pure; thread safety: none, one owner.
#pragma once

#include <cstddef>
#include <string_view>

namespace homeostat::http {

enum class ScanStatus : unsigned char { need_more, complete, bad };

class LineScanner {
 public:
  void reset() noexcept { *this = LineScanner{}; }

  /// Scans until the end of the line that the scanner stands in.
  ScanStatus next_line(std::string_view block) noexcept;
  /// Scans until an empty line has ended.
  ScanStatus to_empty_line(std::string_view block) noexcept;

  /// Start of the line the scanner stands in = bytes of complete lines so far.
  [[nodiscard]] std::size_t line_start() const noexcept { return line_start_; }
  /// Bytes of the first line with its CRLF; 0 until it is complete.
  [[nodiscard]] std::size_t first_line_size() const noexcept { return first_line_size_; }
  /// After `bad`: a short static text.
  [[nodiscard]] std::string_view reason() const noexcept { return reason_; }

 private:
  ScanStatus fail(std::string_view reason) noexcept {
    reason_ = reason;
    return ScanStatus::bad;
  }

  std::size_t position_ = 0;  // everything before is checked
  std::size_t line_start_ = 0;
  std::size_t first_line_size_ = 0;
  bool was_empty_ = false;  // the line that ended last was empty
  std::string_view reason_;
};

}  // namespace homeostat::http
