#include "runtime/tier/worker_tier.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "runtime/redis/command.hpp"
#include "runtime/tier/store_script.hpp"

namespace homeostat::tier {
namespace {

using redis::CallError;
using redis::CallResult;

std::chrono::milliseconds rounded(Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration);
}

WriteOutcome outcome_of(const std::optional<StoreResult>& answer) noexcept {
  if (!answer) return WriteOutcome::failed;
  switch (answer->state) {
    case StoreResult::State::stored: return WriteOutcome::stored;
    case StoreResult::State::older: return WriteOutcome::older;
    case StoreResult::State::lost: break;
  }
  return WriteOutcome::fenced;
}

}  // namespace

WorkerTier::WorkerTier(boost::asio::io_context& context, const Shared& shared, std::uint64_t seed)
    : context_(context), shared_(shared), probe_timer_(context), random_(seed) {
  redis::ClientOptions options;
  options.settings = shared.settings;
  options.tls = shared.tls;
  options.seed = seed;
  client_ = redis::make_client(context, shared.clock, std::move(options), shared.calls);
  serving_.connected();  // until it says otherwise
}

bool WorkerTier::ready() const { return serves() && shared_.ledger.trusted(shared_.clock.now()); }

WorkerTier::Experience& WorkerTier::of(EndpointId endpoint) {
  const std::size_t place = std::min<std::size_t>(endpoint, endpoints_max - 1);
  if (place >= endpoints_.size()) endpoints_.resize(place + 1);
  return endpoints_[place];
}

bool WorkerTier::compressible(const cache::Object& object) const {
  return shared_.settings.compression != config::SharedCompression::off &&
         object.body_bytes() >= shared_.settings.compress_above && !object.head().encoded;
}

/// True: not written, and counted why.
bool WorkerTier::refuse_write(const Writing& writing) {
  const auto refuse = [this](WriteOutcome outcome) {
    shared_.counters.count(outcome);
    return true;
  };
  if (!serves()) return refuse(WriteOutcome::unavailable);
  if (!writing.since) return refuse(WriteOutcome::unstamped);
  if (writing.object->body_bytes() > shared_.settings.object_bytes_max) {
    remove(writing.key, writing.spec.get(), writing.variant);  // of what it replaces
    return refuse(WriteOutcome::too_large);
  }
  const cache::Freshness freshness = writing.object->freshness();
  // Whoever read what must be validated before every use would have to ask all the same.
  const bool useful =
      !freshness.no_cache && freshness.remaining(shared_.clock.now()) >= lifetime_min;
  if (useful) return false;
  // Nothing to share, and the end of what the origin said before.
  remove(writing.key, writing.spec.get(), writing.variant);
  return true;
}

/// Without its body.
Entry WorkerTier::make_entry(const Writing& writing) const {
  const cache::Object& object = *writing.object;
  const cache::Freshness& freshness = object.freshness();
  Entry entry;
  entry.since = *writing.since;
  entry.query_shape = writing.query_shape;
  entry.created = freshness.received_wall -
                  std::chrono::duration_cast<WallTime::duration>(freshness.initial_age);
  entry.soft_ttl = rounded(freshness.lifetime);
  entry.ttl = std::min(entry.soft_ttl, rounded(shared_.settings.ttl_max));
  entry.cost = rounded(writing.cost);
  entry.status = static_cast<std::uint16_t>(object.status());
  object.head().for_each_origin_field([&](std::string_view name, std::string_view value) {
    if (http::header_id(name) == http::HeaderId::content_length) return;
    entry.fields.append(name).append(": ").append(value).append("\r\n");
  });
  if (writing.spec) {
    entry.vary = writing.spec->names();
    entry.variant = writing.variant;
    cache::write_variant_key(writing.key.text, writing.key.shape, writing.variant, entry.key);
  } else {
    entry.key = writing.key.text;
  }
  entry.tags = object.head().tags.names();
  entry.body_bytes = object.body_bytes();
  return entry;
}

/// Ledger::alive_from, if the entry is alive itself.
std::optional<std::uint64_t> WorkerTier::alive_from(const Writing& writing,
                                                    const Entry& entry) const {
  const Subject subject{writing.object->head().tags, entry.key, writing.key.text, writing.path,
                        writing.key.location};
  const auto from = shared_.ledger.alive_from(subject);
  return from && usable(subject, entry) ? from : std::nullopt;
}

void WorkerTier::write(const Writing& writing) {
  Pending pending;
  pending.lease = writing.lease;
  if (writing.written) {
    pending.ticket = ++tickets_;
    written_.emplace(pending.ticket, writing.written);
  }
  if (refuse_write(writing)) return drop(pending);
  pending.entry = make_entry(writing);
  const auto from = alive_from(writing, pending.entry);
  if (!from) {
    shared_.counters.count(WriteOutcome::outdated);
    return drop(pending);
  }
  pending.alive_from = *from;
  pending.varies = writing.spec != nullptr;
  pending.primary = writing.key.text;
  const cache::Object& object = *writing.object;
  if (compressible(object)) return compress(std::move(pending), writing.object);
  pending.entry.body.reserve(object.body_bytes());
  for (const cache::BodyPart& part : object.body()) pending.entry.body += part.view();
  finish_write(std::move(pending));
}

/// Nothing comes of it.
void WorkerTier::drop(const Pending& pending) {
  end_lease(pending.lease, FillNewsKind::gone);
  settle(pending.ticket);
}

void WorkerTier::settle(std::uint64_t ticket) {
  if (const auto found = written_.extract(ticket)) found.mapped()();
}

void WorkerTier::remove(const cache::PrimaryKey& key, const cache::VarySpec* spec,
                        std::string_view variant) {
  std::string text;
  if (spec != nullptr) {
    cache::write_variant_key(key.text, key.shape, variant, text);
    unlink(text);
  }
  unlink(key.text);
}

void WorkerTier::remove(const cache::PrimaryKey& key, const cache::Fields& fields,
                        std::function<void()> done) {
  static_cast<void>(client_->call(
      key.text, redis::make_command({"GET", key.text}), write_max(),
      [this, key, &fields, done = std::move(done)](const CallResult& result) {
        Entry entry;
        const bool varies = result.ok() && result.reply.is(redis::Reply::Type::text) &&
                            decode(result.reply.text, entry) == EntryError::none &&
                            entry.kind == Entry::Kind::vary;
        const cache::VarySpec spec(entry.vary);
        std::string variant;
        if (varies) spec.write_variant(fields, variant);
        remove(key, varies ? &spec : nullptr, variant);
        done();
      }));
}

void WorkerTier::unlink(const std::string& key) {
  static_cast<void>(client_->call(key, redis::make_command({"UNLINK", key}), write_max(),
                                  [](const CallResult&) {}));
}

/// A write that is late harms nobody: it may take longer than a read.
Duration WorkerTier::write_max() const noexcept {
  return std::max<Duration>(std::chrono::seconds(1), shared_.settings.timeout);
}

void WorkerTier::compress(Pending write, const cache::ObjectPtr& object) {
  compress::CompressJob job;
  for (const cache::BodyPart& part : object->body()) job.pieces.push_back(part.view());
  job.owner = std::shared_ptr<const void>(object.get(), [object](const void*) {});
  const rules::Coding coding = shared_.settings.compression == config::SharedCompression::gzip
                                   ? rules::Coding::gzip
                                   : rules::Coding::zstd;
  job.recipe.target = coding;
  auto pending = std::make_shared<Pending>(std::move(write));
  job.done = [weak = weak_from_this(), executor = context_.get_executor(), pending, object, coding](
                 compress::JobResult result, std::string& output) {
    if (result == compress::JobResult::done) {
      pending->entry.body = std::move(output);
      pending->entry.coding = coding;
    } else {
      pending->entry.body.clear();
      for (const cache::BodyPart& part : object->body()) pending->entry.body += part.view();
    }
    boost::asio::post(executor, [weak, pending] {
      if (const std::shared_ptr<WorkerTier> self = weak.lock()) {
        self->finish_write(std::move(*pending));
      }
    });
  };
  if (shared_.pool.submit(std::move(job))) return;
  shared_.counters.count(WriteOutcome::busy);
  unlink(pending->entry.key);  // what it replaces
  drop(*pending);
}

void WorkerTier::finish_write(Pending pending) {
  const Entry& entry = pending.entry;
  TierCounters::add(shared_.counters.body_bytes_in, entry.body_bytes);
  TierCounters::add(shared_.counters.body_bytes_out, entry.body.size());
  if (pending.varies) {
    Pending marking;
    marking.alive_from = pending.alive_from;
    Entry& marker = marking.entry;
    marker.kind = Entry::Kind::vary;
    marker.key = std::move(pending.primary);
    marker.since = entry.since;
    marker.created = entry.created;
    marker.soft_ttl = entry.soft_ttl;
    marker.ttl = entry.ttl;
    marker.vary = entry.vary;
    set(marking);
  }
  set(pending);
}

void WorkerTier::set(const Pending& pending) {
  const Entry& entry = pending.entry;
  const LeaseTerms& lease = pending.lease;
  const WallTime now = shared_.clock.wall_now();
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(entry.created + entry.ttl - now);
  if (left <= std::chrono::milliseconds::zero()) return drop(pending);
  // A lease for the key without variant was taken before anybody knew that there are some.
  const bool leased = lease.held() && lease.entry_key == entry.key;
  const bool of_entry = entry.kind == Entry::Kind::response;
  const StoreTerms terms{left, pending.alive_from, now + clock_skew_max};
  const auto written = [this, lease, leased, of_entry,
                        ticket = pending.ticket](const CallResult& result) {
    const auto answer = result.ok() ? read_stored(result.reply) : std::nullopt;
    if (of_entry) shared_.counters.count(outcome_of(answer));
    const bool there = answer && answer->state != StoreResult::State::lost;
    const FillNewsKind news = there ? FillNewsKind::stored : FillNewsKind::gone;
    if (!leased || !answer) {
      end_lease(lease, news);
    } else if (answer->waited_for) {
      tell(lease.entry_key, news);
    }
    settle(ticket);
  };
  // Reads would wait behind it.
  const bool busy = client_->unsent(entry.key) > unsent_max;
  const CallError refused = busy ? CallError::overloaded
                                 : client_->call(entry.key,
                                                 store_command(entry.key, encode(entry), terms,
                                                               leased ? lease : LeaseTerms{}),
                                                 write_max(), written);
  if (refused == CallError::none) return;
  if (of_entry) shared_.counters.count(WriteOutcome::unavailable);
  drop(pending);
}

}  // namespace homeostat::tier
