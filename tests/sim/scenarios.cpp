#include "tests/sim/scenarios.hpp"

namespace homeostat::sim {

namespace {

double service_of(unsigned servers) {
  if (servers >= 200) return 0.05;
  return servers == 2 ? 0.04 : 0.02;
}

double patience_of(unsigned servers) {
  if (servers >= 200) return 0.4;
  return servers == 2 ? 0.5 : 0.25;
}

void set_load(Stage& stage, double load) {
  double work = 0, shares = 0;
  for (const EndpointModel& endpoint : stage.endpoints) {
    work += endpoint.share * endpoint.service;
    shares += endpoint.share;
  }
  stage.rate = load * stage.servers * shares / work;
}

}  // namespace

Scenario steady(unsigned servers, double load) {
  Scenario scenario;
  const double service = service_of(servers);
  scenario.stages = {stage(0, 0.5, servers, service), stage(15, load, servers, service)};
  scenario.measure_from = 25;
  scenario.duration = servers >= 200 ? 45 : 85;
  scenario.good_within = patience_of(servers);
  return scenario;
}

Scenario pulse() {
  Scenario scenario;
  scenario.stages = {stage(0, 0.7, 16, 0.02), stage(20, 5, 16, 0.02), stage(50, 0.7, 16, 0.02)};
  scenario.duration = 80;
  return scenario;
}

Scenario endurance() {
  Scenario scenario;
  scenario.stages = {stage(0, 2, 16, 0.02)};
  scenario.duration = 1800;
  return scenario;
}

Scenario capacity_change() {
  Scenario scenario;
  scenario.stages = {stage(0, 1, 16, 0.02), stage(30, 1, 8, 0.02), stage(60, 1, 32, 0.02)};
  for (Stage& each : scenario.stages) each.rate = 2000;
  scenario.duration = 90;
  return scenario;
}

Scenario service_change(double load) {
  Scenario scenario;
  scenario.stages = {stage(0, load, 16, 0.02), stage(30, load, 16, 0.04),
                     stage(60, load, 16, 0.02)};
  scenario.duration = 90;
  return scenario;
}

Scenario mix_shift(double load) {
  Stage few;
  few.endpoints = {{0.98, 0.01, 2}, {0.02, 0.11, 2}};
  set_load(few, load);
  Stage many;
  many.from = 30;
  many.endpoints = {{0.75, 0.01, 2}, {0.25, 0.11, 2}};
  set_load(many, load);
  Stage back = few;
  back.from = 60;
  Scenario scenario;
  scenario.stages = {few, many, back};
  scenario.duration = 90;
  scenario.good_within = 0.8;
  return scenario;
}

Scenario classes() {
  Stage mixed;
  mixed.endpoints = {{0.10, 0.02, 0}, {0.40, 0.02, 1}, {0.30, 0.02, 2}, {0.20, 0.02, 3}};
  set_load(mixed, 3);
  Scenario scenario;
  scenario.stages = {mixed};
  scenario.measure_from = 10;
  scenario.duration = 60;
  return scenario;
}

Scenario cold_start(unsigned servers) {
  Scenario scenario;
  scenario.stages = {stage(0, 2, servers, service_of(servers))};
  scenario.measure_from = 0;
  scenario.duration = 20;
  scenario.good_within = patience_of(servers);
  return scenario;
}

}  // namespace homeostat::sim
