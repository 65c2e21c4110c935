#include "runtime/cache/fill_leader.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "rules/laws/ttl_jitter.hpp"
#include "runtime/cache/worker.hpp"

namespace homeostat::cache {
namespace {

/// What the origin wants shorter than this is about how old the content may be, not about
/// how much it costs to make.
constexpr std::chrono::minutes spread_from{1};

/// The names the fill was joined by and those of the response, in one spec.
VarySpecPtr united(const VarySpecPtr& known, std::vector<std::string> names) {
  if (known) names.insert(names.end(), known->names().begin(), known->names().end());
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  if (names.empty()) return nullptr;
  if (known && names == known->names()) return known;
  return VarySpecPtr(new VarySpec(std::move(names)));
}

}  // namespace

FillLeader::FillLeader(Worker& worker, FillPtr fill, ObjectPtr stale, Instant began)
    : worker_(&worker), fill_(std::move(fill)), stale_(std::move(stale)), began_(began) {}

FillLeader::FillLeader(FillLeader&& other) noexcept
    : worker_(other.worker_),
      fill_(std::move(other.fill_)),
      stale_(std::move(other.stale_)),
      waiter_(std::move(other.waiter_)),
      search_(std::move(other.search_)),
      exact_only_(other.exact_only_),
      hash_(std::move(other.hash_)),
      began_(other.began_),
      ahead_(other.ahead_),
      done_(std::exchange(other.done_, true)) {}

FillLeader::~FillLeader() {
  if (fill_ && !done_) fail(Reason::upstream_failed);
  if (fill_) cancel_wait();
}

void FillLeader::spread_expiry(ObjectHead& head) const {
  const config::CacheSettings& settings = worker_->cache_.settings();
  Freshness& freshness = head.freshness;
  const bool spread_origin = settings.ttl_jitter_origin && freshness.lifetime >= spread_from;
  if (!head.rule_ttl && !spread_origin) return;
  freshness.lifetime = rules::jittered_lifetime(freshness.lifetime, freshness.initial_age,
                                                settings.ttl_jitter, fill_->identity().hash);
  if (freshness.plain_lifetime == Duration::max()) return;
  freshness.plain_lifetime = rules::jittered_lifetime(
      freshness.plain_lifetime, freshness.initial_age, settings.ttl_jitter, fill_->identity().hash);
}

void FillLeader::detach(bool mark_uncacheable, Instant now) {
  Cache& cache = worker_->cache_;
  Shard& shard = cache.shard_of(fill_->identity().primary.location);
  const std::lock_guard lock(shard.mutex());
  shard.remove_fill(*fill_);
  if (mark_uncacheable) {
    shard.mark_uncacheable(fill_->identity().hash, now + cache.settings_.negative_ttl);
  }
}

void FillLeader::stand_alone(Instant now) {
  Cache& cache = worker_->cache_;
  Shard& shard = cache.shard_of(fill_->identity().primary.location);
  const std::lock_guard lock(shard.mutex());
  fill_->joinable_ = false;
  shard.mark_uncacheable(alone_mark(fill_->identity().hash), now + cache.settings_.negative_ttl);
}

void FillLeader::finish(FillState state, Reason reason) {
  done_ = true;
  Fill::Tickets tickets;
  {
    const std::lock_guard lock(fill_->mutex_);
    fill_->finish(state, reason, tickets);
  }
  Fill::post(tickets);
}

void FillLeader::judge_search(const ObjectHead& head) {
  const SearchRulePtr& used = fill_->identity().search;
  std::optional<http::SearchVariance> variance;
  if (head.search && worker_->cache_.settings_.no_vary_search_max > 0) {
    Fields fields;
    head.for_each_field([&](std::string_view name, std::string_view value) {
      if (http::header_id(name) == http::HeaderId::no_vary_search) fields.add(name, value);
    });
    variance = http::SearchVariance::of(fields);
  }
  exact_only_ = used && (!variance || !(*variance == used->variance));
  if (variance && (!used || exact_only_)) search_ = std::move(variance);
}

Reason FillLeader::store(const ObjectPtr& object, const VarySpecPtr& spec, std::string_view variant,
                         Instant now) {
  const Fill::Identity& identity = fill_->identity();
  const ObjectHead& head = object->head();
  if (head.rule_ttl) worker_->cache_.changes().stored(head.endpoint, head.lowered);
  const PrimaryKey& key = exact_only_ ? identity.exact : identity.primary;
  Cache& cache = worker_->cache_;
  const Reason reason = cache.store(worker_->slot_, worker_->counters_,
                                    {*fill_, object, spec, variant, key, began_}, now);
  if (reason != Reason::none) return reason;
  // What was stored under the query's own key is found second, and is older.
  if (stale_) cache.drop_elsewhere(*stale_, key.location);
  if (search_) {
    Request request;
    request.host = identity.host;
    request.path = identity.path;
    const KeyView path = worker_->keys_.search_path(request);
    cache.learn_search(path, worker_->keys_.search_location(), *search_);
  }
  return reason;
}

bool FillLeader::publish_head(StoreDecision decision, std::optional<std::uint64_t> content_length,
                              const Fields& request, Instant now) {
  spread_expiry(decision.head);
  judge_search(decision.head);
  // Before anybody is told that the head is there, and comes back.
  if (for_its_request_only(decision.head.freshness, now)) stand_alone(now);
  VarySpecPtr spec = united(fill_->identity().spec, std::move(decision.vary));
  const bool add_etag = decision.add_etag;
  std::string variant;
  if (spec) spec->write_variant(request, variant);
  Fill::Tickets tickets;
  bool storing = true;
  bool shrink = false;
  {
    const std::lock_guard lock(fill_->mutex_);
    if (spec && spec->names().size() > VarySpec::names_max) {
      fill_->stop_storing(Reason::vary_limit);
    }
    fill_->head_ = std::move(decision.head);
    fill_->content_length_ = content_length;
    fill_->spec_ = std::move(spec);
    fill_->variant_ = std::move(variant);
    if (content_length && *content_length > fill_->object_bytes_max_) {
      fill_->stop_storing(Reason::too_large);
    }
    fill_->grow();
    storing = fill_->storing_;
    shrink = fill_->budget_.used() > Cache::fill_slack;
    fill_->exact_only_ = exact_only_;
    fill_->published_ = true;
    fill_->state_ = FillState::streaming;
    fill_->collect_waiters(tickets);
  }
  Fill::post(tickets);
  if (storing && add_etag) {
    hash_ = std::make_unique<BodyHash>();
    hash_->update(fill_->head_.content_type());  // constant from here on
  }
  if (!storing) detach(true, now);
  if (shrink) worker_->cache_.make_room(worker_->slot_, now, 8);
  return storing;
}

std::span<char> FillLeader::prepare() {
  const std::lock_guard lock(fill_->mutex_);
  fill_->grow();
  if (fill_->parts_.empty()) return {};
  BodyPart& tail = fill_->parts_.back();
  return {tail.block->data() + tail.size, tail.block->capacity() - tail.size};
}

void FillLeader::commit(std::size_t bytes, Instant now) {
  if (bytes == 0) return;
  if (hash_) {  // storing: only this leader changes the parts
    const BodyPart& tail = fill_->parts_.back();
    hash_->update({tail.block->data() + tail.size, bytes});
  }
  Fill::Tickets tickets;
  bool stopped = false;
  bool shrink = false;
  {
    const std::lock_guard lock(fill_->mutex_);
    const bool was_storing = fill_->storing_;
    BodyPart& tail = fill_->parts_.back();
    tail.size += bytes;
    fill_->size_ += bytes;
    if (fill_->size_ > fill_->object_bytes_max_) fill_->stop_storing(Reason::too_large);
    // The next block is taken now, so that running out of memory shows early.
    if (tail.size == tail.block->capacity() && fill_->content_length_ != fill_->size_) {
      fill_->grow();
      shrink = fill_->storing_ && fill_->budget_.used() > Cache::fill_slack;
    }
    stopped = was_storing && !fill_->storing_;
    fill_->drop_consumed();
    fill_->collect_waiters(tickets);
  }
  Fill::post(tickets);
  if (stopped) {
    hash_.reset();
    detach(true, now);
  }
  if (shrink) worker_->cache_.make_room(worker_->slot_, now, 8);
}

void FillLeader::append(std::string_view bytes, Instant now) {
  while (!bytes.empty()) {
    const std::span<char> room = prepare();
    // More than announced: complete() will see it and refuse.
    if (room.empty()) return fail(Reason::truncated);
    const std::size_t count = std::min(room.size(), bytes.size());
    std::memcpy(room.data(), bytes.data(), count);
    commit(count, now);
    bytes.remove_prefix(count);
  }
}

Reason FillLeader::complete(Instant now) {
  if (done_) return Reason::truncated;
  // In a storing fill only the leader changes parts, size and storing, so they
  // are read here without the lock by the one who writes them.
  bool storing = false;
  {
    const std::lock_guard lock(fill_->mutex_);
    storing = fill_->storing_;
  }
  if (fill_->state_ != FillState::streaming ||
      (fill_->content_length_ && *fill_->content_length_ != fill_->size_)) {
    fail(Reason::truncated);
    return Reason::truncated;
  }
  if (!storing) {
    const Reason reason = fill_->reason_;
    worker_->counters_.count(reason, fill_->identity().endpoint);
    finish(FillState::complete, reason);
    return reason;
  }
  ObjectHead head = fill_->head_;
  if (const std::string digest = hash_ ? hash_->digest() : std::string(); !digest.empty()) {
    // Who streams from the fill got its head before this could be known.
    head.add_field("ETag", worker_->cache_.rules().own_tags().make(digest));
    head.own_etag = true;
  }
  ObjectPtr object = Object::make(std::move(head), fill_->take_body());
  object->refresh().set_fetched(now - began_, ahead_);
  const Reason reason = store(object, fill_->spec_, fill_->variant_, now);
  {
    const std::lock_guard lock(fill_->mutex_);
    fill_->object_ = std::move(object);
    // The stored object's own weight stands for the blocks from here on.
    if (reason == Reason::none) fill_->budget_.release(std::exchange(fill_->reserved_, 0));
  }
  finish(FillState::complete, reason);
  return reason;
}

ObjectPtr FillLeader::object() const {
  const std::lock_guard lock(fill_->mutex_);
  return fill_->object_;
}

void FillLeader::complete_refreshed(RefreshedHead refreshed, const Fields& request, Instant now) {
  ObjectHead& head = refreshed.head;
  // The key it was asked for under may be one where nothing is known of its Vary yet.
  const VarySpecPtr spec = united(fill_->identity().spec, std::move(refreshed.vary));
  std::string variant;
  if (spec) spec->write_variant(request, variant);
  spread_expiry(head);
  ObjectPtr object = Object::make(head, stale_->body());
  object->refresh().set_fetched(now - began_, ahead_);
  object->inherit_variants(*stale_);
  worker_->counters_.refreshes.add();
  judge_search(head);
  if (for_its_request_only(head.freshness, now)) stand_alone(now);
  const bool bounded = !spec || spec->names().size() <= VarySpec::names_max;
  const Reason reason = bounded ? store(object, spec, variant, now) : Reason::vary_limit;
  if (!bounded) detach(false, now);
  {
    const std::lock_guard lock(fill_->mutex_);
    fill_->head_ = std::move(head);
    fill_->exact_only_ = exact_only_;
    fill_->published_ = true;
    fill_->spec_ = spec;
    fill_->variant_ = std::move(variant);
    fill_->content_length_ = object->body_bytes();
    fill_->parts_.assign(object->body().begin(), object->body().end());
    fill_->size_ = object->body_bytes();
    fill_->object_ = std::move(object);
  }
  finish(FillState::complete, reason);
}

void FillLeader::drop_stale() {
  if (!stale_) return;
  worker_->cache_.drop_object(*stale_);
  stale_.reset();
}

void FillLeader::fail(Reason reason) {
  if (done_) return;
  worker_->counters_.count(reason, fill_->identity().endpoint);
  worker_->counters_.errors.add();
  detach(false, {});
  finish(FillState::failed, reason);
}

void FillLeader::uncacheable(Reason reason, Instant now) {
  if (done_) return;
  worker_->counters_.count(reason, fill_->identity().endpoint);
  if (reason != Reason::status) drop_stale();
  // What only concerns who showed credentials says nothing of the others' answers.
  detach(reason != Reason::authorization, now);
  finish(FillState::uncacheable, reason);
}

void FillLeader::abandon(Reason reason) {
  if (done_) return;
  worker_->counters_.count(reason);
  detach(false, {});
  finish(FillState::uncacheable, reason);
}

void FillLeader::abandon_range(Instant now) {
  if (done_) return;
  Shard& shard = worker_->cache_.shard_of(fill_->identity().primary.location);
  {
    const std::lock_guard lock(shard.mutex());
    shard.mark_uncacheable(range_mark(fill_->identity().hash), now + range_pass);
  }
  abandon(Reason::range);
}

std::uint64_t FillLeader::backlog() const {
  const std::lock_guard lock(fill_->mutex_);
  return fill_->size_ - fill_->slowest();
}

bool FillLeader::storing() const {
  const std::lock_guard lock(fill_->mutex_);
  return fill_->storing_;
}

std::size_t FillLeader::readers() const {
  const std::lock_guard lock(fill_->mutex_);
  return fill_->readers_.size();
}

void FillLeader::cut_off_laggards(std::uint64_t lag_max) {
  Fill::Tickets tickets;
  {
    const std::lock_guard lock(fill_->mutex_);
    const auto& readers = fill_->readers_;
    const std::uint64_t size = fill_->size_;
    if (std::none_of(readers.begin(), readers.end(),
                     [size](const auto* reader) { return reader->cursor == size; })) {
      return;  // nobody is held up
    }
    for (auto* reader : readers) {
      if (size - reader->cursor > lag_max) reader->cut_off = true;
    }
    fill_->collect_waiters(tickets);
  }
  Fill::post(tickets);
}

void FillLeader::wait_drained(std::uint64_t low_water, boost::asio::any_io_executor executor,
                              FillWaiter::Callback callback) {
  Fill::Tickets tickets;
  {
    const std::lock_guard lock(fill_->mutex_);
    fill_->drain_below_ = low_water;
    fill_->drain_waiting_ = waiter_.arm(std::move(executor), std::move(callback));
    fill_->collect_drained(tickets);
  }
  Fill::post(tickets);
}

void FillLeader::cancel_wait() noexcept {
  waiter_.cancel();
  const std::lock_guard lock(fill_->mutex_);
  fill_->drain_waiting_.reset();
}

}  // namespace homeostat::cache
