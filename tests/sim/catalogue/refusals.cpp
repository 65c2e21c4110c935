// Answers of 503: from a defect, or a part that is shut, and from an application
// that takes no more.
#include "tests/sim/catalogue/catalogue.hpp"

namespace homeostat::sim {

namespace {

constexpr unsigned workers = 16;
constexpr double service = 0.02, light = 0.3;
constexpr double from = 20, to = 40, end = 60;
constexpr double broken = 0.9;

Figure turned_away(std::string title, std::size_t scenario) {
  return {std::move(title),
          scenario,
          [](const Outcome& each) { return each.turned_away(from, end); },
          Unit::percent,
          Figure::Goal::at_most,
          0};
}

Scenario phases(const char* name, Stage before, Stage during) {
  Scenario scenario;
  scenario.name = name;
  Stage after = stage(to, light, workers, service);
  scenario.stages = {std::move(before), std::move(during), std::move(after)};
  scenario.measure_from = from;
  scenario.duration = end;
  return scenario;
}

Group of_a_defect() {
  Stage all = stage(from, light, workers, service);
  all.streams[0].refused = broken;
  Stage one = stage(from, light, workers, service);
  one.rate *= 11;
  one.streams.push_back({.share = 10, .service = service / 4, .endpoint = 1, .refused = broken});
  const Stage quiet = stage(0, light, workers, service);
  // The knee is known from an overload before.
  Stage busy = stage(0, 2, workers, service);
  const auto known = [&](const char* name, const Stage& during) {
    Scenario scenario = phases(name, busy, during);
    scenario.stages.insert(scenario.stages.begin() + 1, stage(from - 5, light, workers, service));
    return scenario;
  };
  return {16,
          "503 at 0.3x that have nothing to do with the load",
          "For 20 s nine of ten answers are an immediate 503: all, or those of a second endpoint "
          "that is asked ten times as often; before it 0.3x, or twice the capacity. Rejected by "
          "the agent, then and in the 20 s after.",
          {phases("all", quiet, all), phases("one", quiet, one), known("all, known", all),
           known("one, known", one)},
          {turned_away("all", 0), turned_away("one", 1), turned_away("all, knee known", 2),
           turned_away("one, knee known", 3)}};
}

Group of_overload() {
  Application strict;
  strict.backlog = 0;
  const std::vector<Stream> two = {{.share = 0.9, .service = 0.010, .endpoint = 0},
                                   {.share = 0.1, .service = 0.110, .endpoint = 1}};
  Group group{16,
              "503 of an application that takes no more than it can do",
              "Sixteen at once, no queue; the rest is refused. 503: of what the agent sent there.",
              {},
              {}};
  const auto add = [&](const std::string& name, Scenario scenario, double least) {
    const std::size_t index = group.scenarios.size();
    group.scenarios.push_back(std::move(scenario));
    group.figures.push_back(goodput(name, index, least));
    group.figures.push_back(
        {name + ", 503", index,
         [](const Outcome& each) { return each.refused(each.measure_from, each.duration); },
         Unit::percent});
  };
  add("2x", steady("2x", workers, 2, plain(service), strict), 0.92);
  add("5x", steady("5x", workers, 5, plain(service), strict), 0.95);
  add("two endpoints, 2x", steady("two", workers, 2, two, strict), 0.88);
  return group;
}

}  // namespace

std::vector<Group> refusal_groups() { return {of_a_defect(), of_overload()}; }

}  // namespace homeostat::sim
