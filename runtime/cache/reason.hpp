// Why a request or response was not served from, or not put into, the cache.
// One closed list: each reason has a short token for Cache-Status `detail` and
// a counter of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace homeostat::cache {

enum class Reason : std::uint8_t {
  none,
  // Requests.
  disabled,     ///< the cache is off
  rule_bypass,  ///< a rule says bypass
  method,       ///< neither GET nor HEAD, and no rule allows it
  range,        ///< a Range that is passed through: another unit, or too large to fill
  request_no_store,
  request_body,       ///< GET with a body
  authorization,      ///< RFC 9111 section 3.5
  request_directive,  ///< no-cache, max-age, min-fresh of the request refuse the stored response
  only_if_cached,     ///< nothing usable stored: 504
  upgrade,
  override_field,  ///< X-HTTP-Method-Override and its like: the key does not say what it asks for
  tenant,          ///< names its tenant in a way that servers read differently
  ambiguous_path,  ///< servers differ in what it names: no rule can be said to be for it
  precondition,    ///< If-Match or If-Unmodified-Since, which the origin decides
  content_coding,  ///< the stored coding is refused by the client, and not decoded yet
  // Responses.
  no_store,
  private_,
  no_cache,
  set_cookie,
  vary_star,
  vary_limit,    ///< too many or too long Vary fields
  partial,       ///< 206
  status,        ///< not a cacheable status
  spelling,      ///< a redirect or error that may be about how the target is spelt
  no_freshness,  ///< no explicit freshness
  expired,       ///< already stale on arrival
  too_large,
  truncated,
  tag_limit,  ///< more tags than an object may have
  // Fills and storage.
  admission,     ///< the eviction policy keeps what it has
  invalidated,   ///< flushed or invalidated while the fill ran
  fill_memory,   ///< memory for fills in flight is used up
  hit_for_miss,  ///< known as uncacheable a moment ago
  upstream_failed,
  head_request,  ///< an answer to HEAD has no body to store
  validator,     ///< a 304 that is about another representation than the stored one
  upstream_timeout,
  rejected,  ///< the leader was turned away at admission
  // Served stale.
  stale_while_revalidate,
  stale_if_error,  ///< instead of a failure
  origin_backoff,  ///< the origin is left alone for a while
  emergency,
  shared,  ///< served from the tier that the fleet shares
};
inline constexpr std::size_t reason_count = static_cast<std::size_t>(Reason::shared) + 1;

/// A token of RFC 8941 (lower case, `-`); static storage.
[[nodiscard]] std::string_view to_string(Reason reason) noexcept;

}  // namespace homeostat::cache
