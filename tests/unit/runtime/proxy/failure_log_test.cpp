// What the log says of requests that the upstream failed, and how often.
#include "runtime/proxy/failure_log.hpp"

#include <gtest/gtest.h>

namespace homeostat::proxy {
namespace {

using std::chrono::milliseconds;

TEST(FailureLog, NamesTargetEndpointErrorAndWhatWasWrong) {
  FailureLog log;
  ASSERT_TRUE(log.tells(Instant{}));
  EXPECT_EQ(log.line({.target = "http://app:9000",
                      .method = "GET",
                      .route = "/book/{id}",
                      .error = "http_protocol_error",
                      .details = "repeated Content-Length"}),
            "upstream http://app:9000 failed GET /book/{id}: http_protocol_error (repeated "
            "Content-Length)");
}

TEST(FailureLog, SaysOneLineASecondAndHowManyItLeftOut) {
  FailureLog log;
  Instant now{std::chrono::hours(1)};
  const FailedRequest request{
      .target = {}, .method = "GET", .route = "/", .error = "timeout", .details = {}};
  ASSERT_TRUE(log.tells(now));
  EXPECT_EQ(log.line(request), "upstream (none) failed GET /: timeout");
  for (int i = 0; i < 999; ++i) EXPECT_FALSE(log.tells(now += milliseconds(1)));
  ASSERT_TRUE(log.tells(now += milliseconds(1)));
  EXPECT_EQ(log.line(request),
            "upstream (none) failed GET /: timeout; 999 more since the last such line");
  ASSERT_TRUE(log.tells(now += std::chrono::seconds(5)));
  EXPECT_EQ(log.line(request), "upstream (none) failed GET /: timeout");
}

}  // namespace
}  // namespace homeostat::proxy
