#include "config/cron.hpp"

#include <gtest/gtest.h>

#include <ctime>

namespace homeostat::config {
namespace {

Cron::Time at(int year, unsigned month, unsigned day, int hour, int minute, int second = 0) {
  using namespace std::chrono;
  return sys_days(std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(day)) +
         hours(hour) + minutes(minute) + seconds(second);
}

std::optional<Cron::Time> next(std::string_view text, Cron::Time after) {
  const auto parsed = Cron::parse(text);
  if (const auto* error = std::get_if<std::string>(&parsed)) {
    ADD_FAILURE() << text << ": " << *error;
    return std::nullopt;
  }
  return std::get<Cron>(parsed).next(after);
}

TEST(Cron, FindsTheNextMinuteThatMatches) {
  const auto monday = at(2026, 3, 2, 10, 7, 30);
  EXPECT_EQ(next("* * * * *", monday), at(2026, 3, 2, 10, 8));
  EXPECT_EQ(next("*/15 * * * *", monday), at(2026, 3, 2, 10, 15));
  EXPECT_EQ(next("30 4 * * *", monday), at(2026, 3, 3, 4, 30));
  EXPECT_EQ(next("0 9-17/4 * * mon-fri", monday), at(2026, 3, 2, 13, 0));
  EXPECT_EQ(next("0 0 1 jan *", monday), at(2027, 1, 1, 0, 0));
  EXPECT_EQ(next("5,10 10 * * *", monday), at(2026, 3, 2, 10, 10));
  EXPECT_EQ(next("0 6 29 2 *", monday), at(2028, 2, 29, 6, 0));
  EXPECT_EQ(next("7 10 * * *", monday), at(2026, 3, 3, 10, 7)) << "not the minute it is";
}

TEST(Cron, SundayHasTwoNumbersAndEitherKindOfDayIsEnough) {
  const auto monday = at(2026, 3, 2, 0, 0);
  EXPECT_EQ(next("0 12 * * 7", monday), at(2026, 3, 8, 12, 0));
  EXPECT_EQ(next("0 12 * * 0", monday), at(2026, 3, 8, 12, 0));
  EXPECT_EQ(next("0 12 5 * sun", monday), at(2026, 3, 5, 12, 0));
  EXPECT_EQ(next("0 12 20 * sun", monday), at(2026, 3, 8, 12, 0));
}

TEST(Cron, ADayThatNeverComesIsNeverNext) {
  EXPECT_EQ(next("0 0 30 2 *", at(2026, 1, 1, 0, 0)), std::nullopt);
}

TEST(Cron, SaysWhatIsWrong) {
  for (const std::string_view text :
       {"", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *",
        "* * * * 8", "5-1 * * * *", "*/0 * * * *", "a * * * *", "1,,2 * * * *", "1- * * * *"}) {
    EXPECT_TRUE(std::holds_alternative<std::string>(Cron::parse(text))) << text;
  }
  EXPECT_EQ(std::get<std::string>(Cron::parse("0 25 * * *")), "hour: \"25\" is not within 0-23");
}

}  // namespace
}  // namespace homeostat::config
