// The same configuration for applications from one worker to two thousand
// and from 1 ms to 2 s.
#include "tests/sim/catalogue/catalogue.hpp"

namespace homeostat::sim {

namespace {

struct Size {
  unsigned workers;
  double service;
  Shape shape;
  const char* title;
  double nearly_full, overload;  ///< least goodput
};

Group group_of(const Size& size) {
  Group group{7, size.title, "", {}, {}};
  std::size_t index = 0;
  for (const auto& [load, name] :
       {std::pair{0.9, "0.9x"}, {1.2, "1.2x"}, {2.0, "2x"}, {5.0, "5x"}}) {
    if (load > 2 && size.workers > 200) continue;  // millions of requests say no more
    group.scenarios.push_back(steady(name, size.workers, load, plain(size.service, size.shape)));
    group.figures.push_back(goodput(name, index, load < 1 ? size.nearly_full : size.overload));
    if (load == 2.0) group.figures.push_back(latency_p99("2x p99", index));
    ++index;
  }
  return group;
}

}  // namespace

std::vector<Group> size_groups() {
  std::vector<Group> groups;
  for (const Size& size : {
           Size{1, 0.020, Shape::exponential, "1 worker, 20 ms", 0.75, 0.90},
           Size{2, 0.040, Shape::exponential, "2 workers, 40 ms", 0.80, 0.90},
           Size{3, 0.005, Shape::constant, "3 workers, 5 ms constant", 0.85, 0.95},
           Size{5, 0.100, Shape::lognormal, "5 workers, 100 ms lognormal", 0.80, 0.90},
           Size{8, 2.0, Shape::exponential, "8 workers, 2 s", 0.75, 0.75},
           Size{50, 0.001, Shape::exponential, "50 workers, 1 ms", 0.89, 0.97},
           Size{200, 0.050, Shape::exponential, "200 workers, 50 ms", 0.89, 0.97},
           Size{600, 0.050, Shape::exponential, "600 workers, 50 ms", 0.89, 0.95},
           Size{2000, 0.100, Shape::exponential, "2000 workers, 100 ms", 0.89, 0.95},
       }) {
    groups.push_back(group_of(size));
  }
  return groups;
}

}  // namespace homeostat::sim
