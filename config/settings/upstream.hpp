// Section `upstream`: the application.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "config/settings/breaker.hpp"
#include "config/settings/common.hpp"

namespace homeostat::config {

/// One upstream server.
struct UpstreamTarget {
  Address address;
  std::string host_header;  ///< authority: of health checks, and where Host is not kept
  bool operator==(const UpstreamTarget&) const = default;
};

struct HealthCheckSettings {
  std::string path;  ///< empty: no active check
  milliseconds interval{5000};
  milliseconds timeout{2000};
  unsigned healthy_after = 2;    ///< successes in a row
  unsigned unhealthy_after = 3;  ///< failures in a row
  bool operator==(const HealthCheckSettings&) const = default;
};

struct UpstreamSettings {
  std::vector<UpstreamTarget> targets;
  milliseconds connect_timeout{2000};
  milliseconds timeout{30000};            ///< dispatch to response head; 504
  milliseconds body_timeout{30000};       ///< between two reads of the response body
  std::size_t connections_max = 6000;     ///< per target, all workers together
  std::size_t idle_connections_max = 64;  ///< kept per target and worker
  seconds idle_timeout{30};               ///< pooled connection unused
  unsigned retries = 1;                   ///< of one request, within the budget
  bool finish_abandoned = true;           ///< a client's going does not end what was sent
  bool preserve_host = true;              ///< forward the client's Host
  seconds resolve_interval{30};           ///< between two lookups of a target's name; 0 = never
  RetryBudgetSettings retry_budget;
  BreakerSettings breaker;
  OutlierSettings outliers;
  HealthCheckSettings health;
  bool operator==(const UpstreamSettings&) const = default;
};

}  // namespace homeostat::config
