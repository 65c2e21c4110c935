// The law as arithmetic: an ideal upstream of `servers` workers without noise
// answers every window exactly as queueing theory says.
#include "rules/laws/concurrency_limit.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>

namespace homeostat::rules {
namespace {

using std::chrono::milliseconds;

class IdealUpstream {
 public:
  explicit IdealUpstream(LimitBounds bounds) : law(bounds), limit(law.limit()) {}

  /// One window of 250 ms with `demand` requests wanting to be in flight.
  LimitDecision step(double demand) {
    now += milliseconds(250);
    const double in_flight = observing ? demand : std::min(demand, std::floor(limit + 0.5));
    const double busy = std::min(in_flight, servers);
    LimitWindow window;
    window.now = now;
    window.length = milliseconds(250);
    window.in_flight_mean = in_flight;
    window.limited_share = demand > in_flight || demand >= limit ? 1 : 0;
    window.observing = observing;
    if (in_flight > 0) window.critical_share = std::min(critical, in_flight) / in_flight;
    window.freeze_growth = frozen;
    const double latency = service * in_flight / busy;
    const double count = busy / service * 0.25;
    EndpointSamples samples;
    samples.endpoint = 1;
    samples.count = static_cast<std::uint64_t>(count);
    const double exact = static_cast<double>(samples.count);
    samples.latency_sum = exact * latency;
    samples.latency_square_sum = exact * latency * latency * 2;  // CV = 1
    samples.latency_min = latency;
    samples.dropped = dropped;
    if (samples.count + samples.dropped > 0) window.endpoints.push_back(samples);
    if (elsewhere > 0) window.endpoints.push_back({.endpoint = 2, .dropped = elsewhere});
    const LimitDecision decision = law.update(window);
    limit = decision.limit;
    return decision;
  }
  void run(int windows, double demand) {
    for (int index = 0; index < windows; ++index) step(demand);
  }
  /// Mean limit over some windows, probes included.
  double mean_over(int windows, double demand) {
    double sum = 0;
    for (int index = 0; index < windows; ++index) sum += step(demand).limit;
    return sum / windows;
  }

  ConcurrencyLimit law;
  double limit;
  double servers = 16, service = 0.02;
  double critical = 0;  ///< requests of the critical class inside, if they are let in
  std::uint64_t dropped = 0, elsewhere = 0;  ///< at the endpoint that works, and at another
  bool frozen = false;
  bool observing = false;  ///< whatever the limit, all of the demand is in flight
  Instant now{};
};

TEST(ConcurrencyLimit, StartsAtTheInitialLimitInsideTheBounds) {
  EXPECT_DOUBLE_EQ(ConcurrencyLimit({20, 1, 1000}).limit(), 20);
  EXPECT_DOUBLE_EQ(ConcurrencyLimit({20, 1, 8}).limit(), 8);
  EXPECT_DOUBLE_EQ(ConcurrencyLimit({0, 0, 8}).limit(), 1);
}

TEST(ConcurrencyLimit, SettlesJustAboveTheNumberOfServers) {
  for (const double servers : {1.0, 2.0, 16.0, 200.0}) {
    IdealUpstream upstream({20, 1, 1000});
    upstream.servers = servers;
    upstream.run(120, 10000);
    const double limit = upstream.mean_over(80, 10000);
    EXPECT_GE(limit, servers) << servers;
    EXPECT_LE(limit, 1.4 * servers + 3) << servers;
  }
}

TEST(ConcurrencyLimit, WhatLightLoadShowedSparesTheFirstOverloadADeepProbe) {
  IdealUpstream upstream({20, 1, 1000});
  upstream.servers = 8;
  upstream.service = 0.04;
  upstream.run(20, 4);
  double lowest = upstream.limit;
  for (int window = 0; window < 30; ++window) lowest = std::min(lowest, upstream.step(80).limit);
  EXPECT_GE(lowest, upstream.servers);  // no server was ever idle
  EXPECT_LE(upstream.limit, 1.6 * upstream.servers);
}

TEST(ConcurrencyLimit, AFirstLimitFarAboveASlowUpstreamIsProbedWithinTwoSeconds) {
  IdealUpstream upstream({100, 1, 1000});
  upstream.servers = 30;
  upstream.service = 0.3;
  upstream.run(20, 15);
  int windows = 1;
  while (windows < 40 && upstream.step(4000).reason.find("probe") != 0) ++windows;
  EXPECT_LE(windows, 8);
}

TEST(ConcurrencyLimit, FillsALargeUpstreamWithinTwoSecondsOfWindows) {
  IdealUpstream upstream({20, 1, 1000});
  upstream.servers = 200;
  upstream.run(8, 10000);
  EXPECT_GE(upstream.limit, 180);
}

TEST(ConcurrencyLimit, HoldsWhileDemandIsBelowTheLimit) {
  IdealUpstream upstream({20, 1, 1000});
  upstream.run(200, 8);
  EXPECT_DOUBLE_EQ(upstream.limit, 20);
}

TEST(ConcurrencyLimit, DoesNotDriftUnderUnendingOverload) {
  IdealUpstream upstream({20, 1, 1000});
  upstream.run(200, 500);
  const double early = upstream.mean_over(200, 500);
  upstream.run(8000, 500);
  const double late = upstream.mean_over(200, 500);
  EXPECT_NEAR(late, early, 0.2 * early);
}

TEST(ConcurrencyLimit, FollowsAnUpstreamThatLosesOrGainsServers) {
  IdealUpstream upstream({20, 1, 1000});
  upstream.run(200, 500);
  upstream.servers = 8;
  upstream.run(40, 500);
  EXPECT_LE(upstream.mean_over(40, 500), 14);
  upstream.servers = 64;
  upstream.run(60, 500);
  EXPECT_GE(upstream.mean_over(60, 500), 60);
}

TEST(ConcurrencyLimit, ThroughputThatRisesAtTheLimitIsReasonEnoughToGrow) {
  IdealUpstream upstream({20, 1, 1000});
  upstream.servers = 8;
  upstream.run(200, 500);
  const double before = upstream.mean_over(4, 500);
  upstream.servers = 64;
  int windows = 0;
  const std::string rose = "slow start: throughput rose at the limit";
  while (windows < 20 && upstream.step(500).reason != rose) ++windows;
  EXPECT_GE(upstream.limit, 1.5 * before);  // not one window later
  EXPECT_LE(windows, 6);
  upstream.servers = 8;  // and back again where throughput does not follow
  upstream.run(20, 500);
  EXPECT_LE(upstream.mean_over(40, 500), 1.4 * before);
}

TEST(ConcurrencyLimit, ASlowerServiceDoesNotLowerTheLimitForLong) {
  IdealUpstream upstream({20, 1, 1000});
  upstream.run(200, 500);
  upstream.service = 0.04;
  upstream.run(40, 500);
  EXPECT_GE(upstream.mean_over(80, 500), 15.5);
}

TEST(ConcurrencyLimit, FreezeStopsGrowthButNotShrinking) {
  IdealUpstream upstream({20, 1, 1000});
  upstream.servers = 200;
  upstream.frozen = true;
  upstream.run(50, 10000);
  EXPECT_LE(upstream.limit, 20);
  upstream.frozen = false;
  upstream.run(100, 10000);
  EXPECT_GT(upstream.limit, 150);
}

TEST(ConcurrencyLimit, ACeilingElsewhereDoesNotLetTheLimitRunAway) {
  ConcurrencyLimit law({20, 1, 1000});
  Instant now{};
  double limit = 20;
  for (int index = 0; index < 2000; ++index) {
    now += milliseconds(250);
    LimitWindow window;  // five in flight, whatever the limit says
    window.now = now;
    window.length = milliseconds(250);
    window.in_flight_mean = 5;
    window.limited_share = 1;
    window.endpoints.push_back({1, 62, 62 * 0.02, 62 * 0.0008, 0.02});
    limit = law.update(window).limit;
  }
  EXPECT_LE(limit, 20);
}

TEST(ConcurrencyLimit, SustainedDropsCutTheLimitAtMost30PercentAtOnce) {
  IdealUpstream upstream({100, 1, 1000});
  upstream.servers = 100;
  upstream.run(4, 50);
  upstream.dropped = 500;
  const double before = upstream.limit;
  upstream.step(50);
  EXPECT_LT(upstream.limit, before);
  EXPECT_GE(upstream.limit, 0.7 * before - 1e-9);
}

TEST(ConcurrencyLimit, HabitualDropsDoNotStarveTheUpstream) {
  IdealUpstream upstream({20, 1, 1000});
  upstream.run(200, 500);
  upstream.dropped = 80;  // 30 % of the answers, for ever, whatever the limit
  upstream.run(400, 500);
  EXPECT_GE(upstream.mean_over(40, 500), 14);
}

TEST(ConcurrencyLimit, AnEndpointThatRefusesEverythingDoesNotLowerTheLimitOfTheOthers) {
  IdealUpstream upstream({20, 1, 1000});
  upstream.run(20, 6);
  upstream.elsewhere = 500;
  for (int index = 0; index < 40; ++index) {
    EXPECT_DOUBLE_EQ(upstream.step(6).limit, 20) << index;
  }
}

TEST(ConcurrencyLimit, DropsNeverTakeMoreThanHalfOfTheKneeOrWhatWasJustServed) {
  IdealUpstream known({20, 1, 1000});
  known.run(200, 500);  // the knee is 16
  known.dropped = 1;
  for (int index = 0; index < 80; ++index) {
    known.dropped *= index < 16 ? 2 : 1;
    EXPECT_GE(known.step(10).limit, 8) << index;
  }
  IdealUpstream unknown({20, 1, 1000});
  unknown.run(40, 6);
  unknown.dropped = 500;
  double lowest = unknown.limit;
  for (int index = 0; index < 40; ++index) lowest = std::min(lowest, unknown.step(3).limit);
  EXPECT_LT(lowest, 15) << "it is cut";
  EXPECT_GE(lowest, 5) << "six at once were served a moment ago";
}

TEST(ConcurrencyLimit, FarBelowTheKneeRefusalsAreNoOverload) {
  IdealUpstream upstream({20, 1, 1000});
  upstream.run(200, 500);
  upstream.run(40, 5);
  const double before = upstream.limit;
  upstream.dropped = 500;
  for (int index = 0; index < 40; ++index) {
    EXPECT_GE(upstream.step(5).limit, before) << index;
  }
}

TEST(ConcurrencyLimit, ProbesLeaveRoomForCriticalRequests) {
  const auto least = [](double critical) {
    IdealUpstream upstream({20, 1, 1000});
    upstream.servers = 8;
    upstream.critical = critical;
    double lowest = upstream.limit;
    for (int index = 0; index < 400; ++index) {
      lowest = std::min(lowest, upstream.step(10000).limit);
    }
    EXPECT_LE(upstream.mean_over(80, 10000), 1.4 * 8 + 3) << "the knee is found all the same";
    return lowest;
  };
  EXPECT_LT(least(0), 5);
  EXPECT_GE(least(5), 5);
}

TEST(ConcurrencyLimit, InShadowTheKneeIsFoundByLookingOn) {
  IdealUpstream upstream({20, 1, 1000});
  upstream.observing = true;
  upstream.run(40, 6);
  for (const double demand : {40.0, 400.0, 24.0}) {
    for (int index = 0; index < 40; ++index) {
      const LimitDecision decision = upstream.step(demand);
      EXPECT_EQ(decision.reason.find("probe"), std::string::npos) << decision.reason;
    }
    EXPECT_NEAR(upstream.limit, 16 + 0.175 * 16, 1.5) << demand;
  }
  upstream.run(40, 6);
  EXPECT_GE(upstream.limit, 16) << "less demand says nothing";
}

TEST(ConcurrencyLimit, InShadowWhatIsCarriedWithoutAQueueIsNoOverload) {
  IdealUpstream upstream({20, 1, 1000});
  upstream.observing = true;
  upstream.servers = 200;
  upstream.run(20, 6);
  upstream.run(20, 150);
  EXPECT_NEAR(upstream.limit, 150, 1);
}

TEST(ConcurrencyLimit, SaysWhyAndWhetherTheUpstreamQueues) {
  IdealUpstream upstream({20, 1, 1000});
  upstream.run(200, 500);
  bool queueing = false;
  for (int index = 0; index < 40; ++index) {
    const LimitDecision decision = upstream.step(500);
    EXPECT_FALSE(decision.reason.empty());
    queueing = queueing || decision.queueing;
  }
  EXPECT_TRUE(queueing);
  upstream.run(20, 4);
  EXPECT_FALSE(upstream.step(4).queueing);
}

TEST(ConcurrencyLimit, SameWindowsGiveSameDecisions) {
  IdealUpstream first({20, 1, 1000}), second({20, 1, 1000});
  for (int index = 0; index < 300; ++index) {
    const double demand = index % 50 < 25 ? 500 : 5;
    EXPECT_DOUBLE_EQ(first.step(demand).limit, second.step(demand).limit);
  }
}

TEST(ConcurrencyLimit, EmptyAndZeroLengthWindowsChangeNothing) {
  ConcurrencyLimit law({20, 1, 1000});
  EXPECT_DOUBLE_EQ(law.update({}).limit, 20);
  LimitWindow idle;
  idle.length = milliseconds(100);
  for (int index = 0; index < 1000; ++index) {
    idle.now += milliseconds(100);
    EXPECT_DOUBLE_EQ(law.update(idle).limit, 20);
  }
}

}  // namespace
}  // namespace homeostat::rules
