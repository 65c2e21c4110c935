// The sample application: a small real HTTP/1.1 service that knows nothing of
// homeostat. One thread reads requests and writes answers; a bounded pool of
// workers does the work, in order of arrival.
//
//   GET  /api/report/{id}   computes ~4 ms, 2 KB, max-age=3
//   GET  /api/search?q=     waits 20 ms for a "database", no-store
//   GET  /api/catalog/{id}  builds 100 KB of JSON, max-age=10, ETag, 304
//   POST /checkout          waits 15 ms, no-store
//   GET  /health, /stats    answered at once, outside the pool
//
// Thread safety: construct, run() and destroy on one thread; stop() and port()
// from any. Bounds: backlog_max waiting requests, then 503; request heads and
// bodies of 64 KiB; connections by the process's descriptor limit.
// Errors: the constructor throws std::runtime_error if it cannot listen.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <cstdint>
#include <string>

#include "runtime/app/demo/worker_pool.hpp"
#include "runtime/http/message.hpp"

namespace homeostat::demo {

struct SampleAppOptions {
  std::string listen = "127.0.0.1:0";
  unsigned workers = 8;
  std::size_t backlog_max = 2048;   ///< gunicorn's default
  std::uint64_t report_rounds = 0;  ///< 0 = the standard amount
};

class SampleApp {
 public:
  explicit SampleApp(const SampleAppOptions& options);
  ~SampleApp();
  SampleApp(const SampleApp&) = delete;
  SampleApp& operator=(const SampleApp&) = delete;

  /// Serves until stop(). `handle_signals`: SIGINT and SIGTERM stop it.
  void run(bool handle_signals);
  void stop();
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

 private:
  friend class SampleSession;
  void accept();
  [[nodiscard]] std::string stats_document() const;

  boost::asio::io_context context_{1};
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::steady_timer accept_pause_;
  std::uint16_t port_ = 0;
  std::uint64_t report_rounds_;
  std::atomic<std::uint64_t> requests_{0};  ///< all but /health and /stats
  WorkerPool pool_;                         ///< last: its jobs use all of the above
};

/// Role app: serves in the foreground and prints "listening on ADDRESS".
/// Returns the exit code.
[[nodiscard]] int run_sample_app(const SampleAppOptions& options);

}  // namespace homeostat::demo
