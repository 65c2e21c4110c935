// How much time a request says it has left.
//
// Formats (admission.deadlines.fields), nothing else is accepted:
//   grpc          1 to 8 digits and one of H M S m u n, e.g. "250m" for 250 ms:
//                 the timeout of gRPC over HTTP, counted from its arrival
//   time          a point in time: RFC 3339 ("2026-11-26T06:00:00.250Z"), an
//                 HTTP date, Unix seconds with or without a fraction
//                 ("1795672800.25") or Unix milliseconds ("1795672800250"); or
//                 what is left, with its unit: "250ms", "1.5s". A bare number
//                 below 10^9 could be anything and is not accepted
//   milliseconds  whole milliseconds left, e.g. "250"
//   seconds       seconds left, with or without a fraction, e.g. "1.5"
//
// Pure functions; no allocation but the caller's text. Thread safety: none
// needed. Bounds: values of 64 characters; what lies further than a year away
// counts as a year.
// Source: gRPC over HTTP2, "Timeout"; RFC 3339 section 5.6.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/settings/admission.hpp"
#include "runtime/ports/clock.hpp"

namespace homeostat::http {

/// Nothing if the value is malformed; zero or less if its time is over.
[[nodiscard]] std::optional<Duration> time_left(config::DeadlineFormat format,
                                                std::string_view value, WallTime now) noexcept;

/// Whether this value shrinks while the request waits, so that who passes it on must
/// restate it. A point in time does not; what is left, with its unit, does. REQUIRES: it
/// is one that time_left() understands.
[[nodiscard]] constexpr bool counts_down(config::DeadlineFormat format,
                                         std::string_view value) noexcept {
  return format != config::DeadlineFormat::time || value.ends_with('s');
}

/// Appends what is left, rounded down, in a form that counts down; `time`: in ms.
void append_time_left(config::DeadlineFormat format, Duration left, std::string& out);

}  // namespace homeostat::http
