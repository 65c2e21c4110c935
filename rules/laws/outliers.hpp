// Which of several targets fails more than its peers.
//
// A target is compared with all others together (leave one out): its success
// rate p against their p', in standard errors of the difference,
//   z = (p' - p) / sqrt(q (1 - q) (1/n + 1/n')),  q = successes of all / calls of all
// It is an outlier if z >= deviations and p' - p >= gap_min. The worst goes
// first and no longer counts as a peer of the rest. At most `ejected_max` of the
// targets are out at a time, but one always may be, and one always stays.
//
// Source: Envoy's success rate ejection compares with mean - 1.9 standard
// deviations of all targets, the outlier included. Of N values none can lie more
// than sqrt(N - 1) population deviations from their mean (Samuelson 1968), so that
// it can never act below five; this works from two on. Ejection time (base times
// the number of ejections, less one per quiet interval) and share are Envoy's.
// Pure; thread safety: none needed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "rules/engine/frame.hpp"

namespace homeostat::rules {

struct OutlierBounds {
  double deviations = 3;
  double gap_min = 0.05;         ///< of the success rate
  std::uint64_t calls_min = 50;  ///< of the target, and of its peers, in one interval
  double ejected_max = 0.3;      ///< share of the targets
  Duration ejection = std::chrono::seconds(30);
  Duration ejection_max = std::chrono::minutes(5);
};

/// One target in one interval.
struct OutlierView {
  std::uint64_t calls = 0, failures = 0;
  bool out = false;  ///< takes no requests already
};

/// Indices of the targets to eject now, worst first.
[[nodiscard]] std::vector<std::size_t> find_outliers(std::span<const OutlierView> targets,
                                                     const OutlierBounds& bounds);

/// `times`: ejections that count, this one included.
[[nodiscard]] Duration ejection_time(unsigned times, const OutlierBounds& bounds) noexcept;

}  // namespace homeostat::rules
