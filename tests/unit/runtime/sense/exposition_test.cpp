// Reading an application's metrics page.
#include "runtime/sense/exposition.hpp"

#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <random>
#include <string>

namespace homeostat::sense {
namespace {

using rules::make_selector;
using rules::Selector;

std::optional<double> read(std::string_view page, const Selector& selector) {
  return read_exposition(page, std::array{selector}).values.front();
}

constexpr const char* page = R"(# HELP pool connections
# TYPE pool gauge
pool{name="main",state="used"} 7
pool{name="main",state="idle"} 3
pool{name="jobs",state="used"} 2 1700000000000
jobs_total 12
ratio +0.25
broken{ 1
text_value abc
infinite +Inf
nothing NaN
path{p="a\"b\\c\nd"} 5
)";

TEST(Exposition, FindsASampleByNameAndLabels) {
  EXPECT_EQ(read(page, make_selector("scrape.jobs_total", {})), 12);
  EXPECT_EQ(read(page, make_selector("scrape.ratio", {})), 0.25);
  EXPECT_EQ(read(page, make_selector("scrape.pool", {{"state", "idle", true}})), 3);
  EXPECT_EQ(read(page, make_selector("scrape.path", {{"p", "a\"b\\c\nd", true}})), 5);
}

TEST(Exposition, AddsUpWhatTheLabelsLeaveOpen) {
  EXPECT_EQ(read(page, make_selector("scrape.pool", {})), 12);
  EXPECT_EQ(read(page, make_selector("scrape.pool", {{"name", "main", true}})), 10);
  EXPECT_EQ(read(page, make_selector("scrape.pool", {{"state", "idle", false}})), 9);
  EXPECT_EQ(read(page, make_selector("scrape.jobs_total", {{"queue", "x", false}})), 12)
      << "an absent label is not equal to anything";
}

TEST(Exposition, SaysNothingWhereNothingMatches) {
  EXPECT_EQ(read(page, make_selector("scrape.poo", {})), std::nullopt);
  EXPECT_EQ(read(page, make_selector("scrape.pool", {{"name", "other", true}})), std::nullopt);
  EXPECT_EQ(read(page, make_selector("slo.burn", {})), std::nullopt);
  EXPECT_EQ(read(page, make_selector("scrape.infinite", {})), std::nullopt);
  EXPECT_EQ(read(page, make_selector("scrape.nothing", {})), std::nullopt);
}

TEST(Exposition, CountsTheLinesItCannotRead) {
  const std::array wanted{make_selector("scrape.broken", {}),
                          make_selector("scrape.text_value", {}),
                          make_selector("scrape.jobs_total", {})};
  const ExpositionResult result = read_exposition(page, wanted);
  EXPECT_EQ(result.bad_lines, 2U);
  EXPECT_EQ(result.values[2], 12);
}

TEST(Exposition, SurvivesAnyBytes) {
  std::mt19937 random(3);
  const std::array wanted{make_selector("scrape.a", {{"l", "v", true}}),
                          make_selector("scrape.b", {})};
  static constexpr std::string_view alphabet = "ab{}=\",\\ln v1.\n#+- \t";
  for (int round = 0; round < 5000; ++round) {
    std::string text;
    const std::size_t length = random() % 60;
    for (std::size_t i = 0; i < length; ++i) text += alphabet[random() % alphabet.size()];
    EXPECT_EQ(read_exposition(text, wanted).values.size(), 2U);
  }
}

}  // namespace
}  // namespace homeostat::sense
