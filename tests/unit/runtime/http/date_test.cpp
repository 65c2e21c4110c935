#include "runtime/http/date.hpp"

#include <gtest/gtest.h>

#include <string>

namespace homeostat::http {
namespace {

using std::chrono::seconds;

WallTime at(std::int64_t second) { return WallTime{seconds{second}}; }
std::string format(std::int64_t second) {
  const DateText text = format_date(at(second));
  return {text.data(), text.size()};
}

constexpr std::int64_t example = 784111777;  // Sun, 06 Nov 1994 08:49:37 GMT
const WallTime year_2024 = at(1717754400);   // Fri, 07 Jun 2024 10:00:00 GMT

TEST(HttpDate, FormatsFixedDates) {
  EXPECT_EQ(format(example), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(format(0), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(format(951782399), "Mon, 28 Feb 2000 23:59:59 GMT");
  EXPECT_EQ(format(951782400), "Tue, 29 Feb 2000 00:00:00 GMT");
  EXPECT_EQ(format(-5), "Thu, 01 Jan 1970 00:00:00 GMT");
}

TEST(HttpDate, ParsesAllThreeForms) {
  for (const char* text : {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
                           "Sun Nov  6 08:49:37 1994", " Sun, 06 Nov 1994 08:49:37 GMT "}) {
    EXPECT_EQ(parse_date(text, year_2024), at(example)) << text;
  }
  EXPECT_EQ(parse_date("Wed Nov 16 08:49:37 1994", year_2024), at(example + 10 * 86400));
}

TEST(HttpDate, ReadsBackWhatItWrites) {
  for (std::int64_t second = 0; second < 4'000'000'000; second += 86400 * 17 + 12345) {
    EXPECT_EQ(parse_date(format(second), year_2024), at(second));
  }
}

TEST(HttpDate, PutsTwoDigitYearsWithinFiftyYearsAhead) {
  EXPECT_EQ(parse_date("Saturday, 01-Jan-00 00:00:00 GMT", year_2024), at(946684800));
  EXPECT_EQ(parse_date("Tuesday, 01-Jan-74 00:00:00 GMT", year_2024),
            parse_date("Mon, 01 Jan 2074 00:00:00 GMT", year_2024));
  EXPECT_EQ(parse_date("Wednesday, 01-Jan-75 00:00:00 GMT", year_2024),
            parse_date("Wed, 01 Jan 1975 00:00:00 GMT", year_2024));
}

TEST(HttpDate, RefusesWhatIsNoDate) {
  for (const char* text :
       {"", "0", "-1", "Sun", "Sun,", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 CET",
        "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT", "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 06 nov 1994 08:49:37 GMT", "sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1960 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMTx",
        "Sun Nov 6 08:49:37 1994", "1994-11-06T08:49:37Z"}) {
    EXPECT_FALSE(parse_date(text, year_2024)) << text;
  }
}

TEST(HttpDate, KeepsFarFutureInTheClocksRange) {
  const auto far = parse_date("Fri, 31 Dec 9999 23:59:59 GMT", year_2024);
  ASSERT_TRUE(far);
  EXPECT_GT(*far, year_2024);
}

TEST(HttpDate, CountsALeapSecondAsTheOneBefore) {
  EXPECT_EQ(parse_date("Sat, 31 Dec 2016 23:59:60 GMT", year_2024),
            parse_date("Sat, 31 Dec 2016 23:59:59 GMT", year_2024));
}

TEST(DateCache, FollowsTheSecond) {
  DateCache cache;
  EXPECT_EQ(cache.text(at(example)), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(cache.text(at(example) + std::chrono::milliseconds(999)),
            "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(cache.text(at(example + 1)), "Sun, 06 Nov 1994 08:49:38 GMT");
}

}  // namespace
}  // namespace homeostat::http
