// The circuit breaker in a closed loop; the table of `make sim-table` shows the
// same beside its peers.
#include <gtest/gtest.h>

#include "tests/sim/breaker/breaker.hpp"

namespace homeostat::sim {
namespace {

BreakerOutcome run(const BreakerCase& scenario, std::uint64_t seed) {
  return run(scenario, seed, breaker_peers().front().make);
}

class Sick : public testing::TestWithParam<Health> {};

TEST_P(Sick, GetsTwoProbesASecondAndAllTrafficWithinFiveSecondsOfItsCure) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const BreakerOutcome outcome = run(sick_between(GetParam(), 20, 60), seed);
    EXPECT_EQ(outcome.good_share(0, 20), 1) << "nothing is refused while all is well";
    // What takes five seconds is known to be slow no sooner.
    const std::size_t noticed = GetParam() == Health::slow ? 26 : 24;
    EXPECT_LE(outcome.most_sent(noticed, 60), 2) << "seed " << seed;
    EXPECT_GE(outcome.most_sent(noticed, 60), 1) << "probes go on";
    EXPECT_LE(outcome.until_all_served(60, 120), 5) << "seed " << seed;
  }
}
INSTANTIATE_TEST_SUITE_P(Every, Sick,
                         testing::Values(Health::refusing, Health::failing, Health::hanging,
                                         Health::slow));

TEST(BreakerSimulation, SlowPercentsAndSomeFailuresAreLivedWith) {
  BreakerCase slow;
  slow.health = [](double) { return Health::well; };
  slow.slow_share = 0.01;
  EXPECT_GE(run(slow, 1).good_share(0, 120), 0.985) << "one percent is slow, nothing is refused";
  BreakerCase partly = sick_between(Health::failing, 0, 120);
  partly.failing_share = 0.6;
  EXPECT_NEAR(run(partly, 2).good_share(0, 120), 0.4, 0.02) << "what succeeds is not given up";
}

TEST(BreakerSimulation, FollowsAnApplicationThatFlapsEveryTenSeconds) {
  BreakerCase flapping;
  flapping.health = [](double now) {
    return static_cast<int>(now / 10) % 2 == 0 ? Health::well : Health::refusing;
  };
  const BreakerOutcome outcome = run(flapping, 3);
  for (std::size_t cycle = 20; cycle < 120; cycle += 20) {
    EXPECT_EQ(outcome.good_share(cycle + 5, cycle + 10), 1) << cycle;
    EXPECT_LE(outcome.most_sent(cycle + 11, cycle + 20), 2) << cycle;
  }
}

TEST(BreakerSimulation, APauseIsForgottenWhenItEnds) {
  const BreakerOutcome outcome = run(sick_between(Health::hanging, 20, 23), 4);
  EXPECT_EQ(outcome.good_share(26, 120), 1) << "recovery begins with the first late answer";
}

TEST(BreakerSimulation, TheSameSeedGivesTheSameRun) {
  const BreakerCase scenario = sick_between(Health::refusing, 10, 20);
  const BreakerOutcome first = run(scenario, 9), second = run(scenario, 9);
  for (std::size_t i = 0; i < first.seconds.size(); ++i) {
    EXPECT_EQ(first.seconds[i].sent, second.seconds[i].sent) << i;
  }
}

TEST(BreakerSimulation, WithoutOneEverythingIsSentToTheDead) {
  const BreakerOutcome outcome =
      run(sick_between(Health::refusing, 20, 60), 1, breaker_peers()[1].make);
  EXPECT_EQ(outcome.sent_share(20, 60), 1);
}

}  // namespace
}  // namespace homeostat::sim
