// What the window functions of the rule language compute.
//
//   average, maximum, minimum   of the slots in the window
//   quantile                    nearest rank, of the slots' means
//   trend                       the change over the window along the line of
//                               least squares, in the signal's own unit
//   predict                     that line's value `parameter` seconds from now
//   rate                        mean of a counter's increases per second, which are
//                               what its history holds for this
//
// A window that is not at least half covered by samples is unknown (NaN), and
// so are trends over fewer than three.
//
// Pure; allocates nothing; safe from any thread for as long as the history is
// not written. Cost: one pass over at most 120 slots (1440 for windows beyond
// 2 h), quantiles a selection on the stack.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "rules/history/series_group.hpp"

namespace homeostat::rules {

enum class WindowFunction : std::uint8_t {
  average,
  maximum,
  minimum,
  rate,
  trend,
  predict,
  quantile,
};

struct WindowQuery {
  WindowFunction function = WindowFunction::average;
  std::chrono::seconds window{0};
  double parameter = 0;  ///< predict: seconds ahead; quantile: 0..1
};

/// NaN when unknown. REQUIRES: series < group.width().
[[nodiscard]] double evaluate_window(const SeriesGroup& group, std::size_t series,
                                     const WindowQuery& query) noexcept;

/// The same over slots given oldest first. REQUIRES: at most 1440 slots.
[[nodiscard]] double evaluate_window(const SeriesView& view, const WindowQuery& query) noexcept;

}  // namespace homeostat::rules
