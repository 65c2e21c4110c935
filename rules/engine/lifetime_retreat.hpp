// Takes longer lifetimes back bit by bit.
//
// When an action that made stored responses live longer ends, everything that
// only lives by it would expire in the same moment, and the application would be
// asked for all of it at once. Instead the share of the requests that still see
// the longer lifetimes falls by a tenth of all per second, so that the first who
// do not see it any more fetch what all others then find fresh.
//
// Pure: time comes in. Thread safety: none; one owner. Memory: one entry per
// endpoint whose lifetimes are longer now or were ten seconds ago.
#pragma once

#include <vector>

#include "rules/engine/engine.hpp"

namespace homeostat::rules {

class LifetimeRetreat {
 public:
  static constexpr double share_per_second = 0.1;

  /// Adds to `endpoints` (ascending by id) what is still on its way back.
  /// REQUIRES: `now` does not go backwards.
  void apply(std::vector<EndpointOutcome>& endpoints, Instant now);

 private:
  std::vector<EndpointOutcome> longer_;  ///< as it was in force last, ascending by id
  Instant last_{};
};

}  // namespace homeostat::rules
