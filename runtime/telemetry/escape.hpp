// Text from outside made safe for one line of a log.
//
// Thread safety: pure functions. Errors: none; any bytes are accepted. Source:
// RFC 8259 section 7 for JSON strings.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "runtime/ports/clock.hpp"

namespace homeostat::telemetry {

enum class EscapeStyle {
  json,  ///< bytes outside printable ASCII become \u00XX (as Latin-1)
  text,  ///< the same become \xXX
};

/// Quotes and backslashes are escaped in both styles. Beyond `bytes_max` bytes
/// of input the text ends in "...".
[[nodiscard]] std::string escape(std::string_view text, EscapeStyle style,
                                 std::size_t bytes_max = std::string_view::npos);

/// Control characters (C0, DEL, and C1 in UTF-8) become \n or \xXX; everything else
/// stays as it is.
[[nodiscard]] std::string escape_controls(std::string_view text);

/// "2025-01-31T12:34:56.789Z".
[[nodiscard]] std::string format_utc(WallTime time);

}  // namespace homeostat::telemetry
