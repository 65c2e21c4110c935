// The operator's configuration as plain values.
//
// Every field carries its default here and nowhere else; docs/config_reference.md
// is generated from the same facts and checked by a test. The structs have no
// behaviour, own their strings, and may be copied between threads freely. A
// loaded `Settings` is immutable: reload builds a new one.
//
// Units: durations are std::chrono types, sizes are bytes, ratios are 0..1.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "rules/engine/rule.hpp"

namespace homeostat::config {

using std::chrono::milliseconds;
using std::chrono::seconds;

inline constexpr std::size_t kibibyte = 1024;
inline constexpr std::size_t mebibyte = 1024 * kibibyte;

/// A place to listen on or to connect to: TCP (host, port) or a Unix socket.
struct Address {
  std::string host;        ///< IP address or DNS name; empty: every interface, or a Unix socket
  std::uint16_t port = 0;  ///< 0 lets the kernel choose (tests)
  std::string unix_path;   ///< not empty: a Unix stream socket

  bool operator==(const Address&) const = default;
};

/// Client-facing limits. Each one ends the connection with a clear status.
struct ServerSettings {
  std::size_t header_bytes_max = 32 * kibibyte;  ///< request line + fields; 431
  std::size_t target_bytes_max = 8 * kibibyte;   ///< request target; 414
  std::size_t header_count_max = 100;            ///< fields; 431
  std::uint64_t body_bytes_max = 0;              ///< request body; 0 = unlimited; 413
  seconds header_timeout{10};                    ///< first byte to end of head; 408
  seconds body_timeout{30};                      ///< between two reads of a body; 408
  seconds write_timeout{30};                     ///< between two successful writes
  seconds idle_timeout{60};                      ///< keep-alive without a request
  seconds total_timeout{0};                      ///< whole request; 0 = unlimited
  std::size_t body_rate_min = 64;                ///< bytes/s a body must average after 10 s; 408
  std::size_t connections_max = 10000;           ///< all workers together; further ones are refused
  std::size_t requests_per_connection_max = 0;   ///< 0 = unlimited
  seconds drain_timeout{30};                     ///< SIGTERM: how long requests may take to finish
  bool trust_forwarded = false;  ///< append to X-Forwarded-For instead of replacing it
  bool via = true;               ///< add Via (RFC 9110 section 7.6.3)
};

/// One upstream server.
struct UpstreamTarget {
  Address address;
  std::string host_header;  ///< authority used by health checks
  bool operator==(const UpstreamTarget&) const = default;
};

struct HealthCheckSettings {
  std::string path;  ///< empty: no active check
  milliseconds interval{5000};
  milliseconds timeout{2000};
  unsigned healthy_after = 2;    ///< successes in a row
  unsigned unhealthy_after = 3;  ///< failures in a row
  bool operator==(const HealthCheckSettings&) const = default;
};

struct UpstreamSettings {
  std::vector<UpstreamTarget> targets;
  milliseconds connect_timeout{2000};
  milliseconds timeout{30000};            ///< dispatch to response head; 504
  milliseconds body_timeout{30000};       ///< between two reads of the response body
  std::size_t connections_max = 512;      ///< per target, all workers together
  std::size_t idle_connections_max = 64;  ///< kept per target and worker
  seconds idle_timeout{30};               ///< pooled connection unused
  unsigned retries = 1;                   ///< idempotent requests only
  unsigned passive_failures = 5;          ///< consecutive connect failures that eject a target
  seconds passive_ejection{5};            ///< how long it stays ejected
  bool preserve_host = true;              ///< forward the client's Host
  HealthCheckSettings health;
  bool operator==(const UpstreamSettings&) const = default;
};

struct AdminToken {
  enum class Role : std::uint8_t { viewer, operator_ };
  std::string name;
  Role role = Role::viewer;
  std::string secret;       ///< resolved from `secret` (usually ${ENV}) or `secret_file`
  std::string secret_file;  ///< as written; the loader reads it into `secret`
};

struct AdminSettings {
  Address listen{"127.0.0.1", 9180, {}};
  std::vector<AdminToken> tokens;
  bool open_probes = true;       ///< /metrics, /livez and /readyz need no token
  bool allow_injection = false;  ///< POST /api/v1/test/performance
  std::size_t connections_max = 64;
};

/// A control loop does nothing, only says what it would do, or acts.
enum class LoopMode : std::uint8_t { off, shadow, on };

/// Matches requests by method and path. `*` matches any run of characters.
struct RequestMatch {
  std::string path;                  ///< pattern, e.g. /api/v1/books/*
  std::vector<std::string> methods;  ///< empty: the rule's natural methods
};

/// What is taken out of stored JSON before it is sent.
struct JsonSettings {
  bool whitespace = false;  ///< insignificant whitespace
  bool nulls = false;       ///< members whose value is null
  bool operator==(const JsonSettings&) const = default;
  [[nodiscard]] bool any() const noexcept { return whitespace || nulls; }
};

struct CacheRule {
  RequestMatch match;
  std::optional<seconds> ttl;  ///< absent: the origin's own freshness
  bool post = false;           ///< POST may be cached, keyed by body hash
  bool authenticated = false;  ///< requests with Authorization may be cached, keyed by its hash
  bool bypass = false;
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
};

/// Tags that responses bring, for invalidation by tag.
struct CacheTagSettings {
  std::vector<std::string> fields = {"Surrogate-Key", "Cache-Tag", "xkey"};
  bool remove = false;                ///< do not pass `fields` on to clients
  std::size_t per_object_max = 256;   ///< a response with more is not stored
  std::size_t distinct_max = 100000;  ///< tags told apart in memory; further ones share
};

struct RedisSettings {
  std::string url;  ///< redis://host:port/db
  milliseconds timeout{50};
  std::size_t compress_above = kibibyte;
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
  seconds negative_ttl{1};  ///< hit-for-miss memory of an uncacheable answer
  std::size_t negative_entries_max = 10000;
  std::size_t variants_max = 16;        ///< Vary variants per key
  milliseconds fill_wait_max{30000};    ///< how long a waiter follows another request's fill
  unsigned key_version = 0;             ///< part of every key; a new number empties the cache
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
  double ttl_jitter = 0.1;         ///< lifetimes end up to this share earlier, by key
  bool ttl_jitter_origin = false;  ///< also those the origin states, not only rules' ttl
  RefreshSettings refresh;
  std::optional<RedisSettings> redis;
};

struct CompressionSettings {
  enum class Mode : std::uint8_t {
    off,
    on,
    adaptive
  };  ///< adaptive: only where a rule asks for it
  Mode mode = Mode::adaptive;
  /// What may be used, preferred first.
  std::vector<rules::Coding> algorithms = {rules::Coding::zstd, rules::Coding::brotli,
                                           rules::Coding::gzip};
  std::size_t min_size = kibibyte;
  std::size_t max_size =
      16 * mebibyte;  ///< stored variants; larger bodies are compressed while streaming
  int level = 0;      ///< 1..9 for every algorithm alike; 0 = adaptive
  /// Media type pattern and its own level; the first that matches decides.
  std::vector<std::pair<std::string, int>> levels;
  std::vector<std::string> types = {
      "text/*",        "application/json",   "application/javascript", "application/xml",
      "image/svg+xml", "application/*+json", "application/*+xml"};
  std::vector<std::string> exclude_types = {"text/event-stream"};
  /// Paths whose secret-bearing responses are compressed all the same (BREACH).
  std::vector<std::string> secret_paths;
  /// Encoder states of responses that stream, all workers together; above it
  /// they pass as they are.
  std::size_t stream_memory = 32 * mebibyte;
};

struct PriorityRule {
  RequestMatch match;
  std::uint8_t priority_class = 1;  ///< 0 critical, 1 high, 2 normal, 3 low
};

struct AdmissionSettings {
  LoopMode mode = LoopMode::on;
  milliseconds max_wait{100};
  std::size_t queue_max = 1024;
  double limit_initial = 20;
  double limit_min = 1;
  double limit_max = 1000;
  int reject_status = 503;  ///< 429 or 503
  seconds retry_after_min{1};
  std::vector<PriorityRule> priorities;  ///< default class: 2 normal
};

struct EndpointSettings {
  std::vector<std::string> routes;  ///< explicit templates, e.g. /book/{id}
  std::size_t max = 500;            ///< further ones are counted as "other"
};

struct MonitorSettings {
  milliseconds interval{1000};
  std::string app_pid_file;
  std::string app_cgroup;  ///< path of the application's cgroup, if mounted
  std::vector<std::string> disks = {"/"};
  std::string root = "/";  ///< where /proc and /sys are found (tests, containers)
  EndpointSettings endpoints;
};

struct OptimizationSettings {
  bool enabled = true;
  LoopMode mode = LoopMode::on;
  rules::LevelSetting level = rules::LevelSetting::balanced;
  rules::RuleSet rules;  ///< parsed and checked; built-in and files
  std::vector<std::string> rule_sources = {
      "builtin"};  ///< `rules` as written: builtin, files, globs
  milliseconds interval{1000};
  std::string memory_hook;  ///< URL called by release_memory with hook: true
  milliseconds memory_hook_timeout{2000};
  seconds policy_lease{10};  ///< how long the data plane trusts the last policy
};

struct AlertSettings {
  std::string alertmanager;  ///< base URL; empty = none
  std::vector<std::string> webhooks;
  seconds resend{60};
  milliseconds timeout{5000};
  std::size_t queue_max = 256;
  std::vector<std::pair<std::string, std::string>> labels;  ///< added to every alert
};

struct AccessLogSettings {
  bool enabled = false;
  double sample = 1.0;  ///< share of requests written, 0..1; errors are always written
};

struct LogSettings {
  enum class Format : std::uint8_t { console, json };
  Format format = Format::console;
  std::string level = "info";  ///< trace, debug, info, warn, error
  AccessLogSettings access;
};

struct Settings {
  std::vector<Address> listen;
  unsigned workers = 0;  ///< 0 = one per usable CPU
  ServerSettings server;
  UpstreamSettings upstream;
  AdminSettings admin;
  CacheSettings cache;
  CompressionSettings compression;
  AdmissionSettings admission;
  MonitorSettings monitor;
  OptimizationSettings optimization;
  AlertSettings alerts;
  LogSettings log;
  std::string source_path;  ///< file it came from; empty when built from flags
};

}  // namespace homeostat::config
