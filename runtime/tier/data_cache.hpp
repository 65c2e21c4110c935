// The application's own data: in this agent's memory and, where there is a shared tier,
// for the whole fleet.
//
// A write first takes a number in the fleet's log that makes whatever was there before
// dead everywhere, then puts the entry into Redis under that number: other agents see
// the old value, or none, or the new one, and never the old one after the new. Of two
// that write at once the one with the higher number stays; the other is not written.
// Without Redis, or where it takes more than `answer_max`, the entry is in this agent's
// memory only, and what others have dies as soon as Redis is back.
//
// A write behind is acknowledged before that, see behind_writer.hpp. This agent reads it at once,
// others when Redis has it.
//
// In Redis an entry is one of the tier's (entry.hpp) under
// `{prefix}:{namespace}:data:{key}`, so that tags, patterns, keys and groups reach it.
//
// Thread safety: purge() and figures() from any thread, the rest on the control loop.
// Ownership: outlived by clock, tier and loop.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "config/settings/cache.hpp"
#include "runtime/ports/application_data.hpp"
#include "runtime/redis/client.hpp"
#include "runtime/tier/behind_writer.hpp"
#include "runtime/tier/data_store.hpp"
#include "runtime/tier/entry.hpp"

namespace homeostat::tier {

class Tier;

struct DataCounters {
  using Counter = std::atomic<std::uint64_t>;
  Counter hits_memory{0}, hits_shared{0}, misses{0}, unknown{0}, sets{0}, erases{0};
  static void add(Counter& counter) noexcept { counter.fetch_add(1, std::memory_order_relaxed); }
};

class DataCache final : public ApplicationData {
 public:
  static constexpr Duration answer_max = std::chrono::seconds(3);

  /// `tier` null: memory only.
  DataCache(boost::asio::io_context& context, const Clock& clock,
            const config::CacheSettings& settings, Tier* tier);

  void get(const std::string& key, std::function<void(DataFound)> found) override;
  void put(DataEntry entry, DataWrite when, std::function<void(DataLevel)> stored) override;
  void erase(const std::string& key, std::function<void(DataErased)> erased) override;
  void list_shared(const SharedKeyQuery& query, std::function<void(SharedKeyPage)> listed) override;

  /// In this agent's memory, and what waits there for the tier.
  PurgeResult purge(const PurgeRequest& request) {
    drop_behind(request);
    return store_.purge(request);
  }
  /// What waits must not follow a purge into the tier: before that takes its number in the log.
  void drop_behind(const PurgeRequest& request) {
    if (behind_) behind_->purge(request);
  }
  /// BehindWriter::drain; `done` runs at once where nothing is written behind.
  void drain(std::function<void(std::size_t lost)> done);
  /// Null without a tier.
  [[nodiscard]] const BehindWriter* behind() const noexcept { return behind_.get(); }
  [[nodiscard]] DataFigures figures() const { return store_.figures(); }
  [[nodiscard]] const DataCounters& counters() const noexcept { return counters_; }

 private:
  struct Put;
  struct Listing;
  using ListingPtr = std::shared_ptr<Listing>;

  [[nodiscard]] bool shared_up() const;
  [[nodiscard]] std::string shared_key(const std::string& key) const;
  [[nodiscard]] DataFound read(const std::string& key, const redis::CallResult& result);
  void drop_broken(const std::string& key, EntryError error);
  [[nodiscard]] std::optional<DataLevel> put_behind(const DataEntry& entry, Instant now);
  void put_through(DataEntry entry, Instant now, std::function<void(DataLevel)> stored);
  void write_shared(const std::shared_ptr<Put>& put);
  void scan(const ListingPtr& listing);
  void scanned(const ListingPtr& listing, const redis::CallResult& result);
  [[nodiscard]] static bool read_cursor(std::string_view text, Listing& listing);
  void describe(const ListingPtr& listing);
  void describe_one(const ListingPtr& listing, std::size_t place);
  void described(const ListingPtr& listing);

  boost::asio::io_context& context_;
  const Clock& clock_;
  const std::string prefix_;  ///< `{prefix}:{namespace}`
  Tier* const tier_;
  DataStore store_;
  const std::unique_ptr<BehindWriter> behind_;
  DataCounters counters_;
};

}  // namespace homeostat::tier
