// Section `slo`: what the service promises, request by request.
#pragma once

#include <string>
#include <vector>

#include "config/settings/common.hpp"

namespace homeostat::config {

/// A share of good requests. Without `latency` a request is good if it was
/// answered and not with a 5xx; with it, if it was answered in that time.
struct ObjectiveSettings {
  std::string name;
  RequestMatch match{"*", {}};  ///< endpoints by route; default all
  double target = 0.999;        ///< the share that must be good
  milliseconds latency{0};      ///< 0: an availability objective
};

inline constexpr std::size_t objectives_max = 32;

}  // namespace homeostat::config
