// What a fetch for the cache came to, as the back-off sees it.
//
// Failures are those of RFC 5861 section 4 (500, 502, 503, 504, no answer); 429,
// and 503 with Retry-After, are throttling. A 4xx that is about the request and
// not about the resource teaches nothing: whoever sends odd fields must not cost
// others what is stored. Pure functions; thread safety: none
// needed.
#pragma once

#include "rules/laws/refresh_backoff.hpp"
#include "runtime/cache/fields.hpp"
#include "runtime/ports/clock.hpp"

namespace homeostat::cache {

struct FetchEnd {
  rules::FetchReport report;
  bool unreachable = false;  ///< failure without any answer

  [[nodiscard]] bool ok() const noexcept { return report.outcome == rules::FetchOutcome::success; }
};

/// REQUIRES: a final status.
[[nodiscard]] FetchEnd fetch_end_of(int status, const Fields& fields, WallTime now) noexcept;

}  // namespace homeostat::cache
