// What the control plane may do besides publishing a Policy.
//
// Thread safety: all methods may be called from any thread; none may block
// for longer than its documentation says.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "rules/engine/frame.hpp"
#include "rules/engine/rule.hpp"
#include "runtime/ports/clock.hpp"

namespace homeostat {

struct CacheFigures {
  std::size_t entries = 0;
  std::size_t bytes = 0;      ///< including overhead
  std::size_t bytes_max = 0;  ///< bound in force (after shrinking)
  std::uint64_t hits = 0, misses = 0, stores = 0, evictions = 0, expirations = 0, bypasses = 0,
                deletes = 0, collapsed = 0, errors = 0;
};

/// Where a purge is in force. Without a shared tier `fleet` and `here` are the same.
enum class PurgeReach : std::uint8_t {
  fleet,   ///< every agent of the fleet, and the tier they share
  here,    ///< this agent's own memory only
  shared,  ///< the shared tier only; what agents hold in memory stays
};

/// What to take out of the cache; everything a member names is taken.
struct PurgeRequest {
  std::vector<std::string> tags;
  /// `*` matches any run of characters. A pattern that starts with `/` or `*` is
  /// compared with paths, any other with whole keys.
  std::vector<std::string> patterns;
  /// Keys as CacheKey::key shows them, or absolute URLs.
  std::vector<std::string> keys;
  /// Names of cache.tenant, as GET /cache/stats shows them: all that is theirs.
  std::vector<std::string> tenants{};
  bool soft = false;  ///< make stale instead of dropping
  /// With soft: what is stored may have been purged elsewhere. No stale answer from it,
  /// but for the grace of hot objects.
  bool doubt = false;
  PurgeReach reach = PurgeReach::fleet;
};

/// Objects dropped or, by a soft purge, made stale. Each counts once, under the
/// first that named it: tags, then tenants, patterns and keys.
struct PurgeResult {
  std::uint64_t by_tags = 0, by_patterns = 0, by_keys = 0;
  std::size_t bytes = 0;  ///< freed
  std::uint64_t by_tenants = 0;
  [[nodiscard]] std::uint64_t entries() const noexcept {
    return by_tags + by_tenants + by_patterns + by_keys;
  }
};

/// The tenants that have something stored here.
struct CacheTenants {
  struct Tenant {
    std::string name;
    std::size_t entries = 0;
  };
  std::size_t known = 0;        ///< told apart; those that share a tag slot are not
  std::vector<Tenant> largest;  ///< with most entries first
};

/// An endpoint whose content changes faster than its rule's lifetime.
struct LoweredLifetime {
  rules::EndpointId endpoint = 0;
  Duration lifetime_max{};      ///< what a rule gives is cut to this
  double changes_per_hour = 0;  ///< of one resource, estimated
  double observations = 0;      ///< fetches that this rests on, older ones count less
};

struct CacheKeyQuery {
  std::string pattern;  ///< as PurgeRequest::patterns; empty: all
  std::size_t limit = 100;
  std::string cursor;  ///< CacheKeyPage::next_cursor of the page before; empty: from the start
};

struct CacheKey {
  std::string key;
  Duration ttl{};  ///< remaining; negative when stale
  WallTime expires{};
  std::size_t bytes = 0;
  std::vector<std::string> tags;
};

struct CacheKeyPage {
  std::vector<CacheKey> keys;
  std::uint64_t total_found = 0;  ///< when the first page was made
  std::string next_cursor;        ///< empty: this is the last page
};

/// An endpoint whose responses stay out of the cache for a reason that the
/// application or a rule could remove.
struct UncachedEndpoint {
  rules::EndpointId endpoint = 0;
  std::string reason;          ///< the most frequent one, as in Cache-Status `detail`
  std::uint64_t requests = 0;  ///< since the start
};

/// The L1 cache as the memory keeper and the admin listener see it.
class CacheControl {
 public:
  virtual ~CacheControl() = default;
  [[nodiscard]] virtual CacheFigures figures() const = 0;
  /// Drops expired entries; returns bytes freed. Bounded work per call.
  virtual std::size_t drop_expired() = 0;
  /// Sets the byte bound to `ratio` (0..1) of the configured size, evicting
  /// the coldest first; returns bytes freed. Bounded work per call: call it again
  /// while figures().bytes > figures().bytes_max. Stores help meanwhile.
  virtual std::size_t shrink_to(double ratio) = 0;
  /// Those with the most requests first.
  [[nodiscard]] virtual std::vector<UncachedEndpoint> uncached(std::size_t count_max) const = 0;
  /// In force when it returns: nothing that was stored, or whose fetch began,
  /// before the call is served as fresh afterwards. Takes time in proportion to
  /// what it takes; with patterns, to what is stored.
  virtual PurgeResult purge(const PurgeRequest& request) = 0;
  /// Stored objects in an order that does not change while objects come and go.
  /// Nothing if the cursor is not one of ours.
  virtual std::optional<CacheKeyPage> keys(const CacheKeyQuery& query) = 0;
  /// Takes time in proportion to the tags in memory, in short pieces.
  [[nodiscard]] virtual CacheTenants tenants(std::size_t count_max) const = 0;
  /// The most changing first.
  [[nodiscard]] virtual std::vector<LoweredLifetime> lowered_lifetimes(
      std::size_t count_max) const = 0;
};

/// Process memory outside the cache.
class MemoryControl {
 public:
  virtual ~MemoryControl() = default;
  /// Returns free heap pages to the system; returns resident bytes given back.
  /// May take some milliseconds: never called on a worker.
  virtual std::size_t release_allocator() = 0;
  /// Starts the application's own hook (HTTP POST); result goes to log and metric.
  virtual void call_hook(const std::string& reason) = 0;
};

/// An alert by its stable identity. Same name and labels = same alert.
struct Alert {
  std::string name;  ///< alertname label, e.g. "HomeostatEmergency"
  rules::Severity severity = rules::Severity::warning;
  std::string scope;        ///< rule or endpoint it is about; part of the identity
  std::string summary;      ///< one line
  std::string description;  ///< rule, values, since, action
  bool injected = false;
};

/// Delivers alerts; repeats them while firing. Implemented by runtime/alert.
class AlertSink {
 public:
  virtual ~AlertSink() = default;
  virtual void fire(const Alert& alert, WallTime since) = 0;  ///< idempotent
  virtual void resolve(const Alert& alert, WallTime at) = 0;  ///< idempotent
};

}  // namespace homeostat
