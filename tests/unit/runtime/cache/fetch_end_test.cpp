// What a response means for the back-off from a failing origin.
#include "runtime/cache/fetch_end.hpp"

#include "cache_fixture.hpp"

namespace homeostat::cache {
namespace {

using rules::FetchOutcome;
using std::chrono::seconds;

FetchEnd end_of(int status, const testing::FieldList& list = {}) {
  const Fields fields = testing::table(list);
  return fetch_end_of(status, fields, ManualClock().wall_now());
}

TEST(FetchEndTest, FailuresThrottlingAndEverythingElse) {
  for (const int status : {200, 204, 301, 304, 401, 403, 404, 410, 451, 501}) {
    EXPECT_TRUE(end_of(status).ok()) << status;
  }
  for (const int status : {500, 502, 503, 504}) {
    EXPECT_EQ(end_of(status).report.outcome, FetchOutcome::failure) << status;
  }
  for (const int status : {400, 405, 406, 414, 431}) {
    EXPECT_EQ(end_of(status).report.outcome, FetchOutcome::refused) << "about the request";
  }
  EXPECT_EQ(end_of(429).report.outcome, FetchOutcome::throttled);
  EXPECT_EQ(end_of(429).report.retry_after, Duration::zero());
  const FetchEnd told = end_of(503, {{"Retry-After", "120"}});
  EXPECT_EQ(told.report.outcome, FetchOutcome::throttled);
  EXPECT_EQ(told.report.retry_after, seconds(120));
}

TEST(FetchEndTest, RetryAfterMayBeADateAndIsIgnoredIfItIsNeither) {
  const WallTime now = ManualClock().wall_now();
  EXPECT_EQ(
      end_of(503, {{"Retry-After", testing::http_date(now + seconds(90))}}).report.retry_after,
      seconds(90));
  EXPECT_EQ(
      end_of(429, {{"Retry-After", testing::http_date(now - seconds(90))}}).report.retry_after,
      Duration::zero());
  EXPECT_EQ(end_of(503, {{"Retry-After", "soon"}}).report.outcome, FetchOutcome::failure);
  EXPECT_GT(end_of(503, {{"Retry-After", "99999999999999"}}).report.retry_after, Duration::zero());
}

}  // namespace
}  // namespace homeostat::cache
