// Whether a response may be stored, and for how long.
//
// A pure function of request decision, response, policy and time. Sources:
// RFC 9111 sections 3, 4.2, 4.3 and 5.2.2; RFC 5861; RFC 6585; RFC 9213. Without
// explicit freshness from the origin or a rule nothing is stored, unless
// heuristic freshness was switched on. `no-cache` (with or without field names)
// is stored only with a validator, and then validated before every use.
// `private` with field names is treated as plain `private`. Set-Cookie is never
// stored.
//
// Lifetime, first that applies:
//   rule ttl with override_origin > s-maxage > max-age > Expires > rule ttl >
//   heuristic.
// A rule's ttl is scaled by EndpointPolicy.ttl_multiplier, bounded by its ttl_max, and
// cut where the endpoint's content changes faster (RequestDecision::lifetime_bound); what the
// origin states is extended by a rule's ttl_min only. A status that is not cacheable by default
// (RFC 9110 section 15.1) needs the origin's own freshness.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/cache/fields.hpp"
#include "runtime/cache/object.hpp"
#include "runtime/cache/reason.hpp"
#include "runtime/cache/request_rules.hpp"
#include "runtime/cache/vary.hpp"
#include "runtime/ports/policy.hpp"

namespace homeostat::cache {

struct Response {
  int status = 0;
  std::string_view reason_phrase;
  const Fields* fields = nullptr;
  std::optional<std::uint64_t> content_length;
  Instant requested{};  ///< the request left for the upstream
  Instant received{};   ///< the response head arrived
  WallTime received_wall{};
};

struct StoreDecision {
  Reason reason = Reason::none;   ///< `none`: may be stored
  ObjectHead head;                ///< filled only if it may be stored
  std::vector<std::string> vary;  ///< sorted lower-case names
  bool add_etag = false;          ///< of the body, once it is complete

  [[nodiscard]] bool storable() const noexcept { return reason == Reason::none; }
};

/// `object_bytes_max` as resolved by Cache::object_bytes_max().
[[nodiscard]] StoreDecision decide_store(const RequestDecision& request_decision,
                                         const Request& request, const Response& response,
                                         const EndpointPolicy& policy,
                                         std::uint64_t object_bytes_max);

/// RFC 9111 section 4.2.3: corrected_initial_age. `date` and `age` as received.
[[nodiscard]] Duration corrected_initial_age(const Response& response, std::optional<WallTime> date,
                                             std::chrono::seconds age_value) noexcept;

/// RFC 9111 section 4.3.4: whether a 304 is about the stored response, by the validators it
/// names.
[[nodiscard]] bool is_about(const Object& stored, const Fields& not_modified) noexcept;

struct RefreshedHead {
  ObjectHead head;
  std::vector<std::string> vary;  ///< sorted lower-case names, as in StoreDecision
};
/// RFC 9111 sections 3.2 and 4.3.4: the head of `stored` updated by a 304.
/// nullopt if the 304's validators contradict the stored ones, or if it forbids
/// storing: then the stored response must not be used any more.
[[nodiscard]] std::optional<RefreshedHead> refreshed_head(const Object& stored,
                                                          const RequestDecision& request_decision,
                                                          const Request& request,
                                                          const Response& not_modified,
                                                          const EndpointPolicy& policy);

enum class HeadComparison : std::uint8_t {
  same,     ///< the stored response may be updated from it
  differs,  ///< the stored response is out of date
  unknown,  ///< nothing to compare by
};
/// RFC 9111 section 4.3.5: what a response to HEAD says about a stored GET.
[[nodiscard]] HeadComparison compare_head_response(const Object& stored,
                                                   const Response& head) noexcept;

}  // namespace homeostat::cache
