// The Policy: everything the control plane tells the data plane, as one
// immutable value. A default-constructed Policy is the static safe default.
//
// Thread safety: a published Policy is never changed; share it freely.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "rules/engine/frame.hpp"
#include "rules/engine/rule.hpp"
#include "rules/laws/coding.hpp"

namespace homeostat {

using rules::EndpointId;

/// The side of a trial that a request is on.
enum class Arm : std::uint8_t { none, treated, control };

/// How a request takes part in what applies to a share of the requests only.
struct Draw {
  double value = 0;  ///< in [0, 1), by chance; below a share: in it
  Arm arm = Arm::none;
};

/// What applies to one endpoint, indexed by EndpointId.
struct EndpointPolicy {
  double ttl_multiplier = 1;        ///< of rule-given TTLs, applied when a response is stored
  std::chrono::seconds ttl_max{0};  ///< bound of the product; 0 = none
  std::optional<bool> compress;     ///< unset: as configured
  int compress_level = 0;           ///< 1..9; 0 = as configured
  /// Preferred where the client takes it; identity = as configured.
  rules::Coding compress_algorithm = rules::Coding::identity;
  /// Shares of the requests that the multiplier and the compression apply to.
  double ttl_share = 1, compress_share = 1;
  /// Above 0: requests of this share are told apart from the others in telemetry.
  double measured_share = 0;
  bool operator==(const EndpointPolicy&) const = default;

  /// Whether only a part of the requests gets all of it.
  [[nodiscard]] bool divides() const noexcept {
    return ttl_share < 1 || compress_share < 1 || measured_share > 0;
  }
  [[nodiscard]] Draw draw(double value) const noexcept {
    if (measured_share <= 0) return {value, Arm::none};
    return {value, value < measured_share ? Arm::treated : Arm::control};
  }
  /// Whether a request's stored responses live as long as the multiplier says.
  [[nodiscard]] bool extends_lifetime(const Draw& draw) const noexcept {
    return ttl_multiplier > 1 && draw.value < ttl_share;
  }
};

/// Published by cache_tuner.
struct CachePolicy {
  std::vector<EndpointPolicy> endpoints;  ///< shorter than the table: defaults
  /// How much CPU `compression.level: adaptive` may spend: 0 none .. 1 all it
  /// finds worthwhile (rules/laws/compression.hpp).
  double compression_headroom = 0.5;
  bool operator==(const CachePolicy&) const = default;

  [[nodiscard]] const EndpointPolicy& of(EndpointId id) const noexcept {
    return id < endpoints.size() ? endpoints[id] : standard();
  }
  /// What of it says how to compress for a request: nothing if it is no part of that.
  [[nodiscard]] const EndpointPolicy& compression_of(EndpointId id,
                                                     const Draw& draw) const noexcept {
    const EndpointPolicy& policy = of(id);
    return draw.value < policy.compress_share ? policy : standard();
  }

 private:
  [[nodiscard]] static const EndpointPolicy& standard() noexcept {
    static const EndpointPolicy policy{};
    return policy;
  }
};

/// Published by throttler.
struct AdmissionPolicy {
  double limit = 0;  ///< concurrent upstream requests; 0 = settings' initial
  /// Connections of clients end with their answers, for want of memory.
  bool stop_keep_alive = false;
  double ceiling_factor = 1;           ///< from Throttle actions, 0.05..1
  std::uint8_t shed_class_from = 255;  ///< classes >= this are rejected on arrival
  /// How long requests may wait (rules/laws/admission_profile.hpp).
  rules::Level level = rules::Level::balanced;
  bool operator==(const AdmissionPolicy&) const = default;
};

/// Published by rule_engine.
struct ModePolicy {
  bool emergency = false;  ///< serve stale, no compression, shed by class
  bool operator==(const ModePolicy&) const = default;
};

struct Policy {
  std::uint64_t epoch = 0;
  CachePolicy cache;
  AdmissionPolicy admission;
  ModePolicy mode;
};

}  // namespace homeostat
