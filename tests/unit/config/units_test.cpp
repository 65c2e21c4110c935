#include "config/units.hpp"

#include <gtest/gtest.h>

namespace homeostat::config {
namespace {

using namespace std::chrono_literals;

std::chrono::nanoseconds duration(std::string_view text) {
  const auto parsed = parse_duration(text);
  const auto* value = std::get_if<std::chrono::nanoseconds>(&parsed);
  EXPECT_NE(value, nullptr) << text;
  return value == nullptr ? -1ns : *value;
}

std::uint64_t bytes_of(std::string_view text) {
  const auto parsed = parse_size(text);
  const auto* value = std::get_if<std::uint64_t>(&parsed);
  EXPECT_NE(value, nullptr) << text;
  return value == nullptr ? 1 : *value;
}

template <class Value>
std::string error(const Parsed<Value>& parsed) {
  const auto* found = std::get_if<UnitError>(&parsed);
  return found == nullptr ? "no error" : found->message;
}

TEST(Duration, ReadsEveryUnit) {
  EXPECT_EQ(duration("7ns"), 7ns);
  EXPECT_EQ(duration("7us"), 7us);
  EXPECT_EQ(duration("500ms"), 500ms);
  EXPECT_EQ(duration("30s"), 30s);
  EXPECT_EQ(duration("2m"), 2min);
  EXPECT_EQ(duration("1h"), 1h);
  EXPECT_EQ(duration("1d"), 24h);
}

TEST(Duration, ReadsFractionsAndCompounds) {
  EXPECT_EQ(duration("1.5s"), 1500ms);
  EXPECT_EQ(duration("0.25ms"), 250us);
  EXPECT_EQ(duration("1h30m"), 90min);
  EXPECT_NE(error(parse_duration("1h 30m")), "no error") << "no blanks between the parts";
}

TEST(Duration, ZeroNeedsNoUnit) { EXPECT_EQ(duration("0"), 0ns); }

TEST(Duration, RefusesWhatIsNotOne) {
  EXPECT_NE(error(parse_duration("30")).find("the unit is missing"), std::string::npos);
  EXPECT_NE(error(parse_duration("")).find("empty"), std::string::npos);
  EXPECT_NE(error(parse_duration("30 seconds")).find("unknown unit `seconds`"), std::string::npos);
  EXPECT_EQ(error(parse_duration("-5s")), "must not be negative");
  EXPECT_EQ(error(parse_duration("200000000d")), "too large");
  EXPECT_EQ(error(parse_duration("99999999999999999999999s")).substr(0, 12), "not a number");
  EXPECT_NE(error(parse_duration("s")), "no error");
  EXPECT_NE(error(parse_duration("1.s")), "no error");
  EXPECT_NE(error(parse_duration("1e3s")), "no error");
  EXPECT_NE(error(parse_duration("0x10s")), "no error");
  EXPECT_NE(error(parse_duration(std::string(100, '1'))), "no error");
}

TEST(Size, ReadsDecimalAndBinaryUnits) {
  EXPECT_EQ(bytes_of("64B"), 64U);
  EXPECT_EQ(bytes_of("1KB"), 1000U);
  EXPECT_EQ(bytes_of("1kB"), 1000U);
  EXPECT_EQ(bytes_of("1KiB"), 1024U);
  EXPECT_EQ(bytes_of("100MiB"), 104857600U);
  EXPECT_EQ(bytes_of("1.5GiB"), 1610612736U);
  EXPECT_EQ(bytes_of("2TB"), 2000000000000U);
  EXPECT_EQ(bytes_of("0"), 0U);
}

TEST(Size, RefusesPlainBytesWithAHint) {
  EXPECT_EQ(error(parse_size("1024")),
            "the unit is missing: B, KB, MB, GB, KiB, MiB or GiB, e.g. 100MiB");
  EXPECT_NE(error(parse_size("100mb")).find("unknown unit `mb`"), std::string::npos);
  EXPECT_NE(error(parse_size("1MiB2KiB")), "no error") << "sizes are not added up";
  EXPECT_EQ(error(parse_size("9999999999TiB")), "too large");
}

TEST(Ratio, ReadsPercentAndFraction) {
  EXPECT_DOUBLE_EQ(std::get<double>(parse_ratio("1%")), 0.01);
  EXPECT_DOUBLE_EQ(std::get<double>(parse_ratio("0.01")), 0.01);
  EXPECT_DOUBLE_EQ(std::get<double>(parse_ratio("12.5 %")), 0.125);
  EXPECT_DOUBLE_EQ(std::get<double>(parse_ratio("1")), 1);
}

TEST(Ratio, APlainNumberAboveOneIsMostLikelyAPercentage) {
  EXPECT_EQ(error(parse_ratio("70")), "a ratio above 1; for percent write 70%");
  EXPECT_NE(error(parse_ratio("nan")), "no error");
  EXPECT_NE(error(parse_ratio("%")), "no error");
}

TEST(Number, RefusesWhatIsNotFinite) {
  EXPECT_NE(error(parse_number("inf")), "no error");
  EXPECT_NE(error(parse_number("1e999")), "no error");
  EXPECT_NE(error(parse_number("1x")), "no error");
  EXPECT_DOUBLE_EQ(std::get<double>(parse_number("-2.5")), -2.5);
}

TEST(Integer, TellsTooLargeFromNotANumber) {
  EXPECT_EQ(error(parse_integer("99999999999999999999")), "too large");
  EXPECT_EQ(error(parse_integer("1.5")), "not a whole number");
  EXPECT_EQ(error(parse_integer("")), "not a whole number");
}

TEST(Format, PrintsTheShortestExactForm) {
  EXPECT_EQ(format_duration(60s), "1m");
  EXPECT_EQ(format_duration(1500ms), "1500ms");
  EXPECT_EQ(format_duration(0s), "0s");
  EXPECT_EQ(format_size(104857600), "100MiB");
  EXPECT_EQ(format_size(1000), "1000B");
  EXPECT_EQ(format_size(0), "0");
  EXPECT_EQ(format_ratio(0.01), "1%");
  EXPECT_EQ(format_ratio(0.005), "0.5%");
}

TEST(Format, WhatIsPrintedReadsBackTheSame) {
  for (const auto value : {1ns, 999ns, 1000ns, 123456789ns, 3600000000000ns}) {
    EXPECT_EQ(duration(format_duration(value)), value);
  }
  for (const std::uint64_t value : {1ULL, 1023ULL, 1024ULL, 5368709120ULL, 123456789ULL}) {
    EXPECT_EQ(bytes_of(format_size(value)), value);
  }
}

}  // namespace
}  // namespace homeostat::config
