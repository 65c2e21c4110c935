// The open-loop load: sends every request when the schedule says, whether or
// not earlier ones have been answered, and books what became of it.
//
// A client waits one second, then hangs up; that, a broken connection and a
// status other than 2xx, 429 and 503 count as failed. A request that finds all
// connections in use fails at once.
// Thread safety: none; it runs on the io_context's one thread.
// Bounds: `connections_max` connections, which is also the number of requests
// under way; one shared receive buffer.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_set>
#include <vector>

#include "runtime/app/demo/arrivals.hpp"
#include "runtime/app/demo/load_connection.hpp"
#include "runtime/app/demo/statistics.hpp"
#include "runtime/ports/clock.hpp"

namespace homeostat::demo {

inline constexpr Duration client_patience = std::chrono::seconds(1);

class LoadGenerator final : private LoadListener {
 public:
  struct Options {
    std::uint16_t port = 0;  ///< on 127.0.0.1
    std::uint64_t seed = 1;
    std::size_t connections_max = 3000;
  };

  LoadGenerator(boost::asio::io_context& context, Clock& clock, const Plan& plan,
                const Options& options);
  ~LoadGenerator() override;
  LoadGenerator(const LoadGenerator&) = delete;
  LoadGenerator& operator=(const LoadGenerator&) = delete;

  /// Begins; `done` is called once, when the last request has its outcome.
  void start(std::function<void()> done);

  [[nodiscard]] const RunStatistics& statistics() const noexcept { return statistics_; }
  /// What was booked since the last call, for a progress line.
  struct Progress {
    Tally tally;
    telemetry::HistogramCounts good_latency;
  };
  [[nodiscard]] Progress take_progress();
  /// Since start().
  [[nodiscard]] Duration elapsed() const;

 private:
  struct Deadline {
    Instant at;
    std::weak_ptr<LoadConnection> connection;
    std::uint64_t round;
  };

  void finished(LoadConnection& connection, unsigned status, bool reusable) override;
  void closed(LoadConnection& connection) override;
  std::vector<char>& receive_buffer() override { return buffer_; }
  void received(std::size_t bytes) override { statistics_.add_bytes(bytes); }

  void wait();
  void on_timer();
  void dispatch(const Arrival& arrival);
  void expire(Instant now);
  void book(const Arrival& arrival, Outcome outcome);
  void drop(LoadConnection& connection);

  boost::asio::io_context& context_;
  Clock& clock_;
  Options options_;
  ArrivalSchedule schedule_;
  RunStatistics statistics_;
  boost::asio::ip::tcp::endpoint server_;
  boost::asio::steady_timer timer_;
  Instant start_{};
  std::optional<Arrival> next_;
  std::unordered_set<std::shared_ptr<LoadConnection>> connections_;
  std::vector<std::shared_ptr<LoadConnection>> idle_;  ///< the last used first
  std::deque<Deadline> deadlines_;                     ///< in order of time
  std::vector<char> buffer_;
  Progress progress_;
  std::function<void()> done_;
};

}  // namespace homeostat::demo
