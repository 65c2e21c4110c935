// The L1 cache: one for all workers, a key is stored once.
//
// Structure: 256 shards divide the key space by the hash of host, path and
// query, so that everything about one URI lives in one shard. A shard is a
// chained hash table whose links are atomic: hits read it without a lock under
// an epoch guard (epoch.hpp) and take one reference on the object. Writers take
// the shard's mutex, and inside it, briefly, the policy's. One eviction policy
// (eviction_policy.hpp) and one byte bound cover all shards.
//
// Memory: bytes() = bodies + heads + keys + entries + table slots + policy
// never exceeds the bound in force. Fills in flight are bounded by a second
// budget (half the configured bytes); what they hold above `fill_slack` lowers
// the bound for stored objects meanwhile. Objects still being sent after
// eviction are kept alive by their readers and bounded by the connections.
//
// Thread safety: CacheControl methods and `attach_variant` from any thread;
// everything per request goes through one Worker per thread (worker.hpp).
// Lock order: search, then shard, then tags, policy or fill; those of the refresh and the
// change control are leaves.
// Errors: none; a refused store has a Reason. The Clock is asked only by CacheControl methods.
//
// Purging: tags by number (tag_index.hpp), at once and without a search; what
// they killed is dropped by sweep(). Keys and URIs are found by hash, patterns
// by a walk. All of them also reach fills under way: what began before a purge
// is never stored after it. Hard purges drop, soft ones make stale (Object::soften).
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings/cache.hpp"
#include "runtime/cache/change_control.hpp"
#include "runtime/cache/counters.hpp"
#include "runtime/cache/epoch.hpp"
#include "runtime/cache/eviction_policy.hpp"
#include "runtime/cache/fill.hpp"
#include "runtime/cache/key.hpp"
#include "runtime/cache/memory_budget.hpp"
#include "runtime/cache/object.hpp"
#include "runtime/cache/refresh_control.hpp"
#include "runtime/cache/request_rules.hpp"
#include "runtime/cache/shard.hpp"
#include "runtime/cache/tag_index.hpp"
#include "runtime/cache/vary.hpp"
#include "runtime/ports/actuators.hpp"
#include "runtime/ports/clock.hpp"

namespace homeostat::cache {

/// Appends the locations of a URL (host, path and query of `request`), one for each way
/// the rules let its query enter keys.
void append_locations(KeyBuilder& keys, Request request, const RequestRules& rules,
                      std::vector<std::uint64_t>& locations);

class Cache final : public CacheControl {
 public:
  static constexpr std::size_t shard_count = 256;
  static constexpr std::size_t fill_slack = 16 * config::mebibyte;

  /// `settings` is copied. `seed` randomises hashing; 0 takes one from the
  /// operating system.
  Cache(const config::CacheSettings& settings, const Clock& clock, std::uint64_t seed = 0);
  ~Cache() override;
  Cache(const Cache&) = delete;
  Cache& operator=(const Cache&) = delete;

  // -- CacheControl: any thread -------------------------------------------------
  [[nodiscard]] CacheFigures figures() const override;
  std::size_t drop_expired() override;
  std::size_t shrink_to(double ratio) override;
  PurgeResult purge(const PurgeRequest& request) override;
  std::vector<UncachedEndpoint> uncached(std::size_t count_max) const override;
  std::optional<CacheKeyPage> keys(const CacheKeyQuery& query) override;
  [[nodiscard]] CacheTenants tenants(std::size_t count_max) const override;
  [[nodiscard]] std::vector<LoweredLifetime> lowered_lifetimes(
      std::size_t count_max) const override {
    return changes_.lowered(count_max);
  }
  /// Gives back the memory of what tag purges killed: up to `count_max` entries.
  /// Returns how many; call it regularly.
  std::size_t sweep(std::size_t count_max = 65536);
  /// Drops what carries a tag, whatever its kind (tags.hpp), at once and without a
  /// search. Returns how many entries did.
  std::size_t purge_identity(std::string_view identity);
  /// Where the agents of a fleet know the responses of an absolute URL by, one for
  /// each way its query may enter keys.
  [[nodiscard]] std::vector<std::uint64_t> shared_locations(std::string_view url);
  /// URLs (http://host/path?query) of what is asked for most, the most popular first:
  /// answers to GET without a body, credentials or a hashed key. Of the variants of one URL
  /// only the URL is told.
  [[nodiscard]] std::vector<std::string> popular(std::size_t count_max);
  /// Follows a new configuration: another key version empties the cache; where
  /// rules that make keys or tags changed, what they match goes, and fetches that
  /// follow the old ones are not stored. Returns entries dropped.
  std::size_t reload(const config::CacheSettings& next);

  /// Puts a variant into its slot of a stored object, from any thread; ends what
  /// try_begin_variant began. Dropped (false) if the object is no longer stored,
  /// the bytes do not fit, or it is not smaller than the one it would replace.
  bool attach_variant(const ObjectPtr& object, rules::Coding coding, ObjectPtr variant);

  // -- constants and totals -----------------------------------------------------
  [[nodiscard]] const config::CacheSettings& settings() const noexcept { return settings_; }
  [[nodiscard]] const RequestRules& rules() const noexcept { return rules_; }
  [[nodiscard]] std::uint64_t object_bytes_max() const noexcept { return object_bytes_max_; }
  [[nodiscard]] std::size_t bytes() const;
  /// Paths whose No-Vary-Search is remembered.
  [[nodiscard]] std::size_t search_paths() const noexcept { return search_paths_known_.load(); }
  [[nodiscard]] std::size_t fill_bytes() const noexcept { return budget_.used(); }
  [[nodiscard]] RefreshControl& refresh() noexcept { return refresh_; }
  [[nodiscard]] ChangeControl& changes() noexcept { return changes_; }
  [[nodiscard]] const ChangeControl& changes() const noexcept { return changes_; }
  [[nodiscard]] RefreshFigures refresh_figures() const { return refresh_.figures(clock_.now()); }
  /// Objects refreshed ahead of their expiry that were asked for afterwards.
  [[nodiscard]] std::uint64_t ahead_useful() const;
  /// How often each Reason was counted, all workers.
  [[nodiscard]] std::array<std::uint64_t, reason_count> reasons() const;
  [[nodiscard]] const TagIndex& tags() const noexcept { return tags_; }

 private:
  friend class Worker;
  friend class FillLeader;

  /// What a finished fill brings.
  struct StoreRequest {
    const Fill& fill;
    ObjectPtr object;
    VarySpecPtr spec;          ///< null: the response does not vary
    std::string_view variant;  ///< with spec
    const PrimaryKey& key;     ///< the fill's own, or that of its exact query
    Instant began;             ///< when the fetch did
  };
  using Victims = EvictionPolicy::Victims;
  // Entries given up per lock held, and slices per call of a control operation:
  // some 10 ms for whoever calls, a fraction of a millisecond for the workers.
  static constexpr std::size_t slice = 128, slices_max = 128;

  [[nodiscard]] Shard& shard_of(std::uint64_t location) noexcept {
    return shards_[location >> 56U];
  }
  [[nodiscard]] std::size_t bound_in_force() const noexcept;

  // store.cpp: under the shard's lock unless said.
  Reason store(EpochSlot& slot, Counters& counters, const StoreRequest& request, Instant now);
  [[nodiscard]] std::unique_ptr<Entry> make_entry(const StoreRequest& request,
                                                  std::string key) const;
  [[nodiscard]] std::unique_ptr<Entry> make_object_entry(const StoreRequest& request);
  /// An entry that was made but not stored.
  void abandon(std::unique_ptr<Entry> entry);
  void enter_tags(Entry& entry);
  void leave_tags(Entry& entry);
  Reason store_locked(Shard& shard, const StoreRequest& request, Instant now, Victims& victims);
  [[nodiscard]] Entry* variant_list(Shard& shard, const StoreRequest& request);
  [[nodiscard]] bool spec_conflicts(const Shard& shard, const StoreRequest& request) const;
  void join_list(Entry& list, Entry& entry);
  void leave_list(Shard& shard, Entry& entry);
  void recharge(Entry& list);
  /// Removes an object, or a list with all its variants.
  void drop(Shard& shard, Entry& entry);
  /// Without a lock, inside a guard: unlinks what the policy gave up.
  void unlink(const Victims& victims);
  /// Without a lock: evicts towards the bound in force, `slice` entries per lock
  /// held and at most `slices` of them; returns bytes freed.
  std::size_t make_room(EpochSlot& slot, Instant now, std::size_t slices);

  // purge.cpp
  struct Dropped {
    std::size_t entries = 0, bytes = 0;
  };
  Dropped purge_entries(Shard& shard, const std::vector<Entry*>& entries, PurgeMode mode,
                        Instant now);
  Dropped purge_pattern(std::string_view pattern, PurgeMode mode, Instant now);
  struct Uri {
    std::string_view host, path, query;
  };
  /// Also finds entries of methods whose rule normalises the query in its own way.
  Dropped purge_uri(EpochSlot& slot, KeyBuilder& keys, const RequestRules& rules, const Uri& uri,
                    PurgeMode mode, Instant now);
  Dropped purge_location(KeyView primary, std::uint64_t location, PurgeMode mode, Instant now);
  Dropped purge_key(std::string_view key, PurgeMode mode, Instant now);
  Dropped purge_tag(std::string_view identity, PurgeMode mode, Instant now);
  Dropped sweep_tag(std::string_view identity, std::size_t count_max);
  static void refuse_storing(Fill& fill);

  // invalidation.cpp
  /// True if exactly this object is stored, and not purged.
  [[nodiscard]] bool holds(EpochSlot& slot, const Object& object);
  /// Drops the entry that holds exactly this object, if there still is one.
  void drop_object(const Object& object);
  /// The same, unless it is stored at this location.
  void drop_elsewhere(const Object& object, std::uint64_t location);
  /// Waits, for a bounded number of yields, until readers let go of garbage.
  void reclaim_all();

  // search.cpp
  struct SearchPath {
    std::string key;
    std::uint64_t hash = 0, location = 0;
  };
  /// Makes `variance` the newest rule of a path. Without a lock.
  void learn_search(KeyView path, std::uint64_t location, const http::SearchVariance& variance);
  [[nodiscard]] std::vector<SearchRulePtr> with_newest(const SearchList* known,
                                                       const http::SearchVariance& variance);
  void remove_search(Shard& shard, Entry& entry);
  void forget_oldest_search(std::vector<SearchRulePtr>& gone);
  /// Fills that used a forgotten rule: invalidation no longer finds them.
  void invalidate_fills(const std::vector<SearchRulePtr>& gone);
  [[nodiscard]] SearchListPtr search_of(EpochSlot& slot, KeyView path, std::uint64_t location);

  void record_miss(std::uint64_t hash);
  void add_worker(const Counters* counters);
  void remove_worker(const Counters* counters);
  void sum(Counters& total) const;

  const config::CacheSettings settings_;
  const Clock& clock_;
  const std::uint64_t seed_;
  const std::uint64_t object_bytes_max_;
  const RequestRules rules_;
  EpochDomain epochs_;
  Garbage garbage_{epochs_};
  MemoryBudget budget_;
  std::atomic<std::size_t> bound_;
  TagIndex tags_;
  std::atomic<unsigned> key_version_;
  std::atomic<std::uint64_t> rules_in_force_;  // fingerprint
  RefreshControl refresh_;
  ChangeControl changes_;

  mutable std::mutex policy_mutex_;
  EvictionPolicy policy_;  // guarded by policy_mutex_

  std::array<Shard, shard_count> shards_;

  std::mutex search_mutex_;              // before any shard's
  std::deque<SearchPath> search_paths_;  // guarded by search_mutex_; oldest first
  std::uint64_t search_rules_made_ = 0;  // guarded by search_mutex_
  std::atomic<std::size_t> search_paths_known_{0};

  mutable std::mutex workers_mutex_;
  std::vector<const Counters*> workers_;  // guarded by workers_mutex_
  Counters departed_;                     // totals of workers that are gone

  std::mutex control_mutex_;  // one control operation at a time
  EpochSlot control_slot_{epochs_};
  Counters control_counters_;                     // guarded by control_mutex_
  KeyBuilder control_keys_, shared_keys_;         // guarded by control_mutex_
  std::unique_ptr<RequestRules> reloaded_rules_;  // guarded by control_mutex_; null: rules_
};

}  // namespace homeostat::cache
