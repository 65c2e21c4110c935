// Invalidation across the fleet: follows the log, carries out what others wrote
// into it, and writes this agent's own.
//
// Reading: XREAD on a connection of its own, which waits `wait` for the next entry and
// then asks where the log stands. Every entry is applied in order, the ledger first,
// then the cache. After a disconnection it goes on where it was; if entries are missing
// (trimmed, lost by a failover, deleted) everything stored is made stale and everything
// in the tier that is older is dead.
//
// Writing: an invalidation is in force here when publish() returns, and elsewhere as
// soon as they have read it. Until Redis has taken it, it is kept and tried again;
// beyond `waiting_max` of them, `waiting_bytes_max` or `waiting_names_max`, one invalidation of
// everything stands for all.
//
// Bound: agents that can reach Redis follow within one round trip; one that could not
// follows within `retry` + one round trip of being able to. Of the server it is told each `wait`
// what it is: a replica may be behind, or left behind, and confirms nothing. An agent without news
// for Ledger::trust_max uses nothing of the tier.
//
// Thread safety: publish() from any thread; everything else on the control loop.
// Ownership: outlived by loop, cache and ledger.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "config/settings/cache.hpp"
#include "runtime/cache/cache.hpp"
#include "runtime/ports/clock.hpp"
#include "runtime/redis/client.hpp"
#include "runtime/tier/figures.hpp"
#include "runtime/tier/invalidation.hpp"
#include "runtime/tier/ledger.hpp"
#include "runtime/tier/log_script.hpp"

namespace homeostat::tier {

class FleetLog {
 public:
  using LogLine = std::function<void(const std::string&)>;
  struct Parts {
    boost::asio::io_context& context;
    const Clock& clock;
    cache::Cache& cache;
    Ledger& ledger;
    TierCounters& counters;
    redis::CallCounters& calls;
    LogLine log;
    /// Told of every purge of others, after the cache: what else holds copies.
    std::function<void(const PurgeRequest&)> purged;
  };
  /// Told on the control loop which number an invalidation got; nothing if one of
  /// everything stands for it.
  using Settled = std::function<void(std::optional<LogPosition>)>;

  FleetLog(const Parts& parts, const config::CacheSettings& settings,
           std::shared_ptr<redis::TlsContext> tls, std::uint64_t seed);
  ~FleetLog();
  FleetLog(const FleetLog&) = delete;
  FleetLog& operator=(const FleetLog&) = delete;

  void start();
  void stop() noexcept;
  /// Any thread. The cache itself is the caller's to purge, after this. `names` are
  /// those of names_of(), or made without the cache's lock.
  void publish(Invalidation invalidation, Names names, Settled settled = {});
  /// Control loop: runs `done` once Redis has taken everything that was published, or when
  /// `told_max` is over, which is logged.
  void when_told(std::function<void()> done);
  /// Where everything else may be asked as well, e.g. for its health.
  [[nodiscard]] redis::Client& client() noexcept { return *writer_; }

 private:
  static constexpr std::chrono::milliseconds wait{1000};
  static constexpr Duration answer_max = std::chrono::seconds(2);
  static constexpr Duration retry = std::chrono::milliseconds(250);
  static constexpr Duration told_max = std::chrono::seconds(2);
  /// Sentinels that know of a new master while the old one is up, too.
  static constexpr Duration look_for_master = std::chrono::seconds(2);
  static constexpr std::size_t batch_max = 64, batch_bytes_max = std::size_t{1} << 19,
                               read_max = 128, waiting_max = 4096,
                               waiting_bytes_max = std::size_t{8} << 20,
                               waiting_names_max = Ledger::marks_max / 2;

  struct Outgoing {
    std::string text;
    Names names;
    Settled settled;  // may be empty
    void settle(std::optional<LogPosition> position) {
      if (const Settled told = std::exchange(settled, nullptr)) told(position);
    }
  };

  void reader_changed(bool up);
  void look();
  void looked(const redis::CallResult& result, const redis::CallResult& role);
  void follow(const LogState& state);
  void read();
  void take(const redis::CallResult& result);
  /// What others have invalidated, gathered from the entries of one read.
  struct Gathered {
    Invalidation hard, soft;
    std::set<std::pair<const void*, std::string>> names;  ///< what is in which of their lists
  };
  [[nodiscard]] bool of_another_history(const LogEntry& entry) const;
  [[nodiscard]] bool take_entry(const LogEntry& entry, Gathered& gathered);
  void carry_out(const Gathered& gathered);
  void distrust(LogPosition now, const char* why);
  void purge_softly();
  void read_later();
  [[nodiscard]] Invalidation everything() const;
  void enqueue(Outgoing outgoing);
  void write();
  void written(std::size_t count, const redis::CallResult& result);
  void all_told();
  void watch_partition();
  [[nodiscard]] std::uint64_t fresh_number() noexcept;
  void say_unusable(const std::string& why);
  void see(const LogMark& entry);

  Parts parts_;
  const config::CacheSettings settings_;
  const std::string key_;
  const std::string agent_;
  std::uint64_t random_;
  std::unique_ptr<redis::Client> reader_, writer_;
  redis::Timer retry_timer_, write_timer_, partition_timer_, told_timer_;
  std::function<void()> told_;  // when_told
  std::deque<Outgoing> waiting_;
  std::size_t waiting_bytes_ = 0;  // of their texts
  std::size_t waiting_names_ = 0;
  std::size_t writing_ = 0;            // the first of waiting_ are on their way
  std::size_t read_count_ = read_max;  // asked for at once: fewer where they take too long
  LogMark seen_;                       // the newest entry known
  LogMark at_;                         // the newest one applied, if it is known
  std::string unusable_;               // why the log was not, when last asked
  bool began_ = false;                 // the position is one of a log
  bool of_replica_ = false;            // what is read
  bool reading_ = false, stopped_ = true;
};

}  // namespace homeostat::tier
