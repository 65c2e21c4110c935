// WorkerTier's reads.
#include <algorithm>
#include <utility>

#include "runtime/compress/decoder.hpp"
#include "runtime/redis/command.hpp"
#include "runtime/tier/worker_tier.hpp"

namespace homeostat::tier {
namespace {

using redis::CallError;
using redis::CallResult;

ReadOutcome outcome_of(const CallResult& result) noexcept {
  return result.error == CallError::timeout ? ReadOutcome::late : ReadOutcome::failed;
}

}  // namespace

bool WorkerTier::read(const cache::PrimaryKey& key, const cache::Fields& fields,
                      EndpointId endpoint, Found found) {
  const Instant now = shared_.clock.now();
  const auto refuse = [this](ReadOutcome outcome) {
    count(outcome);
    return false;
  };
  if (serving_.open()) probe_key_ = key.text;
  if (!serves()) return refuse(ReadOutcome::unavailable);
  if (!shared_.ledger.trusted(now)) return refuse(ReadOutcome::untrusted);
  const rules::LatencyEstimate& from_origin = of(endpoint).origin;
  const config::LoopMode mode = shared_.settings.adaptive;
  const bool acts = mode == config::LoopMode::on;
  const Duration longest = shared_.settings.timeout;
  const Duration budget =
      acts ? rules::read_budget(governor_.store(), from_origin, longest) : longest;
  const rules::Worth worth = mode == config::LoopMode::off
                                 ? rules::Worth::yes
                                 : governor_.worth_asking(from_origin, now);
  if (acts && worth == rules::Worth::to_learn) learn(key.text, budget);
  if (acts && worth != rules::Worth::yes) return refuse(ReadOutcome::slow);
  if (worth != rules::Worth::yes) TierCounters::add(shared_.counters.would_skip);
  auto read = std::make_shared<Read>();
  read->key = key;
  read->fields = &fields;
  read->began = now;
  read->until = now + budget;
  read->found = std::move(found);
  return get(read, key.text) == CallError::none || refuse(ReadOutcome::unavailable);
}

CallError WorkerTier::get(const ReadPtr& read, const std::string& key) {
  const Duration left = read->until - shared_.clock.now();
  if (left <= Duration::zero()) return CallError::timeout;
  read->last_key = key;
  return client_->call(
      key, redis::make_command({"GET", key}), left,
      [this, read, key](CallResult result) { answered(read, key, std::move(result)); });
}

void WorkerTier::fail(const ReadPtr& read, ReadOutcome outcome) {
  count(outcome);
  const Found found = std::move(read->found);
  read_until_ = read->until;
  const bool answered = outcome == ReadOutcome::miss || outcome == ReadOutcome::broken;
  found(std::nullopt, answered ? read->last_key : std::string());
}

/// A read that no request waits for: it may take its time.
void WorkerTier::learn(const std::string& key, Duration budget) {
  (void)client_->call(key, redis::make_command({"GET", key}), shared_.settings.timeout,
                      [this, key, budget, made = shared_.clock.now()](const CallResult& result) {
                        note(key, result, made, budget);
                      });
}

/// What each read teaches. Without the late ones a slow Redis would look fast.
void WorkerTier::note(const std::string& key, const CallResult& result, Instant made,
                      Duration budget) {
  const Duration took = shared_.clock.now() - made;
  const bool late = outcome_of(result) == ReadOutcome::late;
  if (late) {
    governor_.late(budget);
  } else {
    governor_.answered(took);
  }
  judge(key, result, made);
  if (result.ok() || late) shared_.counters.read_times.record(took);
}

void WorkerTier::answered(const ReadPtr& read, const std::string& key, CallResult result) {
  note(key, result, read->began, read->until - read->began);
  const Duration took = shared_.clock.now() - read->began;
  if (!result.ok()) {
    fail(read, outcome_of(result));
    return;
  }
  TierCounters::add(shared_.counters.answered_reads);
  TierCounters::add(shared_.counters.read_nanoseconds, static_cast<std::uint64_t>(took.count()));
  if (result.reply.is(redis::Reply::Type::nil)) {
    fail(read, ReadOutcome::miss);
    return;
  }
  Entry entry;
  EntryError error = result.reply.is(redis::Reply::Type::text) ? decode(result.reply.text, entry)
                                                               : EntryError::foreign;
  if (error == EntryError::none && entry.key != key) error = EntryError::malformed;
  const bool marker = error == EntryError::none && entry.kind == Entry::Kind::vary;
  if (marker && read->of_variant) error = EntryError::malformed;
  if (error == EntryError::none && !marker && !decode_body(entry)) error = EntryError::malformed;
  if (error != EntryError::none) {
    shared_.counters.count(error);
    if (error == EntryError::version) {
      // Others may read it. It stays until it is replaced, and there is no lease beside it.
      read->last_key.clear();
    } else {
      // It would be in everybody's way, and what fail() leads to must find nothing there.
      unlink(key);
    }
    fail(read, ReadOutcome::broken);
    return;
  }
  if (marker) {
    follow_variants(read, entry);
    return;
  }
  const Found found = std::move(read->found);
  read_until_ = read->until;
  found(std::move(entry), key);
}

void WorkerTier::follow_variants(const ReadPtr& read, const Entry& marker) {
  std::string variant, key;
  cache::VarySpec(marker.vary).write_variant(*read->fields, variant);
  cache::write_variant_key(read->key.text, read->key.shape, variant, key);
  read->of_variant = true;
  const CallError refused = get(read, key);
  if (refused == CallError::none) return;
  fail(read, refused == CallError::timeout ? ReadOutcome::late : ReadOutcome::unavailable);
}

bool WorkerTier::decode_body(Entry& entry) const {
  if (entry.body_bytes > shared_.settings.object_bytes_max) return false;
  if (entry.coding == rules::Coding::identity) return true;
  compress::DecodeLimits limits;
  limits.bytes_max = static_cast<std::size_t>(entry.body_bytes);
  limits.ratio_max = 1'000'000;  // bytes_max is exact already
  std::string decoded;
  if (compress::decode_whole(entry.coding, entry.body, limits, ThreadClock::instance(), decoded) !=
          compress::DecodeResult::ok ||
      decoded.size() != entry.body_bytes) {
    return false;
  }
  entry.body = std::move(decoded);
  entry.coding = rules::Coding::identity;
  return true;
}

// -- a Redis that refuses for now -------------------------------------------------

/// Who answers that it serves nobody yet still costs each read a round trip, a long one while it
/// reads its dump. What was not answered at all is the client's to judge.
void WorkerTier::judge(const std::string& key, const CallResult& result, Instant made) {
  if (result.error != CallError::none) return;
  const bool refused = result.reply.is(redis::Reply::Type::error) &&
                       redis::refuses_for_now(redis::error_code_of(result.reply.text));
  if (!refused) return serving_.succeeded();
  const bool known = serving_.open();
  serving_.failed(made, shared_.clock.now());
  if (!serving_.open() || known) return;
  probe_key_ = key;
  probe_later();
}

void WorkerTier::probe_later() {
  probe_timer_.expires_after(probe_interval);
  probe_timer_.async_wait([weak = weak_from_this()](boost::system::error_code error) {
    const std::shared_ptr<WorkerTier> self = error ? nullptr : weak.lock();
    if (self) self->probe();
  });
}

/// With the latest that was asked for: a cluster without all its slots answers pings, and the
/// server that has what was refused is not the only one.
void WorkerTier::probe() {
  const CallError refused = client_->call(
      probe_key_, redis::make_command({"GET", probe_key_}), shared_.settings.timeout,
      [this, key = probe_key_, made = shared_.clock.now()](const CallResult& result) {
        judge(key, result, made);
        if (serving_.open()) probe_later();
      });
  if (refused == CallError::none) return;
  if (client_->up()) return probe_later();  // only the server that has this key is away
  serving_.connected();                     // what comes back is judged anew
}

}  // namespace homeostat::tier
