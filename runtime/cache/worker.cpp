#include "runtime/cache/worker.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "runtime/http/ascii.hpp"

namespace homeostat::cache {
namespace {

std::string_view authorization_of(const Request& request, const RequestDecision& decision) {
  return decision.authorization_key ? request.fields->get(http::HeaderId::authorization)
                                    : std::string_view{};
}

/// Path and query of a URI reference on the same host; empty path if it is
/// somewhere else or not understood.
struct LocalUri {
  std::string_view path, query;
};

LocalUri local_uri(std::string_view reference, std::string_view host) {
  const std::size_t scheme = reference.find("://");
  if (scheme != std::string_view::npos) {
    reference.remove_prefix(scheme + 3);
    const std::size_t slash = reference.find_first_of("/?#");
    if (!http::iequals(reference.substr(0, slash), host)) return {};
    if (slash == std::string_view::npos) return {"/", {}};
    reference.remove_prefix(slash);
  } else if (reference.starts_with("//")) {
    return {};
  }
  reference = reference.substr(0, reference.find('#'));
  const std::size_t mark = reference.find('?');
  const std::string_view path = reference.substr(0, mark);
  if (!path.starts_with('/')) return {};
  return {path, mark == std::string_view::npos ? std::string_view{} : reference.substr(mark + 1)};
}

}  // namespace

Worker::Worker(Cache& cache)
    : cache_(cache), slot_(cache.epochs_), keys_(cache.settings_, cache.seed_) {
  cache_.add_worker(&counters_);
}

Worker::~Worker() { cache_.remove_worker(&counters_); }

Lookup Worker::classify(ObjectPtr object, const RequestDecision& decision, Instant now) {
  Lookup lookup;
  if (decision.authorization && !object->head().authorization_shared) {
    lookup.reason = Reason::authorization;
    return lookup;
  }
  const Freshness& freshness = object->freshness();
  lookup.age = freshness.age(now);
  lookup.remaining = freshness.lifetime - lookup.age;
  const bool fresh = freshness.fresh(now);
  if (fresh && decision.accepts(freshness, now)) {
    lookup.kind = Lookup::Kind::hit;
  } else {
    lookup.kind = Lookup::Kind::stale;
    lookup.by_request = fresh;
    if (fresh) lookup.reason = Reason::request_directive;
  }
  lookup.object = std::move(object);
  return lookup;
}

void Worker::count(const Lookup& lookup) {
  switch (lookup.kind) {
    case Lookup::Kind::hit: counters_.hits.add(); break;
    case Lookup::Kind::stale: counters_.stale.add(); break;
    case Lookup::Kind::miss: counters_.misses.add(); break;
    case Lookup::Kind::bypass: counters_.bypasses.add(); break;
  }
  if (lookup.reason != Reason::none) counters_.count(lookup.reason);
}

Lookup Worker::lookup(const Request& request, const RequestDecision& decision, Instant now) {
  Lookup lookup;
  if (!decision.lookup) {
    lookup.kind = Lookup::Kind::bypass;
    lookup.reason = decision.reason;
    count(lookup);
    return lookup;
  }
  KeyView key = keys_.primary(request, authorization_of(request, decision));
  ObjectPtr object;
  bool vary_miss = false;
  {
    const EpochGuard guard(slot_);
    const Shard& shard = cache_.shard_of(keys_.location());
    const Entry* entry = shard.find(key);
    if (entry != nullptr && entry->spec) {
      entry->spec->write_variant(*request.fields, variant_);
      key = keys_.variant(variant_);
      entry = shard.find(key);
      vary_miss = entry == nullptr;
    }
    if (entry != nullptr && entry->object) {
      entry->touch();
      object = entry->object;
    }
  }
  if (object) lookup = classify(std::move(object), decision, now);
  lookup.vary_miss = vary_miss;
  if (lookup.kind == Lookup::Kind::miss && decision.only_if_cached) {
    lookup.reason = Reason::only_if_cached;
  }
  count(lookup);
  return lookup;
}

FillStart Worker::begin_fill(const Request& request, const RequestDecision& decision,
                             ObjectPtr stale, Instant now) {
  keys_.primary(request, authorization_of(request, decision));
  Shard& shard = cache_.shard_of(keys_.location());
  FillStart start = [&] {
    const std::lock_guard lock(shard.mutex());
    return start_locked(shard, request, decision, stale, now);
  }();
  switch (start.kind) {
    case FillStart::Kind::leader: break;
    case FillStart::Kind::follower: counters_.collapsed.add(); break;
    case FillStart::Kind::hit: break;
    case FillStart::Kind::pass: counters_.count(start.reason); break;
  }
  return start;
}

FillStart Worker::start_locked(Shard& shard, const Request& request,
                               const RequestDecision& decision, ObjectPtr& stale, Instant now) {
  FillStart start;
  KeyView key = keys_.last_primary();
  Entry* entry = shard.find(key);
  VarySpecPtr spec;
  if (entry != nullptr && entry->spec) {
    spec = entry->spec;
    spec->write_variant(*request.fields, variant_);
    key = keys_.variant(variant_);
    entry = shard.find(key);
  }
  if (entry != nullptr && entry->object && entry->object != stale) {
    // Somebody stored it since the lookup.
    Lookup found = classify(entry->object, decision, now);
    if (found.kind == Lookup::Kind::hit) {
      start.kind = FillStart::Kind::hit;
      start.hit = std::move(found);
      return start;
    }
  }
  if (shard.uncacheable(key.hash, now)) {
    start.reason = Reason::hit_for_miss;
    return start;
  }
  bool joinable = decision.collapse;
  if (Fill* running = decision.collapse ? shard.find_fill(key) : nullptr) {
    FillReader reader{FillPtr(running)};
    // Joined too late if the beginning was dropped already.
    const bool whole = reader.consumed() == 0;
    if (whole && (reader.head() == nullptr || reader.accepts(*request.fields))) {
      start.kind = FillStart::Kind::follower;
      start.follower.emplace(std::move(reader));
      return start;
    }
    joinable = false;  // that key belongs to the other variant until it is stored
  }
  cache_.record_miss(key.hash);
  if (cache_.budget_.used() >= cache_.budget_.bound()) {
    start.reason = Reason::fill_memory;
    return start;
  }
  const bool keyed = decision.authorization_key || !request.body_hash.empty();
  start.kind = FillStart::Kind::leader;
  start.leader.emplace(*this, open_fill(shard, request, key, std::move(spec), keyed, joinable),
                       std::move(stale));
  return start;
}

FillPtr Worker::open_fill(Shard& shard, const Request& request, KeyView key, VarySpecPtr spec,
                          bool keyed, bool joinable) {
  Fill::Identity identity;
  const KeyView primary = keys_.last_primary();
  identity.primary = primary.text;
  identity.primary_hash = primary.hash;
  identity.shape = keys_.shape();
  identity.key = key.text;
  identity.hash = key.hash;
  identity.location = keys_.location();
  identity.path = request.path;
  identity.spec = std::move(spec);
  identity.keyed = keyed;
  FillPtr fill(new Fill(std::move(identity), cache_.budget_, cache_.object_bytes_max_));
  fill->joinable_ = joinable;
  shard.add_fill(fill);
  return fill;
}

std::size_t Worker::invalidate_uri(std::string_view host, std::string_view path,
                                   std::string_view query) {
  Request target;
  target.method = "GET";
  target.host = host;
  target.path = path;
  target.query = query;
  const KeyView primary = keys_.primary(target);
  const Cache::Dropped dropped = cache_.invalidate(primary, keys_.location());
  cache_.garbage_.reclaim();
  counters_.deletes.add(dropped.entries);
  return dropped.entries;
}

std::size_t Worker::invalidate_after(const Request& request, const Response& response,
                                     const RequestRules& rules) {
  if (response.status < 200 || response.status >= 400) return 0;
  std::size_t dropped = invalidate_uri(request.host, request.path, request.query);
  for (const http::HeaderId id : {http::HeaderId::location, http::HeaderId::content_location}) {
    const http::Field* field = response.fields->find(id);
    if (field == nullptr) continue;
    const LocalUri uri = local_uri(field->value, request.host);
    if (!uri.path.empty()) dropped += invalidate_uri(request.host, uri.path, uri.query);
  }
  std::vector<std::string_view> patterns;
  rules.invalidated_by(request.path, patterns);
  for (const std::string_view pattern : patterns) {
    const PathPattern compiled{std::string(pattern)};
    const Cache::Dropped flushed = cache_.flush_paths(&compiled);
    counters_.deletes.add(flushed.entries);
    dropped += flushed.entries;
  }
  return dropped;
}

}  // namespace homeostat::cache
