// How fast content changes, and how long a copy of it may live for that.
//
// A rule's ttl is a guess. Whatever is fetched again tells whether it was right: since it
// was fetched last, `lived` ago, the content has changed or it has not. Changes of one
// resource are taken to come at a rate; all resources of an endpoint share an estimate.
//
//   first     everything known counts 39/40 of what it did (what is old fades)
//   unchanged exposure += lived
//   changed   exposure += lived, changes += m = y / (1 - e^-y), at most 5, y = rate x lived:
//             how many changes are to be expected where at least one is certain
//   rate      = changes / exposure
//   at most   = 1 / (2 rate), from `fetches_min` fetches on
//
// A copy that lives for half the mean time between changes is still the newest at its end
// in e^-1/2 = 61 % of all cases. A ttl below that is left alone: this law only shortens.
// Since `lived` counts, a resource that is asked for once a day and changes each time says
// nothing about a ttl of a minute. Where every answer differs, the bound ends at `lowest` of
// what the rule gives; when content calms down, each fetch lengthens the bound by a fortieth.
//
// Source: the estimate of the rate is that of an incomplete history of changes (Cho and
// Garcia-Molina, "Estimating frequency of change", ACM TOIT 2003) with forgetting.
// Pure functions on plain values; thread safety: none needed. Units: std::chrono, per second.
#pragma once

#include <chrono>

#include "rules/engine/frame.hpp"

namespace homeostat::rules {

struct ChangeEvidence {
  double changes = 0;
  double exposure = 0;  ///< seconds
  double fetches = 0;   ///< that the other two rest on; older ones count less

  bool operator==(const ChangeEvidence&) const = default;
};

struct Refetch {
  bool changed = false;
  Duration lived{};  ///< since it was fetched before
};

inline constexpr double change_fetches_min = 8;
inline constexpr Duration unbounded_lifetime = Duration::max();

[[nodiscard]] ChangeEvidence after(ChangeEvidence evidence, const Refetch& refetch) noexcept;
[[nodiscard]] double changes_per_second(const ChangeEvidence& evidence) noexcept;
/// How long a copy may live; unbounded_lifetime while nothing speaks against more.
[[nodiscard]] Duration lifetime_bound(const ChangeEvidence& evidence) noexcept;

/// What a lifetime that a rule gives is cut to.
struct LifetimeBound {
  Duration at_most = unbounded_lifetime;
  double lowest = 1;  ///< the part of the given lifetime that always stays
  bool act = true;    ///< false: shadow

  /// Never longer than `given`; a second at least, if it is that long.
  [[nodiscard]] Duration cut(Duration given) const noexcept;
};

}  // namespace homeostat::rules
