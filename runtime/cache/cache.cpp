#include "runtime/cache/cache.hpp"

#include <algorithm>
#include <random>

namespace homeostat::cache {
namespace {

std::uint64_t random_seed() {
  std::random_device device;
  return (std::uint64_t{device()} << 32U) | device();
}

std::uint64_t object_bound(const config::CacheSettings& settings) noexcept {
  return settings.object_bytes_max != 0 ? settings.object_bytes_max : settings.memory / 8;
}

/// Reasons that the application or a rule could remove.
bool can_be_changed(Reason reason) noexcept {
  switch (reason) {
    case Reason::request_body:
    case Reason::tenant:
    case Reason::authorization:
    case Reason::no_store:
    case Reason::private_:
    case Reason::no_cache:
    case Reason::set_cookie:
    case Reason::vary_star:
    case Reason::vary_limit:
    case Reason::no_freshness:
    case Reason::expired:
    case Reason::too_large:
    case Reason::tag_limit: return true;
    default: return false;
  }
}

/// Stale answers for which nobody waited.
std::uint64_t served_unasked(const Counters& total) noexcept {
  std::uint64_t count = 0;
  for (const Reason reason :
       {Reason::stale_while_revalidate, Reason::origin_backoff, Reason::emergency}) {
    count += total.reasons[static_cast<std::size_t>(reason)].get();
  }
  return count;
}

}  // namespace

Cache::Cache(const config::CacheSettings& settings, const Clock& clock, std::uint64_t seed)
    : settings_(settings),
      clock_(clock),
      seed_(seed != 0 ? seed : random_seed()),
      object_bytes_max_(object_bound(settings)),
      rules_(settings_),
      budget_(settings.memory / 2),
      bound_(settings.memory),
      tags_(settings.tags.distinct_max),
      key_version_(settings.key_version),
      rules_in_force_(rules_.fingerprint()),
      control_keys_(settings_, seed_, key_version_),
      shared_keys_(settings_, shared_key_seed, key_version_) {
  // The first shards take what does not divide evenly, so that the sum is exact.
  const std::size_t marks = settings.negative_entries_max;
  for (std::size_t i = 0; i < shard_count; ++i) {
    shards_[i].set_marks_max(marks / shard_count + (i < marks % shard_count ? 1 : 0));
  }
}

Cache::~Cache() = default;

std::size_t Cache::bound_in_force() const noexcept {
  const std::size_t bound = bound_.load(std::memory_order_relaxed);
  const std::size_t filling = budget_.used();
  const std::size_t taken = filling > fill_slack ? filling - fill_slack : 0;
  return bound > taken ? bound - taken : 0;
}

std::size_t Cache::bytes() const {
  const std::lock_guard lock(policy_mutex_);
  return policy_.used();
}

void Cache::record_miss(std::uint64_t hash) {
  const std::lock_guard lock(policy_mutex_);
  policy_.record_miss(hash);
}

void Cache::add_worker(const Counters* counters) {
  const std::lock_guard lock(workers_mutex_);
  workers_.push_back(counters);
}

void Cache::remove_worker(const Counters* counters) {
  const std::lock_guard lock(workers_mutex_);
  std::erase(workers_, counters);
  departed_.add(*counters);
  for (EndpointId endpoint = 0; endpoint < ReasonTable::endpoints_max; ++endpoint) {
    const ReasonTable::Row* row = counters->endpoints.row(endpoint);
    for (std::size_t i = 0; row != nullptr && i < reason_count; ++i) {
      departed_.endpoints.count(endpoint, static_cast<Reason>(i), (*row)[i].get());
    }
  }
}

void Cache::sum(Counters& total) const {
  const std::lock_guard lock(workers_mutex_);
  total.add(departed_);
  total.add(control_counters_);
  for (const Counters* counters : workers_) total.add(*counters);
}

CacheFigures Cache::figures() const {
  Counters total;
  sum(total);
  CacheFigures figures;
  {
    const std::lock_guard lock(policy_mutex_);
    figures.entries = policy_.size();
    figures.bytes = policy_.used();
    figures.evictions = policy_.totals().evictions;
    figures.expirations = policy_.totals().expirations;
  }
  figures.bytes_max = bound_in_force();
  // What was served stale went upstream only where it was tried first.
  const std::uint64_t unasked = served_unasked(total);
  figures.hits = total.hits.get() + unasked;
  figures.misses = total.misses.get() + total.stale.get() - std::min(unasked, total.stale.get());
  figures.stores = total.stores.get();
  figures.bypasses = total.bypasses.get();
  figures.deletes = total.deletes.get();
  figures.collapsed = total.collapsed.get();
  figures.errors = total.errors.get();
  return figures;
}

std::vector<UncachedEndpoint> Cache::uncached(std::size_t count_max) const {
  const std::lock_guard lock(workers_mutex_);
  std::vector<UncachedEndpoint> found;
  for (EndpointId endpoint = 0; endpoint < ReasonTable::endpoints_max; ++endpoint) {
    std::array<std::uint64_t, reason_count> counts{};
    const auto add = [&](const Counters& counters) {
      const ReasonTable::Row* row = counters.endpoints.row(endpoint);
      for (std::size_t i = 0; row != nullptr && i < reason_count; ++i) counts[i] += (*row)[i].get();
    };
    add(departed_);
    for (const Counters* counters : workers_) add(*counters);
    UncachedEndpoint result{endpoint, {}, 0};
    std::uint64_t most = 0;
    for (std::size_t i = 0; i < reason_count; ++i) {
      const auto reason = static_cast<Reason>(i);
      if (!can_be_changed(reason)) continue;
      result.requests += counts[i];
      if (counts[i] <= most) continue;
      most = counts[i];
      result.reason = to_string(reason);
    }
    if (most == 0) continue;
    // Known as uncacheable for one of these reasons a moment before.
    result.requests += counts[static_cast<std::size_t>(Reason::hit_for_miss)];
    found.push_back(std::move(result));
  }
  std::sort(found.begin(), found.end(), [](const UncachedEndpoint& a, const UncachedEndpoint& b) {
    return a.requests > b.requests;
  });
  if (found.size() > count_max) found.resize(count_max);
  return found;
}

std::uint64_t Cache::ahead_useful() const {
  Counters total;
  sum(total);
  return total.ahead_useful.get();
}

std::array<std::uint64_t, reason_count> Cache::reasons() const {
  Counters total;
  sum(total);
  std::array<std::uint64_t, reason_count> counts{};
  for (std::size_t i = 0; i < reason_count; ++i) counts[i] = total.reasons[i].get();
  return counts;
}

}  // namespace homeostat::cache
