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
  const QueryNormalizer sorter({}, true);
  EXPECT_EQ(normalised(sorter, "b=2&a=9&b=1&a=1&ab=0"), "a=9&a=1&ab=0&b=2&b=1");
  EXPECT_EQ(normalised(sorter, "&b&&a&"), "a&b");
  EXPECT_EQ(normalised(sorter, ""), "");
  EXPECT_EQ(normalised(sorter, "x=1"), "x=1");
}

TEST(QueryNormalizer, DropsNamesAndPrefixes) {
  const QueryNormalizer dropper({"utm_*", "gclid"}, false);
  EXPECT_EQ(normalised(dropper, "z=1&utm_source=x&a=2&gclid=3&utm_&gclid2=4"), "z=1&a=2&gclid2=4");
  EXPECT_EQ(normalised(dropper, "gclid=1"), "");
  EXPECT_EQ(normalised(QueryNormalizer({"*"}, true), "a&b"), "");
}

TEST(QueryNormalizer, LeavesTheOrderOfTooManyParametersAlone) {
  const QueryNormalizer both({"drop"}, true);
  std::string query;
  for (std::size_t i = 0; i <= QueryNormalizer::parameters_max; ++i)
    query += "z" + std::to_string(99 - i) + "&";
  query.pop_back();
  EXPECT_EQ(normalised(both, "drop=1&" + query), query);
}

}  // namespace
}  // namespace homeostat::http
