// HTTP dates (RFC 9110 section 5.6.7). Time is passed in; nothing here reads a clock.
//
// Range: years 1970 to 9999, resolution one second. Thread safety: functions
// are pure; a DateCache belongs to one worker.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

#include "runtime/ports/clock.hpp"

namespace homeostat::http {

inline constexpr std::size_t date_length = 29;  ///< "Sun, 06 Nov 1994 08:49:37 GMT"
using DateText = std::array<char, date_length>;

/// IMF-fixdate; times outside the range are clamped to it.
[[nodiscard]] DateText format_date(WallTime time) noexcept;

/// IMF-fixdate, RFC 850 or asctime. Nothing if malformed or not a real date;
/// the name of the weekday is checked for form, not against the date.
/// `now` resolves the two-digit year of RFC 850: a date more than 50 years
/// ahead is taken to be in the past century.
[[nodiscard]] std::optional<WallTime> parse_date(std::string_view text, WallTime now) noexcept;

/// The current Date value, formatted again only when the second changes.
class DateCache {
 public:
  /// The view is valid until the next call.
  [[nodiscard]] std::string_view text(WallTime now) noexcept;

 private:
  std::int64_t second_ = std::numeric_limits<std::int64_t>::min();
  DateText text_{};
};

}  // namespace homeostat::http
