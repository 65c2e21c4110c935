#include <algorithm>
#include <iterator>

#include "tests/sim/catalogue/catalogue.hpp"
#include "tests/sim/model/world.hpp"

namespace homeostat::sim {

namespace {

Figure::Goal goal_if(bool wanted, Figure::Goal goal) { return wanted ? goal : Figure::Goal::none; }

}  // namespace

Figure goodput(std::string title, std::size_t scenario, double least) {
  return {std::move(title),
          scenario,
          [](const Outcome& each) { return each.goodput(); },
          Unit::share,
          goal_if(least > 0, Figure::Goal::at_least),
          least};
}

Figure goodput_between(std::string title, std::size_t scenario, double from, double to,
                       double least) {
  return {std::move(title),
          scenario,
          [from, to](const Outcome& each) { return each.goodput(from, to); },
          Unit::share,
          goal_if(least > 0, Figure::Goal::at_least),
          least};
}

Figure rejected(std::string title, std::size_t scenario, double most) {
  return {std::move(title),
          scenario,
          [](const Outcome& each) { return each.reject_ratio(); },
          Unit::percent,
          goal_if(most < 1, Figure::Goal::at_most),
          most};
}

Figure rejected_between(std::string title, std::size_t scenario, double from, double to,
                        double most) {
  return {std::move(title),
          scenario,
          [from, to](const Outcome& each) { return each.reject_ratio(from, to); },
          Unit::percent,
          goal_if(most < 1, Figure::Goal::at_most),
          most};
}

Figure latency_p99(std::string title, std::size_t scenario, double most) {
  return {std::move(title),
          scenario,
          [](const Outcome& each) { return each.latency(0.99); },
          Unit::milliseconds,
          goal_if(most > 0, Figure::Goal::at_most),
          most};
}

std::vector<Stream> plain(double service, Shape shape) {
  Stream stream;
  stream.service = service;
  stream.shape = shape;
  return {stream};
}

Scenario steady(const std::string& name, unsigned servers, double load, std::vector<Stream> streams,
                Application application) {
  double work = 0, shares = 0;
  for (const Stream& stream : streams) {
    work += stream.share * stream.service;
    shares += stream.share;
  }
  const double service = work / shares;
  Scenario scenario;
  scenario.name = name;
  scenario.stages = {stage_of(0, 0.5, servers, streams), stage_of(15, load, servers, streams)};
  scenario.application = application;
  scenario.measure_from = 25;
  // Some ten thousand services, within reason.
  scenario.duration = 25 + std::clamp(40000 * service / servers, 10.0, 300.0);
  double slowest = 0;
  for (const Stream& stream : streams) slowest = std::max(slowest, stream.service);
  scenario.clients.patience = std::max(0.25, 12.5 * slowest);
  return scenario;
}

std::vector<double> measure(const Group& group, MakeAdmission make, std::uint64_t first_seed,
                            std::uint64_t seeds) {
  std::vector<double> means(group.figures.size(), 0);
  for (std::size_t scenario = 0; scenario < group.scenarios.size(); ++scenario) {
    for (std::uint64_t seed = first_seed; seed < first_seed + seeds; ++seed) {
      const Outcome outcome = run(group.scenarios[scenario], seed, make);
      for (std::size_t index = 0; index < group.figures.size(); ++index) {
        const Figure& figure = group.figures[index];
        if (figure.scenario != scenario) continue;
        means[index] += figure.value(outcome) / static_cast<double>(seeds);
      }
    }
  }
  return means;
}

bool reached(const Figure& figure, double value) {
  switch (figure.goal) {
    case Figure::Goal::at_least: return value >= figure.bound;
    case Figure::Goal::at_most: return value <= figure.bound;
    case Figure::Goal::none: break;
  }
  return true;
}

std::vector<Group> all_groups() {
  std::vector<Group> all;
  for (auto* part : {&steady_groups, &size_groups, &dynamic_groups, &client_groups, &shape_groups,
                     &refusal_groups}) {
    std::vector<Group> groups = part();
    std::move(groups.begin(), groups.end(), std::back_inserter(all));
  }
  return all;
}

}  // namespace homeostat::sim
