// Range and Content-Range for bytes (RFC 9110 section 14).
//
// Pure. Bounds: at most `ranges_max` ranges are answered; overlapping and
// touching ones are joined first, those with small gaps between them, too. A
// set that still has more is treated as if there were no Range (section 14.2
// allows it): the answer is the whole representation, once. So no answer has
// more body bytes than the representation.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace homeostat::http {

struct ByteRange {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;  ///< never 0

  [[nodiscard]] std::uint64_t end() const noexcept { return offset + length; }
  [[nodiscard]] bool operator==(const ByteRange&) const = default;
};

class ByteRanges {
 public:
  static constexpr std::size_t ranges_max = 8;
  /// Ranges in one field that are looked at; more make the field ignored.
  static constexpr std::size_t specs_max = 64;
  /// Joined because the part's own header would be about as long.
  static constexpr std::uint64_t gap_max = 80;

  enum class Kind : std::uint8_t {
    ignored,        ///< absent, another unit, malformed, too many: no Range
    unsatisfiable,  ///< 416
    partial,        ///< 206
  };
  [[nodiscard]] Kind kind() const noexcept { return kind_; }
  /// Only with Kind::partial; in the order they were asked for where there is
  /// nothing to join, else ascending.
  [[nodiscard]] std::span<const ByteRange> ranges() const noexcept {
    return {ranges_.data(), count_};
  }

  /// `value` of Range for a representation of `length` bytes.
  [[nodiscard]] static ByteRanges parse(std::string_view value, std::uint64_t length) noexcept;

 private:
  Kind kind_ = Kind::ignored;
  std::size_t count_ = 0;
  std::array<ByteRange, ranges_max> ranges_;
};

/// Whether the field asks for bytes in valid syntax, whatever the length.
[[nodiscard]] bool is_byte_range(std::string_view value) noexcept;

/// Appends `bytes 0-9/100`.
void append_content_range(std::string& out, const ByteRange& range, std::uint64_t length);
/// Appends `bytes */100`.
void append_unsatisfied_range(std::string& out, std::uint64_t length);

}  // namespace homeostat::http
