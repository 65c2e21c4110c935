// Closed-loop acceptance of the admission laws. The bounds lie a little below
// what twenty seeds reached: `mean` of the seeds run here and `worst` of any.
// Where even one seed does badly a comment says so. The sweep prints its
// table.
#include <gtest/gtest.h>

#include <cstdio>
#include <numeric>
#include <vector>

#include "tests/sim/scenarios.hpp"

namespace homeostat::sim {
namespace {

std::vector<Outcome> run_all(const Scenario& scenario, std::uint64_t seeds = 3) {
  std::vector<Outcome> outcomes;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) outcomes.push_back(run(scenario, seed));
  return outcomes;
}

template <class Value>
double mean(const std::vector<Outcome>& outcomes, Value&& value) {
  double sum = 0;
  for (const Outcome& outcome : outcomes) sum += value(outcome);
  return sum / static_cast<double>(outcomes.size());
}

struct Bound {
  double from, to;  ///< seconds
  double mean, worst;
};

void expect_goodput(const std::vector<Outcome>& outcomes, std::initializer_list<Bound> bounds) {
  for (const Bound& bound : bounds) {
    const auto goodput = [&](const Outcome& each) { return each.goodput(bound.from, bound.to); };
    EXPECT_GE(mean(outcomes, goodput), bound.mean) << "from " << bound.from;
    for (const Outcome& outcome : outcomes) {
      EXPECT_GE(goodput(outcome), bound.worst) << "from " << bound.from;
    }
  }
}

void print_row(const char* name, const std::vector<Outcome>& outcomes) {
  std::printf("| %-16s | %.3f | %5.2f %% | %4.0f ms | %6.1f |\n", name,
              mean(outcomes, [](const Outcome& each) { return each.goodput(); }),
              100 * mean(outcomes, [](const Outcome& each) { return each.reject_ratio(); }),
              1000 * mean(outcomes, [](const Outcome& each) { return each.latency_p99(); }),
              mean(outcomes, [](const Outcome& each) {
                return each.limit_mean(each.measure_from, each.duration);
              }));
}

void print_steady(unsigned servers, double load, const std::vector<Outcome>& outcomes) {
  char name[32];
  std::snprintf(name, sizeof name, "W=%u %.1fx", servers, load);
  print_row(name, outcomes);
}

TEST(AdmissionSweep, SixteenServersKeepTheirGoodputAtAnyOverload) {
  std::printf("| scenario         | goodput/C | rejected | p99 answered | mean limit |\n");
  for (const double load : {1.2, 2.0, 5.0, 10.0}) {
    const auto outcomes = run_all(steady(16, load));
    print_steady(16, load, outcomes);
    EXPECT_GE(mean(outcomes, [](const Outcome& each) { return each.goodput(); }), 0.97) << load;
    for (const Outcome& outcome : outcomes) {
      EXPECT_GE(outcome.goodput(), 0.95) << load;
      EXPECT_LE(outcome.latency_p99(), 0.160) << load;  // unloaded: 92 ms
    }
  }
}

TEST(AdmissionSweep, SixteenServersRejectNextToNobodyBelowCapacity) {
  for (const double load : {0.5, 0.7, 0.9}) {
    const auto outcomes = run_all(steady(16, load));
    print_steady(16, load, outcomes);
    for (const Outcome& outcome : outcomes) {
      EXPECT_LE(outcome.reject_ratio(), load < 0.8 ? 0.0 : 0.015) << load;
    }
  }
}

TEST(AdmissionSweep, EverySizeOfUpstreamIsProtectedByTheDefaults) {
  struct Case {
    unsigned servers;
    double goodput_min;
  };
  for (const Case& one : {Case{1, 0.93}, Case{2, 0.90}, Case{200, 0.97}}) {
    const auto outcomes = run_all(steady(one.servers, 2));
    print_steady(one.servers, 2, outcomes);
    for (const Outcome& outcome : outcomes) {
      EXPECT_GE(outcome.goodput(), one.goodput_min) << one.servers;
    }
  }
}

TEST(AdmissionSweep, WithoutControlTheSameLoadCollapses) {
  Scenario scenario = steady(16, 2);
  scenario.control = false;
  EXPECT_LE(run(scenario, 1).goodput(), 0.05);
}

TEST(AdmissionDynamics, APulseIsAbsorbedAndForgotten) {
  for (const Outcome& outcome : run_all(pulse())) {
    EXPECT_LE(outcome.time_to(0.9, 20), 2.5);
    EXPECT_GE(outcome.goodput(22, 50), 0.95);
    EXPECT_DOUBLE_EQ(outcome.reject_ratio(52, 80), 0);
    EXPECT_GE(outcome.goodput(51, 80), 0.66);
  }
}

TEST(AdmissionDynamics, ThirtyMinutesOfOverloadDoNotMoveTheLimit) {
  for (const Outcome& outcome : run_all(endurance())) {
    const double early = outcome.limit_mean(20, 200);
    for (double from = 200; from < 1800; from += 200) {
      const double late = outcome.limit_mean(from, from + 200);
      EXPECT_NEAR(late, early, 0.2 * early) << from;
      EXPECT_GE(outcome.goodput(from, from + 200), 0.97) << from;
    }
  }
}

TEST(AdmissionDynamics, FollowsCapacityDownAndUp) {
  expect_goodput(run_all(capacity_change(), 10), {{10, 30, 0.97, 0.95},
                                                  {30, 40, 0.96, 0.92},
                                                  {40, 60, 0.97, 0.92},
                                                  {60, 70, 0.84, 0.70},
                                                  {70, 90, 0.98, 0.96}});
}

TEST(AdmissionDynamics, FollowsTheServiceTime) {
  expect_goodput(run_all(service_change(2), 10),
                 {{30, 40, 0.92, 0.87}, {40, 60, 0.95, 0.91}, {60, 90, 0.97, 0.95}});
}

TEST(AdmissionDynamics, ASlowerServiceUnderLightLoadRejectsNobody) {
  for (const Outcome& outcome : run_all(service_change(0.35))) {
    EXPECT_LE(outcome.reject_ratio(10, 90), 0.005);
  }
}

TEST(AdmissionDynamics, AShiftOfTheRequestMixIsNotTakenForOverload) {
  // Single runs scatter widely: a slow endpoint that was 2 % of the traffic is
  // known by few samples when it becomes the main load. The worst of twenty
  // runs fell to 0.50 for a while; the mean is what is promised.
  expect_goodput(run_all(mix_shift(2), 10),
                 {{30, 40, 0.90, 0.60}, {40, 60, 0.88, 0.45}, {70, 90, 0.97, 0.95}});
  const auto relaxed = run_all(mix_shift(0.7));
  EXPECT_LE(mean(relaxed, [](const Outcome& each) { return each.reject_ratio(30, 90); }), 0.01);
}

TEST(AdmissionDynamics, AColdStartFindsTheKnee) {
  for (const Outcome& outcome : run_all(cold_start(200))) {
    EXPECT_LE(outcome.time_to(0.9, 0), 4.0);  // usually 1.5
    EXPECT_GE(outcome.goodput(5, 20), 0.93);
  }
  for (const Outcome& outcome : run_all(cold_start(1))) {
    EXPECT_GE(outcome.goodput(14, 20), 0.85);
  }
}

TEST(AdmissionClasses, BetterClassesSufferLast) {
  for (const Outcome& outcome : run_all(classes())) {
    std::printf("| classes 3x       | P0 %.3f | P1 %.3f | P2 %.3f | P3 %.3f |\n",
                outcome.success(0), outcome.success(1), outcome.success(2), outcome.success(3));
    EXPECT_GE(outcome.success(0), 0.999);
    EXPECT_GE(outcome.success(1), 0.45);
    EXPECT_LE(outcome.success(2), 0.10);
    EXPECT_GE(outcome.goodput(), 0.95);
  }
}

TEST(AdmissionSimulation, TheSameSeedGivesTheSameRun) {
  const Outcome first = run(pulse(), 7), second = run(pulse(), 7);
  ASSERT_EQ(first.latencies.size(), second.latencies.size());
  EXPECT_EQ(first.latencies, second.latencies);
}

}  // namespace
}  // namespace homeostat::sim
