// Counts good and bad requests for the configured objectives.
//
// A request is bad for an availability objective when it failed (5xx) or was
// rejected by admission, and for a latency objective when it took longer than
// promised or was rejected. Latencies are told apart within 1.6 %.
//
// Thread safety: guarded by Telemetry's mutex. Memory: one word per endpoint.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "config/settings/slo.hpp"
#include "runtime/ports/signals.hpp"
#include "runtime/telemetry/endpoint_table.hpp"
#include "runtime/telemetry/windows.hpp"

namespace homeostat::telemetry {

class Objectives {
 public:
  /// REQUIRES: at most config::objectives_max.
  explicit Objectives(std::vector<config::ObjectiveSettings> settings);

  /// Counts what one endpoint did since the last time.
  void add(EndpointId id, const EndpointName& name, const TrafficDelta& delta);
  [[nodiscard]] std::vector<ObjectiveFigures> figures() const;

 private:
  struct Count {
    std::uint64_t offered = 0, answered = 0, bad = 0;  ///< bad: failed, or late
  };
  [[nodiscard]] std::uint32_t matched(const EndpointName& name) const;

  std::vector<config::ObjectiveSettings> settings_;
  std::vector<std::size_t> slow_from_;  ///< first latency bucket that is too slow
  std::vector<Count> counts_;
  std::vector<std::optional<std::uint32_t>> matches_;  ///< by EndpointId, one bit per objective
};

}  // namespace homeostat::telemetry
