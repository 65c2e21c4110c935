// Times as cron writes them: "minute hour day-of-month month day-of-week", in UTC.
//
// Each field is `*`, a number, a range `a-b`, either with a step `/n`, or a list of
// these with commas. Months and days may be named (jan, mon); Sunday is 0 or 7. As in
// cron, where both kinds of days are restricted either of them is enough (POSIX crontab).
//
// Thread safety: immutable values, pure functions.
#pragma once

#include <bitset>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace homeostat::config {

class Cron {
 public:
  using Time = std::chrono::system_clock::time_point;

  /// A text says what is wrong.
  [[nodiscard]] static std::variant<Cron, std::string> parse(std::string_view text);
  /// The first full minute after `after` that matches; nothing if there is none within
  /// five years (February 30th).
  [[nodiscard]] std::optional<Time> next(Time after) const;

 private:
  [[nodiscard]] bool day_matches(std::chrono::sys_days day) const;

  std::bitset<64> minutes_, hours_, days_, months_, weekdays_;
  bool any_day_ = false, any_weekday_ = false;
};

}  // namespace homeostat::config
