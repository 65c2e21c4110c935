// Seeded random numbers with the same values on every machine: the standard
// library's distributions differ between implementations, these do not.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>

#include "tests/sim/model/scenario.hpp"

namespace homeostat::sim {

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  /// In (0, 1).
  double uniform() { return (static_cast<double>(engine_() >> 11) + 0.5) * 0x1.0p-53; }
  double exponential(double mean) { return -mean * std::log(uniform()); }

  /// With mean 1 (the Pareto a little less for its cut).
  double service(Shape shape) {
    switch (shape) {
      case Shape::constant: return 1;
      case Shape::lognormal: return std::exp(normal() - 0.5);
      case Shape::pareto: return std::min(200.0, std::pow(uniform(), -1 / 1.5) / 3);
      case Shape::bimodal: return uniform() < 0.9 ? 0.25 : 7.75;
      case Shape::exponential: break;
    }
    return exponential(1);
  }

 private:
  double normal() {  // Box and Muller 1958
    const double radius = std::sqrt(-2 * std::log(uniform()));
    return radius * std::cos(2 * 3.14159265358979323846 * uniform());
  }

  std::mt19937_64 engine_;
};

}  // namespace homeostat::sim
