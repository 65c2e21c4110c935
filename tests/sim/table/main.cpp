// Writes the comparison of homeostat's admission laws with its peers' as a
// document: every scenario of the catalogue, every law, means over the seeds.
//
// Usage: admission_table [seeds [group title [law [first seed]]]] > document
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "tests/sim/breaker/breaker.hpp"
#include "tests/sim/catalogue/catalogue.hpp"
#include "tests/sim/peers/peers.hpp"

namespace homeostat::sim {
namespace {

struct Choice {
  std::uint64_t seeds = 5, first = 9001;
  std::string group, law;
};

std::string text_of(double value, Unit unit) {
  char text[32];
  switch (unit) {
    case Unit::share: std::snprintf(text, sizeof text, "%.3f", value); break;
    case Unit::percent: std::snprintf(text, sizeof text, "%.2f %%", 100 * value); break;
    case Unit::milliseconds: std::snprintf(text, sizeof text, "%.0f ms", 1000 * value); break;
    case Unit::seconds: std::snprintf(text, sizeof text, "%.1f s", value); break;
    case Unit::number: std::snprintf(text, sizeof text, "%.1f", value); break;
  }
  return text;
}

std::string goal_of(const Figure& figure) {
  if (figure.goal == Figure::Goal::none) return "";
  const char* sign = figure.goal == Figure::Goal::at_least ? "≥ " : "≤ ";
  return sign + text_of(figure.bound, figure.unit);
}

void print_head(const Choice& choice) {
  std::printf(
      "# Admission in simulation\n\n"
      "Written by `make sim-table`; do not edit. Means over the seeds %llu to %llu, which "
      "no constant was tuned on.\n\n"
      "What is real here: `runtime/gate` with one worker, in virtual time, and the concurrency "
      "law of `rules/laws` that moves its limit. What is modelled: the clients and the "
      "application. Every law meets exactly the same requests. The peers are written anew from "
      "their published formulas "
      "at their published defaults (`tests/sim/peers`, each with its source); `static 20` is a "
      "limit set by hand for sixteen workers, `dagor*` is told the queueing time inside the "
      "application, which nothing outside could measure. Not modelled: the network, the cost of "
      "a rejection, more than one worker of the agent.\n\n"
      "Goodput is answers within the client's patience (250 ms, or 12.5 service times if longer) "
      "as a "
      "share of the capacity, weighed by work. *Italics* miss the goal of homeostat, which is "
      "printed above them. Values slightly above 1 are the luck of the draw: the mean of the "
      "services actually drawn was shorter.\n",
      static_cast<unsigned long long>(choice.first),
      static_cast<unsigned long long>(choice.first + choice.seeds - 1));
}

void print_group(const Group& group, const Choice& choice) {
  std::printf("\n## %d. %s\n\n", group.number, group.title.c_str());
  if (!group.note.empty()) std::printf("%s\n\n", group.note.c_str());
  std::string titles = "| law |", rule = "|---|", goals = "| *goal* |";
  for (const Figure& figure : group.figures) {
    titles += " " + figure.title + " |";
    rule += "---:|";
    goals += " " + goal_of(figure) + " |";
  }
  std::printf("%s\n%s\n%s\n", titles.c_str(), rule.c_str(), goals.c_str());
  for (const Peer& peer : all_peers()) {
    if (std::string(peer.name).find(choice.law) == std::string::npos) continue;
    const std::vector<double> values = measure(group, peer.make, choice.first, choice.seeds);
    std::printf("| %s |", peer.name);
    for (std::size_t index = 0; index < values.size(); ++index) {
      const Figure& figure = group.figures[index];
      const char* mark = reached(figure, values[index]) ? "" : "*";
      std::printf(" %s%s%s |", mark, text_of(values[index], figure.unit).c_str(), mark);
    }
    std::printf("\n");
    std::fflush(stdout);
  }
}

}  // namespace
}  // namespace homeostat::sim

int main(int argc, char** argv) {
  using namespace homeostat::sim;
  Choice choice;
  if (argc > 1) choice.seeds = std::strtoull(argv[1], nullptr, 10);
  if (argc > 2) choice.group = argv[2];
  if (argc > 3) choice.law = argv[3];
  if (argc > 4) choice.first = std::strtoull(argv[4], nullptr, 10);
  if (choice.group.empty()) print_head(choice);
  for (const Group& group : all_groups()) {
    if (group.title.find(choice.group) != std::string::npos) print_group(group, choice);
  }
  if (choice.group.empty()) print_breakers(choice.first, choice.seeds);
  return 0;
}
