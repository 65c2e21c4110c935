// Advice about how clients use the application: lists fetched item by item,
// pages far in, lists without pages, tracking parameters in cache keys, stored
// responses that expire unchanged, retries that come in storms.
//
// Thread safety: pure functions.
#pragma once

#include <vector>

#include "runtime/admin/recommendations.hpp"
#include "runtime/ports/request_patterns.hpp"

namespace homeostat::admin {

/// `patterns` are those of the last hour. Each piece of advice needs at least evidence_min requests
/// of its endpoint (or responses that expired), and a share of them that chance does not explain.
/// At most patterns_advice_max.
[[nodiscard]] std::vector<Recommendation> pattern_recommendations(
    const std::vector<RequestPatterns>& patterns, const TrafficFigures& traffic);
inline constexpr std::size_t patterns_advice_max = 20;

/// Of requests whose template is drawn by chance, this one with probability
/// `share`: how many stand in a row of at least `run` of it. A first place of a
/// row needs another template before it; each place is in a row of r or more
/// with probability share^(r-1) * (r - (r-1) * share) given that it is this one.
[[nodiscard]] double run_share_by_chance(double share, unsigned run) noexcept;

}  // namespace homeostat::admin
