#include "runtime/tier/tier.hpp"

#include <random>
#include <utility>

namespace homeostat::tier {
namespace {

std::uint64_t random_seed() {
  std::random_device device;
  return (std::uint64_t{device()} << 32U) | device();
}

}  // namespace

Tier::Tier(boost::asio::io_context& control, const Clock& clock,
           const config::CacheSettings& settings, cache::Cache& cache, FleetLog::LogLine log)
    : control_(control),
      clock_(clock),
      settings_(settings),
      cache_(cache),
      log_(std::move(log)),
      pool_(clock),
      seed_(random_seed()),
      fill_stream_(fill_news_key(settings.key_prefix, settings.key_namespace)) {}

Tier::~Tier() { stop(); }

std::string Tier::open() {
  if (settings_.redis.servers.front().tls) {
    std::string error;
    tls_ = redis::TlsContext::make(settings_.redis.tls, error);
    if (!tls_) return "cache.redis.tls: " + error;
  }
  fleet_log_ = std::make_unique<FleetLog>(
      FleetLog::Parts{control_, clock_, cache_, ledger_, counters_, calls_, log_,
                      [this](const PurgeRequest& request) {
                        if (purged_) purged_(request);
                      }},
      settings_, tls_, seed_);
  health_ = std::make_unique<Health>(control_, clock_, fleet_log_->client(), calls_, log_);
  news_ = std::make_unique<FillNews>(control_, clock_, settings_, tls_, calls_, ~seed_);
  return {};
}

void Tier::start() {
  fleet_log_->start();
  health_->start();
  if (settings_.redis.lease_max > Duration::zero()) news_->start();
}

void Tier::stop() noexcept {
  if (health_) health_->stop();
  if (news_) news_->stop();
  if (fleet_log_) fleet_log_->stop();
  pool_.shutdown();
}

std::shared_ptr<WorkerTier> Tier::make_worker(boost::asio::io_context& context) {
  const WorkerTier::Shared shared{clock_, settings_.redis, ledger_,     counters_, calls_, pool_,
                                  tls_,   *news_,          fill_stream_};
  return std::make_shared<WorkerTier>(context, shared, seed_ += 2);
}

std::shared_ptr<SharedRates> Tier::make_rates(boost::asio::io_context& context, WorkerTier& worker,
                                              SharedRates::Raise raise) {
  return std::make_shared<SharedRates>(context, clock_, worker.client(), settings_, counters_,
                                       random_seed(), std::move(raise));
}

void Tier::publish(Invalidation invalidation, FleetLog::Settled settled) {
  Names names = names_of(invalidation, cache_);
  fleet_log_->publish(std::move(invalidation), std::move(names), std::move(settled));
}

void Tier::publish(const cache::Outdated& outdated, FleetLog::Settled settled) {
  Invalidation invalidation;
  invalidation.urls = outdated.urls;
  invalidation.identities = outdated.identities;
  Names names;
  for (const std::string& identity : outdated.identities) names.add_tag(identity);
  for (const std::uint64_t location : outdated.locations) names.add_location(location);
  fleet_log_->publish(std::move(invalidation), std::move(names), std::move(settled));
}

PurgeResult FleetCache::purge(const PurgeRequest& request) {
  if (request.reach != PurgeReach::here) data_.drop_behind(request);
  // First the ledger: what the purge removes must not come back from the tier.
  if (tier_ != nullptr && request.reach != PurgeReach::here) {
    tier_->publish(invalidation_of(request));
  }
  if (tier_ != nullptr && request.reach == PurgeReach::shared) return {};
  PurgeResult result = cache_.purge(request);
  const PurgeResult data = data_.purge(request);
  result.by_tags += data.by_tags;  // tenants have none of the application's own data
  result.by_patterns += data.by_patterns;
  result.by_keys += data.by_keys;
  result.bytes += data.bytes;
  return result;
}

}  // namespace homeostat::tier
