// Numbers with units as operators write them.
//
//   duration  500ms, 30s, 2m, 1h, 1d, also 1h30m and 1.5s   (ns us ms s m h d)
//   size      64B, 1KB (1000), 100MiB (2^20), also 1.5GiB   (B KB MB GB TB, KiB ...)
//   ratio     1% or 0.01
//
// A plain 0 needs no unit; every other duration and size does. A parse error is
// a message that says what is wrong and what is allowed.
//
// Thread safety: pure functions.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace homeostat::config {

/// Why a text is not a value.
struct UnitError {
  std::string message;
};

template <class Value>
using Parsed = std::variant<Value, UnitError>;

/// At most about 292 years; never negative.
[[nodiscard]] Parsed<std::chrono::nanoseconds> parse_duration(std::string_view text);
/// Bytes, below 2^63.
[[nodiscard]] Parsed<std::uint64_t> parse_size(std::string_view text);
/// 0.5 or 50 %, as 0.5. Not bounded to 0..1 here, but a plain number above 1 is
/// refused because it is most likely a percentage without its sign.
[[nodiscard]] Parsed<double> parse_ratio(std::string_view text);
[[nodiscard]] Parsed<double> parse_number(std::string_view text);
[[nodiscard]] Parsed<std::int64_t> parse_integer(std::string_view text);

/// The shortest exact form: "30s", "1m", "1500ms"; zero is "0s".
[[nodiscard]] std::string format_duration(std::chrono::nanoseconds value);
/// The largest binary unit that divides it: "100MiB", "1000B"; zero is "0".
[[nodiscard]] std::string format_size(std::uint64_t bytes);
/// "1%", "0.5%".
[[nodiscard]] std::string format_ratio(double ratio);

}  // namespace homeostat::config
