#include "runtime/cache/worker.hpp"

#include <algorithm>
#include <utility>

#include "runtime/cache/uri_reference.hpp"

namespace homeostat::cache {
namespace {

/// How the query of a request enters its key.
const http::QueryNormalizer* query_of(const CompiledRule* rule) noexcept {
  return rule != nullptr ? rule->key_query() : nullptr;
}

std::string_view authorization_of(const Request& request, const RequestDecision& decision) {
  return decision.authorization_key ? request.fields->get(http::HeaderId::authorization)
                                    : std::string_view{};
}

/// RFC 9111 section 4: of several that fit, the most recent one.
const Entry* newer(const Entry* a, const Entry* b) noexcept {
  if (a == nullptr || b == nullptr) return a != nullptr ? a : b;
  return a->object->freshness().received > b->object->freshness().received ? a : b;
}

}  // namespace

Worker::Worker(Cache& cache)
    : cache_(cache),
      slot_(cache.epochs_),
      keys_(cache.settings_, cache.seed_, cache.key_version_),
      shared_keys_(cache.settings_, shared_key_seed, cache.key_version_) {
  cache_.add_worker(&counters_);
}

Worker::~Worker() { cache_.remove_worker(&counters_); }

Lookup Worker::classify(ObjectPtr object, const RequestDecision& decision, Instant now) {
  Lookup lookup;
  if (decision.authorization && !object->head().authorization_shared) {
    lookup.reason = Reason::authorization;
    return lookup;
  }
  Freshness freshness = object->freshness();
  if (decision.plain_lifetime) freshness.make_plain();
  lookup.age = freshness.age(now);
  lookup.remaining = freshness.lifetime - lookup.age;
  const bool fresh = freshness.fresh(now);
  const bool accepted = decision.accepts(freshness, now);
  if (fresh && accepted) {
    lookup.kind = Lookup::Kind::hit;
  } else {
    lookup.kind = Lookup::Kind::stale;
    lookup.by_request = !accepted;
    if (fresh) lookup.reason = Reason::request_directive;
  }
  lookup.object = std::move(object);
  return lookup;
}

void Worker::count(const Lookup& lookup, EndpointId endpoint) {
  switch (lookup.kind) {
    case Lookup::Kind::hit: break;
    case Lookup::Kind::stale: counters_.stale.add(); break;
    case Lookup::Kind::miss: counters_.misses.add(); break;
    case Lookup::Kind::bypass: counters_.bypasses.add(); break;
  }
  if (lookup.reason != Reason::none) counters_.count(lookup.reason, endpoint);
}

Lookup Worker::lookup(const Request& request, const RequestDecision& decision, Instant now) {
  Lookup lookup;
  if (!decision.lookup) {
    lookup.kind = Lookup::Kind::bypass;
    lookup.reason = decision.reason;
    count(lookup, request.endpoint);
    return lookup;
  }
  const std::string_view authorization = authorization_of(request, decision);
  const http::QueryNormalizer* query = query_of(decision.rule);
  const SearchListPtr search = search_rules(request);
  const PurgeNumber since = cache_.tags_.current();
  ObjectPtr object;
  bool vary_miss = false;
  {
    const EpochGuard guard(slot_);
    const Entry* entry = nullptr;
    if (search) {
      for (const SearchRulePtr& rule : search->rules) {
        if (keys_.searched(request, *rule, authorization, query)) {
          entry = newer(entry, find(request, vary_miss));
        }
      }
    }
    keys_.primary(request, authorization, query);
    entry = newer(entry, find(request, vary_miss));
    if (entry != nullptr) {
      entry->touch();
      object = entry->object;
    }
  }
  if (object) lookup = classify(std::move(object), decision, now);
  if (lookup.kind == Lookup::Kind::hit) note_hit(lookup, now);
  lookup.since = since;
  lookup.vary_miss = vary_miss && !lookup.object;
  if (!search) lookup.key = keys_.built();
  if (lookup.kind == Lookup::Kind::miss && decision.only_if_cached) {
    lookup.reason = Reason::only_if_cached;
  }
  count(lookup, request.endpoint);
  return lookup;
}

void Worker::note_hit(Lookup& lookup, Instant now) {
  RefreshState& refresh = lookup.object->refresh();
  const unsigned hits = refresh.note_hit();
  if (hits == 1 && refresh.ahead()) counters_.ahead_useful.add();
  // Of the lifetime that this request saw, which may be the plain one.
  const Duration usable =
      lookup.age + lookup.remaining - lookup.object->head().freshness.initial_age;
  if (lookup.remaining > usable / 4) return;  // most hits end here
  lookup.refresh_due =
      !lookup.object->head().immutable &&
      rules::refresh_ahead_due({usable, lookup.remaining, refresh.fetch(), hits}) &&
      rules::may_attempt(refresh.backoff.load(), now);
}

std::string Worker::key_text(const Request& request, const RequestDecision& decision) {
  return std::string(
      keys_.primary(request, authorization_of(request, decision), query_of(decision.rule)).text);
}

PrimaryKey Worker::shared_key(const Request& request, const RequestDecision& decision) {
  shared_keys_.primary(request, authorization_of(request, decision), query_of(decision.rule));
  return shared_keys_.copy();
}

SearchListPtr Worker::search_rules(const Request& request) {
  if (cache_.search_paths() == 0) return {};
  const KeyView path = keys_.search_path(request);
  return cache_.search_of(slot_, path, keys_.search_location());
}

const Entry* Worker::find(const Request& request, bool& vary_miss) {
  const Shard& shard = cache_.shard_of(keys_.location());
  const Entry* entry = shard.find(keys_.last_primary());
  if (entry != nullptr && entry->spec) {
    entry->spec->write_variant(*request.fields, variant_);
    entry = shard.find(keys_.variant(variant_));
    vary_miss = entry == nullptr;
  }
  return entry != nullptr && entry->object && entry->alive() ? entry : nullptr;
}

void Worker::choose_key(const Request& request, const RequestDecision& decision) {
  const std::string_view authorization = authorization_of(request, decision);
  const http::QueryNormalizer* query = query_of(decision.rule);
  search_.reset();
  const SearchListPtr search = search_rules(request);
  keys_.primary(request, authorization, query);
  if (!search) return;
  exact_ = keys_.copy();
  if (keys_.searched(request, *search->rules.front(), authorization, query)) {
    search_ = search->rules.front();
  } else {
    keys_.primary(request, authorization, query);
  }
}

FillStart Worker::begin_fill(const Request& request, const RequestDecision& decision,
                             const Lookup& found, Instant now) {
  if (found.key == 0 || found.key != keys_.built()) {
    return begin_fill(request, decision, found.object, now);
  }
  search_.reset();
  return start_chosen(request, decision, found.object, now, FillPurpose::request);
}

FillStart Worker::begin_fill(const Request& request, const RequestDecision& decision,
                             ObjectPtr stale, Instant now, FillPurpose purpose) {
  choose_key(request, decision);
  return start_chosen(request, decision, std::move(stale), now, purpose);
}

FillStart Worker::start_chosen(const Request& request, const RequestDecision& decision,
                               ObjectPtr stale, Instant now, FillPurpose purpose) {
  Shard& shard = cache_.shard_of(keys_.location());
  FillStart start = [&] {
    const std::lock_guard lock(shard.mutex());
    return start_locked(shard, request, decision, stale, now, purpose);
  }();
  if (purpose == FillPurpose::refresh) return start;
  switch (start.kind) {
    case FillStart::Kind::leader: break;
    case FillStart::Kind::follower: counters_.collapsed.add(); break;
    case FillStart::Kind::hit: break;
    case FillStart::Kind::pass: counters_.count(start.reason, request.endpoint); break;
  }
  return start;
}

/// REQUIRES: the last primary is the request's. Under the shard's lock.
KeyView Worker::joining_key(Shard& shard, const Request& request, VarySpecPtr& spec) {
  const KeyView primary = keys_.last_primary();
  const Entry* entry = shard.find(primary);
  if (entry != nullptr && entry->spec) {
    spec = entry->spec;
    spec->write_variant(*request.fields, variant_);
    return keys_.variant(variant_);
  }
  // Nothing is stored yet, but the first response has begun and said what it varies on:
  // each of the other variants gets one fetch, too, and not one for each request.
  const Fill* running = shard.find_fill(primary);
  VarySpecPtr published = running != nullptr ? running->published_spec() : VarySpecPtr();
  if (!published) return primary;
  published->write_variant(*request.fields, variant_);
  if (variant_ == running->variant_) return primary;  // constant once published
  spec = std::move(published);
  return keys_.variant(variant_);
}

StoreDecision Worker::judge(const Request& request, const RequestDecision& decision,
                            const Response& response, const EndpointPolicy& policy) {
  StoreDecision result =
      decide_store(decision, request, response, policy, cache_.object_bytes_max());
  if (response.status < 300) return result;
  const bool other = spelt_otherwise(request, decision);
  const bool about_spelling = result.storable() ? other || leads_back(request, decision, response)
                                                : other && leads_back(request, decision, response);
  if (about_spelling) result.reason = Reason::spelling;
  return result;
}

bool Worker::spelt_otherwise(const Request& request, const RequestDecision& decision) {
  const std::string_view asked = request.target;
  if (asked.empty()) return false;
  // An absolute form may leave out the path.
  const std::string_view root = asked.starts_with('?') ? "/" : "";
  return std::string(root).append(asked) != keys_.target(request, query_of(decision.rule));
}

bool Worker::leads_back(const Request& request, const RequestDecision& decision,
                        const Response& response) {
  if (response.status >= 400) return false;
  const http::Field* location = response.fields->find(http::HeaderId::location);
  if (location == nullptr) return false;
  const LocalUri uri = local_uri(location->value, request.host, request.path);
  if (uri.path.empty()) return false;
  Request next = request;
  next.path = uri.path;
  next.query = uri.query;
  const http::QueryNormalizer* query = query_of(decision.rule);
  return keys_.target(next, query) == keys_.target(request, query);
}

void Worker::renew_pass(const PassMark& mark, Instant now) {
  Shard& shard = cache_.shard_of(mark.location);
  const std::lock_guard lock(shard.mutex());
  shard.renew_uncacheable(mark.hash, now + cache_.settings().negative_ttl);
}

void Worker::end_pass(const PassMark& mark) {
  Shard& shard = cache_.shard_of(mark.location);
  const std::lock_guard lock(shard.mutex());
  shard.forget_uncacheable(mark.hash);
}

std::optional<FillReader> Worker::join_running(Shard& shard, const Request& request,
                                               const RequestDecision& decision, KeyView key,
                                               Instant now, bool& joinable) {
  while (Fill* running = shard.find_fill(key)) {
    FillReader reader(FillPtr(running), !search_ || running->identity().exact.text == exact_.text);
    if (reader.overtaken()) {  // for nobody who comes from now on
      running->joinable_ = false;
      continue;
    }
    // Joined too late if the beginning was dropped already.
    const bool whole = reader.consumed() == 0;
    const bool fits = reader.head() == nullptr || (reader.accepts(*request.fields) &&
                                                   reader.refusal(decision, now) == Reason::none);
    if (whole && fits) return reader;
    joinable = false;  // that key belongs to the other response until it is stored
    break;
  }
  return std::nullopt;
}

FillStart Worker::start_locked(Shard& shard, const Request& request,
                               const RequestDecision& decision, ObjectPtr& stale, Instant now,
                               FillPurpose purpose) {
  FillStart start;
  VarySpecPtr spec;
  const KeyView key = joining_key(shard, request, spec);
  const Entry* entry = shard.find(key);
  const bool alive = entry != nullptr && entry->object && entry->alive();
  if (alive && entry->object != stale) {
    // Somebody stored it since the lookup.
    Lookup found = classify(entry->object, decision, now);
    if (found.kind == Lookup::Kind::hit) {
      start.kind = FillStart::Kind::hit;
      start.hit = std::move(found);
      return start;
    }
  }
  if (stale && !cache_.holds(slot_, *stale)) {
    // Purged, evicted or replaced since the lookup: it is not even validated.
    stale.reset();
    if (purpose == FillPurpose::refresh) {
      start.reason = Reason::invalidated;
      return start;
    }
  }
  if (shard.uncacheable(key.hash, now)) {
    start.reason = Reason::hit_for_miss;
    start.mark = {keys_.location(), key.hash};
    return start;
  }
  if (decision.range && shard.uncacheable(range_mark(key.hash), now)) {
    start.reason = Reason::range;
    return start;
  }
  // What must be validated before every use answers only who asked for that.
  const bool alone = (stale && stale->head().freshness.no_cache) ||
                     (alive && entry->object->head().freshness.no_cache) ||
                     shard.uncacheable(alone_mark(key.hash), now);
  bool joinable = decision.collapse && !alone;
  if (joinable) {
    start.follower = join_running(shard, request, decision, key, now, joinable);
    if (start.follower) {
      start.kind = FillStart::Kind::follower;
      return start;
    }
  }
  if (purpose == FillPurpose::request) cache_.record_miss(key.hash);
  if (cache_.budget_.used() >= cache_.budget_.bound()) {
    start.reason = Reason::fill_memory;
    return start;
  }
  const bool keyed = decision.authorization_key || !request.body_hash.empty() ||
                     !request.forwarded_resource.empty() || !request.tenant.empty();
  start.kind = FillStart::Kind::leader;
  start.leader.emplace(
      *this, open_fill(shard, request, key, std::move(spec), decision.rules, keyed, joinable),
      std::move(stale), now);
  return start;
}

FillPtr Worker::open_fill(Shard& shard, const Request& request, KeyView key, VarySpecPtr spec,
                          const RequestRules* rules, bool keyed, bool joinable) {
  Fill::Identity identity;
  identity.primary = keys_.copy();
  identity.search = search_;
  if (search_) identity.exact = exact_;
  identity.key = key.text;
  identity.hash = key.hash;
  identity.host = request.host;
  identity.path = request.path;
  identity.spec = std::move(spec);
  identity.keyed = keyed;
  identity.endpoint = request.endpoint;
  identity.since = cache_.tags_.current();
  identity.rules = rules != nullptr ? rules->fingerprint() : 0;
  FillPtr fill(
      new Fill(std::move(identity), cache_.budget_, cache_.tags_, cache_.object_bytes_max_));
  fill->joinable_ = joinable;
  if (search_ && search_->forgotten.load()) {  // invalidation would not find it
    fill->joinable_ = false;
    const std::lock_guard lock(fill->mutex_);
    fill->invalidated_ = true;
  }
  shard.add_fill(fill);
  return fill;
}

}  // namespace homeostat::cache
