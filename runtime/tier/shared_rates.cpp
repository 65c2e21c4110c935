#include "runtime/tier/shared_rates.hpp"

#include <algorithm>
#include <utility>

#include "runtime/tier/rate_script.hpp"

namespace homeostat::tier {

using redis::CallError;
using redis::CallResult;

namespace {

/// Of one bucket: what as many agents have let through at once is made up for.
constexpr double bursts_max = 64;
/// Far beyond any limit, and far from where numbers end.
constexpr std::chrono::microseconds longest = std::chrono::hours(24 * 365);

std::chrono::microseconds times(std::chrono::nanoseconds one, double count) {
  const std::chrono::duration<double, std::micro> product = one * count;
  return product < longest ? std::chrono::ceil<std::chrono::microseconds>(product) : longest;
}

}  // namespace

SharedRates::SharedRates(boost::asio::io_context& context, const Clock& clock,
                         redis::Client& client, const config::CacheSettings& settings,
                         TierCounters& counters, std::uint64_t seed, Raise raise)
    : clock_(clock),
      client_(client),
      counters_(counters),
      prefix_(settings.key_prefix),
      namespace_(settings.key_namespace),
      secret_key_(rate_secret_key(prefix_, namespace_)),
      raise_(std::move(raise)),
      timer_(context),
      proposed_(seed) {}

void SharedRates::stop() noexcept {
  stopped_ = true;
  timer_.cancel();
}

// -- the secret ---------------------------------------------------------------------

std::optional<std::uint64_t> SharedRates::secret() {
  const Instant now = clock_.now();
  // Also one that is known: it may have been lost in Redis, where others would then
  // choose another one.
  if (!asked_ || now - *asked_ >= secret_lasts) ask_secret(now);
  return secret_;
}

void SharedRates::ask_secret(Instant now) {
  if (stopped_ || !client_.up()) return;
  asked_ = now;
  const std::string command = rate_secret_command(secret_key_, secret_.value_or(proposed_));
  const CallError refused = client_.call(secret_key_, command, exchange_latest,
                                         [weak = weak_from_this()](const CallResult& result) {
                                           if (const auto self = weak.lock())
                                             self->told_secret(result);
                                         });
  if (refused != CallError::none) asked_.reset();
}

void SharedRates::told_secret(const CallResult& result) {
  const auto told = result.ok() ? read_rate_secret(result.reply) : std::nullopt;
  if (!told) {
    asked_.reset();
    return;
  }
  if (secret_ != told) uses_.clear();  // their names mean nothing to the others
  secret_ = told;
}

// -- the exchange -------------------------------------------------------------------

void SharedRates::note(std::uint64_t bucket, std::uint64_t name, const rules::RequestRate& rate) {
  auto found = uses_.find(name);
  if (found == uses_.end()) {
    if (uses_.size() >= names_max || stopped_) {
      TierCounters::add(counters_.rates_unshared);
      return;
    }
    found = uses_.emplace(name, Use{bucket, rate, 0, clock_.now()}).first;
  }
  ++found->second.requests;
  arm();
}

/// A sixteenth of a burst is worth a call at once; less can wait for more.
bool SharedRates::Use::due(Instant now) const noexcept {
  return requests >= std::max<std::int64_t>(1, rate.burst / 16) || now - since >= exchange_latest;
}

void SharedRates::arm() {
  if (armed_ || stopped_) return;
  armed_ = true;
  timer_.expires_after(exchange_every);
  timer_.async_wait([weak = weak_from_this()](boost::system::error_code error) {
    const auto self = weak.lock();
    if (!self) return;
    self->armed_ = false;
    if (!error) self->exchange();
  });
}

void SharedRates::exchange() {
  if (stopped_) return;
  const Instant now = clock_.now();
  for (auto at = uses_.begin(); at != uses_.end();) {
    if (!at->second.due(now)) {
      ++at;
      continue;
    }
    send(at->first, at->second);
    at = uses_.erase(at);
  }
  if (!uses_.empty()) arm();
}

/// What Redis does not take is not sent again: this agent has counted it, and a fleet that
/// hears of it late would refuse for what is long over.
void SharedRates::send(std::uint64_t name, const Use& use) {
  const std::string key = rate_bucket_key(prefix_, namespace_, name);
  const auto used = times(use.rate.interval, static_cast<double>(use.requests));
  const auto most = times(use.rate.interval, static_cast<double>(use.rate.burst) * bursts_max);
  const CallError refused = client_.call(
      key, rate_take_command(key, used, most), exchange_latest,
      [weak = weak_from_this(), bucket = use.bucket, most](const CallResult& result) {
        const auto self = weak.lock();
        if (!self) return;
        const auto until_full = result.ok() ? read_rate_taken(result.reply, most) : std::nullopt;
        TierCounters::add(until_full ? self->counters_.rates_exchanged
                                     : self->counters_.rates_unshared);
        if (until_full) self->raise_(bucket, *until_full);
      });
  if (refused != CallError::none) TierCounters::add(counters_.rates_unshared);
}

}  // namespace homeostat::tier
