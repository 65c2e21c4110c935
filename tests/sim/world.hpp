// A closed loop in virtual time: Poisson arrivals, the admission queue law,
// the concurrency limit, and an application with W first-come-first-served
// workers and a backlog. Deterministic: the same scenario and seed give the
// same figures on every machine with this standard library's log().
//
// What is real: rules::ConcurrencyLimit and all of rules/laws/admission_queue.
// What is modelled: the gate's bookkeeping (one worker), the network (none).
// The application finishes work even if the client would not wait for it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "rules/laws/admission_queue.hpp"
#include "rules/laws/concurrency_limit.hpp"

namespace homeostat::sim {

struct EndpointModel {
  double share = 1;        ///< of the arrivals; need not sum to 1
  double service = 0.020;  ///< mean seconds of an exponential
  std::uint8_t priority_class = 2;
};

/// What holds from `from` on (seconds). Scenarios are lists of stages.
struct Stage {
  double from = 0;
  double rate = 400;  ///< arrivals per second
  unsigned servers = 16;
  std::vector<EndpointModel> endpoints = {EndpointModel{}};
};

struct Scenario {
  std::vector<Stage> stages;
  double duration = 60;
  double measure_from = 20;
  double good_within = 0.25;  ///< seconds from arrival to answer
  std::size_t backlog = 512;  ///< beyond: the application refuses
  double window = 0.1;        ///< how often the limit is updated
  rules::LimitBounds limit{};
  rules::QueueBounds queue{};
  bool control = true;  ///< false: no admission control at all
};

inline constexpr double slice_length = 0.1;  ///< seconds

/// Figures of one slice.
struct Slice {
  double good_work = 0;  ///< server seconds of answers in time
  double capacity = 0;   ///< server seconds there were
  std::uint32_t arrived = 0, rejected = 0, good = 0, answered = 0, refused = 0;
  std::array<std::uint32_t, rules::priority_class_count> arrived_by_class{}, good_by_class{};
  double limit = 0;
};

struct Outcome {
  std::vector<Slice> slices;
  std::vector<float> latencies;  ///< of answers after measure_from, unsorted
  double measure_from = 0, duration = 0;

  /// Answers in time / capacity, by work.
  [[nodiscard]] double goodput(double from, double to) const;
  [[nodiscard]] double goodput() const { return goodput(measure_from, duration); }
  [[nodiscard]] double reject_ratio(double from, double to) const;
  [[nodiscard]] double reject_ratio() const { return reject_ratio(measure_from, duration); }
  [[nodiscard]] double success(std::size_t priority_class) const;
  [[nodiscard]] double limit_mean(double from, double to) const;
  [[nodiscard]] double latency_p99() const;
  /// Seconds after `since` until goodput over 0.5 s first reaches `share`.
  [[nodiscard]] double time_to(double share, double since) const;
};

[[nodiscard]] Outcome run(const Scenario& scenario, std::uint64_t seed);

/// Convenience: `load` times the capacity of `servers` workers of `service`.
[[nodiscard]] Stage stage(double from, double load, unsigned servers, double service);

}  // namespace homeostat::sim
