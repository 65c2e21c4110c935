// How Redis itself is: asked for INFO regularly, on the control loop, beside its
// normal work; and what it refuses, in the log.
//
// Thread safety: report() from any thread; the rest on the control loop.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/ports/clock.hpp"
#include "runtime/redis/client.hpp"
#include "runtime/tier/error_report.hpp"

namespace homeostat::tier {

/// Sums over all servers with data. Absent: never learnt, or not up.
struct HealthReport {
  bool up = false;
  std::string trouble;                  ///< why not
  std::optional<Duration> answered_in;  ///< the newest INFO
  std::optional<std::uint64_t> memory_bytes, memory_bytes_max, keys, evicted_keys, clients,
      commands_total, keyspace_hits, keyspace_misses, uptime_seconds;
};

/// Adds what one INFO says. Unknown lines are skipped.
void add_info(std::string_view info, HealthReport& report);

class Health {
 public:
  using LogLine = std::function<void(const std::string&)>;

  /// `calls` are those of the whole agent: their error replies are told to `log`, see ErrorReport.
  Health(boost::asio::io_context& context, const Clock& clock, redis::Client& client,
         const redis::CallCounters& calls, LogLine log);

  void start();
  void stop() noexcept;
  [[nodiscard]] HealthReport report() const;

 private:
  static constexpr Duration interval = std::chrono::seconds(1);
  static constexpr Duration answer_max = std::chrono::seconds(1);

  void ask();
  void arm(Duration wait);

  const Clock& clock_;
  redis::Client& client_;
  const redis::CallCounters& calls_;
  const LogLine log_;
  ErrorReport errors_;
  redis::Timer timer_;
  bool stopped_ = true;
  mutable std::mutex mutex_;
  HealthReport report_;  // guarded by mutex_
};

}  // namespace homeostat::tier
