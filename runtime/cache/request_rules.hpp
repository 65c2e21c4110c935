// What a request allows: lookup, collapsing, storing; and why not.
//
// Rules are compiled once; `decide` is a pure function of the request.
// Thread safety: RequestRules is immutable after construction. A decision
// borrows the rule it matched: it must not outlive the RequestRules.
// Sources: RFC 9111 sections 3, 3.5, 4 and 5.2.1; RFC 9110 sections 13 and 14.
//
// `max-stale` never makes this cache serve stale content (RFC 9111 allows, not
// demands it). If-Match and If-Unmodified-Since are the origin's to decide,
// except where a fresh stored response already satisfies them, and except for tags
// that are this agent's (own_tag.hpp).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings/cache.hpp"
#include "rules/laws/change_rate.hpp"
#include "runtime/cache/freshness.hpp"
#include "runtime/cache/own_tag.hpp"
#include "runtime/cache/reason.hpp"
#include "runtime/cache/request.hpp"
#include "runtime/cache/stale.hpp"
#include "runtime/cache/tags.hpp"
#include "runtime/http/query.hpp"

namespace homeostat::cache {

/// `*` matches any run of characters, everything else itself. Linear time.
class PathPattern {
 public:
  explicit PathPattern(std::string_view pattern);
  [[nodiscard]] bool matches(std::string_view path) const noexcept;
  [[nodiscard]] const std::string& text() const noexcept { return text_; }

 private:
  std::string text_;
};

struct CompiledRule {
  PathPattern path;
  config::CacheRule settings;
  std::vector<std::string> vary;  ///< lower case
  std::vector<PathPattern> invalidate_on;
  /// How its queries enter keys; unset: as all others do.
  std::optional<http::QueryNormalizer> query;
  std::uint64_t query_shape = 0;
  bool restrictive_control = false;  ///< cache_control says private, no-store or no-cache
  bool delimited = false;            ///< its own pattern has what http::delimited_path looks for
  StaleWindows stale;

  [[nodiscard]] const http::QueryNormalizer* key_query() const noexcept {
    return query ? &*query : nullptr;
  }
};

class RequestRules;
/// What the configuration says about responses, whatever the request.
struct ResponsePolicy {
  std::vector<std::string> targeted_fields;  ///< RFC 9213, in order of preference
  config::HeuristicFreshness heuristic = config::HeuristicFreshness::off;
  std::chrono::seconds heuristic_max{};
  std::uint64_t range_fill_max = 0;
};

struct RequestDecision {
  const RequestRules* rules = nullptr;  ///< those that decided
  bool lookup = false;                  ///< a stored response may be used (or validated)
  bool store = false;                   ///< the response may be stored if it allows that
  bool collapse = false;                ///< may share another request's fill
  Reason reason = Reason::none;         ///< why not, when something is not allowed
  const CompiledRule* rule = nullptr;
  const StaleWindows* stale = nullptr;        ///< the rule's or the configuration's
  const ResponsePolicy* responses = nullptr;  ///< null only while the cache is off
  bool head = false;
  bool range = false;         ///< GET with a Range of bytes in valid syntax
  bool precondition = false;  ///< If-Match or If-Unmodified-Since must hold for a stored response
  TagOwners tag_owners =
      TagOwners::others;           ///< of If-Match; for every method it means something to
  bool own_tag_holds = false;      ///< an unsafe request's If-Match was found to hold
  bool authorization = false;      ///< needs ObjectHead::authorization_shared
  bool authorization_key = false;  ///< the value's hash is part of the key
  bool only_if_cached = false;     ///< answer 504 instead of going upstream
  bool no_transform = false;       ///< the client wants what the origin sent (section 5.2.1.6)
  bool revalidate = false;         ///< no-cache, max-age=0, Pragma: no-cache
  /// What the endpoint's content allows a rule to give (change_control.hpp).
  homeostat::rules::LifetimeBound lifetime_bound;
  bool plain_lifetime = false;  ///< the control plane's multiplier does not apply to it
  bool delimited_path = false;  ///< the rule can only shorten what the origin states
  std::optional<std::chrono::seconds> max_age;
  std::optional<std::chrono::seconds> min_fresh;

  [[nodiscard]] const StaleWindows& stale_windows() const noexcept {
    static constexpr StaleWindows nothing;
    return stale != nullptr ? *stale : nothing;
  }
  [[nodiscard]] bool bypass() const noexcept { return !lookup && !store; }
  /// The rule keeps one copy for every tenant.
  [[nodiscard]] bool for_all_tenants() const noexcept {
    return rule != nullptr && rule->settings.all_tenants;
  }
  /// The condition is decided here: it does not go upstream.
  [[nodiscard]] bool judges_condition() const noexcept {
    return own_tag_holds || tag_owners == TagOwners::own;
  }
  /// The request's own directives accept a response of this freshness.
  [[nodiscard]] bool accepts(const Freshness& freshness, Instant now) const noexcept;
};

class RequestRules {
 public:
  explicit RequestRules(const config::CacheSettings& settings);

  [[nodiscard]] RequestDecision decide(const Request& request) const;
  /// First rule that matches, or null.
  [[nodiscard]] const CompiledRule* match(std::string_view method,
                                          std::string_view path) const noexcept;
  /// True if the request is POST and a rule caches it: the proxy then reads
  /// and hashes the body first.
  [[nodiscard]] bool wants_body_hash(std::string_view method, std::string_view path) const noexcept;
  /// True if what a write to `path` has changed is fetched before the write is answered.
  [[nodiscard]] bool writes_through(std::string_view path) const noexcept;
  /// How queries and tenants enter the keys of what `rule` (null: none) matches. Agents
  /// that read these differently must not take one key for the same resource.
  [[nodiscard]] std::uint64_t query_shape(const CompiledRule* rule) const noexcept {
    return rule != nullptr ? rule->query_shape : query_shape_;
  }
  /// Paths patterns whose content a successful unsafe request on `path` makes
  /// invalid: the `match.path` of each rule with a fitting `invalidate_on`.
  void invalidated_by(std::string_view path, std::vector<std::string_view>& patterns) const;
  /// Tags of a response to a request for `path`: from its rule, its fields, and
  /// the path patterns it could be invalidated by. False: more than it may have.
  [[nodiscard]] bool read_tags(std::string_view path, const CompiledRule* rule,
                               const Fields& response, TagSet& tags) const;
  /// Tag fields that clients do not get; null: they get them.
  [[nodiscard]] const TagFields* removed_tag_fields() const noexcept {
    return remove_tag_fields_ ? &tag_fields_ : nullptr;
  }
  /// True if a response under `rule` gets an ETag where the origin sent none.
  [[nodiscard]] bool adds_etag(const CompiledRule* rule) const noexcept {
    return rule != nullptr && rule->settings.etag ? *rule->settings.etag : etag_;
  }
  [[nodiscard]] const OwnTags& own_tags() const noexcept { return own_tags_; }
  /// Equal for rules that make the same keys and tags of the same traffic.
  [[nodiscard]] std::uint64_t fingerprint() const noexcept { return fingerprint_; }
  /// Path patterns of rules whose keys or tags differ in `next`, or that changed
  /// their order; what they match must go. `*` if everything may differ.
  [[nodiscard]] std::vector<std::string> changed_paths(const RequestRules& next) const;

  /// Past expiry, for all rules.
  [[nodiscard]] std::chrono::seconds stale_in_emergency() const noexcept {
    return stale_.in_emergency;
  }

 private:
  bool enabled_;
  StaleWindows stale_;
  ResponsePolicy responses_;
  std::vector<CompiledRule> rules_;
  TagFields tag_fields_;
  std::size_t tags_max_;
  bool remove_tag_fields_;
  bool etag_;
  OwnTags own_tags_;
  // What decides keys and tags: that of all rules, then one text for each rule.
  std::string common_shape_;
  std::vector<std::string> shapes_;
  std::uint64_t fingerprint_ = 0;
  std::uint64_t query_shape_ = 0;
};

}  // namespace homeostat::cache
