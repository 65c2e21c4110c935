// What the control plane pulls from the data plane and the machine. Each
// interface is implemented by one room and called by one actor.
//
// Thread safety: every method may be called from any one thread at a time and
// must not block on the request path.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "rules/engine/frame.hpp"
#include "rules/expr/selector.hpp"
#include "rules/laws/concurrency_limit.hpp"
#include "runtime/ports/clock.hpp"

namespace homeostat {

using rules::EndpointId;

/// CPU, memory, PSI, disk and network. Implemented by runtime/sense.
class ResourceSensor {
 public:
  virtual ~ResourceSensor() = default;
  /// Fills the cpu.*, memory.*, disk.*, network.* and agent.* entries it can
  /// measure; the rest stay `missing`. Rates need two calls.
  virtual void sample(Instant now, rules::SignalValues& values) = 0;
};

/// One endpoint's figures over one window. Latencies in seconds.
struct WindowFigures {
  std::uint64_t requests = 0;
  double rate = 0;  ///< per second
  double latency_avg = 0, latency_p50 = 0, latency_p95 = 0, latency_p99 = 0;
  double error_ratio = 0;  ///< 5xx from the upstream or while reaching it
  double hit_ratio = 0;    ///< of cacheable requests; 0 when there were none
  bool hit_ratio_known = false;
  double response_bytes_avg = 0;
};

struct EndpointFigures {
  EndpointId id = 0;
  std::string method, route;  ///< "GET", "/book/{id}"
  WindowFigures last_10s, last_1m, last_5m;
  std::uint64_t requests_total = 0, errors_total = 0;
  Instant last_seen{};
  /// While a trial divides the requests: the treated and the others, last 10 s
  /// and last minute of each.
  struct Arms {
    std::array<WindowFigures, 2> last_10s, last_1m;
  };
  std::optional<Arms> arms{};
};

/// Good and bad requests of one configured objective, since the start.
struct ObjectiveFigures {
  std::string name;
  double target = 0;  ///< share that must be good
  std::uint64_t requests_total = 0, bad_total = 0;
  std::optional<std::uint64_t> late_total{};  ///< answered, but too late; none: no latency promised
};

struct TrafficFigures {
  Instant at{};
  std::vector<ObjectiveFigures> objectives;
  std::vector<EndpointFigures> endpoints;
  WindowFigures all_10s, all_1m, all_5m;
  std::uint64_t upstream_requests = 0;  ///< calls of the last 10 s
  double upstream_error_ratio = 0;      ///< of these
  double upstream_latency_p95 = 0;      ///< seconds, dispatch to response head, last 10 s
  bool upstream_known = false;
};

/// Per-endpoint telemetry. Implemented by runtime/telemetry.
class TrafficSource {
 public:
  virtual ~TrafficSource() = default;
  /// Drains the workers' counters and rolls the windows on to `now`.
  virtual TrafficFigures collect(Instant now) = 0;
};

/// Signals that rules select by name and labels. Implemented by runtime/app.
class LabelledSource {
 public:
  virtual ~LabelledSource() = default;
  /// What the rules in force read; replaces what was wanted before.
  virtual void want(std::vector<rules::Selector> selectors) = 0;
  /// Appends the newest reading of everything wanted that is known.
  virtual void collect(Instant now, std::vector<rules::LabelledReading>& readings) = 0;
};

/// What the gate saw since the last call. Implemented by runtime/gate.
struct GateFigures {
  rules::LimitWindow window;
  /// Since the last call. Rejected: for overload, neither by a limit of the
  /// operator's nor because their class is being shed.
  std::uint64_t admitted = 0, rejected = 0, queued = 0;
  std::uint64_t critical_admitted = 0, critical_rejected = 0;  ///< of these, class 0
  double queue_wait_p95 = 0;     ///< seconds, of requests that left the queue
  std::size_t queue_length = 0;  ///< now
  Duration queue_standing{};     ///< for how long the queue has not been empty
};

class GateSource {
 public:
  virtual ~GateSource() = default;
  virtual GateFigures collect(Instant now) = 0;
};

}  // namespace homeostat
