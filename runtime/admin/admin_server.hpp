// The management listener: an HTTP/1.1 server for operators, probes and
// Prometheus, apart from the data plane.
//
// Thread safety: construct, start() and destroy from the thread that owns the
// io_context or before it runs; stop() and counters() from any thread. The
// io_context must be run by one thread only; handlers run there one at a time.
// Ownership: the io_context and everything in AdminServices must outlive the
// server and every handler still queued in the io_context.
// Bounds: connections_max connections, 16 KiB of header, 64 KiB of body (4 MiB
// for a replay, one such body at a time, from those who may replay), a request
// must arrive within `read`, an answer must leave within `write`. Half of the
// connections may be event streams.
// Errors: start() returns them as text; requests get RFC 9457 problems.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <variant>

#include "config/settings/admin.hpp"
#include "runtime/admin/admin_services.hpp"

namespace homeostat::admin {

struct AdminTimeouts {
  std::chrono::milliseconds read{10'000};       ///< first byte to end of request; 408
  std::chrono::milliseconds write{10'000};      ///< whole answer
  std::chrono::milliseconds idle{60'000};       ///< keep-alive without a request
  std::chrono::milliseconds heartbeat{15'000};  ///< silence of an event stream before a comment
};

/// Totals since start; relaxed, for /metrics.
struct AdminCounters {
  std::atomic<std::uint64_t> requests{0};
  std::atomic<std::uint64_t> unauthorized{0};         ///< 401
  std::atomic<std::uint64_t> forbidden{0};            ///< 403
  std::atomic<std::uint64_t> changes{0};              ///< lines in the audit log
  std::atomic<std::uint64_t> connections_refused{0};  ///< above connections_max
  std::atomic<std::uint64_t> timeouts{0};
  std::atomic<std::uint64_t> connections_open{0};  ///< gauge
  std::atomic<std::uint64_t> event_streams{0};     ///< gauge; among the connections
};

struct AdminError {
  std::string message;
};

class AdminServer {
 public:
  AdminServer(boost::asio::io_context& context, const config::AdminSettings& settings,
              AdminServices services, AdminTimeouts timeouts = {});
  ~AdminServer();
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;

  /// Binds and begins to accept; returns the bound address (the real port when
  /// 0 was asked for). Refuses a non-loopback address without a token, a token
  /// without a secret, and two tokens with the same secret.
  [[nodiscard]] std::variant<config::Address, AdminError> start();

  /// Closes the listener and idle connections; answers under way are finished.
  void stop();

  [[nodiscard]] const AdminCounters& counters() const noexcept;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace homeostat::admin
