// Something changes: the load, the capacity, the service, the mix.
#include <cstdio>
#include <tuple>

#include "tests/sim/catalogue/catalogue.hpp"

namespace homeostat::sim {

namespace {

constexpr unsigned workers = 16;
constexpr double service = 0.02;

Figure seconds(std::string title, std::size_t scenario, std::function<double(const Outcome&)> value,
               double most) {
  return {std::move(title), scenario, std::move(value), Unit::seconds, Figure::Goal::at_most, most};
}

Group pulse() {
  Scenario scenario;
  scenario.name = "pulse";
  scenario.stages = {stage(0, 0.7, workers, service), stage(20, 5, workers, service),
                     stage(50, 0.7, workers, service)};
  scenario.duration = 80;
  return {
      8,
      "A pulse: 0.7x, 5x for 30 s, 0.7x",
      "",
      {scenario},
      {seconds(
           "to 0.9", 0, [](const Outcome& each) { return each.time_to(0.9, 20); }, 1),
       goodput_between("in the pulse", 0, 21, 50, 0.96),
       seconds(
           "to recover", 0, [](const Outcome& each) { return each.time_to_success(0.99, 50); }, 1),
       rejected_between("rejected from 2 s after", 0, 52, 80, 0.0002)}};
}

Group endurance() {
  Scenario scenario;
  scenario.name = "30 min";
  scenario.stages = {stage(0, 2, workers, service)};
  scenario.duration = 1800;
  const auto drift = [](const Outcome& each) {
    const double early = each.limit_mean(30, 230);
    double worst = 0;
    for (double from = 230; from < 1800; from += 200) {
      worst = std::max(worst, std::abs(each.limit_mean(from, from + 200) / early - 1));
    }
    return early > 0 ? worst : 0;
  };
  return {9,
          "Thirty minutes at twice the capacity",
          "Drift: largest change of the mean limit over 200 s, relative to the first.",
          {scenario},
          {goodput_between("goodput", 0, 20, 1800, 0.97),
           {"drift", 0, drift, Unit::percent, Figure::Goal::at_most, 0.2}}};
}

Group capacity() {
  Scenario scenario;
  scenario.name = "capacity";
  scenario.stages = {stage(0, 1, 16, service), stage(30, 1, 8, service), stage(60, 1, 32, service)};
  for (Stage& each : scenario.stages) each.rate = 2000;
  scenario.duration = 90;
  return {10,
          "Capacity halved, then four times as large",
          "2000 requests/s all the time on 16, 8 and 32 workers.",
          {scenario},
          {goodput_between("halved, first 10 s", 0, 30, 40, 0.9),
           goodput_between("settled", 0, 40, 60, 0.97),
           goodput_between("x4, first 10 s", 0, 60, 70, 0.9),
           goodput_between("settled ", 0, 70, 90, 0.97)}};
}

Scenario service_change(double load) {
  Scenario scenario;
  scenario.name = "service";
  scenario.stages = {stage(0, load, workers, service), stage(30, load, workers, 2 * service),
                     stage(60, load, workers, service)};
  scenario.duration = 90;
  return scenario;
}

Group slower() {
  Scenario light = service_change(1);
  light.name = "light";
  for (Stage& each : light.stages) each.rate = 0.35 * workers / service;
  return {10,
          "Service twice as slow, then as before",
          "At twice the capacity; the last column at 0.35x, where nothing may be rejected.",
          {service_change(2), light},
          {goodput_between("slower, first 10 s", 0, 30, 40, 0.9),
           goodput_between("settled", 0, 40, 60, 0.97),
           goodput_between("back, first 10 s", 0, 60, 70, 0.9),
           goodput_between("settled ", 0, 70, 90, 0.97),
           rejected_between("0.35x rejected", 1, 10, 90, 0.005)}};
}

Scenario mix_shift(double load) {
  const auto streams = [](double slow) {
    return std::vector<Stream>{{.share = 1 - slow, .service = 0.010, .endpoint = 0},
                               {.share = slow, .service = 0.110, .endpoint = 1}};
  };
  Scenario scenario;
  scenario.name = "mix";
  scenario.stages = {stage_of(0, load, workers, streams(0.02)),
                     stage_of(30, load, workers, streams(0.25)),
                     stage_of(60, load, workers, streams(0.02))};
  scenario.duration = 90;
  scenario.clients.patience = 0.8;
  return scenario;
}

Group mix() {
  return {11,
          "The mix shifts: share of the 110 ms endpoint 2, 25, 2 %",
          "At twice the capacity; the last column at 0.7x.",
          {mix_shift(2), mix_shift(0.7)},
          {goodput_between("more, first 10 s", 0, 30, 40, 0.95),
           goodput_between("settled", 0, 40, 60, 0.95),
           goodput_between("back, first 10 s", 0, 60, 70, 0.95),
           goodput_between("settled ", 0, 70, 90, 0.97),
           rejected_between("0.7x rejected", 1, 30, 90, 0.005)}};
}

Group cold_start() {
  Group group{19, "Cold start at twice the capacity", "Time until 0.9 of the capacity.", {}, {}};
  for (const auto& [servers, time] : {std::pair{16U, 0.02}, {50U, 0.01}, {200U, 0.05}}) {
    Scenario scenario;
    scenario.name = std::to_string(servers);
    scenario.stages = {stage(0, 2, servers, time)};
    scenario.measure_from = 0;
    scenario.duration = 20;
    scenario.clients.patience = 0.5;
    const std::size_t index = group.scenarios.size();
    group.scenarios.push_back(scenario);
    group.figures.push_back(seconds(
        scenario.name + " workers", index, [](const Outcome& each) { return each.time_to(0.9, 0); },
        2));
    group.figures.push_back(goodput_between("5 to 20 s", index, 5, 20, 0.95));
  }
  return group;
}

/// The initial limit is a multiple of what these can serve, and their clients do not
/// wait as long as that queue is.
Group first_overload() {
  Group group{19,
              "The first overload of a small application",
              "Goodput from 2 to 5 s after it began, without any traffic before and after 5 s at "
              "half of the capacity; 40 ms exponential, clients wait for 250 ms.",
              {},
              {}};
  for (const bool warm : {false, true}) {
    for (const auto& [servers, load, cold_least, warm_least] : {std::tuple{1U, 5.0, 0.2, 0.2},
                                                                {2U, 1.2, 0.4, 0.4},
                                                                {2U, 2.0, 0.65, 0.7},
                                                                {4U, 5.0, 0.7, 0.8},
                                                                {8U, 1.2, 0.75, 0.95},
                                                                {8U, 2.0, 0.9, 0.95},
                                                                {8U, 5.0, 0.88, 0.95}}) {
      Scenario scenario;
      const double from = warm ? 5 : 0;
      char name[48];
      std::snprintf(name, sizeof name, "%u worker%s, %gx%s", servers, servers > 1 ? "s" : "", load,
                    warm ? ", warm" : "");
      scenario.name = name;
      if (warm) scenario.stages = {stage(0, 0.5, servers, 0.04)};
      if (!warm) scenario.stages.clear();
      scenario.stages.push_back(stage(from, load, servers, 0.04));
      scenario.duration = from + 5;
      group.figures.push_back(goodput_between(name, group.scenarios.size(), from + 2, from + 5,
                                              warm ? warm_least : cold_least));
      group.scenarios.push_back(scenario);
    }
  }
  return group;
}

Group control_plane() {
  Scenario restart;
  restart.name = "restart";
  restart.stages = {stage(0, 2, workers, service)};
  restart.restart_at = 30;
  Scenario stalled = restart;
  stalled.name = "stall";
  stalled.restart_at = -1;
  stalled.stall_from = 30;
  stalled.stall_to = 40;
  return {20,
          "The control plane is restarted or stands still",
          "At twice the capacity; a restart knows nothing but the last limit, a stall lasts 10 s.",
          {restart, stalled},
          {goodput_between("restart, next 10 s", 0, 30, 40, 0.9),
           goodput_between("after", 0, 40, 60, 0.97), goodput_between("stall", 1, 30, 40, 0.95),
           goodput_between("after ", 1, 40, 60, 0.97)}};
}

}  // namespace

std::vector<Group> dynamic_groups() {
  return {pulse(), endurance(),  capacity(),       slower(),
          mix(),   cold_start(), first_overload(), control_plane()};
}

}  // namespace homeostat::sim
