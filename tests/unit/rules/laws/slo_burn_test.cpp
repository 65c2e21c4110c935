// Burn rates: arithmetic of the two windows.
#include "rules/laws/slo_burn.hpp"

#include <gtest/gtest.h>

namespace homeostat::rules {
namespace {

using namespace std::chrono_literals;

/// Traffic of 10 requests a second, some of them bad.
class Service {
 public:
  explicit Service(double target) : burn(target) {}
  void run(std::chrono::minutes time, double bad_share) {
    for (std::chrono::seconds done{0}; done < time; done += 10s) {
      now += 10s;
      totals.requests += 1000;
      totals.bad += static_cast<std::uint64_t>(1000 * bad_share);
      burn.update(now, totals);
    }
  }
  SloBurn burn;
  ObjectiveTotals totals;
  Instant now{1h};
};

TEST(SloBurn, IsOneWhenTheBudgetLastsExactly) {
  Service service(0.99);
  service.run(7h, 0.01);
  EXPECT_NEAR(service.burn.fast(), 1, 0.01);
  EXPECT_NEAR(service.burn.slow(), 1, 0.01);
}

TEST(SloBurn, IsZeroWithoutRequestsAndWithoutErrors) {
  Service service(0.999);
  EXPECT_EQ(service.burn.fast(), 0);
  service.run(10min, 0);
  EXPECT_EQ(service.burn.fast(), 0);
}

TEST(SloBurn, NeedsBothWindowsSoThatABlipDoesNotPage) {
  Service service(0.999);
  service.run(60min, 0);
  service.run(1min, 0.1);
  EXPECT_GT(service.burn.burn(5min), 14.4);
  EXPECT_LT(service.burn.fast(), 14.4);
  service.run(10min, 0.1);
  EXPECT_GT(service.burn.fast(), 14.4);
}

TEST(SloBurn, EndsSoonAfterTheTroubleDoes) {
  Service service(0.999);
  service.run(60min, 0.1);
  EXPECT_GT(service.burn.fast(), 14.4);
  service.run(7min, 0);
  EXPECT_GT(service.burn.burn(60min), 14.4) << "the hour still remembers";
  EXPECT_LT(service.burn.fast(), 1);
}

TEST(SloBurn, ForgetsWhatIsOlderThanItsWindow) {
  Service service(0.99);
  service.run(60min, 0.5);
  service.run(62min, 0);
  EXPECT_EQ(service.burn.burn(60min), 0);
  EXPECT_GT(service.burn.burn(360min), 10);
}

TEST(SloBurn, StartsAnewWhenTheTotalsFall) {
  Service service(0.99);
  service.run(5min, 0.5);
  service.totals = {};
  service.run(5min, 0);
  EXPECT_LT(service.burn.burn(5min), 51);
  EXPECT_GT(service.burn.burn(60min), 20) << "what was counted before stays counted";
}

}  // namespace
}  // namespace homeostat::rules
