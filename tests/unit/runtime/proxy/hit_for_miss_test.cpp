// A busy page that cannot be cached: its requests do not wait for each other.
#include <gtest/gtest.h>

#include <atomic>
#include <string>

#include "tests/unit/runtime/proxy/data_plane.hpp"

namespace homeostat::proxy {
namespace {

using namespace std::chrono_literals;
using test::OriginExchange;

class HitForMiss : public testing::Test {
 protected:
  HitForMiss() {
    origin_.on("/page", [this](OriginExchange& exchange) {
      exchange.respond(status_,
                       shared_ ? "Cache-Control: max-age=60\r\n" : "Cache-Control: private\r\n",
                       status_ == 304 ? "" : "page");
    });
  }

  /// What the cache says of a request that comes 0.9 s after the one before: within
  /// negative_ttl of that, and beyond it of all earlier ones.
  std::string detail_later(std::string_view fields = {}) {
    clock_.advance(900ms);
    const std::string status = agent_.send("GET", "/page", fields).get("cache-status");
    const std::size_t at = status.find("detail=");
    return at == std::string::npos ? status : status.substr(at + 7);
  }

  ManualClock clock_;
  std::atomic<int> status_{200};
  std::atomic<bool> shared_{false};
  test::ScriptedOrigin origin_;
  DataPlane agent_{settings_before(origin_), clock_};
};

TEST_F(HitForMiss, LastsAsLongAsAnswersKeepComing) {
  EXPECT_EQ(detail_later(), "private");
  for (int i = 0; i < 5; ++i) EXPECT_EQ(detail_later(), "hit-for-miss") << i;
  clock_.advance(1s);
  EXPECT_EQ(detail_later(), "private") << "nobody asked for longer than that";
}

TEST_F(HitForMiss, IsNotProlongedByAnswersThatSayNothingOfThePage) {
  const struct {
    int status;
    const char* request;
  } cases[] = {{206, "Range: bytes=0-0\r\n"},
               {304, "If-None-Match: \"a\"\r\n"},
               {416, "Range: bytes=9-\r\n"},
               {400, "Odd: field\r\n"},
               {401, "Cookie: session=bad\r\n"},
               {429, ""},
               {500, ""}};
  for (const auto& each : cases) {
    clock_.advance(10s);
    status_ = 200;
    EXPECT_EQ(detail_later(), "private") << each.status;
    status_ = each.status;
    EXPECT_EQ(detail_later(each.request), "hit-for-miss") << each.status;
    status_ = 200;
    EXPECT_EQ(detail_later(), "private") << each.status;
  }
}

TEST_F(HitForMiss, IsNotProlongedByWhatOnlyConcernsWhoShowedCredentials) {
  EXPECT_EQ(detail_later(), "private");
  shared_ = true;
  EXPECT_EQ(detail_later("Authorization: Basic YTpi\r\n"), "hit-for-miss");
  shared_ = false;
  EXPECT_EQ(detail_later(), "private");
}

}  // namespace
}  // namespace homeostat::proxy
