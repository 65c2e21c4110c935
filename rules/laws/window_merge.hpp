// Adds consecutive gate windows up until they hold enough samples to judge.
//
// Thread safety: none; one owner. Bounded: endpoint ids at or beyond
// merge_endpoints_max share id 0.
#pragma once

#include <cstddef>
#include <vector>

#include "rules/laws/concurrency_limit.hpp"

namespace homeostat::rules {

inline constexpr std::size_t merge_endpoints_max = 4096;

class WindowMerge {
 public:
  void add(const LimitWindow& window);
  void add(const WindowMerge& other);
  void clear();

  [[nodiscard]] double seconds() const noexcept { return seconds_; }
  [[nodiscard]] std::uint64_t samples() const noexcept { return samples_; }
  [[nodiscard]] double in_flight() const noexcept { return ratio(in_flight_area_); }
  [[nodiscard]] double limited() const noexcept { return ratio(limited_area_); }
  /// Mean latency over all endpoints, seconds; 0 without samples.
  [[nodiscard]] double latency_mean() const noexcept {
    return samples_ > 0 ? latency_sum_ / static_cast<double>(samples_) : 0;
  }
  /// Requests inside the upstream up to their response head, by Little's law.
  [[nodiscard]] double upstream_mean() const noexcept {
    return seconds_ > 0 ? latency_sum_ / seconds_ : 0;
  }
  [[nodiscard]] const std::vector<EndpointSamples>& endpoints() const noexcept {
    return endpoints_;
  }

 private:
  void add(const EndpointSamples& fresh);
  [[nodiscard]] double ratio(double area) const noexcept {
    return seconds_ > 0 ? area / seconds_ : 0;
  }

  double seconds_ = 0, in_flight_area_ = 0, limited_area_ = 0, latency_sum_ = 0;
  std::uint64_t samples_ = 0;
  std::vector<EndpointSamples> endpoints_;
  std::vector<std::uint32_t> slot_of_;  ///< endpoint id -> index + 1 in endpoints_
};

/// Completions per second of each endpoint, weighable later with any costs.
struct EndpointRate {
  EndpointId endpoint = 0;
  double rate = 0;
};
using EndpointRates = std::vector<EndpointRate>;

[[nodiscard]] EndpointRates rates_of(const WindowMerge& window);
/// Moves `rates` by `weight` towards `fresh`.
void blend(EndpointRates& rates, const EndpointRates& fresh, double weight);

}  // namespace homeostat::rules
