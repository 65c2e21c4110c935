// Wall time as text: RFC 3339, UTC, milliseconds ("2026-01-31T12:00:00.250Z").
//
// Thread safety: pure function.
#pragma once

#include <string>

#include "runtime/ports/clock.hpp"

namespace homeostat {

/// Rounds down to the millisecond. Range: years 0000 to 9999, as RFC 3339 asks.
[[nodiscard]] std::string rfc3339(WallTime at);

}  // namespace homeostat
