// The tier that the agents of a fleet share in Redis: what the parts of this room
// have in common, and what the rest of the agent sees of them.
//
//   worker   -> WorkerTier  reads and writes entries
//   control  -> FleetLog    invalidations of others, and to others
//   control  -> FillNews    what became of fetches that other agents make for all
//   Ledger                  whether an entry may be used
//
// Nothing of it can fail a request: without Redis every read is refused at once, and
// the agent serves as if there were no tier.
//
// Thread safety: make_worker(), publish(), purge() and the figures from any thread;
// start() and stop() on the control loop. Ownership: outlives the workers; outlived by
// loop, clock and cache.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "config/settings/cache.hpp"
#include "runtime/cache/cache.hpp"
#include "runtime/cache/worker.hpp"
#include "runtime/compress/compress_pool.hpp"
#include "runtime/ports/actuators.hpp"
#include "runtime/tier/data_cache.hpp"
#include "runtime/tier/fill_news.hpp"
#include "runtime/tier/fleet_log.hpp"
#include "runtime/tier/health.hpp"
#include "runtime/tier/shared_rates.hpp"
#include "runtime/tier/worker_tier.hpp"

namespace homeostat::tier {

class Tier {
 public:
  /// REQUIRES: settings.redis.configured().
  Tier(boost::asio::io_context& control, const Clock& clock, const config::CacheSettings& settings,
       cache::Cache& cache, FleetLog::LogLine log);
  ~Tier();
  Tier(const Tier&) = delete;
  Tier& operator=(const Tier&) = delete;

  /// Why it cannot be used (files of TLS); empty if it can. Call it first.
  [[nodiscard]] std::string open();
  void start();
  void stop() noexcept;
  /// Ends compression in the background. Before the workers' loops are destroyed.
  void shut_down_pool() noexcept { pool_.shutdown(); }

  /// REQUIRES: open() succeeded. On the thread that builds the worker.
  [[nodiscard]] std::shared_ptr<WorkerTier> make_worker(boost::asio::io_context& context);
  /// The same; the worker's rate limits take part in the fleet's.
  [[nodiscard]] std::shared_ptr<SharedRates> make_rates(boost::asio::io_context& context,
                                                        WorkerTier& worker,
                                                        SharedRates::Raise raise);
  /// Tells the fleet; the own cache is purged by the caller, afterwards.
  /// `settled`: FleetLog::Settled.
  void publish(Invalidation invalidation, FleetLog::Settled settled = {});
  /// The same for what a worker has taken out of the cache.
  void publish(const cache::Outdated& outdated, FleetLog::Settled settled = {});

  /// FleetLog::when_told.
  void when_told(std::function<void()> done) { fleet_log_->when_told(std::move(done)); }

  /// Told of every purge that came from others. Before start().
  void on_purged(std::function<void(const PurgeRequest&)> purged) { purged_ = std::move(purged); }
  /// For what else is asked of Redis on the control loop.
  [[nodiscard]] redis::Client& client() noexcept { return fleet_log_->client(); }
  [[nodiscard]] const Ledger& ledger() const noexcept { return ledger_; }

  [[nodiscard]] HealthReport health() const { return health_->report(); }
  /// Invalidations of the fleet are followed at this moment.
  [[nodiscard]] bool in_step() const { return ledger_.trusted(clock_.now()); }
  [[nodiscard]] const TierCounters& counters() const noexcept { return counters_; }
  /// An entry of the application's data that cannot be read.
  void count_broken(EntryError error) noexcept { counters_.count(error); }
  [[nodiscard]] const redis::CallCounters& calls() const noexcept { return calls_; }
  [[nodiscard]] LogPosition position() const { return ledger_.position(); }

 private:
  boost::asio::io_context& control_;
  const Clock& clock_;
  const config::CacheSettings settings_;
  cache::Cache& cache_;
  FleetLog::LogLine log_;
  Ledger ledger_;
  TierCounters counters_;
  redis::CallCounters calls_;
  compress::CompressPool pool_;
  std::shared_ptr<redis::TlsContext> tls_;
  std::uint64_t seed_;
  std::function<void(const PurgeRequest&)> purged_;
  std::unique_ptr<FleetLog> fleet_log_;
  std::unique_ptr<Health> health_;
  std::unique_ptr<FillNews> news_;
  const std::string fill_stream_;
};

/// The cache as control operations see it: a purge also reaches the application's own
/// data and, where there is one, the fleet.
class FleetCache final : public CacheControl {
 public:
  FleetCache(cache::Cache& cache, DataCache& data, Tier* tier)
      : cache_(cache), data_(data), tier_(tier) {}

  [[nodiscard]] CacheFigures figures() const override { return cache_.figures(); }
  std::size_t drop_expired() override { return cache_.drop_expired(); }
  std::size_t shrink_to(double ratio) override { return cache_.shrink_to(ratio); }
  PurgeResult purge(const PurgeRequest& request) override;
  [[nodiscard]] std::vector<UncachedEndpoint> uncached(std::size_t count_max) const override {
    return cache_.uncached(count_max);
  }
  std::optional<CacheKeyPage> keys(const CacheKeyQuery& query) override {
    return cache_.keys(query);
  }
  [[nodiscard]] CacheTenants tenants(std::size_t count_max) const override {
    return cache_.tenants(count_max);
  }
  [[nodiscard]] std::vector<LoweredLifetime> lowered_lifetimes(
      std::size_t count_max) const override {
    return cache_.lowered_lifetimes(count_max);
  }

 private:
  cache::Cache& cache_;
  DataCache& data_;
  Tier* const tier_;
};

}  // namespace homeostat::tier
