// Section `cache`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/settings/common.hpp"
#include "config/settings/redis.hpp"
#include "config/settings/warm.hpp"

namespace homeostat::config {

/// What is taken out of JSON before it is sent.
struct JsonSettings {
  bool whitespace = false;  ///< insignificant whitespace
  bool nulls = false;       ///< members whose value is null
  bool operator==(const JsonSettings&) const = default;
  [[nodiscard]] bool any() const noexcept { return whitespace || nulls; }
};

/// What tells the tenants of the application apart. Each has a namespace of its own.
enum class CacheTenantKey : std::uint8_t { none, header, authorization, token_subject };

struct CacheTenantSettings {
  CacheTenantKey by = CacheTenantKey::none;
  std::string field;  ///< only with `header`
};

/// Lifetimes that rules give become shorter where content changes faster
/// (rules/laws/change_rate.hpp).
struct ChangeSettings {
  LoopMode mode = LoopMode::on;
  /// Not below this part of what the rule gives: an application whose every answer
  /// differs (a time in the body) must not be asked for each of them.
  double lowest = 0.25;
};

/// What a successful PUT, PATCH or POST does to what is stored for its target.
enum class WriteMode : std::uint8_t {
  invalidate,
  through,  ///< and it is fetched anew before the write is answered
};

struct CacheRule {
  RequestMatch match;
  std::optional<seconds> ttl;  ///< absent: the origin's own freshness
  bool post = false;           ///< POST may be cached, keyed by body hash
  bool authenticated = false;  ///< requests with Authorization may be cached, keyed by its hash
  bool all_tenants = false;    ///< one copy answers every tenant
  bool bypass = false;
  WriteMode write = WriteMode::invalidate;
  bool override_origin =
      false;  ///< `ttl` wins over the origin's max-age (never over no-store/private)
  std::optional<seconds> ttl_min;       ///< a shorter lifetime, whoever gave it, is raised to this
  std::optional<seconds> ttl_max;       ///< a longer one is cut
  std::vector<std::string> query_drop;  ///< in addition to CacheSettings::query_drop
  std::vector<std::string> query_keep;  ///< not empty: only these parameters are in the key
  std::optional<bool> etag;             ///< absent: CacheSettings::etag
  std::string cache_control;            ///< sent to clients instead of the origin's; empty: as is
  JsonSettings json;
  std::vector<std::string> vary;
  std::vector<std::string> tags;
  std::vector<std::string> invalidate_on;
  std::optional<seconds> stale_while_revalidate;  ///< absent: as in CacheSettings
  std::optional<seconds> stale_if_error;
};

/// Fetches the cache makes by itself: refreshes in the background, and how far
/// it leaves a failing origin alone.
struct RefreshSettings {
  LoopMode ahead = LoopMode::on;     ///< hot objects before they expire
  double extra_max = 0.05;           ///< what that may cost, as a share of the cache's fetches
  std::size_t concurrency_max = 64;  ///< at the same time, all workers together
  milliseconds backoff_first{1000};  ///< after the first failure; doubles each time
  seconds backoff_max{60};
  seconds retry_after_max{300};  ///< the longest Retry-After that is obeyed
  /// After a soft purge a hot object still answers for this long, while it is
  /// fetched anew; 0 = only where stale answers are allowed anyway.
  seconds purge_grace{10};
};

/// Tags that responses bring, for invalidation by tag.
struct CacheTagSettings {
  std::vector<std::string> fields = {"Surrogate-Key", "Cache-Tag", "xkey"};
  bool remove = false;                ///< do not pass `fields` on to clients
  std::size_t per_object_max = 256;   ///< a response with more is not stored
  std::size_t distinct_max = 100000;  ///< tags told apart in memory; further ones share
};

/// Freshness of responses that state none (RFC 9111 section 4.2.2).
enum class HeuristicFreshness : std::uint8_t {
  off,
  last_modified,  ///< a tenth of the time since Last-Modified
};

struct CacheSettings {
  bool enabled = true;
  std::size_t memory = 100 * mebibyte;
  std::size_t object_bytes_max = 0;  ///< 0 = memory / 8
  std::string key_prefix = "hs";
  std::string key_namespace = "default";
  seconds negative_ttl{1};  ///< hit-for-miss memory of an uncacheable answer, renewed by the next
  std::size_t negative_entries_max = 10000;
  std::size_t variants_max = 16;      ///< Vary variants per key
  milliseconds fill_wait_max{30000};  ///< how long a waiter follows another request's fill
  milliseconds follower_lag_max{
      1000};                          ///< how long the slowest reader of a fill may hold up others
  milliseconds write_wait_max{2000};  ///< how long the answer to a write waits for its fetch
  unsigned key_version = 0;           ///< part of every key; a new number empties the cache
  std::vector<std::string> query_drop;  ///< parameters ignored in the key
  std::vector<std::string> query_keep;  ///< not empty: all others are ignored
  bool query_drop_tracking = false;     ///< ignore well-known tracking parameters
  bool query_sort = true;
  std::size_t no_vary_search_max = 1000;  ///< paths whose No-Vary-Search is remembered; 0 = ignored
  /// Response fields that replace Cache-Control, the first valid one (RFC 9213).
  std::vector<std::string> targeted_fields = {"CDN-Cache-Control"};
  HeuristicFreshness heuristic_freshness = HeuristicFreshness::off;
  seconds heuristic_max{86400};  ///< the longest lifetime a heuristic gives
  /// A Range request that misses fetches the whole response up to this size, so
  /// that the next ranges are hits; 0 = ranges pass through.
  std::size_t range_fill_max = 4 * mebibyte;
  bool status_key = false;  ///< Cache-Status shows the key, which is the operator's business
  bool etag = true;         ///< add a strong ETag to stored responses that have none
  CacheTagSettings tags;
  CacheTenantSettings tenant;
  ChangeSettings ttl_by_change;
  std::vector<CacheRule> rules;
  std::vector<std::pair<std::string, std::vector<std::string>>> groups;
  std::vector<std::pair<std::string, std::vector<std::string>>> events;
  double staleness_budget = 0.01;
  /// Where the origin does not say. Off: serving stale content is its call, or
  /// the operator's.
  seconds stale_while_revalidate{0};
  seconds stale_if_error{0};
  /// No answer at all: RFC 9111 section 4.2.4 lets a disconnected cache do it.
  seconds stale_if_unreachable{60};
  /// In emergency mode, whatever the origin says short of must-revalidate: the choice is
  /// between stale answers and none. The operator's permission, hence a setting.
  seconds stale_in_emergency{600};
  double ttl_jitter = 0.1;        ///< lifetimes end up to this share earlier, by key
  bool ttl_jitter_origin = true;  ///< also what the origin states, from a minute up
  RefreshSettings refresh;
  RedisSettings redis;
  EntrySettings entries;
  WarmSettings warm;
};

}  // namespace homeostat::config
