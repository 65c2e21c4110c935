// Whether refused, reset and timed-out upstream calls mean overload.
//
// Overload hits whatever is asked for; a defect, or a part that is shut for
// maintenance, hits its own endpoint. Drops are therefore judged per endpoint:
// those whose share is clearly above what is habitual there complain, and only
// when they make up half of the work that is still done the limit is to be cut: a
// flood of cheap refusals is no work. Where nothing is answered at all, calls count.
//
// What persists becomes habitual within some seconds: a cut that does not help
// is not repeated for ever.
//
// Thread safety: none; one owner. Bounds: endpoint ids at or beyond
// merge_endpoints_max share id 0. Units: requests; work in seconds of service.
#pragma once

#include <vector>

#include "rules/laws/fading_sum.hpp"
#include "rules/laws/latency_baseline.hpp"

namespace homeostat::rules {

class DropGuard {
 public:
  /// True when the limit should be cut now; at most every 200 ms.
  [[nodiscard]] bool update(const LimitWindow& window, const LatencyBaseline& baseline);
  /// Some endpoint was refused more than usual in the last window.
  [[nodiscard]] bool complaint() const noexcept { return complaint_; }

 private:
  struct Endpoint {
    double habitual = 0;          ///< share dropped
    FadingSum answered, dropped;  ///< of the last second
    Instant seen{};
  };
  Endpoint& endpoint(EndpointId id);

  std::vector<Endpoint> endpoints_;
  bool complaint_ = false;
  Instant last_cut_ = Instant::min();
  bool cut_before_ = false;
};

}  // namespace homeostat::rules
