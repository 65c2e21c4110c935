// The acceptance scenarios of the admission laws, with the figures each is
// judged by and their goals. The tests assert the goals for homeostat; the
// table prints the same figures for every peer.
//
// Names: "2x" = twice the capacity offered. Goodput is answers in time /
// capacity, weighed by work.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/sim/model/admission.hpp"
#include "tests/sim/model/outcome.hpp"
#include "tests/sim/model/scenario.hpp"

namespace homeostat::sim {

enum class Unit : std::uint8_t { share, percent, milliseconds, seconds, number };

struct Figure {
  std::string title;
  std::size_t scenario = 0;  ///< index into Group::scenarios
  std::function<double(const Outcome&)> value;
  Unit unit = Unit::share;
  enum class Goal : std::uint8_t { none, at_least, at_most } goal = Goal::none;
  double bound = 0;
};

struct Group {
  int number = 0;  ///< of the acceptance list
  std::string title;
  std::string note;
  std::vector<Scenario> scenarios;
  std::vector<Figure> figures;
};

[[nodiscard]] std::vector<Group> steady_groups();
[[nodiscard]] std::vector<Group> size_groups();
[[nodiscard]] std::vector<Group> dynamic_groups();
[[nodiscard]] std::vector<Group> client_groups();
[[nodiscard]] std::vector<Group> shape_groups();
[[nodiscard]] std::vector<Group> refusal_groups();
[[nodiscard]] std::vector<Group> all_groups();

/// Each figure's mean over the seeds from `first_seed` on.
[[nodiscard]] std::vector<double> measure(const Group& group, MakeAdmission make,
                                          std::uint64_t first_seed, std::uint64_t seeds);
/// Whether the value meets the figure's goal.
[[nodiscard]] bool reached(const Figure& figure, double value);

// Building blocks.
[[nodiscard]] Figure goodput(std::string title, std::size_t scenario, double least = 0);
[[nodiscard]] Figure goodput_between(std::string title, std::size_t scenario, double from,
                                     double to, double least = 0);
[[nodiscard]] Figure rejected(std::string title, std::size_t scenario, double most = 1);
[[nodiscard]] Figure rejected_between(std::string title, std::size_t scenario, double from,
                                      double to, double most = 1);
[[nodiscard]] Figure latency_p99(std::string title, std::size_t scenario, double most = 0);

/// Half load for 15 s, then `load` times the capacity; measured after a
/// further 10 s.
[[nodiscard]] Scenario steady(const std::string& name, unsigned servers, double load,
                              std::vector<Stream> streams, Application application = {});
/// One endpoint.
[[nodiscard]] std::vector<Stream> plain(double service, Shape shape = Shape::exponential);

}  // namespace homeostat::sim
