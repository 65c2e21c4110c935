// Takes writes behind to Redis: acknowledged first, written a little later, many at once.
//
// Each batch takes one number in the fleet's log for all its keys, which makes what was there
// before dead everywhere, then its entries are sent in one go under that number. They are sent
// only when this agent has carried out everything with a lower number: an invalidation that
// somebody made before takes what waits here, and never comes too late for it. What Redis does
// not take stays, in its order, and is tried again under a new number.
//
// What a crash may lose: what was acknowledged less than `behind_interval` and the time of a
// batch ago; while Redis is away, all that waits, which is bounded.
//
// Thread safety: figures() and purge() from any thread, the rest on the control loop. Ownership:
// outlived by clock, tier and loop.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <string>

#include "config/settings/warm.hpp"
#include "runtime/ports/clock.hpp"
#include "runtime/redis/client.hpp"
#include "runtime/tier/behind_queue.hpp"
#include "runtime/tier/position.hpp"

namespace homeostat::tier {

class Tier;

struct BehindCounters {
  using Counter = std::atomic<std::uint64_t>;
  Counter accepted{0},  ///< acknowledged before Redis had them
      replaced{0},      ///< of these: by a later one of the key, before they were written
      written{0},       ///< Redis has them
      dropped{0},       ///< erased, purged or overwritten, or their lifetime was over
      failed{0},        ///< attempts that Redis did not take; they are made again
      through{0},       ///< no room: written before they were acknowledged
      refused{0};       ///< no room, and Redis was away: not acknowledged
  static void add(Counter& counter, std::uint64_t count = 1) noexcept {
    counter.fetch_add(count, std::memory_order_relaxed);
  }
};

class BehindWriter {
 public:
  /// At the end Redis has this long to take what waits.
  static constexpr Duration drain_max = std::chrono::seconds(2);

  /// `prefix`: of keys in Redis.
  BehindWriter(boost::asio::io_context& context, const Clock& clock,
               const config::EntrySettings& settings, std::string prefix, Tier& tier);

  /// False: no room, and nothing has changed.
  [[nodiscard]] bool accept(BehindQueue::Write write);
  [[nodiscard]] std::optional<BehindQueue::Write> find(const std::string& key) const {
    return queue_.find(key);
  }
  /// What was accepted may have been purged since, by another thread.
  [[nodiscard]] bool waits(const std::string& key) const { return queue_.waits(key); }
  /// Another write of the key takes a later number, or it is erased.
  void drop(const std::string& key);
  /// Before a purge takes its number in the log, and when one is carried out.
  void purge(const PurgeRequest& request);
  /// Accepts no more; runs `done` once Redis has all, or with how many it has not after drain_max.
  void drain(std::function<void(std::size_t lost)> done);

  [[nodiscard]] BehindFigures figures() const { return queue_.figures(clock_.now()); }
  [[nodiscard]] BehindCounters& counters() noexcept { return counters_; }
  [[nodiscard]] const BehindCounters& counters() const noexcept { return counters_; }

 private:
  static constexpr Duration retry = std::chrono::milliseconds(250),
                            follow = std::chrono::milliseconds(5),
                            answer_max = std::chrono::seconds(1);
  static constexpr std::size_t batch_max = 64, batch_bytes_max = std::size_t{1} << 20;

  void schedule();
  void flush_after(Duration delay);
  void flush();
  void numbered(LogPosition position);
  void send(LogPosition position);
  void answered(const std::string& key, bool taken);
  void batch_ended(bool all_taken);
  [[nodiscard]] bool drained();

  const Clock& clock_;
  const Duration interval_;
  const std::string prefix_;
  Tier& tier_;
  BehindQueue queue_;
  BehindCounters counters_;
  redis::Timer timer_, drain_timer_;
  std::function<void(std::size_t)> drained_;
  std::size_t unanswered_ = 0;  // of the batch under way
  bool all_taken_ = true;       // the same
  bool under_way_ = false;      // a batch
  bool armed_ = false;          // timer_, for the next batch
  bool draining_ = false;
};

}  // namespace homeostat::tier
