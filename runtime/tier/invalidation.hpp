// One invalidation as it travels through the fleet's log.
//
// As text: one line per name, its kind in front, `%` and line ends percent-encoded:
//   A<agent>  S (soft)  T (only the tier)  I<tag identity>  P<pattern>
//   K<key or absolute URL>  U<absolute URL, of responses only>  D<key, of data only>
// Unknown kinds are ignored, so that a later version may add some.
//
// Thread safety: plain values and pure functions. Bounds: bytes_max per text; what is
// larger must be split by the caller.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/cache/cache.hpp"
#include "runtime/ports/actuators.hpp"
#include "runtime/tier/ledger.hpp"

namespace homeostat::tier {

struct Invalidation {
  static constexpr std::size_t bytes_max = 256 * 1024;

  std::string agent;                    ///< who made it
  std::vector<std::string> identities;  ///< of tags, groups and path patterns of rules
  std::vector<std::string> patterns;
  std::vector<std::string> keys;  ///< of responses (also absolute URLs) and of data
  std::vector<std::string> urls;  ///< of responses only
  std::vector<std::string> data;  ///< keys of the application's own data only
  bool soft = false;
  bool tier_only = false;  ///< what agents hold in memory stays

  [[nodiscard]] bool empty() const noexcept {
    return identities.empty() && patterns.empty() && keys.empty() && urls.empty() && data.empty();
  }
};

[[nodiscard]] Invalidation invalidation_of(const PurgeRequest& request);
[[nodiscard]] std::string to_text(const Invalidation& invalidation);
[[nodiscard]] Invalidation parse_invalidation(std::string_view text);
/// What the ledger knows its names by.
[[nodiscard]] Names names_of(const Invalidation& invalidation, cache::Cache& cache);
/// What a purge of the application's data has to take for it.
[[nodiscard]] PurgeRequest data_purge_of(const Invalidation& invalidation);
/// Carries it out in this agent's own cache; returns the entries taken.
PurgeResult apply(const Invalidation& invalidation, cache::Cache& cache);

}  // namespace homeostat::tier
