#include "rules/history/window_function.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace homeostat::rules {
namespace {

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t slots_max = 1440;
constexpr std::size_t trend_samples_min = 3;

/// Calls each(place, value) for every slot that holds a sample.
template <class Each>
void for_each_sample(const SeriesView& view, const Each& each) {
  std::size_t place = 0;
  for (const std::span<const float> piece : {view.older, view.newer}) {
    for (const float value : piece) {
      if (!std::isnan(value)) each(place, static_cast<double>(value));
      ++place;
    }
  }
}

bool covered(const SeriesView& view, std::size_t samples) {
  return samples > 0 && samples * 2 >= view.size();
}

double average(const SeriesView& view) {
  double sum = 0;
  std::size_t samples = 0;
  for_each_sample(view, [&](std::size_t, double value) {
    sum += value;
    ++samples;
  });
  return covered(view, samples) ? sum / static_cast<double>(samples) : unknown;
}

template <class Better>
double extreme(const SeriesView& view, double worst, const Better& better) {
  std::size_t samples = 0;
  for_each_sample(view, [&](std::size_t, double value) {
    worst = better(value, worst);
    ++samples;
  });
  return covered(view, samples) ? worst : unknown;
}

/// The line of least squares through the samples; x counts slots from the newest.
struct Line {
  double slope = unknown;  ///< per slot
  double now = unknown;    ///< at the newest slot
};

Line fit(const SeriesView& view) {
  const auto newest = static_cast<double>(view.size()) - 1;
  double n = 0, sx = 0, sy = 0, sxx = 0, sxy = 0;
  for_each_sample(view, [&](std::size_t place, double value) {
    const double x = static_cast<double>(place) - newest;
    n += 1;
    sx += x;
    sy += value;
    sxx += x * x;
    sxy += x * value;
  });
  const auto samples = static_cast<std::size_t>(n);
  if (samples < trend_samples_min || !covered(view, samples)) return {};
  const double divisor = n * sxx - sx * sx;
  if (divisor <= 0) return {};
  const double slope = (n * sxy - sx * sy) / divisor;
  return {slope, (sy - slope * sx) / n};
}

double quantile(const SeriesView& view, double wanted) {
  std::array<float, slots_max> values;  // not cleared: only what was written is read
  std::size_t samples = 0;
  for_each_sample(
      view, [&](std::size_t, double value) { values[samples++] = static_cast<float>(value); });
  if (!covered(view, samples)) return unknown;
  const auto rank = static_cast<std::size_t>(std::ceil(wanted * static_cast<double>(samples)));
  const std::size_t place = std::clamp<std::size_t>(rank, 1, samples) - 1;
  const auto begin = values.begin();
  std::nth_element(begin, begin + static_cast<std::ptrdiff_t>(place),
                   begin + static_cast<std::ptrdiff_t>(samples));
  return static_cast<double>(values[place]);
}

SlotFigure figure_for(WindowFunction function) {
  if (function == WindowFunction::maximum) return SlotFigure::high;
  return function == WindowFunction::minimum ? SlotFigure::low : SlotFigure::mean;
}

}  // namespace

double evaluate_window(const SeriesView& view, const WindowQuery& query) noexcept {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  switch (query.function) {
    case WindowFunction::average:
    case WindowFunction::rate: return average(view);
    case WindowFunction::maximum:
      return extreme(view, -infinity, [](double a, double b) { return std::max(a, b); });
    case WindowFunction::minimum:
      return extreme(view, infinity, [](double a, double b) { return std::min(a, b); });
    case WindowFunction::trend:
      return fit(view).slope * (static_cast<double>(query.window.count()) / view.step);
    case WindowFunction::predict: {
      const Line line = fit(view);
      return line.now + line.slope * (query.parameter / view.step);
    }
    case WindowFunction::quantile: return quantile(view, query.parameter);
  }
  return unknown;
}

double evaluate_window(const SeriesGroup& group, std::size_t series,
                       const WindowQuery& query) noexcept {
  const auto view = group.view(series, query.window, figure_for(query.function));
  return view ? evaluate_window(*view, query) : unknown;
}

}  // namespace homeostat::rules
