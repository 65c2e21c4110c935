// Fills the cache before anybody asks: with a list, and with what was popular before.
//
// When: at the start, by a schedule, and on demand; one warm-up at a time. What is popular
// is noted every `save_interval` and at the end, in a file and in the shared tier. A
// warm-up waits a moment for the tier, so that it comes from there and not from the
// application; each fetch asks the tier first in any case.
//
// Bounds: `rate` fetches per second, `running_max` at a time, urls_max of them. Stops
// first: while requests wait for the application, half of what it takes at once is in
// use, or the agent is in emergency mode, nothing is begun ("held"); held for `held_max`, it ends.
//
// Thread safety: report() and ready() from any thread, the rest on the control loop.
// Errors: what cannot be read or written is logged; nothing of it fails the agent.
#pragma once

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "config/cron.hpp"
#include "config/settings/cache.hpp"
#include "runtime/admin/admin_services.hpp"
#include "runtime/ports/clock.hpp"
#include "runtime/proxy/warm_fetch.hpp"
#include "runtime/tier/tier.hpp"

namespace homeostat::app {

class WarmUp {
 public:
  using Fetched = std::function<void(proxy::WarmResult)>;
  struct Parts {
    boost::asio::io_context& context;
    const Clock& clock;
    const config::CacheSettings& settings;
    tier::Tier* tier;  ///< may be null
    std::function<std::vector<std::string>(std::size_t count_max)> popular;
    /// Begins one fetch; the answer may come on any thread.
    std::function<void(proxy::WarmUrl, Fetched)> fetch;
    std::function<bool()> busy;
  };

  explicit WarmUp(Parts parts);
  ~WarmUp();
  WarmUp(const WarmUp&) = delete;
  WarmUp& operator=(const WarmUp&) = delete;

  void start();
  /// Notes what is popular, for the next start; then nothing more happens.
  void stop();
  /// Begins what the schedule says is due, unless a warm-up is under way; this one is left
  /// out then. When to look again: a minute at most, for the wall clock may be set. Nothing:
  /// never. Called by a timer after start().
  [[nodiscard]] std::optional<Duration> run_schedule();
  /// Why it cannot begin now; empty if it has.
  [[nodiscard]] std::string begin(const admin::WarmRequest& request);
  [[nodiscard]] admin::WarmReport report() const;
  /// The warm-up of the start is over, or has had its time.
  [[nodiscard]] bool ready() const;

 private:
  using Timer = boost::asio::basic_waitable_timer<std::chrono::steady_clock>;
  static constexpr std::size_t running_max = 8, urls_max = 100'000, file_bytes_max = 16 << 20;
  static constexpr Duration tier_wait = std::chrono::seconds(2);
  static constexpr Duration fetch_max = std::chrono::seconds(60);
  static constexpr Duration held_max = std::chrono::minutes(15);
  static constexpr Duration save_again = std::chrono::hours(24);

  struct Shared;  ///< outlives this, for answers that come late

  void begin_job(std::string source, std::vector<std::string> urls, bool with_popular,
                 std::size_t limit);
  void gather_popular();
  void add_popular(std::string_view text);
  void run_job();
  void arm_step();
  void step();
  void fetch_next();
  void count(proxy::WarmResult result);
  void end_job(const char* state);
  void arm_schedule();
  void arm_save();
  void save();
  void save_shared(std::string text);
  [[nodiscard]] bool write_file(const std::string& text) const;
  [[nodiscard]] std::string read_file() const;
  void set_state(const char* state);

  Parts parts_;
  const config::WarmSettings settings_;
  const std::string popular_key_;
  std::optional<config::Cron> schedule_;
  std::optional<config::Cron::Time> due_;
  Timer step_timer_, schedule_timer_, save_timer_, wait_timer_;
  std::shared_ptr<Shared> shared_;
  std::deque<std::string> urls_;
  std::size_t limit_ = 0;
  Instant waits_until_{};
  bool with_popular_ = false, first_ = false, active_ = false, stopped_ = false;
  std::string saved_in_file_, saved_in_tier_;  // what is popular, as it is there
  Instant saved_in_tier_at_{};
  Instant free_at_{};  // when the present warm-up was last not held
  mutable std::mutex mutex_;
  admin::WarmReport report_;   // guarded by mutex_
  bool ready_ = true;          // guarded by mutex_
  Instant ready_at_latest_{};  // guarded by mutex_
};

}  // namespace homeostat::app
