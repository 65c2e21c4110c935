// Constant load from half to ten times the capacity, for several kinds of
// application. Sixteen workers, 20 ms.
#include "tests/sim/catalogue/catalogue.hpp"

namespace homeostat::sim {

namespace {

constexpr unsigned workers = 16;
constexpr double service = 0.02;
// p99 of an unloaded exponential service of 20 ms: 92 ms.
constexpr double p99_most = 1.4 * 0.0921;

struct Sweep {
  double overload_least;    ///< goodput from 1.2x on
  double nearly_full_most;  ///< rejected at 0.9x
  double p99_bound = 0;
};

Group sweep(int number, std::string title, std::string note, const std::vector<Stream>& streams,
            const Application& application, const Sweep& goals) {
  Group group{number, std::move(title), std::move(note), {}, {}};
  const double capacity = application.throttled ? 2.0 / 3 : 1;
  const auto add = [&](double load, const char* name) {
    load *= capacity;
    group.scenarios.push_back(steady(name, workers, load, streams, application));
    return group.scenarios.size() - 1;
  };
  group.figures.push_back(rejected("0.5x rejected", add(0.5, "0.5x"), 0));
  group.figures.push_back(rejected("0.7x rejected", add(0.7, "0.7x"), 0.0002));
  const std::size_t nearly = add(0.9, "0.9x");
  group.figures.push_back(goodput("0.9x", nearly));
  group.figures.push_back(rejected("0.9x rejected", nearly, goals.nearly_full_most));
  for (const auto& [load, name] :
       {std::pair{1.2, "1.2x"}, {2.0, "2x"}, {5.0, "5x"}, {10.0, "10x"}}) {
    const std::size_t index = add(load, name);
    group.figures.push_back(goodput(name, index, goals.overload_least));
    group.figures.push_back(latency_p99(std::string(name) + " p99", index, goals.p99_bound));
  }
  return group;
}

}  // namespace

std::vector<Group> steady_groups() {
  Application sharing;
  sharing.sharing = true;
  sharing.contention = 0.1;
  Application waiting;
  waiting.cpu_share = 0.3;
  Application throttled;
  throttled.throttled = true;
  std::vector<Stream> two = {{.share = 0.9, .service = 0.010, .endpoint = 0},
                             {.share = 0.1, .service = 0.110, .endpoint = 1}};
  return {
      sweep(1, "First come first served, exponential", "Sixteen workers, 20 ms.", plain(service),
            {}, {0.97, 0.015, p99_most}),
      sweep(2, "Processor sharing with contention",
            "Sixteen cores; each sixteen requests above them slow every request by 10 %.",
            plain(service), sharing, {0.96, 0.015}),
      sweep(3, "Hidden bimodal, 5 and 155 ms",
            "One endpoint; every tenth request is long, and nobody outside can tell which.",
            plain(service, Shape::bimodal), {}, {0.95, 0.03}),
      sweep(4, "Two endpoints, 10 and 110 ms", "Every tenth request goes to the slow one.", two, {},
            {0.96, 0.03}),
      sweep(5, "Lognormal, sigma 1", "", plain(service, Shape::lognormal), {}, {0.97, 0.02}),
      sweep(5, "Pareto, alpha 1.5", "Cut at 200 means: next to no finite variance.",
            plain(service, Shape::pareto), {}, {0.90, 0.05}),
      sweep(5, "Constant", "", plain(service, Shape::constant), {}, {0.97, 0.015}),
      sweep(12, "Bound by I/O: CPU at 30 % when saturated", "Otherwise as the first.",
            plain(service), waiting, {0.97, 0.015, p99_most}),
      sweep(13, "Stalled by a CPU quota",
            "Every third period of 100 ms the whole application stands still; capacity is what "
            "remains.",
            plain(service), throttled, {0.90, 1}),
  };
}

}  // namespace homeostat::sim
