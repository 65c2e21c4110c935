// What a simulated run came to.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace homeostat::sim {

inline constexpr double slice_length = 0.1;  ///< seconds
inline constexpr std::size_t classes = 4;

/// Figures of one slice of time.
struct Slice {
  double good_work = 0;  ///< server seconds (by the mean of their kind) of answers in time
  double capacity = 0;   ///< server seconds there were
  double limit = 0;
  std::uint32_t arrived = 0, rejected = 0, refused = 0, good = 0;
  /// By when a request was first sent, whatever its attempts: retries count once.
  std::uint32_t wanted = 0, satisfied = 0;
};

struct Count {
  std::uint64_t wanted = 0, satisfied = 0;
  [[nodiscard]] double share() const {
    return wanted > 0 ? static_cast<double>(satisfied) / static_cast<double>(wanted) : 1;
  }
};

struct Outcome {
  std::vector<Slice> slices;
  std::vector<float> latencies;  ///< of answers after measure_from, first attempt to answer
  std::array<Count, classes> by_class{};  ///< after measure_from
  std::vector<Count> by_tenant;           ///< after measure_from
  double measure_from = 0, duration = 0;

  /// Answers in time / capacity, by work.
  [[nodiscard]] double goodput(double from, double to) const;
  [[nodiscard]] double goodput() const { return goodput(measure_from, duration); }
  /// Rejected or refused / arrived.
  [[nodiscard]] double reject_ratio(double from, double to) const;
  [[nodiscard]] double reject_ratio() const { return reject_ratio(measure_from, duration); }
  /// Rejected by the admission / arrived.
  [[nodiscard]] double turned_away(double from, double to) const;
  /// Refused by the application / dispatched to it.
  [[nodiscard]] double refused(double from, double to) const;
  /// Of the requests first sent then, how many were answered in time in the end.
  [[nodiscard]] double success(double from, double to) const;
  [[nodiscard]] double limit_mean(double from, double to) const;
  [[nodiscard]] double latency(double quantile) const;
  /// Seconds after `since` until the goodput over half a second first reaches
  /// `share` of the capacity; the rest of the run when it never does.
  [[nodiscard]] double time_to(double share, double since) const;
  /// Seconds after `since` until success over one second is `share` for good.
  [[nodiscard]] double time_to_success(double share, double since) const;
  /// Jain's index over the tenants' success (Jain, Chiu and Hawe 1984).
  [[nodiscard]] double fairness() const;
};

}  // namespace homeostat::sim
