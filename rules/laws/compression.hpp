// How hard to compress: the law behind `compression.level: adaptive`.
//
// Algorithm. A byte that is not sent is worth `byte_worth_ns` of CPU when the
// machine is idle (what a 100 Mbit/s path needs to carry it), and nothing when
// the CPU is short: worth = byte_worth_ns x headroom. For every coding and
// effort
//
//   gain = uses x bytes x (ratio now - ratio then) x worth - cost
//   cost = bytes x ns_per_byte + job_ns
//
// and the largest positive gain wins. A response that streams is used once, so
// a cheap effort wins; an object asked for a thousand times earns the best
// ratio. Something that is compressed already is built again only if the gain
// also exceeds the cost (hysteresis): noise in the figures must not buy work.
// Among codings within `tie` of the best gain the preferred one is taken.
//
// Sampling. ns_per_byte and ratio are measured where the work is done and start
// from standard_costs(); bench/compression_bench measures the same.
//
// Pure: figures come in. Thread safety: none needed; CompressionHeadroom has
// one owner. Units: nanoseconds, bytes; ratio = bytes out / bytes in.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>

#include "rules/laws/coding.hpp"

namespace homeostat::rules {

/// 1 is fastest, 9 smallest, for every coding alike.
inline constexpr int effort_max = 9;

struct CodingCost {
  double ns_per_byte = 0;
  double ratio = 1;
};

/// [coding][effort - 1]; the row of identity is not used.
using CodingCosts = std::array<std::array<CodingCost, effort_max>, coding_count>;

enum class CompressionUse : std::uint8_t { stored, streamed };
inline constexpr std::size_t compression_use_count = 2;

/// Estimates for JSON of 16 to 100 KiB, where measuring starts from.
[[nodiscard]] const CodingCosts& standard_costs(CompressionUse use) noexcept;

struct CompressionBounds {
  double byte_worth_ns = 80;
  double job_ns = 20'000;  ///< queue, state, allocation
  double tie = 0.03;
  /// 100 KB in 50 ms.
  double ns_per_byte_max = 500;
  /// A rebuild in the background may take longer, up to `rebuild_ns_max` in all.
  double rebuild_ns_per_byte_max = 6'000;
  double rebuild_ns_max = 2e9;
};

struct CompressionQuestion {
  CodingSet allowed;     ///< configured and accepted by the client
  double bytes = 0;      ///< of the identity form
  double uses = 1;       ///< how often the result will be sent
  double headroom = 1;   ///< 0..1, of CompressionHeadroom
  double ratio_now = 1;  ///< of what is sent at present; 1 = identity
  /// Of this body's ratio to the average body's, as far as it is known.
  double ratio_scale = 1;
  bool rebuild = false;                ///< something smaller than identity is sent already
  std::span<const Coding> preference;  ///< decides ties, first is best
};

struct CompressionChoice {
  Coding coding = Coding::identity;  ///< identity: leave it as it is
  int effort = 0;
  double gain_ns = 0;
  [[nodiscard]] bool none() const noexcept { return coding == Coding::identity; }
};

[[nodiscard]] CompressionChoice choose_compression(const CodingCosts& costs,
                                                   const CompressionQuestion& question,
                                                   const CompressionBounds& bounds = {}) noexcept;

/// Uses an object can expect: its rate so far over the rest of its life, at
/// least `uses_prior` (a new object says nothing yet) and at most `uses_max`.
inline constexpr double uses_prior = 4;
inline constexpr double uses_max = 1e6;
[[nodiscard]] double expected_uses(double uses, std::chrono::nanoseconds age,
                                   std::chrono::nanoseconds remaining) noexcept;

/// CPU utilization as headroom in quarter steps. 1 up to `cpu_idle`, 0 from
/// `cpu_short` on. Falls at once, rises one step per `hold`, and only when the
/// CPU is `margin` below what the step needs.
struct HeadroomBounds {
  double cpu_idle = 0.50, cpu_short = 0.90;
  double margin = 0.03;
  std::chrono::nanoseconds hold = std::chrono::seconds(5);
};

/// Assumed while the CPU cannot be measured.
inline constexpr double headroom_unknown = 0.5;

class CompressionHeadroom {
 public:
  using Instant = std::chrono::steady_clock::time_point;

  explicit CompressionHeadroom(HeadroomBounds bounds = {}) noexcept : bounds_(bounds) {}

  /// `cpu`: utilization of the usable CPUs, 0..1. REQUIRES: now never goes back.
  double update(Instant now, std::optional<double> cpu) noexcept;
  [[nodiscard]] double current() const noexcept { return headroom_; }

 private:
  [[nodiscard]] double target(double cpu) const noexcept;

  HeadroomBounds bounds_;
  double headroom_ = headroom_unknown;
  std::optional<Instant> risen_;  ///< since when a rise is due, or the last one
};

}  // namespace homeostat::rules
