#include "config/cron.hpp"

#include <array>
#include <cctype>
#include <charconv>
#include <vector>

namespace homeostat::config {
namespace {

using Bits = std::bitset<64>;

struct Field {
  std::string_view name;
  unsigned low, high;
  std::vector<std::string_view> words;  // of low, low + 1, ...
};

const std::array<Field, 5>& fields() {
  static const std::array<Field, 5> all = {{
      {"minute", 0, 59, {}},
      {"hour", 0, 23, {}},
      {"day of month", 1, 31, {}},
      {"month",
       1,
       12,
       {"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}},
      {"day of week", 0, 7, {"sun", "mon", "tue", "wed", "thu", "fri", "sat"}},
  }};
  return all;
}

std::optional<unsigned> number_of(std::string_view text) {
  unsigned value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<unsigned> value_of(std::string_view text, const Field& field) {
  for (std::size_t i = 0; i < field.words.size(); ++i) {
    const std::string_view word = field.words[i];
    if (text.size() != word.size()) continue;
    bool same = true;
    for (std::size_t k = 0; k < word.size(); ++k) {
      same = same && std::tolower(static_cast<unsigned char>(text[k])) == word[k];
    }
    if (same) return field.low + static_cast<unsigned>(i);
  }
  const auto value = number_of(text);
  return value && *value >= field.low && *value <= field.high ? value : std::nullopt;
}

/// One part of a list; false if it is none.
bool read_part(std::string_view part, const Field& field, Bits& bits) {
  unsigned step = 1;
  if (const std::size_t slash = part.find('/'); slash != std::string_view::npos) {
    const auto given = number_of(part.substr(slash + 1));
    if (!given || *given == 0) return false;
    step = *given;
    part = part.substr(0, slash);
  }
  unsigned first = field.low, last = field.high;
  if (part != "*") {
    const std::size_t dash = part.find('-');
    const auto from = value_of(part.substr(0, dash), field);
    if (!from) return false;
    first = *from;
    if (dash != std::string_view::npos) {
      const auto to = value_of(part.substr(dash + 1), field);
      if (!to || *to < first) return false;
      last = *to;
    } else if (step == 1) {
      last = first;
    }
  }
  for (unsigned value = first; value <= last; value += step) bits.set(value);
  return true;
}

std::vector<std::string_view> split(std::string_view text, char by) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = text.find(by);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

}  // namespace

std::variant<Cron, std::string> Cron::parse(std::string_view text) {
  std::vector<std::string_view> parts;
  for (const std::string_view part : split(text, ' ')) {
    if (!part.empty()) parts.push_back(part);
  }
  if (parts.size() != fields().size()) {
    return std::string("expected five fields: minute hour day-of-month month day-of-week");
  }
  Cron cron;
  const std::array<Bits*, 5> into = {&cron.minutes_, &cron.hours_, &cron.days_, &cron.months_,
                                     &cron.weekdays_};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Field& field = fields()[i];
    for (const std::string_view part : split(parts[i], ',')) {
      if (!read_part(part, field, *into[i])) {
        return std::string(field.name) + ": \"" + std::string(part) + "\" is not within " +
               std::to_string(field.low) + "-" + std::to_string(field.high);
      }
    }
  }
  if (cron.weekdays_.test(7)) cron.weekdays_.set(0);
  cron.any_day_ = parts[2].front() == '*';
  cron.any_weekday_ = parts[4].front() == '*';
  return cron;
}

bool Cron::day_matches(std::chrono::sys_days day) const {
  const std::chrono::year_month_day date(day);
  if (!months_.test(static_cast<unsigned>(date.month()))) return false;
  const bool of_month = days_.test(static_cast<unsigned>(date.day()));
  const bool of_week = weekdays_.test(std::chrono::weekday(day).c_encoding());
  if (any_day_ || any_weekday_) return of_month && of_week;
  return of_month || of_week;
}

std::optional<Cron::Time> Cron::next(Time after) const {
  using namespace std::chrono;
  constexpr int days_max = 5 * 366;
  const auto start = floor<minutes>(after) + minutes(1);
  sys_days day = floor<days>(start);
  for (int i = 0; i < days_max; ++i, day += days(1)) {
    if (!day_matches(day)) continue;
    for (unsigned hour = 0; hour < 24; ++hour) {
      if (!hours_.test(hour)) continue;
      for (unsigned minute = 0; minute < 60; ++minute) {
        if (!minutes_.test(minute)) continue;
        const auto at = day + hours(hour) + minutes(minute);
        if (at >= start) return at;
      }
    }
  }
  return std::nullopt;
}

}  // namespace homeostat::config
