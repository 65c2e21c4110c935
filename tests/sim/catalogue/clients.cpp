// What clients do: bursts, retries, classes, tenants, open streams, next to
// nothing.
#include <algorithm>
#include <utility>

#include "tests/sim/catalogue/catalogue.hpp"

namespace homeostat::sim {

namespace {

constexpr unsigned workers = 16;
constexpr double service = 0.02;

Group bursts() {
  Group group{6, "Bursts: twice the rate for 100 ms, half for 200 ms", "", {}, {}};
  for (const auto& [load, name] :
       {std::pair{0.7, "0.7x"}, {0.9, "0.9x"}, {1.2, "1.2x"}, {2.0, "2x"}}) {
    Scenario scenario = steady(name, workers, load, plain(service));
    scenario.clients.bursty = true;
    const std::size_t index = group.scenarios.size();
    group.scenarios.push_back(scenario);
    group.figures.push_back(goodput(name, index, load > 1.5 ? 0.96 : 0));
    group.figures.push_back(rejected(std::string(name) + " rejected", index));
  }
  return group;
}

Group retry_storm() {
  Scenario scenario;
  scenario.name = "storm";
  scenario.stages = {stage(0, 0.7, workers, service), stage(20, 3, workers, service),
                     stage(30, 0.7, workers, service)};
  scenario.duration = 60;
  scenario.clients.retries = 2;
  return {
      14,
      "Retry storm: 0.7x, 3x for 10 s, 0.7x",
      "Two retries 20 to 100 ms after a rejection or after 250 ms without an answer.",
      {scenario},
      {goodput_between("in the storm", 0, 21, 30, 0.9),
       {"to 99.9 % after", 0, [](const Outcome& each) { return each.time_to_success(0.999, 30); },
        Unit::seconds, Figure::Goal::at_most, 5},
       {"success from 5 s after", 0, [](const Outcome& each) { return each.success(35, 59); },
        Unit::share, Figure::Goal::at_least, 0.999}}};
}

std::vector<Stream> ranked(double critical) {
  return {{.share = critical, .priority_class = 0},
          {.share = 0.4, .priority_class = 1},
          {.share = 0.6 - critical, .priority_class = 2},
          {.share = 0.2, .priority_class = 3}};
}

/// The least that a class below the first gets of what is its own: a twentieth of the
/// capacity, or what it asks for where that is less.
Figure floor_share(std::string title, std::size_t scenario) {
  const auto least = [](const Outcome& each) {
    const double twentieth = 0.05 * workers / service * (each.duration - each.measure_from);
    double share = 1;
    for (std::size_t rank = 1; rank < classes; ++rank) {
      const Count& count = each.by_class[rank];
      const double own = std::min(twentieth, static_cast<double>(count.wanted));
      share = std::min(share, static_cast<double>(count.satisfied) / own);
    }
    return share;
  };
  return {std::move(title), scenario, least, Unit::share, Figure::Goal::at_least, 0.9};
}

Group priorities() {
  Group group{15,
              "Priorities",
              "Critical, high, normal, low; the critical class asks for half of the capacity at "
              "most. Floor: the least that a class gets of 5 % of the capacity.",
              {},
              {}};
  for (const auto& [load, critical, name] :
       {std::tuple{1.5, 0.3, "1.5x"}, {3.0, 0.15, "3x"}, {8.0, 0.06, "8x"}}) {
    Scenario scenario;
    scenario.name = name;
    scenario.stages = {stage_of(0, load, workers, ranked(critical))};
    scenario.measure_from = 10;
    scenario.duration = 60;
    const std::size_t index = group.scenarios.size();
    group.scenarios.push_back(scenario);
    for (const std::size_t rank : {0U, 1U, 2U, 3U}) {
      group.figures.push_back({std::string(name) + " P" + std::to_string(rank), index,
                               [rank](const Outcome& each) { return each.by_class[rank].share(); },
                               Unit::share, rank == 0 ? Figure::Goal::at_least : Figure::Goal::none,
                               0.999});
    }
    group.figures.push_back(floor_share(std::string(name) + " floor", index));
    group.figures.push_back(goodput(std::string(name), index, 0.95));
  }
  return group;
}

Group tenants() {
  constexpr std::uint32_t count = 10;
  const auto streams = [](double first) {
    std::vector<Stream> all;
    for (std::uint32_t tenant = 0; tenant < count; ++tenant) {
      all.push_back({.share = tenant == 0 ? first : 1, .tenant = tenant});
    }
    return all;
  };
  Scenario equal;
  equal.name = "equal";
  equal.stages = {stage_of(0, 2, workers, streams(1))};
  equal.duration = 80;
  Scenario greedy;
  greedy.name = "greedy";
  greedy.stages = {stage_of(0, 0.5, workers, streams(1)), stage_of(10, 0.95, workers, streams(10))};
  // Each of the others goes on asking for a twentieth of the capacity.
  greedy.stages[1].rate = 0.05 * (count - 1 + 10) * workers / service;
  greedy.duration = 80;
  const auto others = [](const Outcome& each) {
    Count sum;
    for (std::uint32_t tenant = 1; tenant < each.by_tenant.size(); ++tenant) {
      sum.wanted += each.by_tenant[tenant].wanted;
      sum.satisfied += each.by_tenant[tenant].satisfied;
    }
    return sum.share();
  };
  Scenario flood = greedy;
  flood.name = "flood";
  flood.stages[1] = stage_of(10, 1, workers, streams(100));
  flood.stages[1].rate = 0.05 * (count - 1 + 100) * workers / service;
  const auto jain = [](const Outcome& each) { return each.fairness(); };
  return {15,
          "Ten tenants",
          "Equal ones at twice the capacity; then one at 10 and at 100 times its usual load, 0.05 "
          "of the capacity, while the others stay at theirs.",
          {equal, greedy, flood},
          {{"Jain, equal", 0, jain, Unit::share, Figure::Goal::at_least, 0.95},
           goodput("goodput, equal", 0, 0.96),
           {"others, one at 10x", 1, others, Unit::share, Figure::Goal::at_least, 0.98},
           {"others, one at 100x", 2, others, Unit::share, Figure::Goal::at_least, 0.98}}};
}

Group low_rate() {
  Scenario trickle;
  trickle.name = "5/s";
  trickle.stages = {{.from = 0, .rate = 5, .servers = 4}};
  trickle.duration = 300;
  trickle.measure_from = 0;
  Scenario spikes = trickle;
  spikes.name = "spikes";
  spikes.stages.clear();
  for (int minute = 0; minute < 5; ++minute) {
    spikes.stages.push_back({.from = minute * 60.0, .rate = 1, .servers = 4});
    spikes.stages.push_back({.from = minute * 60.0 + 50, .rate = 10, .servers = 4});
  }
  return {18,
          "Low rates",
          "Four workers: 5 requests/s for five minutes; 1 and, ten seconds a minute, 10.",
          {trickle, spikes},
          {rejected("5/s rejected", 0, 0), rejected("spikes rejected", 1, 0)}};
}

Group streams() {
  constexpr double open_for = 30;
  const auto scenario = [&](const char* name, double load, double open) {
    Scenario one;
    one.name = name;
    Stream ordinary;
    Stream stream;
    stream.endpoint = 1;
    stream.open_for = open_for;
    one.stages = {stage_of(0, load, workers, {ordinary})};
    const double ordinary_rate = one.stages[0].rate;
    one.stages[0].rate += open / open_for;
    stream.share = open / open_for / ordinary_rate;
    one.stages[0].streams.push_back(stream);
    one.measure_from = 40;
    one.duration = 100;
    return one;
  };
  const auto limit = [](const Outcome& each) { return each.limit_mean(40, 100); };
  return {17,
          "A hundred open streams beside ordinary requests",
          "Event streams of half a minute. Who cannot tell them from answers counts them in "
          "flight, and their length as latency. The limits: with and without the streams.",
          {scenario("0.7x", 0.7, 100), scenario("2x", 2, 100), scenario("2x without", 2, 0.001)},
          {rejected("0.7x rejected", 0, 0.0005),
           goodput("2x", 1, 0.97),
           {"limit, 2x", 1, limit, Unit::number},
           {"limit without", 2, limit, Unit::number}}};
}

}  // namespace

std::vector<Group> client_groups() {
  return {bursts(), retry_storm(), priorities(), tenants(), streams(), low_rate()};
}

}  // namespace homeostat::sim
