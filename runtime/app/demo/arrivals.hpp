// Which request is to be sent when: a Poisson process over the plan's phases
// and a fixed mix of endpoints, both decided by the seed alone.
//
// The same seed and plan give the same sequence on every machine: the generator
// and the transforms are our own, because the standard's distributions are left
// to the implementation.
// Thread safety: none; one owner. Memory: constant, arrivals are made one by one.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "runtime/app/demo/phases.hpp"

namespace homeostat::demo {

enum class RequestKind : std::uint8_t { search, report, catalog, checkout };
inline constexpr std::size_t request_kinds = 4;

/// Shares of the mix, in RequestKind's order.
inline constexpr std::array<double, request_kinds> request_shares{0.55, 0.20, 0.15, 0.10};

struct Arrival {
  Duration at{};  ///< intended send time after the run's start
  std::size_t phase = 0;
  RequestKind kind = RequestKind::search;
  unsigned item = 0;
};

/// Inverse-transform draws of P(i) proportional to 1/(i+1) over `count` items.
class Zipf {
 public:
  explicit Zipf(unsigned count);
  /// REQUIRES: 0 <= uniform < 1.
  [[nodiscard]] unsigned draw(double uniform) const noexcept;

 private:
  std::vector<double> cumulative_;
};

class ArrivalSchedule {
 public:
  ArrivalSchedule(Plan plan, std::uint64_t seed);
  /// The next request in order of time; nothing after the last phase.
  [[nodiscard]] std::optional<Arrival> next();

 private:
  [[nodiscard]] double uniform() noexcept;

  Plan plan_;
  std::mt19937_64 generator_;
  Zipf reports_, catalogs_;
  std::size_t phase_ = 0;
  Duration phase_start_{};
  double in_phase_ = 0;  ///< seconds into the phase of the last arrival
};

/// The bytes of a request as a client would send it.
[[nodiscard]] std::string request_bytes(RequestKind kind, unsigned item);

}  // namespace homeostat::demo
