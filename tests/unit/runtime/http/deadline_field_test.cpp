#include "runtime/http/deadline_field.hpp"

#include <gtest/gtest.h>

namespace homeostat::http {
namespace {

using config::DeadlineFormat;
using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// 2026-11-26T06:00:00Z
const WallTime now{seconds(1'795'672'800)};

std::optional<milliseconds> left(DeadlineFormat format, std::string_view value) {
  const auto exact = time_left(format, value, now);
  if (!exact) return std::nullopt;
  return std::chrono::round<milliseconds>(*exact);
}

TEST(DeadlineField, GrpcTimeoutsHaveUpToEightDigitsAndAUnit) {
  EXPECT_EQ(left(DeadlineFormat::grpc, "250m"), milliseconds(250));
  EXPECT_EQ(left(DeadlineFormat::grpc, "2S"), seconds(2));
  EXPECT_EQ(left(DeadlineFormat::grpc, "3M"), seconds(180));
  EXPECT_EQ(left(DeadlineFormat::grpc, "1H"), hours(1));
  EXPECT_EQ(left(DeadlineFormat::grpc, "5000u"), milliseconds(5));
  EXPECT_EQ(left(DeadlineFormat::grpc, "99999999n"), milliseconds(100));
  EXPECT_EQ(left(DeadlineFormat::grpc, "0n"), milliseconds(0));
  for (const char* wrong : {"", "m", "250", "250ms", "-1m", "1.5S", "123456789m", "250 m", "2s"}) {
    EXPECT_FALSE(left(DeadlineFormat::grpc, wrong)) << wrong;
  }
}

TEST(DeadlineField, APointInTimeMayBeWrittenInEveryUsualWay) {
  for (const char* same :
       {"2026-11-26T06:00:01.5Z", "2026-11-26t07:00:01.500+01:00", "2026-11-26T00:30:01.5-05:30",
        "1795672801.5", "1795672801500", "1500ms", "1.5s"}) {
    EXPECT_EQ(left(DeadlineFormat::time, same), milliseconds(1500)) << same;
  }
  EXPECT_EQ(left(DeadlineFormat::time, "Thu, 26 Nov 2026 06:00:02 GMT"), seconds(2));
  EXPECT_EQ(left(DeadlineFormat::time, "2026-11-26T05:59:59Z"), -seconds(1));
}

TEST(DeadlineField, WhatCouldMeanAnythingMeansNothing) {
  for (const char* wrong :
       {"", "soon", "500", "1.5", "2026-11-26", "2026-11-26T06:00:00", "2026-13-26T06:00:00Z",
        "2026-02-30T06:00:00Z", "2026-11-26T24:00:00Z", "2026-11-26T06:00:00.Z", "1e10",
        "0x77359400", "1795672801.", "1.2.3s", "-5ms", "ms", "s", "nan", "inf"}) {
    EXPECT_FALSE(left(DeadlineFormat::time, wrong)) << wrong;
  }
  EXPECT_FALSE(time_left(DeadlineFormat::time, std::string(100, '1'), now));
}

TEST(DeadlineField, PlainNumbersHaveTheUnitThatWasConfigured) {
  EXPECT_EQ(left(DeadlineFormat::in_milliseconds, "250"), milliseconds(250));
  EXPECT_FALSE(left(DeadlineFormat::in_milliseconds, "2.5"));
  EXPECT_EQ(left(DeadlineFormat::in_seconds, "2.5"), milliseconds(2500));
  EXPECT_FALSE(left(DeadlineFormat::in_seconds, "2.5s"));
}

TEST(DeadlineField, AFarFutureIsAYearAndNoOverflow) {
  EXPECT_EQ(left(DeadlineFormat::grpc, "99999999H"), hours(366 * 24));
  EXPECT_EQ(left(DeadlineFormat::in_milliseconds, std::string(64, '9')), hours(366 * 24));
  EXPECT_EQ(left(DeadlineFormat::time, "99999999999999999999"), hours(366 * 24));
}

std::string restated(DeadlineFormat format, Duration time) {
  std::string text;
  append_time_left(format, time, text);
  return text;
}

TEST(DeadlineField, WhatIsLeftCountsDownAndAPointInTimeDoesNot) {
  EXPECT_TRUE(counts_down(DeadlineFormat::grpc, "250m"));
  EXPECT_TRUE(counts_down(DeadlineFormat::time, "250ms"));
  EXPECT_TRUE(counts_down(DeadlineFormat::time, "1.5s"));
  for (const char* point : {"2026-11-26T06:00:00.250Z", "Thu, 26 Nov 2026 06:00:00 GMT",
                            "1795672800.25", "1795672800250"}) {
    EXPECT_FALSE(counts_down(DeadlineFormat::time, point)) << point;
  }
}

TEST(DeadlineField, WhatIsLeftIsRestatedRoundedDown) {
  EXPECT_EQ(restated(DeadlineFormat::grpc, microseconds(1500)), "1500000n");
  EXPECT_EQ(restated(DeadlineFormat::grpc, milliseconds(250)), "250000u");
  EXPECT_EQ(restated(DeadlineFormat::grpc, hours(40)), "144000S");
  EXPECT_EQ(restated(DeadlineFormat::grpc, -seconds(1)), "0n");
  EXPECT_EQ(restated(DeadlineFormat::in_milliseconds, microseconds(1999)), "1");
  EXPECT_EQ(restated(DeadlineFormat::in_seconds, microseconds(1'234'999)), "1.234");
  EXPECT_EQ(restated(DeadlineFormat::time, microseconds(160'999)), "160ms");
  for (const auto time : {milliseconds(1), milliseconds(99'999'999), milliseconds(123)}) {
    const auto back = time_left(DeadlineFormat::grpc, restated(DeadlineFormat::grpc, time), now);
    ASSERT_TRUE(back);
    EXPECT_NEAR(std::chrono::duration<double>(*back).count(),
                std::chrono::duration<double>(time).count(), 1e-3);
  }
}

}  // namespace
}  // namespace homeostat::http
