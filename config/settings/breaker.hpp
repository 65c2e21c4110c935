// Parts of section `upstream`: what happens when the application fails.
#pragma once

#include "config/settings/common.hpp"

namespace homeostat::config {

/// Of each target, and of each endpoint at it.
struct BreakerSettings {
  LoopMode mode = LoopMode::on;  ///< of the outlier ejection too
  double failure_ratio = 0.8;    ///< below it, refusing costs more successes than it spares
  double slow_ratio = 0.8;
  milliseconds slow_call{0};    ///< 0: ten times the endpoint's usual, 2 s at least
  unsigned volume_min = 20;     ///< calls before a ratio counts; failures in a row that open
  unsigned unanswered_max = 5;  ///< signs in a row that nobody is there
  seconds window{10};
  milliseconds probe_interval{600};  ///< two probes a second at most
  milliseconds recovery{2000};       ///< from a tenth of the traffic to all of it
  bool operator==(const BreakerSettings&) const = default;
};

/// With several targets: those that fail more than the others.
struct OutlierSettings {
  seconds interval{10};
  double deviations = 3;     ///< standard errors below the others' success
  double gap_min = 0.05;     ///< of the success rate; less is nobody's concern
  unsigned volume_min = 50;  ///< calls in an interval
  double ejected_max = 0.3;  ///< share of the targets; one always may be
  seconds ejection{30};      ///< times the number of ejections
  seconds ejection_max{300};
  double panic_below = 0.5;  ///< share of fit targets below which no opinion counts
  bool operator==(const OutlierSettings&) const = default;
};

struct RetryBudgetSettings {
  double ratio = 0.2;  ///< of the requests of the last ten seconds
  unsigned per_second_min = 3;
  bool operator==(const RetryBudgetSettings&) const = default;
};

}  // namespace homeostat::config
