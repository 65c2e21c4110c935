// What became of the fills that other agents hold a lease for: follows a stream in
// Redis and wakes who waits.
//
// One XREAD on a connection of its own waits for the next entry: nobody polls. While it
// cannot be followed nobody is to begin to wait, and whoever waits is told `gone`.
//
// Thread safety: following() and wait_for(), and the waiters' ends, from any thread;
// everything else on the control loop. Ownership: outlives every Waiter.
// Bounds: waiters_max.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "config/settings/cache.hpp"
#include "runtime/ports/clock.hpp"
#include "runtime/redis/client.hpp"
#include "runtime/tier/lease_script.hpp"

namespace homeostat::tier {

class FillNews {
 public:
  static constexpr std::size_t waiters_max = 16384;

  /// Called on the control loop, with a lock held: must only hand it on.
  using Tell = std::function<void(FillNewsKind)>;

  /// Ends when it is destroyed: from then on it is not told anything.
  class Waiter {
   public:
    Waiter(FillNews& news, std::uint64_t key, std::uint64_t number) noexcept
        : news_(news), key_(key), number_(number) {}
    ~Waiter() { news_.forget(key_, number_); }
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;

   private:
    FillNews& news_;
    const std::uint64_t key_, number_;
  };

  FillNews(boost::asio::io_context& context, const Clock& clock,
           const config::CacheSettings& settings, std::shared_ptr<redis::TlsContext> tls,
           redis::CallCounters& calls, std::uint64_t seed);
  ~FillNews();
  FillNews(const FillNews&) = delete;
  FillNews& operator=(const FillNews&) = delete;

  void start();
  void stop() noexcept;

  [[nodiscard]] bool following() const noexcept {
    return following_.load(std::memory_order_acquire);
  }
  /// From now on news of this key are told. Null: too many wait.
  [[nodiscard]] std::unique_ptr<Waiter> wait_for(std::uint64_t key, Tell tell);

 private:
  static constexpr std::chrono::milliseconds wait{1000};
  static constexpr Duration answer_max = std::chrono::seconds(2);
  static constexpr Duration retry = std::chrono::milliseconds(250);
  static constexpr std::size_t read_max = 512;

  void look();
  void read();
  void take(const redis::CallResult& result);
  void lost();
  void forget(std::uint64_t key, std::uint64_t number) noexcept;
  void tell(const FillNewsEntry& entry);

  const std::string stream_;
  std::unique_ptr<redis::Client> client_;
  redis::Timer retry_timer_;
  std::string last_;  // id of the newest entry read
  bool asking_ = false, stopped_ = true;
  std::atomic<bool> following_{false};

  std::mutex mutex_;
  // Guarded by mutex_. By number, so that each can be found again.
  std::unordered_map<std::uint64_t, std::map<std::uint64_t, Tell>> waiters_;
  std::size_t waiting_ = 0;
  std::uint64_t next_number_ = 0;
};

}  // namespace homeostat::tier
