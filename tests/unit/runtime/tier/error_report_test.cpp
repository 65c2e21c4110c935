// What the log says of a Redis that refuses.
#include "runtime/tier/error_report.hpp"

#include <gtest/gtest.h>

namespace homeostat::tier {
namespace {

using redis::ErrorCode;
using namespace std::chrono_literals;

class ErrorReportTest : public testing::Test {
 protected:
  std::string at(Duration time) { return report_.next(calls_, Instant{} + time).value_or(""); }
  redis::CallCounters calls_;
  ErrorReport report_;
};

TEST_F(ErrorReportTest, SaysEachKindAtOnceAndThenOnceAMinuteWithItsNumber) {
  EXPECT_EQ(at(1s), "");
  calls_.count(ErrorCode::oom);
  EXPECT_EQ(at(2s), "Redis refuses: OOM (its maxmemory is reached and it may not evict), 1 times");
  for (int i = 0; i < 5; ++i) calls_.count(ErrorCode::oom);
  EXPECT_EQ(at(3s), "");
  calls_.count(ErrorCode::loading);
  EXPECT_EQ(at(4s), "Redis refuses: LOADING (it reads its dump), 1 times") << "another kind";
  EXPECT_EQ(at(61s), "");
  EXPECT_EQ(at(62s), "Redis refuses: OOM (its maxmemory is reached and it may not evict), 5 times");
  EXPECT_EQ(at(200s), "") << "nothing new";
}

TEST_F(ErrorReportTest, RedirectsOfAClusterAreNoTrouble) {
  calls_.count(ErrorCode::redirect);
  EXPECT_EQ(at(1s), "");
  calls_.count(ErrorCode::other);
  EXPECT_EQ(at(1s), "Redis refuses: other (see its own log), 1 times");
}

}  // namespace
}  // namespace homeostat::tier
