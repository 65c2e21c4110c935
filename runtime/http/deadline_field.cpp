#include "runtime/http/deadline_field.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "runtime/http/ascii.hpp"
#include "runtime/http/date.hpp"

namespace homeostat::http {
namespace {

using config::DeadlineFormat;
using std::chrono::nanoseconds;

constexpr std::size_t value_bytes_max = 64;
constexpr double year_seconds = 366.0 * 24 * 3600;
/// A bare number of a point in time: seconds from here, milliseconds from there.
constexpr double unix_seconds_min = 1e9;
constexpr double unix_milliseconds_min = 1e11;

Duration from_seconds(double seconds) noexcept {
  const double bounded = std::clamp(seconds, -year_seconds, year_seconds);
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(bounded));
}

/// digits [ "." digits ]
std::optional<double> decimal(std::string_view text) noexcept {
  if (text.empty() || !is_digit(text.front()) || !is_digit(text.back())) return std::nullopt;
  for (const char c : text) {
    if (!is_digit(c) && c != '.') return std::nullopt;
  }
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, value, std::chars_format::fixed);
  if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return value;
}

bool whole(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), is_digit);
}

std::optional<Duration> grpc_timeout(std::string_view value) noexcept {
  constexpr std::size_t digits_max = 8;
  if (value.size() < 2 || value.size() > digits_max + 1) return std::nullopt;
  const std::string_view digits = value.substr(0, value.size() - 1);
  if (!whole(digits)) return std::nullopt;
  const double number = *decimal(digits);
  switch (value.back()) {
    case 'H': return from_seconds(number * 3600);
    case 'M': return from_seconds(number * 60);
    case 'S': return from_seconds(number);
    case 'm': return from_seconds(number * 1e-3);
    case 'u': return from_seconds(number * 1e-6);
    case 'n': return from_seconds(number * 1e-9);
    default: return std::nullopt;
  }
}

/// Reads `width` digits at the front.
std::optional<int> digits(std::string_view& text, std::size_t width) noexcept {
  if (text.size() < width || !whole(text.substr(0, width))) return std::nullopt;
  int value = 0;
  for (std::size_t i = 0; i < width; ++i) value = value * 10 + (text[i] - '0');
  text.remove_prefix(width);
  return value;
}

bool take(std::string_view& text, char wanted) noexcept {
  if (text.empty() || text.front() != wanted) return false;
  text.remove_prefix(1);
  return true;
}

/// "Z", "+01:00", "-05:30": seconds east of UTC.
std::optional<int> zone(std::string_view text) noexcept {
  if (text == "Z" || text == "z") return 0;
  const bool west = !text.empty() && text.front() == '-';
  if (!west && (text.empty() || text.front() != '+')) return std::nullopt;
  text.remove_prefix(1);
  const auto hours = digits(text, 2);
  if (!hours || *hours > 23 || !take(text, ':')) return std::nullopt;
  const auto minutes = digits(text, 2);
  if (!minutes || *minutes > 59 || !text.empty()) return std::nullopt;
  const int seconds = *hours * 3600 + *minutes * 60;
  return west ? -seconds : seconds;
}

/// Seconds since 1970.
std::optional<double> rfc3339(std::string_view text) noexcept {
  const auto year = digits(text, 4);
  if (!year || !take(text, '-')) return std::nullopt;
  const auto month = digits(text, 2);
  if (!month || !take(text, '-')) return std::nullopt;
  const auto day = digits(text, 2);
  if (!day || (!take(text, 'T') && !take(text, 't'))) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  const auto hour = digits(text, 2);
  if (!hour || *hour > 23 || !take(text, ':')) return std::nullopt;
  const auto minute = digits(text, 2);
  if (!minute || *minute > 59 || !take(text, ':')) return std::nullopt;
  const auto second = digits(text, 2);
  if (!second || *second > 60) return std::nullopt;  // 60: a leap second
  double fraction = 0;
  if (take(text, '.')) {
    double unit = 0.1;
    if (text.empty() || !is_digit(text.front())) return std::nullopt;
    for (; !text.empty() && is_digit(text.front()); text.remove_prefix(1), unit /= 10) {
      fraction += unit * (text.front() - '0');
    }
  }
  const auto east = zone(text);
  if (!east) return std::nullopt;
  const auto days = std::chrono::sys_days(date).time_since_epoch();
  return static_cast<double>(days.count()) * 86400.0 + *hour * 3600.0 + *minute * 60.0 + *second -
         *east + fraction;
}

std::optional<Duration> point_in_time(std::string_view value, WallTime wall) noexcept {
  const double now = std::chrono::duration<double>(wall.time_since_epoch()).count();
  if (value.ends_with("ms")) {
    const auto left = decimal(value.substr(0, value.size() - 2));
    return left ? std::optional(from_seconds(*left * 1e-3)) : std::nullopt;
  }
  if (value.ends_with('s')) {
    const auto left = decimal(value.substr(0, value.size() - 1));
    return left ? std::optional(from_seconds(*left)) : std::nullopt;
  }
  if (const auto number = decimal(value)) {
    if (*number >= unix_milliseconds_min) return from_seconds(*number * 1e-3 - now);
    if (*number >= unix_seconds_min) return from_seconds(*number - now);
    return std::nullopt;
  }
  if (const auto instant = rfc3339(value)) return from_seconds(*instant - now);
  if (const auto date = parse_date(value, wall)) {
    return from_seconds(std::chrono::duration<double>(*date - wall).count());
  }
  return std::nullopt;
}

}  // namespace

std::optional<Duration> time_left(DeadlineFormat format, std::string_view value,
                                  WallTime now) noexcept {
  if (value.empty() || value.size() > value_bytes_max) return std::nullopt;
  switch (format) {
    case DeadlineFormat::grpc: return grpc_timeout(value);
    case DeadlineFormat::time: return point_in_time(value, now);
    case DeadlineFormat::in_milliseconds: {
      if (!whole(value)) return std::nullopt;
      const auto number = decimal(value);
      return number ? std::optional(from_seconds(*number * 1e-3)) : std::nullopt;
    }
    case DeadlineFormat::in_seconds: {
      const auto number = decimal(value);
      return number ? std::optional(from_seconds(*number)) : std::nullopt;
    }
  }
  return std::nullopt;
}

void append_time_left(DeadlineFormat format, Duration left, std::string& out) {
  const std::int64_t nanos = std::max<std::int64_t>(nanoseconds(left).count(), 0);
  auto text = std::back_inserter(out);
  if (format == DeadlineFormat::in_milliseconds) {
    fmt::format_to(text, "{}", nanos / 1'000'000);
    return;
  }
  if (format == DeadlineFormat::time) {
    fmt::format_to(text, "{}ms", nanos / 1'000'000);
    return;
  }
  if (format == DeadlineFormat::in_seconds) {
    fmt::format_to(text, "{}.{:03}", nanos / 1'000'000'000, nanos / 1'000'000 % 1000);
    return;
  }
  struct Unit {
    std::int64_t nanoseconds;
    char letter;
  };
  constexpr std::array<Unit, 4> units{
      {{1, 'n'}, {1'000, 'u'}, {1'000'000, 'm'}, {1'000'000'000, 'S'}}};
  constexpr std::int64_t digits_limit = 100'000'000;  // eight digits
  for (const Unit& unit : units) {
    if (nanos / unit.nanoseconds >= digits_limit) continue;
    fmt::format_to(text, "{}{}", nanos / unit.nanoseconds, unit.letter);
    return;
  }
}

}  // namespace homeostat::http
