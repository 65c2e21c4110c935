#include "config/units.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <span>

namespace homeostat::config {
namespace {

struct UnitName {
  std::string_view name;
  std::uint64_t factor;
};

constexpr UnitName durations[] = {
    {"ns", 1},
    {"us", 1'000},
    {"ms", 1'000'000},
    {"s", 1'000'000'000},
    {"m", 60'000'000'000},
    {"h", 3'600'000'000'000},
    {"d", 86'400'000'000'000},
};

constexpr UnitName sizes[] = {
    {"B", 1},
    {"KB", 1'000},
    {"kB", 1'000},
    {"MB", 1'000'000},
    {"GB", 1'000'000'000},
    {"TB", 1'000'000'000'000},
    {"KiB", std::uint64_t{1} << 10U},
    {"MiB", std::uint64_t{1} << 20U},
    {"GiB", std::uint64_t{1} << 30U},
    {"TiB", std::uint64_t{1} << 40U},
};

constexpr std::string_view duration_units = "ns, us, ms, s, m, h or d, e.g. 30s";
constexpr std::string_view size_units = "B, KB, MB, GB, KiB, MiB or GiB, e.g. 100MiB";
constexpr std::size_t text_bytes_max = 64;

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
bool is_letter(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// Digits with an optional fraction, kept apart so that whole units stay exact.
struct Decimal {
  std::uint64_t whole = 0;
  long double fraction = 0;
};

/// Takes a decimal off the front of `text`; nothing if there is none or it overflows.
std::optional<Decimal> take_decimal(std::string_view& text) {
  Decimal value;
  std::size_t used = 0;
  for (; used < text.size() && is_digit(text[used]); ++used) {
    const auto digit = static_cast<std::uint64_t>(text[used] - '0');
    if (__builtin_mul_overflow(value.whole, std::uint64_t{10}, &value.whole) ||
        __builtin_add_overflow(value.whole, digit, &value.whole)) {
      return std::nullopt;
    }
  }
  if (used == 0) return std::nullopt;
  if (used + 1 < text.size() && text[used] == '.' && is_digit(text[used + 1])) {
    long double scale = 1;
    for (++used; used < text.size() && is_digit(text[used]); ++used) {
      scale /= 10;
      value.fraction += static_cast<long double>(text[used] - '0') * scale;
    }
  }
  text.remove_prefix(used);
  return value;
}

std::string_view take_unit(std::string_view& text) {
  std::size_t used = 0;
  while (used < text.size() && is_letter(text[used])) ++used;
  const auto unit = text.substr(0, used);
  text.remove_prefix(used);
  return unit;
}

const UnitName* find_unit(std::span<const UnitName> units, std::string_view name) {
  for (const auto& unit : units) {
    if (unit.name == name) return &unit;
  }
  return nullptr;
}

/// decimal * factor, below 2^63; a fraction is rounded to the nearest whole.
std::optional<std::uint64_t> scaled(const Decimal& decimal, std::uint64_t factor) {
  std::uint64_t whole = 0;
  if (__builtin_mul_overflow(decimal.whole, factor, &whole)) return std::nullopt;
  const auto part = static_cast<std::uint64_t>(
      std::llroundl(decimal.fraction * static_cast<long double>(factor)));
  if (__builtin_add_overflow(whole, part, &whole)) return std::nullopt;
  if (whole > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    return std::nullopt;
  }
  return whole;
}

/// Parses "1h30m": decimal and unit, repeated if `compound`.
Parsed<std::uint64_t> parse_with_units(std::string_view text, std::span<const UnitName> units,
                                       std::string_view allowed, bool compound) {
  if (text == "0") return std::uint64_t{0};
  if (text.empty()) return UnitError{fmt::format("empty; write a number with a unit: {}", allowed)};
  if (text.size() > text_bytes_max) return UnitError{"too long for a number with a unit"};
  std::uint64_t sum = 0;
  std::string_view rest = text;
  do {
    if (rest.front() == '-') return UnitError{"must not be negative"};
    const auto decimal = take_decimal(rest);
    if (!decimal) return UnitError{fmt::format("not a number with a unit: {}", allowed)};
    while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
    const auto name = take_unit(rest);
    if (name.empty()) return UnitError{fmt::format("the unit is missing: {}", allowed)};
    const auto* unit = find_unit(units, name);
    if (unit == nullptr) {
      return UnitError{fmt::format("unknown unit `{}`; allowed are {}", name, allowed)};
    }
    const auto value = scaled(*decimal, unit->factor);
    if (!value || __builtin_add_overflow(sum, *value, &sum) ||
        sum > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      return UnitError{"too large"};
    }
  } while (compound && !rest.empty());
  if (!rest.empty()) return UnitError{fmt::format("not a number with a unit: {}", allowed)};
  return sum;
}

template <class Number>
std::string largest_exact(Number value, std::span<const UnitName> units) {
  for (auto unit = units.rbegin(); unit != units.rend(); ++unit) {
    if (value % unit->factor == 0) return fmt::format("{}{}", value / unit->factor, unit->name);
  }
  return fmt::format("{}", value);
}

}  // namespace

Parsed<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  auto parsed = parse_with_units(text, durations, duration_units, true);
  if (auto* error = std::get_if<UnitError>(&parsed)) return std::move(*error);
  return std::chrono::nanoseconds{static_cast<std::int64_t>(std::get<std::uint64_t>(parsed))};
}

Parsed<std::uint64_t> parse_size(std::string_view text) {
  return parse_with_units(text, sizes, size_units, false);
}

Parsed<double> parse_ratio(std::string_view text) {
  const bool percent = !text.empty() && text.back() == '%';
  if (percent) text.remove_suffix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  auto parsed = parse_number(text);
  if (std::holds_alternative<UnitError>(parsed)) {
    return UnitError{"not a ratio; write 1% or 0.01"};
  }
  const double value = std::get<double>(parsed);
  if (!percent && value > 1) {
    return UnitError{fmt::format("a ratio above 1; for percent write {}%", text)};
  }
  return percent ? value / 100 : value;
}

Parsed<double> parse_number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) {
    return UnitError{"not a number"};
  }
  return value;
}

Parsed<std::int64_t> parse_integer(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) return UnitError{"too large"};
  if (error != std::errc{} || end != text.data() + text.size()) {
    return UnitError{"not a whole number"};
  }
  return value;
}

std::string format_duration(std::chrono::nanoseconds value) {
  if (value.count() == 0) return "0s";
  return largest_exact(static_cast<std::uint64_t>(value.count()), durations);
}

std::string format_size(std::uint64_t bytes) {
  if (bytes == 0) return "0";
  const auto binary = std::span<const UnitName>(sizes).subspan(6);
  for (auto unit = binary.rbegin(); unit != binary.rend(); ++unit) {
    if (bytes % unit->factor == 0) return fmt::format("{}{}", bytes / unit->factor, unit->name);
  }
  return fmt::format("{}B", bytes);
}

std::string format_ratio(double ratio) { return fmt::format("{:.10g}%", ratio * 100); }

}  // namespace homeostat::config
