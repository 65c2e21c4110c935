#include "config/diagnostic.hpp"

#include <gtest/gtest.h>

#include <array>

#include "config/suggest.hpp"

namespace homeostat::config {
namespace {

Place at(int line, int column, const std::string& file = "f.yaml") {
  return Place{std::make_shared<const Source>(Source{file, {}, true}), line, column, 0};
}

TEST(Diagnostic, IsPrintedAsFileLineColumnMessageSuggestion) {
  Diagnostic diagnostic{"a.yaml", 3, 7, "unknown key `upstrem`", "did you mean `upstream`?", {}};
  EXPECT_EQ(format(diagnostic), "a.yaml:3:7: unknown key `upstrem`; did you mean `upstream`?");
}

TEST(Diagnostic, OfAVariableHasNoLine) {
  Diagnostic diagnostic{"environment HOMEOSTAT_LISTEN", 0, 0, "wrong", {}, {}};
  EXPECT_EQ(format(diagnostic), "environment HOMEOSTAT_LISTEN: wrong");
}

TEST(Report, ListsPlacesFromTopToBottom) {
  Report report;
  report.error(at(9, 1), "third");
  report.error(at(2, 5), "second");
  report.error(at(2, 1), "first");
  report.error(at(1, 1, "z.yaml"), "other file");
  EXPECT_EQ(format(report.take()),
            "f.yaml:2:1: first\nf.yaml:2:5: second\nf.yaml:9:1: third\nz.yaml:1:1: other file\n");
}

TEST(Report, IsBoundedAndSaysSo) {
  Report report;
  for (int i = 1; i <= 200; ++i) report.error(at(i, 1), "wrong");
  const auto diagnostics = report.take();
  ASSERT_EQ(diagnostics.size(), diagnostics_max + 1);
  EXPECT_EQ(diagnostics.back().message, "more than 50 errors; the rest is not shown");
}

TEST(Report, SaysTheSameThingOnce) {
  Report report;
  report.error(at(1, 1), "wrong");
  report.error(at(1, 1), "wrong");
  EXPECT_EQ(report.take().size(), 1U);
}

TEST(Report, BlanksOutSecretsWhereverTheyAppear) {
  Report report;
  report.keep_secret("hunter22");
  report.keep_secret("hunter22-and-longer");
  report.error(at(1, 1), "got hunter22-and-longer and hunter22", "not hunter22?",
               "  hunter22\n  ^");
  EXPECT_EQ(format(report.take()).find("hunter22"), std::string::npos);
}

TEST(Suggest, FindsTheNearestName) {
  constexpr std::array<std::string_view, 3> names{"upstream", "listen", "cache"};
  EXPECT_EQ(nearest("upstrem", names), "upstream");
  EXPECT_EQ(nearest("lsiten", names), "listen") << "swapped letters count once";
  EXPECT_EQ(nearest("zebra", names), "");
  EXPECT_EQ(nearest(std::string(1000, 'x'), names), "");
  EXPECT_EQ(did_you_mean("cach", names), "did you mean `cache`?");
}

TEST(Suggest, CountsEdits) {
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
  EXPECT_EQ(edit_distance("ab", "ba"), 1U);
}

}  // namespace
}  // namespace homeostat::config
