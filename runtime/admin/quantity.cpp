#include "runtime/admin/quantity.hpp"

#include <charconv>
#include <cmath>

#include "rules/expr/units.hpp"

namespace homeostat::admin {

using rules::Unit;

namespace {

constexpr double duration_seconds_max = 3600;
constexpr double value_max = 1e15;

struct Number {
  double value = 0;
  std::string_view suffix;
};

std::optional<Number> split_number(std::string_view text) {
  Number out;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, out.value, std::chars_format::fixed);
  if (parsed.ec != std::errc{} || !std::isfinite(out.value)) return std::nullopt;
  out.suffix = std::string_view(parsed.ptr, static_cast<std::size_t>(end - parsed.ptr));
  return out;
}

/// What one written unit is worth in the base of `unit`.
std::optional<double> factor_of(std::string_view suffix, Unit unit) {
  if (suffix.empty()) return 1;
  if (suffix.starts_with('/')) {
    const auto period = rules::rate_period(suffix.substr(1));
    if (!period || unit != Unit::rate) return std::nullopt;
    return 1 / *period;
  }
  const auto found = rules::find_unit_suffix(suffix);
  if (!found || found->unit != unit) return std::nullopt;
  return found->factor;
}

const char* expected(Unit unit) {
  switch (unit) {
    case Unit::ratio: return "a ratio between 0 and 1, or a percentage such as 85%";
    case Unit::duration: return "a duration up to 1h such as 2s or 250ms";
    case Unit::bytes: return "a size such as 64MiB";
    case Unit::rate: return "a rate such as 12/s";
    case Unit::number:
    case Unit::boolean: break;
  }
  return "a number";
}

}  // namespace

std::variant<double, std::string> parse_quantity(std::string_view text, Unit unit) {
  const auto number = split_number(text);
  const auto factor = number ? factor_of(number->suffix, unit) : std::nullopt;
  const double max = unit == Unit::ratio      ? 1
                     : unit == Unit::duration ? duration_seconds_max
                                              : value_max;
  if (factor) {
    const double value = number->value * *factor;
    if (value >= 0 && value <= max) return value;
  }
  return std::string("expected ") + expected(unit);
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  const auto number = split_number(text);
  if (!number || number->suffix.empty()) return std::nullopt;
  const auto factor = factor_of(number->suffix, Unit::duration);
  if (!factor) return std::nullopt;
  const double seconds = number->value * *factor;
  if (!(seconds > 0) || seconds > 24 * 3600) return std::nullopt;
  return std::chrono::milliseconds(std::llround(seconds * 1000));
}

}  // namespace homeostat::admin
