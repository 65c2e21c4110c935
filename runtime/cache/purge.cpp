// Purging by tag, pattern, key and URI; see cache.hpp and tag_index.hpp.
#include <algorithm>
#include <utility>

#include "runtime/cache/cache.hpp"
#include "runtime/cache/key_pattern.hpp"
#include "runtime/cache/tenant.hpp"
#include "runtime/http/ascii.hpp"
#include "runtime/http/query.hpp"
#include "runtime/http/target.hpp"

namespace homeostat::cache {
namespace {

constexpr std::size_t sweep_batch = 256;

bool is_url(std::string_view key) noexcept {
  return key.starts_with("http://") || key.starts_with("https://");
}

/// The rule for a path as it stands in a URL; patterns are in the form of normalise_percent.
const CompiledRule* rule_of(const RequestRules& rules, std::string_view method,
                            std::string_view path, std::string& space) {
  space.clear();
  http::normalise_percent(space, path);
  return rules.match(method, space);
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), http::to_lower);
  return out;
}

}  // namespace

void Cache::refuse_storing(Fill& fill) {
  fill.joinable_ = false;
  const std::lock_guard lock(fill.mutex_);
  fill.invalidated_ = true;
}

Cache::Dropped Cache::purge_entries(Shard& shard, const std::vector<Entry*>& entries,
                                    PurgeMode mode, Instant now) {
  Dropped dropped;
  for (Entry* entry : entries) {
    if (mode != PurgeMode::hard) {
      if (mode == PurgeMode::doubt) entry->object->doubt();
      if (entry->object->soften(now)) ++dropped.entries;
      continue;
    }
    // Who has found it before must not serve it, either.
    entry->object->doubt();
    ++dropped.entries;
    dropped.bytes += entry->weight;
    drop(shard, *entry);
  }
  return dropped;
}

Cache::Dropped Cache::purge_pattern(std::string_view pattern, PurgeMode mode, Instant now) {
  const KeyPattern wanted{pattern};
  // A fill that started before the purge must not bring the old content back. All
  // of them first: a fill may be stored in another shard than it is listed in.
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex());
    shard.for_each_fill([&](Fill& fill) {
      const Fill::Identity& identity = fill.identity();
      if (wanted.may_match(identity.path, identity.primary.text, identity.primary.shape) ||
          (identity.search &&
           wanted.may_match(identity.path, identity.exact.text, identity.exact.shape))) {
        refuse_storing(fill);
      }
    });
  }
  Dropped total;
  for (Shard& shard : shards_) {
    // Read without the lock, as hits are, then purged in slices: whoever stores
    // here meanwhile waits for one slice. The guard keeps what others drop.
    const EpochGuard guard(control_slot_);
    std::vector<Entry*> found;
    shard.for_each([&](Entry& entry) {
      if (entry.object && wanted.matches(entry.path, entry.key)) found.push_back(&entry);
    });
    for (std::size_t begin = 0; begin < found.size(); begin += slice) {
      const auto first = found.begin() + static_cast<std::ptrdiff_t>(begin);
      std::vector<Entry*> some(first, found.size() - begin > slice ? first + slice : found.end());
      const std::lock_guard lock(shard.mutex());
      std::erase_if(some, [](const Entry* entry) { return !entry->linked; });
      const Dropped dropped = purge_entries(shard, some, mode, now);
      total.entries += dropped.entries;
      total.bytes += dropped.bytes;
    }
  }
  return total;
}

bool Cache::holds(EpochSlot& slot, const Object& object) {
  const EpochGuard guard(slot);
  const Entry* entry = shard_of(object.location_).find(object.hash_, object);
  return entry != nullptr && entry->alive();
}

Cache::Dropped Cache::purge_uri(EpochSlot& slot, KeyBuilder& keys, const RequestRules& rules,
                                const Uri& uri, PurgeMode mode, Instant now) {
  Request request;
  request.host = uri.host;
  request.path = uri.path;
  request.query = uri.query;
  SearchListPtr search;
  if (search_paths() > 0) {
    const KeyView path = keys.search_path(request);
    search = search_of(slot, path, keys.search_location());
  }
  Dropped total;
  const auto purge = [&](KeyView primary) {
    const Dropped dropped = purge_location(primary, keys.location(), mode, now);
    total.entries += dropped.entries;
    total.bytes += dropped.bytes;
  };
  std::uint64_t done = 0;
  std::string path;
  for (const std::string_view method : {"GET", "POST"}) {
    request.method = method;
    const CompiledRule* rule = rule_of(rules, method, uri.path, path);
    const http::QueryNormalizer* query = rule != nullptr ? rule->key_query() : nullptr;
    static_cast<void>(keys.primary(request, {}, query));
    if (keys.location() == done) continue;
    done = keys.location();
    // Fills are listed under the canonical key and may be stored under the own one.
    if (search) {
      for (const SearchRulePtr& known : search->rules) {
        const std::optional<KeyView> canonical = keys.searched(request, *known, {}, query);
        if (canonical) purge(*canonical);
      }
    }
    purge(keys.primary(request, {}, query));
  }
  return total;
}

Cache::Dropped Cache::purge_location(KeyView primary, std::uint64_t location, PurgeMode mode,
                                     Instant now) {
  Shard& shard = shard_of(location);
  const std::lock_guard lock(shard.mutex());
  shard.for_each_fill([&](Fill& fill) {
    if (fill.identity().primary.location == location) refuse_storing(fill);
  });
  std::vector<Entry*> found;
  if (Entry* entry = shard.find(primary); entry != nullptr) {
    // A copy: dropping the last variant drops the list.
    found = entry->spec ? entry->variants : std::vector<Entry*>{entry};
  }
  shard.for_each_keyed(location, [&](Entry& entry) {
    if (entry.object) found.push_back(&entry);
  });
  return purge_entries(shard, found, mode, now);
}

Cache::Dropped Cache::purge_key(std::string_view key, PurgeMode mode, Instant now) {
  if (is_url(key)) {
    const auto target = http::parse_target(http::Method::get, key);
    if (!target) return {};
    const std::string host = lower(target->authority);
    return purge_uri(control_slot_, control_keys_, reloaded_rules_ ? *reloaded_rules_ : rules_,
                     {host, target->path, target->query}, mode, now);
  }
  // Which shard holds it depends on parts that a shortened key does not show.
  const std::uint64_t hash = hash_key(key, seed_);
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex());
    shard.for_each_fill([&](Fill& fill) {
      const Fill::Identity& identity = fill.identity();
      if (identity.key == key || identity.primary.text == key || identity.exact.text == key) {
        refuse_storing(fill);
      }
    });
  }
  Dropped total;
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex());
    Entry* entry = shard.find({key, hash});
    if (entry == nullptr || entry->search) continue;
    const std::vector<Entry*> found = entry->spec ? entry->variants : std::vector<Entry*>{entry};
    const Dropped dropped = purge_entries(shard, found, mode, now);
    total.entries += dropped.entries;
    total.bytes += dropped.bytes;
  }
  return total;
}

Cache::Dropped Cache::sweep_tag(std::string_view identity, std::size_t count_max) {
  Dropped total;
  bool more = true;
  while (more && total.entries < count_max) {
    std::vector<Entry*> dead;
    const EpochGuard guard(control_slot_);
    more = tags_.collect(identity, sweep_batch, dead);
    for (Entry* entry : dead) {
      Shard& shard = shard_of(entry->location);
      const std::lock_guard lock(shard.mutex());
      if (!entry->linked) continue;
      entry->object->doubt();
      ++total.entries;
      total.bytes += entry->weight;
      drop(shard, *entry);
    }
  }
  return total;
}

Cache::Dropped Cache::purge_tag(std::string_view identity, PurgeMode mode, Instant now) {
  tags_.purge(identity, mode, now);
  if (mode == PurgeMode::hard) return sweep_tag(identity, SIZE_MAX);
  Dropped softened;
  std::size_t position = 0;
  for (TagIndex::Softened step{0, true}; step.more;) {
    step = tags_.soften(identity, sweep_batch, position, now);
    softened.entries += step.count;
  }
  return softened;
}

PurgeResult Cache::purge(const PurgeRequest& request) {
  const std::lock_guard control(control_mutex_);
  const PurgeMode softly = request.doubt ? PurgeMode::doubt : PurgeMode::soft;
  const PurgeMode mode = request.soft ? softly : PurgeMode::hard;
  const Instant now = clock_.now();
  // What earlier purges killed is not this one's.
  control_counters_.deletes.add(sweep_tag({}, SIZE_MAX).entries);
  PurgeResult result;
  const auto add = [&](std::uint64_t& count, const Dropped& dropped) {
    count += dropped.entries;
    result.bytes += dropped.bytes;
  };
  for (const std::string& tag : request.tags) {
    add(result.by_tags, purge_tag(tag_identity(TagKind::tag, tag), mode, now));
  }
  for (const std::string& tenant : request.tenants) {
    add(result.by_tenants, purge_tag(tenant_identity(tenant), mode, now));
  }
  for (const std::string& pattern : request.patterns) {
    add(result.by_patterns, purge_pattern(pattern, mode, now));
  }
  for (const std::string& key : request.keys) add(result.by_keys, purge_key(key, mode, now));
  if (!request.soft) control_counters_.deletes.add(result.entries());
  reclaim_all();
  return result;
}

void append_locations(KeyBuilder& keys, Request request, const RequestRules& rules,
                      std::vector<std::uint64_t>& locations) {
  std::string path;
  for (const std::string_view method : {"GET", "POST"}) {
    request.method = method;
    const CompiledRule* rule = rule_of(rules, method, request.path, path);
    static_cast<void>(keys.primary(request, {}, rule != nullptr ? rule->key_query() : nullptr));
    if (locations.empty() || locations.back() != keys.location()) {
      locations.push_back(keys.location());
    }
  }
}

CacheTenants Cache::tenants(std::size_t count_max) const {
  CacheTenants tenants;
  for (TagIndex::TagSize& one : tags_.largest(TagKind::tenant, count_max, tenants.known)) {
    tenants.largest.push_back({std::move(one.name), one.entries});
  }
  return tenants;
}

std::size_t Cache::purge_identity(std::string_view identity) {
  return tags_.purge(identity, PurgeMode::hard, {});
}

std::vector<std::uint64_t> Cache::shared_locations(std::string_view url) {
  std::vector<std::uint64_t> locations;
  const auto target = is_url(url) ? http::parse_target(http::Method::get, url) : std::nullopt;
  if (!target) return locations;
  const std::lock_guard control(control_mutex_);
  const RequestRules& rules = reloaded_rules_ ? *reloaded_rules_ : rules_;
  const std::string host = lower(target->authority);
  Request request;
  request.host = host;
  request.path = target->path;
  request.query = target->query;
  append_locations(shared_keys_, request, rules, locations);
  return locations;
}

std::size_t Cache::sweep(std::size_t count_max) {
  const std::lock_guard control(control_mutex_);
  const Dropped dropped = sweep_tag({}, count_max);
  control_counters_.deletes.add(dropped.entries);
  garbage_.reclaim();
  return dropped.entries;
}

std::size_t Cache::reload(const config::CacheSettings& next) {
  const std::lock_guard control(control_mutex_);
  auto rules = std::make_unique<RequestRules>(next);
  std::vector<std::string> paths =
      (reloaded_rules_ ? *reloaded_rules_ : rules_).changed_paths(*rules);
  if (key_version_.exchange(next.key_version) != next.key_version) paths = {"*"};
  // First this, so that no fetch under the old rules is stored after the purge.
  rules_in_force_.store(rules->fingerprint());
  reloaded_rules_ = std::move(rules);
  std::size_t dropped = 0;
  for (const std::string& path : paths) {
    dropped += purge_pattern(path, PurgeMode::hard, clock_.now()).entries;
  }
  control_counters_.deletes.add(dropped);
  reclaim_all();
  return dropped;
}

}  // namespace homeostat::cache
