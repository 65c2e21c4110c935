#include "runtime/http/date.hpp"

#include <algorithm>
#include <chrono>

#include "runtime/http/ascii.hpp"

namespace homeostat::http {
namespace {

constexpr std::array<std::string_view, 7> day_names = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                       "Thursday", "Friday", "Saturday"};
constexpr std::array<std::string_view, 12> month_names = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::int64_t year_9999_end = 253402300799;  // seconds since the epoch

std::int64_t to_seconds(WallTime time) noexcept {
  return std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
}

void put_two(char* out, unsigned value) noexcept {
  out[0] = static_cast<char>('0' + value / 10);
  out[1] = static_cast<char>('0' + value % 10);
}

/// Reads a date from the front; every step fails by setting `ok`.
class DateReader {
 public:
  explicit DateReader(std::string_view text) noexcept : rest_(text) {}

  void literal(std::string_view expected) noexcept {
    if (rest_.substr(0, expected.size()) == expected) {
      rest_.remove_prefix(expected.size());
    } else {
      ok_ = false;
    }
  }
  int digits(std::size_t count) noexcept {
    int value = 0;
    if (rest_.size() < count) ok_ = false;
    for (std::size_t i = 0; ok_ && i < count; ++i) {
      if (!is_digit(rest_[i])) ok_ = false;
      value = value * 10 + (rest_[i] - '0');
    }
    if (ok_) rest_.remove_prefix(count);
    return value;
  }
  unsigned month() noexcept {
    const auto* found = std::find(month_names.begin(), month_names.end(), rest_.substr(0, 3));
    if (found == month_names.end()) {
      ok_ = false;
      return 0;
    }
    rest_.remove_prefix(3);
    return static_cast<unsigned>(found - month_names.begin()) + 1;
  }
  /// asctime's day: two characters, the first may be a blank.
  int padded_day() noexcept {
    if (!rest_.empty() && rest_[0] == ' ') {
      rest_.remove_prefix(1);
      return digits(1);
    }
    return digits(2);
  }
  void clock(int& hour, int& minute, int& second) noexcept {
    hour = digits(2);
    literal(":");
    minute = digits(2);
    literal(":");
    second = digits(2);
  }
  [[nodiscard]] bool done() const noexcept { return ok_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

struct Parts {
  int year = 0, day = 0, hour = 0, minute = 0, second = 0;
  unsigned month = 0;
};

std::optional<WallTime> to_time(const Parts& parts) noexcept {
  using namespace std::chrono;
  const year_month_day date{year{parts.year}, month{parts.month},
                            day{static_cast<unsigned>(parts.day)}};
  // 60 is a leap second; it counts as the last second of its minute.
  if (!date.ok() || parts.year < 1970 || parts.hour > 23 || parts.minute > 59 ||
      parts.second > 60) {
    return std::nullopt;
  }
  const std::int64_t total = sys_days{date}.time_since_epoch().count() * std::int64_t{86400} +
                             parts.hour * 3600 + parts.minute * 60 + std::min(parts.second, 59);
  // The clock's own range may end before the year 9999.
  constexpr std::int64_t last = duration_cast<seconds>(WallTime::max().time_since_epoch()).count();
  return WallTime{seconds{std::min(total, last)}};
}

/// Length of a weekday name at the front: full if `full`, else three letters; 0 if none.
std::size_t weekday_length(std::string_view text, bool full) noexcept {
  for (const std::string_view name : day_names) {
    const std::string_view wanted = full ? name : name.substr(0, 3);
    if (text.substr(0, wanted.size()) == wanted) return wanted.size();
  }
  return 0;
}

std::optional<WallTime> parse_imf(std::string_view text) noexcept {
  Parts parts;
  DateReader reader(text);
  reader.literal(", ");
  parts.day = reader.digits(2);
  reader.literal(" ");
  parts.month = reader.month();
  reader.literal(" ");
  parts.year = reader.digits(4);
  reader.literal(" ");
  reader.clock(parts.hour, parts.minute, parts.second);
  reader.literal(" GMT");
  return reader.done() ? to_time(parts) : std::nullopt;
}

std::optional<WallTime> parse_rfc850(std::string_view text, WallTime now) noexcept {
  using namespace std::chrono;
  Parts parts;
  DateReader reader(text);
  reader.literal(", ");
  parts.day = reader.digits(2);
  reader.literal("-");
  parts.month = reader.month();
  reader.literal("-");
  parts.year = reader.digits(2);
  reader.literal(" ");
  reader.clock(parts.hour, parts.minute, parts.second);
  reader.literal(" GMT");
  if (!reader.done()) return std::nullopt;
  const int current = static_cast<int>(year_month_day{floor<days>(now)}.year());
  parts.year += current - current % 100;
  if (parts.year > current + 50) parts.year -= 100;
  return to_time(parts);
}

std::optional<WallTime> parse_asctime(std::string_view text) noexcept {
  Parts parts;
  DateReader reader(text);
  reader.literal(" ");
  parts.month = reader.month();
  reader.literal(" ");
  parts.day = reader.padded_day();
  reader.literal(" ");
  reader.clock(parts.hour, parts.minute, parts.second);
  reader.literal(" ");
  parts.year = reader.digits(4);
  return reader.done() ? to_time(parts) : std::nullopt;
}

}  // namespace

DateText format_date(WallTime time) noexcept {
  using namespace std::chrono;
  const std::int64_t total = std::clamp<std::int64_t>(to_seconds(time), 0, year_9999_end);
  const sys_days date{days{static_cast<int>(total / 86400)}};
  const year_month_day ymd{date};
  const auto of_day = static_cast<unsigned>(total % 86400);
  const auto year_number = static_cast<unsigned>(static_cast<int>(ymd.year()));

  DateText text;
  std::string_view("Sun, 00 Jan 0000 00:00:00 GMT").copy(text.data(), text.size());
  day_names[weekday{date}.c_encoding()].copy(text.data(), 3);
  put_two(text.data() + 5, static_cast<unsigned>(ymd.day()));
  month_names[static_cast<unsigned>(ymd.month()) - 1].copy(text.data() + 8, 3);
  put_two(text.data() + 12, year_number / 100);
  put_two(text.data() + 14, year_number % 100);
  put_two(text.data() + 17, of_day / 3600);
  put_two(text.data() + 20, of_day / 60 % 60);
  put_two(text.data() + 23, of_day % 60);
  return text;
}

std::optional<WallTime> parse_date(std::string_view text, WallTime now) noexcept {
  text = trim(text);
  if (const std::size_t full = weekday_length(text, true); full != 0) {
    return parse_rfc850(text.substr(full), now);
  }
  const std::size_t brief = weekday_length(text, false);
  if (brief == 0 || text.size() <= brief) return std::nullopt;
  const std::string_view rest = text.substr(brief);
  return rest[0] == ',' ? parse_imf(rest) : parse_asctime(rest);
}

std::string_view DateCache::text(WallTime now) noexcept {
  const std::int64_t second = to_seconds(now);
  if (second != second_) {
    text_ = format_date(now);
    second_ = second;
  }
  return {text_.data(), text_.size()};
}

}  // namespace homeostat::http
