// Section `admission`: concurrency limit, queue and priorities.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "config/settings/common.hpp"

namespace homeostat::config {

struct PriorityRule {
  RequestMatch match;
  std::uint8_t priority_class = 1;  ///< 0 critical, 1 high, 2 normal, 3 low
};

struct AdmissionSettings {
  LoopMode mode = LoopMode::on;
  milliseconds max_wait{100};
  std::size_t queue_max = 1024;
  double limit_initial = 20;
  double limit_min = 1;
  double limit_max = 1000;
  int reject_status = 503;  ///< 429 or 503
  seconds retry_after_min{1};
  std::vector<PriorityRule> priorities;  ///< default class: 2 normal
};

}  // namespace homeostat::config
