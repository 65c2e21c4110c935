// Closed-loop acceptance of the admission laws: the goals of the catalogue
// hold on the mean of seeds that were not used for tuning. The full set, with the
// peers, is what `make sim-table` writes to docs/admission_simulation.md.
#include <gtest/gtest.h>

#include <tuple>
#include <vector>

#include "tests/sim/catalogue/catalogue.hpp"
#include "tests/sim/model/world.hpp"
#include "tests/sim/peers/peers.hpp"

namespace homeostat::sim {
namespace {

constexpr std::uint64_t first_seed = 9101;

/// Every figure of the groups whose title begins so, on the mean of `seeds`.
void expect_goals(const std::string& title, std::uint64_t seeds) {
  bool found = false;
  for (const Group& group : all_groups()) {
    if (group.title.find(title) != 0) continue;
    found = true;
    const std::vector<double> values = measure(group, all_peers().front().make, first_seed, seeds);
    for (std::size_t index = 0; index < values.size(); ++index) {
      const Figure& figure = group.figures[index];
      EXPECT_TRUE(reached(figure, values[index]))
          << group.title << ", " << group.figures[index].title << ": " << values[index];
    }
  }
  EXPECT_TRUE(found) << title;
}

TEST(AdmissionSweep, KeepsGoodputAndLatencyAtAnyLoad) { expect_goals("First come", 2); }
TEST(AdmissionSweep, IsNotFooledByContention) { expect_goals("Processor sharing", 2); }
TEST(AdmissionSweep, TakesLongRequestsForWhatTheyAre) { expect_goals("Hidden bimodal", 3); }
TEST(AdmissionSweep, KeepsEndpointsApart) { expect_goals("Two endpoints", 10); }
TEST(AdmissionSweep, AsksForNoShapeOfServiceTimes) {
  expect_goals("Lognormal", 2);
  expect_goals("Pareto", 10);
  expect_goals("Constant", 2);
}
TEST(AdmissionSweep, FindsAKneeThatIsNotTheProcessors) {
  expect_goals("Bound by I/O", 2);
  expect_goals("Stalled by a CPU quota", 2);
}
TEST(AdmissionSweep, ProtectsASingleWorker) { expect_goals("1 worker", 5); }
TEST(AdmissionSweep, ProtectsTwoWorkers) { expect_goals("2 workers", 3); }
TEST(AdmissionSweep, ProtectsThreeFastWorkers) { expect_goals("3 workers", 2); }

TEST(AdmissionSweep, ProtectsFiveSlowAndEightVerySlowWorkers) {
  expect_goals("5 workers", 3);
  expect_goals("8 workers", 3);
}
TEST(AdmissionSweep, ProtectsFiftyFastWorkers) { expect_goals("50 workers", 1); }
TEST(AdmissionSweep, ProtectsHundredsOfWorkers) {
  expect_goals("200 workers", 1);
  expect_goals("600 workers", 1);
}
TEST(AdmissionSweep, ProtectsThousandsOfWorkers) { expect_goals("2000 workers", 1); }

TEST(AdmissionDynamics, HoldsForHalfAnHour) { expect_goals("Thirty minutes", 1); }
TEST(AdmissionDynamics, APulseIsAbsorbedAndForgotten) { expect_goals("A pulse", 3); }
TEST(AdmissionDynamics, FollowsTheCapacity) { expect_goals("Capacity halved", 10); }
TEST(AdmissionDynamics, FollowsTheServiceTime) { expect_goals("Service twice", 5); }
TEST(AdmissionDynamics, AShiftOfTheMixIsNoOverload) { expect_goals("The mix shifts", 20); }
TEST(AdmissionDynamics, AColdStartFindsTheKnee) { expect_goals("Cold start", 3); }
TEST(AdmissionDynamics, SmallApplicationsSurviveTheirFirstOverload) {
  expect_goals("The first overload", 10);
}
TEST(AdmissionDynamics, SurvivesItsControlPlane) { expect_goals("The control plane", 3); }
TEST(AdmissionClients, ARetryStormEndsWithItsCause) { expect_goals("Retry storm", 3); }
TEST(AdmissionClients, ABurstIsWaitedOut) { expect_goals("Bursts", 2); }
TEST(AdmissionClients, TenantsGetWhatIsTheirs) { expect_goals("Ten tenants", 3); }
TEST(AdmissionClients, BetterClassesSufferLast) { expect_goals("Priorities", 2); }
TEST(AdmissionClients, OpenStreamsChangeNothing) { expect_goals("A hundred open streams", 3); }
TEST(AdmissionClients, FollowsTheShapesOfOthersSuites) {
  expect_goals("Load shapes of brpc", 3);
  expect_goals("Links of Vector", 3);
}
TEST(AdmissionRefusals, ADefectIsNoOverload) { expect_goals("503 at 0.3x", 5); }
TEST(AdmissionRefusals, AnApplicationThatTakesNoMoreIsOverloaded) {
  expect_goals("503 of an application", 3);
}
TEST(AdmissionClients, ATrickleIsNeverRejected) { expect_goals("Low rates", 2); }

TEST(AdmissionSimulation, WithoutControlTheSameLoadCollapses) {
  const Scenario scenario = steady("2x", 16, 2, plain(0.02));
  EXPECT_LE(run(scenario, 1, make_none).goodput(), 0.05);
}

/// The mean share of `from` to the end that was turned away.
double turned_away(const Scenario& scenario, double from) {
  constexpr unsigned seeds = 10;
  double sum = 0;
  for (unsigned seed = 0; seed < seeds; ++seed) {
    sum += run(scenario, first_seed + seed).turned_away(from, scenario.duration);
  }
  return sum / seeds;
}

/// A pause fills the first limit, and what is answered after it took long; neither says how
/// much the application can do.
TEST(AdmissionSimulation, AStandstillAtLightLoadLowersNoLimit) {
  for (const auto& [workers, load, length] : {std::tuple{8U, 0.7, 0.4}, {16U, 0.5, 1.0}}) {
    Scenario scenario;
    scenario.name = "standstill";
    Stage paused = stage(10, load, workers, 0.02);
    paused.servers = 0;
    const Stage again = stage(10 + length, load, workers, 0.02);
    scenario.stages = {stage(0, load, workers, 0.02), paused, again};
    scenario.duration = 20;
    scenario.clients.patience = 1;
    EXPECT_LE(turned_away(scenario, again.from + 0.5), 0.005) << workers;
  }
}

/// Four that wait, as near to the capacity, are 80 ms more for a client that gives up after 250.
TEST(AdmissionSimulation, FarAboveTheCapacityFewRequestsWaitForASingleWorker) {
  const Scenario scenario = steady("5x", 1, 5, plain(0.02));
  double goodput = 0;
  constexpr unsigned seeds = 12;
  for (unsigned seed = 0; seed < seeds; ++seed)
    goodput += run(scenario, first_seed + seed).goodput();
  EXPECT_GE(goodput / seeds, 0.965);
}

TEST(AdmissionSimulation, TheSameSeedGivesTheSameRun) {
  const Scenario scenario = steady("2x", 16, 2, plain(0.02));
  const Outcome first = run(scenario, 7), second = run(scenario, 7);
  EXPECT_FALSE(first.latencies.empty());
  EXPECT_EQ(first.latencies, second.latencies);
}

TEST(AdmissionSimulation, EveryLawMeetsTheSameRequests) {
  const Scenario scenario = steady("0.5x", 16, 0.5, plain(0.02));
  const auto arrivals = [&](MakeAdmission make) {
    std::vector<std::uint32_t> counts;
    for (const Slice& slice : run(scenario, 3, make).slices) counts.push_back(slice.wanted);
    return counts;
  };
  const auto expected = arrivals(all_peers().front().make);
  for (const Peer& peer : all_peers()) EXPECT_EQ(arrivals(peer.make), expected) << peer.name;
}

}  // namespace
}  // namespace homeostat::sim
