// FetchTask and the tier that the fleet shares: asked before the origin, told after it.
#include <utility>

#include "runtime/cache/response_rules.hpp"
#include "runtime/http/message.hpp"
#include "runtime/proxy/fetch_task.hpp"
#include "runtime/proxy/fill_exchange.hpp"
#include "runtime/proxy/worker.hpp"

namespace homeostat::proxy {
namespace {

using tier::ReadOutcome;

/// A refresh that would bring what is stored already is none.
constexpr std::chrono::seconds newer_by{1};

/// When a response was of age zero.
WallTime created(const cache::Freshness& freshness) {
  return freshness.received_wall -
         std::chrono::duration_cast<WallTime::duration>(freshness.initial_age);
}

/// Lasts longer than what is stored, and was made later: the origin may have shortened the
/// lifetime since, and what it said before must not come back.
bool newer(const cache::Freshness& shared, const cache::Freshness& stored, Instant now) {
  return shared.remaining(now) >= stored.remaining(now) + newer_by &&
         created(shared) > created(stored);
}

bool validates_always(const cache::ObjectPtr& object) {
  return object && object->head().freshness.no_cache;
}

/// Views into the entry; false if there are too many.
bool read_fields(const tier::Entry& entry, http::HeaderTable& fields) {
  std::string_view lines = entry.fields;
  while (!lines.empty()) {
    const std::size_t end = lines.find("\r\n");
    const std::string_view line = lines.substr(0, end);
    lines.remove_prefix(end + 2);
    const std::size_t colon = line.find(": ");
    if (!fields.add(line.substr(0, colon), line.substr(colon + 2))) return false;
  }
  return true;
}

/// The entry was made for a request that differs from this one in nothing the response
/// depends on, as the entry and as this agent's rules see it.
bool same_variant(const tier::Entry& entry, const std::vector<std::string>& needed,
                  const cache::Fields& request) {
  const cache::VarySpec spec(entry.vary);
  if (!spec.covers(cache::VarySpec(needed))) return false;
  std::string variant;
  spec.write_variant(request, variant);
  return variant == entry.variant;
}

}  // namespace

/// False: nobody was asked.
bool FetchTask::ask_tier() {
  tier::WorkerTier* tier = worker_.tier();
  if (tier == nullptr) return false;
  shared_key_ = worker_.cache().shared_key(asked_, decision_);
  shared_since_ = tier->stamp();
  // Whoever wants an answer of the origin's gets one, and so does what must be validated
  // before every use: nobody shares that.
  if (decision_.revalidate || validates_always(stored_)) return false;
  return read_tier();
}

bool FetchTask::read_tier() {
  return worker_.tier()->read(shared_key_, request_->head().headers, asked_.endpoint,
                              [this, keep = Ref<FetchTask>(this)](std::optional<tier::Entry> entry,
                                                                  const std::string& key) {
                                tier_answered(std::move(entry), key);
                              });
}

/// Somebody still waits for it.
bool FetchTask::wanted() const {
  return refresh_ || ended_ || client_ != nullptr || leader_.readers() > 0;
}

void FetchTask::tier_answered(std::optional<tier::Entry> entry, const std::string& key) {
  if (leader_.done()) return;  // cancelled meanwhile
  bool brought = false;
  if (entry) {
    const ReadOutcome outcome = take_shared(*entry);
    worker_.tier()->count(outcome);
    brought = outcome == ReadOutcome::hit;
  }
  worker_.tier()->note_read(asked_.endpoint, brought);
  if (brought) {
    done();
    return;
  }
  if (!wanted()) return cancel();
  if (!lease_fill(key, !entry)) ask_origin();
}

/// False: nobody is waited for. Once per fetch: what another agent's fetch did not bring
/// is not waited for again.
bool FetchTask::lease_fill(const std::string& key, bool absent) {
  if (key.empty() || std::exchange(lease_asked_, true)) return false;
  return worker_.tier()->lease(
      key, absent, asked_.endpoint, request_->terms.deadline,
      [this, keep = Ref<FetchTask>(this)](tier::WorkerTier::LeaseEnd end, tier::FillLease lease) {
        leased(end, std::move(lease));
      });
}

void FetchTask::leased(tier::WorkerTier::LeaseEnd end, tier::FillLease lease) {
  if (leader_.done()) return;
  if (!wanted()) return cancel();
  lease_ = std::move(lease);
  // Much may have been invalidated while it waited.
  shared_since_ = worker_.tier()->stamp();
  if (end == tier::WorkerTier::LeaseEnd::filled && read_tier()) return;
  ask_origin();
}

std::uint64_t FetchTask::query_shape() const {
  return decision_.rules != nullptr ? decision_.rules->query_shape(decision_.rule) : 0;
}

/// `hit`: the fill is complete.
ReadOutcome FetchTask::take_shared(const tier::Entry& entry) {
  const Instant now = worker_.now();
  const WallTime wall_now = worker_.wall_now();
  if (entry.created > wall_now + tier::WorkerTier::clock_skew_max) return ReadOutcome::unsuitable;
  if (entry.query_shape != query_shape()) return ReadOutcome::unsuitable;
  const auto age = std::chrono::duration_cast<Duration>(
      std::max(WallTime::duration::zero(), wall_now - entry.created));
  http::HeaderTable fields;
  if (!read_fields(entry, fields)) return ReadOutcome::unsuitable;
  cache::Response response;
  response.status = entry.status;
  response.reason_phrase = http::reason_phrase(entry.status);
  response.fields = &fields;
  response.content_length = entry.body_bytes;
  // As if the answer had been that long on its way: its age is then exact.
  response.requested = now - age;
  response.received = now;
  response.received_wall = wall_now;
  cache::StoreDecision decision = worker_.cache().judge(asked_, decision_, response,
                                                        worker_.policy().cache.of(asked_.endpoint));
  if (!decision.storable()) {
    return decision.reason == cache::Reason::expired ? ReadOutcome::expired
                                                     : ReadOutcome::unsuitable;
  }
  const cache::Freshness& freshness = decision.head.freshness;
  if (!freshness.fresh(now)) return ReadOutcome::expired;
  if (!decision_.accepts(freshness, now)) return ReadOutcome::unsuitable;
  if (decision_.range && !fills_range(decision, response)) return ReadOutcome::unsuitable;
  if (stored_ && !newer(freshness, stored_->freshness(), now)) return ReadOutcome::expired;
  if (!same_variant(entry, decision.vary, request_->head().headers)) {
    return ReadOutcome::unsuitable;
  }
  const tier::Subject subject{decision.head.tags, entry.key, shared_key_.text, asked_.path,
                              shared_key_.location};
  if (!worker_.tier()->usable(subject, entry)) return ReadOutcome::outdated;
  if (client_ != nullptr) client_->note_shared(freshness.remaining(now));
  leader_.set_cost(entry.cost, now);
  leader_.publish_head(std::move(decision), response.content_length, request_->head().headers, now);
  leader_.append(entry.body, now);
  const cache::Reason reason = leader_.complete(now);
  worker_.cache().count(cache::Reason::shared);
  result_ = cache::RefreshResult::updated;
  if (client_ != nullptr) client_->note_stored(reason == cache::Reason::none);
  return ReadOutcome::hit;
}

/// How long the application takes decides about budgets and leases. The first request of an
/// endpoint came as one that nobody knows; what it took counts for the endpoint all the same, or
/// the second one would be the first again, and for the unknown, of which there may be more.
void FetchTask::note_origin_latency(std::uint16_t status) {
  tier::WorkerTier* tier = worker_.tier();
  if (tier == nullptr) return;
  tier->origin_answered(asked_.endpoint, call_->latency());
  if (asked_.endpoint != telemetry::other_endpoint) return;
  const http::RequestHead& head = request_->head();
  const rules::EndpointId learnt =
      worker_.telemetry().answered(asked_.method, head.target, status);
  if (learnt != telemetry::other_endpoint) tier->origin_answered(learnt, call_->latency());
}

/// What is complete is written to the tier.
void FetchTask::share() {
  tier::WorkerTier* tier = worker_.tier();
  if (tier == nullptr) return;
  const cache::ObjectPtr object = leader_.object();
  // A No-Vary-Search answers other queries as well, which an invalidation of their URL
  // would not find.
  if (!object || object->head().search) return;
  // Nor is there anything of it that would have to go.
  if (validates_always(object) && validates_always(stored_)) return;
  tier::WorkerTier::Writing writing;
  writing.key = std::move(shared_key_);
  writing.path = request_->cache_request.path;
  writing.since = shared_since_;
  writing.object = object;
  writing.query_shape = query_shape();
  writing.spec = leader_.spec();
  writing.variant = leader_.variant();
  writing.cost = worker_.now() - requested_;
  writing.lease = lease_.take();
  // Whoever waits for this fetch itself wants it where others find it.
  if (ended_) {
    writing.written = [ended = std::exchange(ended_, nullptr), result = result_] { ended(result); };
  }
  tier->write(writing);
}

/// The origin's newest answer may not be stored: neither may what is there of it.
void FetchTask::unshare() {
  if (tier::WorkerTier* tier = worker_.tier()) {
    tier->remove(shared_key_, request_->head().headers, [keep = Ref<FetchTask>(this)] {});
  }
}

}  // namespace homeostat::proxy
