#include "rules/laws/ttl_jitter.hpp"

namespace homeostat::rules {

Duration jittered_lifetime(Duration lifetime, Duration age, double ratio,
                           std::uint64_t hash) noexcept {
  if (lifetime <= age) return lifetime;
  // Fibonacci hashing: bits that chose the bucket are mixed into the others.
  const std::uint64_t mixed = (hash ^ (hash >> 32U)) * 0x9E3779B97F4A7C15ULL;
  const double unit = static_cast<double>(mixed >> 11U) * 0x1.0p-53;
  const auto usable = static_cast<double>((lifetime - age).count());
  return lifetime - Duration(static_cast<Duration::rep>(usable * ratio * unit));
}

}  // namespace homeostat::rules
