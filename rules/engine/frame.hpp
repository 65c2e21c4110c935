// What the engine sees in one tick: every signal's latest value with its age
// and quality, global and per endpoint.
//
// Plain values; a Frame borrows nothing. Thread safety: none needed, a frame
// belongs to whoever built it.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "rules/expr/signal.hpp"
#include "rules/expr/signal_groups.hpp"

namespace homeostat::rules {

/// Monotonic instants are passed in; nothing in rules/ reads a clock.
using Instant = std::chrono::steady_clock::time_point;
using Duration = std::chrono::steady_clock::duration;

enum class Quality : std::uint8_t {
  missing,  ///< never measured, or the source cannot provide it
  stale,    ///< older than three periods of its source
  good,
  injected,  ///< set by an operator's test; counts as good and is marked everywhere
};

/// One measured value. `source` is a static string such as "cgroup2".
struct Reading {
  double value = 0;
  Instant at{};
  Quality quality = Quality::missing;
  const char* source = "none";
  Duration span = std::chrono::seconds(10);  ///< how far back from `at` it reaches

  [[nodiscard]] bool usable() const noexcept {
    return quality == Quality::good || quality == Quality::injected;
  }
};

using SignalValues = std::array<Reading, signal_count>;

/// Identity of an endpoint: a small dense index into the telemetry table.
using EndpointId = std::uint32_t;

/// One side of a trial at an endpoint, over the same time as the other.
struct ArmSide {
  std::uint64_t requests = 0;
  /// By endpoint signal; nothing where it is not known by side.
  std::array<std::optional<double>, endpoint_signal_count> values{};

  [[nodiscard]] std::optional<double> value(SignalId signal) const noexcept {
    const auto index = static_cast<std::size_t>(signal);
    if (index < first_endpoint_signal || index >= signal_count) return std::nullopt;
    return values[index - first_endpoint_signal];
  }
};

/// The requests that got a trial's action and those that did not.
struct ArmValues {
  /// A side with fewer requests says nothing.
  static constexpr std::uint64_t requests_min = 20;
  /// How far back a comparison reaches: the first if that holds enough, else the second.
  static constexpr std::chrono::seconds span_short{10}, span_long{60};

  ArmSide treated, control;
  Duration span = span_short;  ///< how far back the values reach
  Instant at{};                ///< from here: when they were taken

  [[nodiscard]] bool enough() const noexcept {
    return treated.requests >= requests_min && control.requests >= requests_min;
  }
};

struct EndpointFrame {
  EndpointId id = 0;
  std::string name;                 ///< "GET /book/{id}"
  SignalValues values;              ///< only endpoint.* entries are meaningful
  std::optional<ArmValues> arms{};  ///< while requests are divided
};

struct Frame {
  Instant now{};
  SignalValues global;
  std::vector<EndpointFrame> endpoints;

  [[nodiscard]] Reading& operator[](SignalId id) { return global[static_cast<std::size_t>(id)]; }
  [[nodiscard]] const Reading& operator[](SignalId id) const {
    return global[static_cast<std::size_t>(id)];
  }
};

}  // namespace homeostat::rules
