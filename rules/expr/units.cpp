#include "rules/expr/units.hpp"

#include <array>
#include <cmath>
#include <cstdio>
#include <span>

#include "rules/expr/expression.hpp"

namespace homeostat::rules {
namespace {

constexpr std::array<UnitSuffix, 15> suffixes{{
    {"ns", Unit::duration, 1e-9},
    {"us", Unit::duration, 1e-6},
    {"ms", Unit::duration, 1e-3},
    {"s", Unit::duration, 1},
    {"m", Unit::duration, 60},
    {"h", Unit::duration, 3600},
    {"d", Unit::duration, 86400},
    {"B", Unit::bytes, 1},
    {"KB", Unit::bytes, 1e3},
    {"MB", Unit::bytes, 1e6},
    {"GB", Unit::bytes, 1e9},
    {"KiB", Unit::bytes, 1024},
    {"MiB", Unit::bytes, 1024.0 * 1024},
    {"GiB", Unit::bytes, 1024.0 * 1024 * 1024},
    {"%", Unit::ratio, 0.01},
}};

struct Scale {
  std::string_view suffix;
  double factor;
};

constexpr std::array<Scale, 7> duration_scales{
    {{"ns", 1e-9}, {"us", 1e-6}, {"ms", 1e-3}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}}};
constexpr std::array<Scale, 4> byte_scales{
    {{"B", 1}, {"KiB", 1024}, {"MiB", 1024.0 * 1024}, {"GiB", 1024.0 * 1024 * 1024}}};

std::string print(const char* format, int digits, double value) {
  std::array<char, 400> buffer{};  // the largest double has 309 digits
  const int length = std::snprintf(buffer.data(), buffer.size(), format, digits, value);
  return {buffer.data(), static_cast<std::size_t>(length)};
}

constexpr int digits_value = 3;    // for people
constexpr int digits_literal = 6;  // to be parsed again

/// `value` with about `digits` significant digits, but whole parts in full and
/// no trailing zeros. The language has no exponents, so literals have none.
std::string format_digits(double value, int digits) {
  const double size = std::fabs(value);
  if (size >= 1e15 && digits < digits_literal) return print("%.*g", digits, value);
  int decimals = digits - 1;
  if (size > 0) decimals -= static_cast<int>(std::floor(std::log10(size)));
  decimals = decimals < 0 ? 0 : (decimals > 15 ? 15 : decimals);
  std::string text = print("%.*f", decimals, value);
  if (text.find('.') != std::string::npos) {
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
  }
  return text == "-0" ? "0" : text;
}

/// Picks the largest scale that leaves a value of at least one, after rounding,
/// so that 999.9996 ms is written 1s and not 1000ms.
std::string format_scaled(double value, std::span<const Scale> scales, int digits,
                          std::string_view zero) {
  if (value == 0) return std::string(zero);
  const double rounding = 1 - 0.5 * std::pow(10.0, -digits);
  std::size_t chosen = 0;
  while (chosen + 1 < scales.size() && std::fabs(value) >= scales[chosen + 1].factor * rounding) {
    ++chosen;
  }
  return format_digits(value / scales[chosen].factor, digits).append(scales[chosen].suffix);
}

std::string format(double value, Unit unit, int digits) {
  if (std::isnan(value)) return "unknown";
  if (std::isinf(value)) return value > 0 ? "infinite" : "-infinite";
  switch (unit) {
    case Unit::number: return format_digits(value, digits);
    case Unit::ratio: return format_digits(value * 100, digits) + "%";
    case Unit::duration: return format_scaled(value, duration_scales, digits, "0s");
    case Unit::bytes: return format_scaled(value, byte_scales, digits, "0B");
    case Unit::rate: return format_digits(value, digits) + "/s";
    case Unit::boolean: return value != 0 ? "true" : "false";
  }
  return {};
}

}  // namespace

std::string_view to_string(Unit unit) noexcept {
  switch (unit) {
    case Unit::number: return "number";
    case Unit::ratio: return "ratio";
    case Unit::duration: return "duration";
    case Unit::bytes: return "bytes";
    case Unit::rate: return "rate";
    case Unit::boolean: return "boolean";
  }
  return "?";
}

std::optional<UnitSuffix> find_unit_suffix(std::string_view text) noexcept {
  for (const UnitSuffix& suffix : suffixes) {
    if (suffix.text == text) return suffix;
  }
  return std::nullopt;
}

std::optional<double> rate_period(std::string_view text) noexcept {
  if (text == "s") return 1.0;
  if (text == "m") return 60.0;
  if (text == "h") return 3600.0;
  return std::nullopt;
}

std::string_view unit_suffixes_help() noexcept {
  return "ns us ms s m h d, B KB MB GB KiB MiB GiB, %, /s /m /h";
}

std::string format_literal(double value, Unit unit) { return format(value, unit, digits_literal); }

std::string format_value(double value, Unit unit) { return format(value, unit, digits_value); }

std::string format_signal(SignalId signal, double value) {
  // Network rates are held per second without saying of what; people read bytes.
  if (signal == SignalId::network_sent || signal == SignalId::network_received) {
    return format_value(value, Unit::bytes) + "/s";
  }
  return format_value(value, signal_info(signal).unit);
}

}  // namespace homeostat::rules
