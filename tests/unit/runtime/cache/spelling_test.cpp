// What a redirect or an error says may be about how the target is spelt, of which the key knows
// nothing: such answers are not stored.
#include "cache_fixture.hpp"

namespace homeostat::cache {
namespace {

using testing::FieldList;
using testing::TestRequest;
using testing::TestResponse;

class SpellingTest : public ::testing::Test {
 protected:
  testing::Harness harness_;

  Reason judge(std::string_view path, std::string_view query, std::string_view target, int status,
               const std::string& location = {}) {
    TestRequest request;
    request.path = path;
    request.query = query;
    Request view = request.view();
    view.target = target;
    FieldList fields = testing::fresh();
    if (!location.empty()) fields.emplace_back("Location", location);
    Fields storage;
    const Response response = harness_.response_view({status, fields}, storage);
    return harness_.worker
        .judge(view, harness_.cache.rules().decide(view), response, harness_.policy)
        .reason;
  }
};

TEST_F(SpellingTest, OnlyTheSpellingOfTheKeyHasItsRedirectsAndErrorsStored) {
  for (const int status : {301, 302, 404, 410, 500}) {
    EXPECT_EQ(judge("/a", "", "/a", status), Reason::none) << status;
    EXPECT_EQ(judge("/a", "b=1&c=%2F", "/a?b=1&c=%2F", status), Reason::none) << status;
    EXPECT_EQ(judge("/", "b=1", "?b=1", status), Reason::none) << "of an absolute form";
    EXPECT_EQ(judge("/a", "", "/%61", status), Reason::spelling) << status;
    EXPECT_EQ(judge("/a", "", "/a?", status), Reason::spelling) << status;
    EXPECT_EQ(judge("/a", "c=1&b=2", "/a?c=1&b=2", status), Reason::spelling) << status;
    EXPECT_EQ(judge("/a", "b=%2f", "/a?b=%2f", status), Reason::spelling) << status;
  }
  EXPECT_EQ(judge("/a", "c=1&b=2", "/a?c=1&b=2", 200), Reason::none);
}

TEST_F(SpellingTest, ARedirectToTheSameKeyIsNotStored) {
  for (const char* location :
       {"/a?c=1&b=2", "?c=1&b=2", "https://example.org/a?b=2&c=1", "//EXAMPLE.org/%61?b=2&c=1#x"}) {
    EXPECT_EQ(judge("/a", "b=2&c=1", "/a?b=2&c=1", 301, location), Reason::spelling) << location;
  }
  for (const char* location :
       {"/a?b=2", "/a/?b=2&c=1", "https://www.example.org/a?b=2&c=1", "mailto:a", "/A?b=2&c=1"}) {
    EXPECT_EQ(judge("/a", "b=2&c=1", "/a?b=2&c=1", 301, location), Reason::none) << location;
  }
}

}  // namespace
}  // namespace homeostat::cache
