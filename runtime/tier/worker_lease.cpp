// WorkerTier and the leases under which one agent fetches for the whole fleet.
#include <boost/asio/post.hpp>
#include <utility>

#include "rules/laws/lease_length.hpp"
#include "runtime/tier/lease_script.hpp"
#include "runtime/tier/worker_tier.hpp"

namespace homeostat::tier {

using redis::CallError;
using redis::CallResult;
using std::chrono::milliseconds;

struct WorkerTier::Attempt {
  explicit Attempt(boost::asio::io_context& context) : timer(context) {}

  LeaseTerms terms;
  Leased leased;  // empty: done
  std::unique_ptr<FillNews::Waiter> waiter;
  redis::Timer timer;
  Instant began{}, latest{};
  std::optional<FillNewsKind> news;  // came before it was known whether to wait
  bool waiting = false;
};

void FillLease::give_back() noexcept {
  if (!terms_.held()) return;
  const LeaseTerms terms = take();
  if (const std::shared_ptr<WorkerTier> tier = tier_.lock()) {
    tier->end_lease(terms, FillNewsKind::gone);
  }
}

std::string WorkerTier::make_token() noexcept {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string token;
  token.reserve(lease_token_bytes);
  while (token.size() < lease_token_bytes) {
    random_ = random_ * 6364136223846793005ULL + 1442695040888963407ULL;  // Knuth, MMIX
    for (unsigned shift = 32; shift < 64; shift += 4) token += digits[(random_ >> shift) & 15U];
  }
  return token;
}

bool WorkerTier::lease(const std::string& key, bool absent, EndpointId endpoint,
                       std::optional<Instant> latest, Leased leased) {
  const rules::LatencyEstimate& from_origin = of(endpoint).origin;
  const config::RedisSettings& settings = shared_.settings;
  const std::optional<Duration> length =
      rules::lease_length(from_origin, governor_.store(), settings.lease_above, settings.lease_max);
  if (!length || !client_->up() || !shared_.news.following()) return false;
  auto attempt = std::make_shared<Attempt>(context_);
  attempt->terms = {key, lease_key(key), make_token()};
  if (attempt->terms.lease_key.empty()) return false;
  attempt->began = shared_.clock.now();
  attempt->latest = attempt->began + settings.lease_max;
  if (latest && *latest < attempt->latest) attempt->latest = *latest;
  if (attempt->latest <= attempt->began) return false;
  attempt->leased = std::move(leased);
  // Before anybody is asked: news that come right after the answer must not be missed.
  attempt->waiter = shared_.news.wait_for(
      fill_news_hash(key), [weak = weak_from_this(), executor = context_.get_executor(),
                            waiting = std::weak_ptr<Attempt>(attempt)](FillNewsKind kind) {
        boost::asio::post(executor, [weak, waiting, kind] {
          const std::shared_ptr<WorkerTier> self = weak.lock();
          const AttemptPtr found = waiting.lock();
          if (self && found) self->told(found, kind);
        });
      });
  if (!attempt->waiter) return false;
  const Duration budget = std::min(read_until_, attempt->latest) - attempt->began;
  if (budget <= Duration::zero()) return false;
  const std::string command = acquire_command(attempt->terms.lease_key, key, attempt->terms.token,
                                              std::chrono::ceil<milliseconds>(*length), absent);
  const CallError refused =
      client_->call(attempt->terms.lease_key, command, budget,
                    [this, attempt](const CallResult& result) { acquired(attempt, result); });
  if (refused != CallError::none) return false;
  attempts_.insert(attempt);
  return true;
}

void WorkerTier::acquired(const AttemptPtr& attempt, const CallResult& result) {
  if (!attempt->leased) return;
  const auto answer = result.ok() ? read_acquired(result.reply) : std::nullopt;
  if (!answer) {
    // It may have been carried out all the same: nobody is to wait for that.
    end_lease(attempt->terms, FillNewsKind::gone);
    return finish(attempt, LeaseOutcome::failed);
  }
  if (answer->state == Acquired::State::ours) return finish(attempt, LeaseOutcome::granted);
  if (answer->state == Acquired::State::filled) return finish(attempt, LeaseOutcome::filled);
  attempt->waiting = true;
  if (attempt->news) return told(attempt, *attempt->news);
  const Instant now = shared_.clock.now();
  attempt->timer.expires_after(std::min<Duration>(answer->left, attempt->latest - now));
  attempt->timer.async_wait([weak = weak_from_this(), attempt](boost::system::error_code error) {
    const std::shared_ptr<WorkerTier> self = weak.lock();
    if (!error && self) self->finish(attempt, LeaseOutcome::expired);
  });
}

void WorkerTier::told(const AttemptPtr& attempt, FillNewsKind kind) {
  attempt->news = kind;
  if (!attempt->waiting) return;
  finish(attempt, kind == FillNewsKind::stored ? LeaseOutcome::filled : LeaseOutcome::gone);
}

void WorkerTier::finish(const AttemptPtr& attempt, LeaseOutcome outcome) {
  if (!attempt->leased) return;
  const Leased leased = std::exchange(attempt->leased, nullptr);
  attempt->timer.cancel();
  attempt->waiter.reset();
  attempts_.erase(attempt);
  shared_.counters.count(outcome);
  TierCounters::add(shared_.counters.lease_wait_nanoseconds,
                    static_cast<std::uint64_t>((shared_.clock.now() - attempt->began).count()));
  switch (outcome) {
    case LeaseOutcome::granted:
      return leased(LeaseEnd::granted, FillLease(weak_from_this(), attempt->terms));
    case LeaseOutcome::filled: return leased(LeaseEnd::filled, {});
    default: return leased(LeaseEnd::alone, {});
  }
}

void WorkerTier::end_lease(const LeaseTerms& terms, FillNewsKind kind) {
  if (!terms.held()) return;
  static_cast<void>(
      client_->call(terms.lease_key, release_command(terms.lease_key, terms.token), write_max(),
                    [this, key = terms.entry_key, kind](const CallResult& result) {
                      if (result.ok() && read_lease_use(result.reply) == LeaseUse::waited_for)
                        tell(key, kind);
                    }));
}

void WorkerTier::tell(const std::string& entry_key, FillNewsKind kind) {
  static_cast<void>(client_->call(shared_.fill_stream,
                                  tell_command(shared_.fill_stream, entry_key, kind), write_max(),
                                  [](const CallResult&) {}));
}

void WorkerTier::stop() noexcept {
  client_->stop();
  probe_timer_.cancel();
  for (auto& [ticket, written] : std::exchange(written_, {})) written();
  const std::unordered_set<AttemptPtr> attempts = std::exchange(attempts_, {});
  for (const AttemptPtr& attempt : attempts) {
    attempt->leased = nullptr;
    attempt->timer.cancel();
    attempt->waiter.reset();
  }
}

}  // namespace homeostat::tier
