// Units as they are written: literal suffixes and the rendering of values.
//
// Inside, durations are seconds, sizes bytes, ratios 0..1, rates per second.
// Thread safety: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "rules/expr/signal.hpp"

namespace homeostat::rules {

/// A literal suffix: `value = written number * factor`.
struct UnitSuffix {
  std::string_view text;
  Unit unit;
  double factor;
};

/// "ms", "KiB", "%", ...; nothing if there is no such suffix.
[[nodiscard]] std::optional<UnitSuffix> find_unit_suffix(std::string_view text) noexcept;

/// Seconds in the period of a rate ("s", "m", "h"); nothing for others.
[[nodiscard]] std::optional<double> rate_period(std::string_view text) noexcept;

/// The suffixes as listed in error messages.
[[nodiscard]] std::string_view unit_suffixes_help() noexcept;

/// A literal that parses back to `value` within six significant digits.
[[nodiscard]] std::string format_literal(double value, Unit unit);

}  // namespace homeostat::rules
