// What a query asks of a list.
#include "runtime/proxy/paging.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace homeostat::proxy {
namespace {

TEST(PageRequest, KnowsPagesOffsetsAndSizesByTheirUsualNames) {
  const PageRequest request = page_request_of("q=a&page=7&offset=140&per_page=20");
  EXPECT_EQ(request.page, 7U);
  EXPECT_EQ(request.offset, 140U);
  EXPECT_EQ(request.size, 20U);
  EXPECT_TRUE(request.divided);
  for (const char* query : {"$skip=9", "%24skip=9", "skip=9", "start=9", "%6fffset=9"}) {
    EXPECT_EQ(page_request_of(query).offset, 9U) << query;
  }
  for (const char* query : {"limit=9", "$top=9", "%24top=9", "pageSize=9", "maxResults=%39"}) {
    EXPECT_EQ(page_request_of(query).size, 9U) << query;
  }
}

TEST(PageRequest, TakesTheLargestOfSeveral) {
  EXPECT_EQ(page_request_of("page=1&page=500&p=2").page, 500U);
}

TEST(PageRequest, OfACursorIsDividedWithoutANumber) {
  const PageRequest request = page_request_of("after=eyJpZCI6MX0");
  EXPECT_TRUE(request.divided);
  EXPECT_FALSE(request.page || request.offset || request.size);
}

TEST(PageRequest, DoesNotGuess) {
  for (const char* query : {"", "q=page", "pages=3", "Page=3", "=3", "&&"}) {
    EXPECT_FALSE(page_request_of(query).divided) << query;
  }
  for (const char* query : {"page=", "page", "page=last", "page=-1", "page=7x", "page=1.5"}) {
    EXPECT_FALSE(page_request_of(query).page) << query;
    EXPECT_TRUE(page_request_of(query).divided) << query;
  }
}

TEST(PageRequest, TakesANumberThatIsTooLargeForTheLargest) {
  EXPECT_EQ(page_request_of("offset=99999999999999999999999").offset,
            std::numeric_limits<std::uint64_t>::max());
  EXPECT_FALSE(page_request_of("offset=99999999999999999999999x").offset);
}

}  // namespace
}  // namespace homeostat::proxy
