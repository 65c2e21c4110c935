// Values and durations as written in a query: "85%", "250ms", "64MiB", "12/s".
//
// Thread safety: pure functions.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "rules/expr/signal.hpp"

namespace homeostat::admin {

/// A number with a suffix that fits the unit, or a bare number in the unit's
/// base (seconds, bytes, 0..1, per second). Bounded and finite: ratios 0..1,
/// durations up to 1 h, everything else up to 1e15. Text: what is wrong.
[[nodiscard]] std::variant<double, std::string> parse_quantity(std::string_view text,
                                                               rules::Unit unit);

/// "10s", "2m", "500ms"; nothing if it is not a positive duration up to a day.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

}  // namespace homeostat::admin
