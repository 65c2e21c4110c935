#include "runtime/http/query.hpp"

#include <gtest/gtest.h>

namespace homeostat::http {
namespace {

std::string normalised(const QueryNormalizer& normalizer, std::string_view query) {
  std::string out = "?";
  normalizer.append(out, query);
  return out.substr(1);
}

TEST(QueryNormalizer, ChangesNothingByDefault) {
  EXPECT_EQ(normalised({}, "b=1&&a=2&b"), "b=1&&a=2&b");
}

TEST(QueryNormalizer, SortsByNameAndKeepsTheOrderOfEqualNames) {
  const QueryNormalizer sorter({}, {}, true);
  EXPECT_EQ(normalised(sorter, "b=2&a=9&b=1&a=1&ab=0"), "a=9&a=1&ab=0&b=2&b=1");
  EXPECT_EQ(normalised(sorter, "&b&&a&"), "a&b");
  EXPECT_EQ(normalised(sorter, ""), "");
  EXPECT_EQ(normalised(sorter, "x=1"), "x=1");
}

TEST(QueryNormalizer, DropsNamesAndPrefixes) {
  const QueryNormalizer dropper({"utm_*", "gclid"}, {}, false);
  EXPECT_EQ(normalised(dropper, "z=1&utm_source=x&a=2&gclid=3&utm_&gclid2=4"), "z=1&a=2&gclid2=4");
  EXPECT_EQ(normalised(dropper, "gclid=1"), "");
  EXPECT_EQ(normalised(QueryNormalizer({"*"}, {}, true), "a&b"), "");
}

TEST(QueryNormalizer, KeepsOnlyNamedParameters) {
  const QueryNormalizer keeper({}, {"page", "sort_*"}, true);
  EXPECT_EQ(normalised(keeper, "x=1&sort_by=a&page=2&pages=3&y"), "page=2&sort_by=a");
  EXPECT_EQ(normalised(keeper, "x=1"), "");
  EXPECT_EQ(normalised(keeper, "page"), "page");
}

TEST(QueryNormalizer, DropsNothingThatMayHoldAnotherParameter) {
  const QueryNormalizer dropper({"utm_*"}, {}, true);
  EXPECT_EQ(normalised(dropper, "id=1&utm_a=x;evil=1&utm_b=2"), "id=1&utm_a=x;evil=1");
  EXPECT_EQ(normalised(dropper, "utm_a=x%3Bevil=1"), "utm_a=x%3Bevil=1");
  const QueryNormalizer keeper({}, {"id"}, false);
  EXPECT_EQ(normalised(keeper, "id=1&x;evil=1&y=2"), "id=1&x;evil=1");
}

TEST(QueryNormalizer, TellsEmptyValuesApart) {
  const QueryNormalizer sorter({}, {}, true);
  EXPECT_EQ(normalised(sorter, "a=&b"), "a=&b");
  EXPECT_NE(normalised(sorter, "a=&b"), normalised(sorter, "a&b"));
}

TEST(QueryNormalizer, KnowsTrackingParameters) {
  const QueryNormalizer dropper(tracking_parameters(), {}, true);
  EXPECT_EQ(normalised(dropper, "utm_source=a&gclid=b&id=1&fbclid=c&_ga=d&mc_eid=e"), "id=1");
  EXPECT_EQ(normalised(dropper, "source=a&utm=b&ga=c&ref=d"), "ga=c&ref=d&source=a&utm=b");
}

TEST(Percent, OnlyEquivalentFormsBecomeOne) {
  const auto percent = [](std::string_view text) {
    std::string out;
    normalise_percent(out, text);
    return out;
  };
  EXPECT_EQ(percent("%41%7e%2d%5F=%61"), "A~-_=a");
  EXPECT_EQ(percent("%2f%c3%a9%26%3D"), "%2F%C3%A9%26%3D") << "reserved ones stay encoded";
  EXPECT_EQ(percent("a+b%20c"), "a+b%20c");
  EXPECT_EQ(percent("100%&%4&%zz&%"), "100%&%4&%zz&%");
  EXPECT_EQ(percent("%2541"), "%2541") << "decoded once, never twice";
}

TEST(QueryNormalizer, LeavesTheOrderOfTooManyParametersAlone) {
  const QueryNormalizer both({"drop"}, {}, true);
  std::string query;
  for (std::size_t i = 0; i <= QueryNormalizer::parameters_max; ++i)
    query += "z" + std::to_string(99 - i) + "&";
  query.pop_back();
  EXPECT_EQ(normalised(both, "drop=1&" + query), query);
}

}  // namespace
}  // namespace homeostat::http
