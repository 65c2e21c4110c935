// What the levels' budgets do to the same load: the careful one answers sooner, the
// bold one turns fewer away, and none gives up what holds at balanced.
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <string>
#include <vector>

#include "tests/sim/catalogue/catalogue.hpp"
#include "tests/sim/model/homeostat.hpp"
#include "tests/sim/model/world.hpp"

namespace homeostat::sim {
namespace {

using rules::Level;

constexpr std::uint64_t first_seed = 9101, seeds = 3;

constexpr std::array<MakeAdmission, 3> levels = {make_homeostat_at<Level::conservative>,
                                                 make_homeostat_at<Level::balanced>,
                                                 make_homeostat_at<Level::aggressive>};

/// A figure at each level, on the mean of seeds.
std::array<double, levels.size()> at_each(const Scenario& scenario,
                                          double (*value)(const Outcome&)) {
  std::array<double, levels.size()> means{};
  for (std::size_t level = 0; level < levels.size(); ++level) {
    for (std::uint64_t seed = 0; seed < seeds; ++seed) {
      means[level] += value(run(scenario, first_seed + seed, levels[level])) / seeds;
    }
  }
  std::printf("%s: %.4f conservative, %.4f balanced, %.4f aggressive\n", scenario.name.c_str(),
              means[0], means[1], means[2]);
  return means;
}

double rejections(const Outcome& outcome) { return outcome.reject_ratio(); }
double p99(const Outcome& outcome) { return outcome.latency(0.99); }

TEST(AdmissionLevels, TheBolderOneTurnsFewerOfABurstAway) {
  for (const double load : {0.7, 0.9}) {
    Scenario bursts = steady(std::to_string(load) + "x in bursts, rejected", 16, load, plain(0.02));
    bursts.clients.bursty = true;
    const auto share = at_each(bursts, rejections);
    EXPECT_GT(share[0], 1.04 * share[1]);
    EXPECT_GT(share[1], 1.1 * share[2]);
  }
}

TEST(AdmissionLevels, TheMoreCarefulOneAnswersSooner) {
  const Scenario overload = steady("2x, p99 in seconds", 3, 2, plain(0.005, Shape::constant));
  const auto seconds = at_each(overload, p99);
  EXPECT_LT(seconds[0], 0.75 * seconds[1]);
  EXPECT_LT(seconds[1], 0.75 * seconds[2]);
}

/// At aggressive who waits in a standing queue waits up to 30 ms longer than at balanced.
double allowed(const Figure& figure, Level level) {
  const bool longer = level == Level::aggressive && figure.title.find("p99") != std::string::npos;
  return figure.bound + (longer ? 0.03 : 0);
}

TEST(AdmissionLevels, EachReachesTheGoalsOfBalanced) {
  for (const Group& group : all_groups()) {
    for (const char* title : {"First come", "A pulse", "Retry storm", "Priorities", "Ten tenants",
                              "Low rates", "A hundred open", "503 at 0.3x"}) {
      if (group.title.find(title) != 0) continue;
      for (const Level level : {Level::conservative, Level::aggressive}) {
        const auto make = levels[static_cast<std::size_t>(level)];
        const std::vector<double> values = measure(group, make, first_seed, seeds);
        for (std::size_t index = 0; index < values.size(); ++index) {
          Figure figure = group.figures[index];
          figure.bound = allowed(figure, level);
          EXPECT_TRUE(reached(figure, values[index]))
              << rules::to_string(level) << ": " << group.title << ", " << figure.title << ": "
              << values[index];
        }
      }
    }
  }
}

}  // namespace
}  // namespace homeostat::sim
