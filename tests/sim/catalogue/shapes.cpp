// The load shapes of other limiters' own test suites.
#include "tests/sim/catalogue/catalogue.hpp"

namespace homeostat::sim {

namespace {

Scenario shape(const char* name, std::vector<Stage> stages, double duration) {
  Scenario scenario;
  scenario.name = name;
  for (Stage& each : stages) each.servers = 400;  // more than any shape needs
  scenario.stages = std::move(stages);
  scenario.measure_from = 0;
  scenario.duration = duration;
  scenario.clients.patience = 1;
  return scenario;
}

/// A service time that climbs in steps of a second.
std::vector<Stage> climbing(double rate, double from, double to, double duration) {
  std::vector<Stage> stages;
  for (double at = 0; at < duration; at += 1) {
    stages.push_back(
        {.from = at, .rate = rate, .streams = plain(from + (to - from) * at / duration)});
  }
  return stages;
}

Group brpc_shapes() {
  const auto constant = [](double from, double rate, double to, double time) {
    return Stage{.from = from, .rate = rate, .rate_end = to, .streams = plain(time)};
  };
  Group group{21,
              "Load shapes of brpc's test suite",
              "More workers than any needs: rejecting is wrong throughout.",
              {},
              {}};
  const auto add = [&](const char* name, std::vector<Stage> stages, double duration) {
    group.figures.push_back(rejected(name, group.scenarios.size(), 0.01));
    group.scenarios.push_back(shape(name, std::move(stages), duration));
  };
  add("3000/s, 20 ms", {constant(0, 3000, 0, 0.02)}, 140);
  add("3000/s, 40 ms", {constant(0, 3000, 0, 0.04)}, 140);
  add("latency 2 to 90 ms", climbing(1500, 0.002, 0.09, 200), 200);
  add("latency 30 to 80 ms", climbing(3000, 0.03, 0.08, 150), 150);
  add("200 to 2500/s and back",
      {constant(0, 200, 2500, 0.03), constant(20, 2500, 0, 0.03), constant(170, 2500, 1000, 0.03),
       constant(190, 1000, 0, 0.03)},
      340);
  add("200 to 3000/s", {constant(0, 200, 3000, 0.04)}, 150);
  add("leap 30 to 50 ms", {constant(0, 1800, 0, 0.03), constant(60, 1800, 0, 0.05)}, 120);
  std::vector<Stage> waves;
  for (int wave = 0; wave < 12; ++wave) {
    waves.push_back(
        constant(wave * 10.0, wave % 2 == 0 ? 300 : 1800, wave % 2 == 0 ? 1800 : 300, 0.04));
  }
  add("300 to 1800/s waves", waves, 120);
  for (std::size_t wave = 0; wave < waves.size(); ++wave) {
    waves[wave].streams = plain(wave % 3 == 0 ? 0.02 : wave % 3 == 1 ? 0.04 : 0.06);
  }
  add("both waves", waves, 120);
  return group;
}

/// Vector's client fills its link; here twice what the link takes does.
Group vector_limited() {
  constexpr double delay = 0.1;
  Group group{
      21,
      "Links of Vector's test suite that have a limit",
      "100 ms constant, twice what fits. Deferred: the link queues; dropped: it refuses. The "
      "knee: from ten on each request slows all by a tenth; the slow link: latency grows with each "
      "one, throughput does not.",
      {},
      {}};
  const auto add = [&](const char* name, unsigned servers, Application application, double least,
                       double limit_most) {
    const std::size_t index = group.scenarios.size();
    group.scenarios.push_back(steady(name, servers, 2, plain(delay, Shape::constant), application));
    group.scenarios.back().measure_from = 40;
    group.scenarios.back().duration = 160;
    group.scenarios.back().clients.patience = 1.25;
    group.figures.push_back(goodput(name, index, least));
    group.figures.push_back({std::string(name) + ", limit", index,
                             [](const Outcome& each) { return each.limit_mean(40, 160); },
                             Unit::number, Figure::Goal::at_most, limit_most});
  };
  Application drops;
  drops.backlog = 0;
  Application knee;
  knee.sharing = true;
  knee.contention = 1;
  add("5 at once, deferred", 5, {}, 0.95, 12);
  add("100/s, deferred", 10, {}, 0.95, 19);
  add("5 at once, dropped", 5, drops, 0.8, 12);
  add("knee at 10", 10, knee, 0.8, 14);
  Application slow;
  slow.sharing = true;
  add("slow link", 1, slow, 0.8, 5);
  return group;
}

Group vector_unlimited() {
  Group group{21,
              "Links of Vector's test suite without a limit",
              "100 ms, at the rates its clients send; rejecting is wrong throughout. (Two more of "
              "its twelve fix the limit by hand, one is about its own retries.)",
              {},
              {}};
  const auto add = [&](const char* name, double rate, Shape form) {
    Scenario scenario = shape(name, {{.from = 0, .rate = rate, .streams = plain(0.1, form)}}, 120);
    group.figures.push_back(rejected(name, group.scenarios.size(), 0));
    group.scenarios.push_back(std::move(scenario));
  };
  add("constant link", 150, Shape::constant);
  add("jittery link", 150, Shape::exponential);
  add("medium send", 40, Shape::constant);
  add("slow send", 10, Shape::constant);
  return group;
}

}  // namespace

std::vector<Group> shape_groups() { return {brpc_shapes(), vector_limited(), vector_unlimited()}; }

}  // namespace homeostat::sim
