#include "actors/objective_board.hpp"

#include <algorithm>

namespace homeostat::actors {
namespace {

bool matches(const rules::Selector& selector, const std::string& objective) {
  return std::all_of(selector.labels.begin(), selector.labels.end(),
                     [&](const rules::LabelMatch& label) {
                       const std::string& value = label.name == "objective" ? objective : "";
                       return (value == label.value) == label.equal;
                     });
}

}  // namespace

void ObjectiveBoard::receive(const TrafficFigures& figures) {
  for (const ObjectiveFigures& given : figures.objectives) {
    auto found = std::find_if(objectives_.begin(), objectives_.end(), [&](const Objective& known) {
      return known.figures.name == given.name;
    });
    if (found == objectives_.end()) {
      if (objectives_.size() >= config::objectives_max) continue;
      objectives_.push_back({given, rules::SloBurn(given.target), rules::SloBurn(given.target)});
      found = objectives_.end() - 1;
    }
    found->figures = given;
    found->burn.update(figures.at, {given.requests_total, given.bad_total});
    found->late.update(figures.at, {given.requests_total, given.late_total.value_or(0)});
  }
}

void ObjectiveBoard::fill(std::span<const rules::Selector> selectors, Instant at,
                          std::vector<rules::LabelledReading>& readings) const {
  for (const rules::Selector& selector : selectors) {
    if (selector.name.starts_with(rules::scrape_prefix)) continue;
    rules::Reading worst;
    for (const Objective& objective : objectives_) {
      if (!matches(selector, objective.figures.name)) continue;
      const double burn =
          selector.name == "slo.burn" ? objective.burn.fast() : objective.burn.slow();
      if (worst.usable() && worst.value >= burn) continue;
      worst = {burn, at, rules::Quality::good, "slo"};
    }
    if (worst.usable()) readings.push_back({selector.key, worst});
  }
}

double ObjectiveBoard::worst_burn() const {
  double worst = 0;
  for (const Objective& objective : objectives_) worst = std::max(worst, objective.burn.fast());
  return worst;
}

std::optional<double> ObjectiveBoard::late_burn() const {
  std::optional<double> worst;
  for (const Objective& objective : objectives_) {
    if (!objective.figures.late_total) continue;
    worst = std::max(worst.value_or(0), objective.late.fast());
  }
  return worst;
}

std::vector<ObjectiveReport> ObjectiveBoard::report() const {
  std::vector<ObjectiveReport> rows;
  rows.reserve(objectives_.size());
  for (const Objective& objective : objectives_) {
    rows.push_back({objective.figures, objective.burn.fast(), objective.burn.slow()});
  }
  return rows;
}

}  // namespace homeostat::actors
