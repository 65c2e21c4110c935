// Putting finished fills into the table. See cache.hpp for the locks.
#include <algorithm>
#include <cassert>
#include <mutex>
#include <utility>

#include "runtime/cache/cache.hpp"
#include "runtime/cache/key.hpp"
#include "runtime/cache/stale.hpp"

namespace homeostat::cache {
namespace {

// Garbage a stuck reader may hold back before stores are declined.
constexpr std::size_t garbage_max = 16384;

// How long an object counts that must be validated before every use.
constexpr std::chrono::minutes validated_only{10};

Instant useful_until(const Freshness& freshness) noexcept {
  if (freshness.no_cache) return freshness.received + validated_only;
  if (!freshness.may_serve_stale()) return freshness.expires();
  return freshness.expires() + freshness.stale_usable;
}

KeyView view_of(const PrimaryKey& key) noexcept { return {key.text, key.hash}; }

/// Both shards at once, so that no invalidation can come between leaving one
/// and entering the other.
class ShardLocks {
 public:
  ShardLocks(Shard& a, Shard& b)
      : first_(a.mutex(), std::defer_lock), second_(b.mutex(), std::defer_lock) {
    if (&a == &b) {
      first_.lock();
    } else {
      std::lock(first_, second_);
    }
  }

 private:
  std::unique_lock<std::mutex> first_, second_;
};

/// Came while this fetch was under way, and is newer (RFC 9111 section 4).
bool overtook(const Entry& stored, const Object& object, Instant began) noexcept {
  return stored.object && stored.object->freshness().received > began &&
         stored.object->head().date > object.head().date;
}

}  // namespace

Reason Cache::store(EpochSlot& slot, Counters& counters, const StoreRequest& request, Instant now) {
  Victims victims;
  Reason reason = Reason::none;
  {
    // Victims are unlinked after the policy gave them up; the guard keeps those
    // alive that somebody else unlinks in between.
    const EpochGuard guard(slot);
    Shard& joined = shard_of(request.fill.identity().primary.location);
    Shard& shard = shard_of(request.key.location);
    {
      const ShardLocks locks(joined, shard);
      joined.remove_fill(request.fill);
      joined.forget_uncacheable(request.fill.identity().hash);
      if (!for_its_request_only(request.object->head().freshness, now)) {
        joined.forget_uncacheable(alone_mark(request.fill.identity().hash));
      }
      reason = store_locked(shard, request, now, victims);
    }
    unlink(victims);
  }
  garbage_.reclaim();
  if (reason == Reason::none) {
    counters.stores.add();
  } else {
    counters.count(reason, request.fill.identity().endpoint);
  }
  return reason;
}

std::unique_ptr<Entry> Cache::make_entry(const StoreRequest& request, std::string key) const {
  const Fill::Identity& identity = request.fill.identity();
  auto entry = std::make_unique<Entry>();
  entry->hash = hash_key(key, seed_);
  entry->key = std::move(key);
  entry->path = identity.path;
  entry->location = request.key.location;
  entry->keyed = identity.keyed;
  return entry;
}

bool Cache::spec_conflicts(const Shard& shard, const StoreRequest& request) const {
  const Entry* known = shard.find(view_of(request.key));
  if (known == nullptr || !known->spec) return false;
  // A list made meanwhile with names this fill did not look at.
  return !request.spec || !request.spec->covers(*known->spec);
}

Reason Cache::store_locked(Shard& shard, const StoreRequest& request, Instant now,
                           Victims& victims) {
  {
    const std::lock_guard lock(request.fill.mutex_);
    if (request.fill.invalidated_) return Reason::invalidated;
  }
  if (request.fill.identity().rules != rules_in_force_.load()) return Reason::invalidated;
  if (garbage_.size() > garbage_max) return Reason::admission;
  if (spec_conflicts(shard, request)) return Reason::invalidated;
  const Fill::Identity& identity = request.fill.identity();
  std::unique_ptr<Entry> entry = make_object_entry(request);
  // Asked after the entry is in the lists of its tags: a later purge finds it.
  if (entry->tags && tags_.purged(request.object->head().tags, identity.since)) {
    abandon(std::move(entry));
    return Reason::invalidated;
  }

  Entry* older = shard.find({entry->key, entry->hash});
  if (older != nullptr && overtook(*older, *request.object, request.began)) {
    abandon(std::move(entry));
    return Reason::invalidated;
  }
  Entry* list = request.spec ? variant_list(shard, request) : nullptr;
  if (list != nullptr) join_list(*list, *entry);
  // Looked for again: the list's own entry may have come to stand under this key.
  older = shard.find({entry->key, entry->hash});
  if (older != nullptr) drop(shard, *older);
  bool admitted = false;
  {
    const std::lock_guard lock(policy_mutex_);
    admitted = policy_.admit(*entry, now, bound_in_force(), victims);
  }
  if (!admitted) {
    leave_list(shard, *entry);
    abandon(std::move(entry));
    return Reason::admission;
  }
  Entry& stored = *entry;
  shard.insert(std::move(entry), garbage_);
  while (list != nullptr && list->variants.size() > settings_.variants_max &&
         list->variants.front() != &stored) {
    drop(shard, *list->variants.front());
  }
  return Reason::none;
}

std::unique_ptr<Entry> Cache::make_object_entry(const StoreRequest& request) {
  const Fill::Identity& identity = request.fill.identity();
  std::string key;
  if (request.spec) {
    write_variant_key(request.key.text, request.key.shape, request.variant, key);
  } else {
    key = request.key.text;
  }
  std::unique_ptr<Entry> entry = make_entry(request, std::move(key));
  entry->object = request.object;
  entry->expires = useful_until(request.object->freshness());
  request.object->location_ = entry->location;
  request.object->hash_ = entry->hash;
  if (const TagSet& tags = request.object->head().tags; !tags.empty()) {
    entry->tags = std::make_unique<TagMarks>(*entry, tags.size(), identity.since);
    enter_tags(*entry);
  }
  entry->weight = entry->bytes() + sizeof(Entry*);
  return entry;
}

void Cache::enter_tags(Entry& entry) {
  const std::size_t bytes = tags_.attach(*entry.tags, entry.object->head().tags);
  if (bytes == 0) return;
  const std::lock_guard lock(policy_mutex_);
  policy_.charge(bytes);
}

void Cache::leave_tags(Entry& entry) {
  if (!entry.tags) return;
  // Readers reach an emptied slot, which detach() retires, through the entry.
  assert(!entry.linked);
  const std::size_t bytes = tags_.detach(*entry.tags, garbage_);
  if (bytes == 0) return;
  const std::lock_guard lock(policy_mutex_);
  policy_.discharge(bytes);
}

void Cache::abandon(std::unique_ptr<Entry> entry) {
  if (!entry->tags) return;
  // Somebody who sweeps its tags may just have come across it.
  leave_tags(*entry);
  garbage_.retire(std::move(entry));
}

Entry* Cache::variant_list(Shard& shard, const StoreRequest& request) {
  Entry* known = shard.find(view_of(request.key));
  if (known != nullptr && known->spec && known->spec->names() == request.spec->names()) {
    return known;
  }
  if (known != nullptr) drop(shard, *known);
  std::unique_ptr<Entry> list = make_entry(request, request.key.text);
  list->spec = request.spec;
  Entry* made = list.get();
  shard.insert(std::move(list), garbage_);
  recharge(*made);
  return made;
}

void Cache::recharge(Entry& list) {
  const std::size_t weight = list.bytes();
  const std::lock_guard lock(policy_mutex_);
  policy_.discharge(list.weight);
  policy_.charge(weight);
  list.weight = weight;
}

void Cache::join_list(Entry& list, Entry& entry) {
  entry.parent = &list;
  list.variants.push_back(&entry);
  recharge(list);
}

void Cache::leave_list(Shard& shard, Entry& entry) {
  Entry* list = std::exchange(entry.parent, nullptr);
  if (list == nullptr) return;
  std::erase(list->variants, &entry);
  if (!list->variants.empty()) return;
  {
    const std::lock_guard lock(policy_mutex_);
    policy_.discharge(list->weight);
  }
  shard.remove(*list, garbage_);
}

void Cache::drop(Shard& shard, Entry& entry) {
  if (entry.spec) {
    // The last variant takes the list with it.
    const std::vector<Entry*> variants = entry.variants;
    for (Entry* variant : variants) drop(shard, *variant);
    return;
  }
  {
    const std::lock_guard lock(policy_mutex_);
    policy_.remove(entry);
  }
  refresh_.leaves(*entry.object);
  leave_list(shard, entry);
  std::unique_ptr<Entry> unlinked = shard.unlink(entry, garbage_);
  leave_tags(*unlinked);
  garbage_.retire(std::move(unlinked));
}

void Cache::unlink(const Victims& victims) {
  for (PolicyItem* item : victims) {
    Entry& entry = static_cast<Entry&>(*item);
    Shard& shard = shard_of(entry.location);
    const std::lock_guard lock(shard.mutex());
    if (entry.linked) drop(shard, entry);
  }
}

std::size_t Cache::make_room(EpochSlot& slot, Instant now, std::size_t slices) {
  std::size_t before = 0, after = 0;
  bool done = false;
  for (std::size_t i = 0; i < slices && !done; ++i) {
    Victims victims;
    {
      const EpochGuard guard(slot);
      {
        const std::lock_guard lock(policy_mutex_);
        if (i == 0) before = policy_.used();
        done = policy_.shrink(now, bound_in_force(), slice, victims);
        after = policy_.used();
      }
      unlink(victims);
    }
    garbage_.reclaim(2 * slice);
  }
  return before > after ? before - after : 0;
}

}  // namespace homeostat::cache
