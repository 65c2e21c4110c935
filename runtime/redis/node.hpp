// One Redis server as its callers see it: a connection that comes back by itself,
// behind a breaker.
//
// Up means: connected, and the breaker (rules/laws/remote_store.hpp) is not open. While it is
// not up every call is refused at once. A lost connection is made again after a jittered wait
// from `retry_min` to `retry_max`, which doubles until a connection has lived for `retry_max`:
// a server that takes connections and ends them is not up. A connection whose breaker is open
// is pinged until it answers in time. An idle one is pinged each `ping_interval`, so that
// trouble is known before a request meets it.
//
// Thread safety: none; one event loop. Its owner outlives it, or calls stop().
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "rules/laws/remote_store.hpp"
#include "runtime/redis/backoff.hpp"
#include "runtime/redis/connection.hpp"

namespace homeostat::redis {

struct NodeOptions {
  ConnectionOptions connection;
  Duration ping_timeout = std::chrono::milliseconds(50);
  Duration ping_interval = std::chrono::seconds(1);
  bool pinged_when_idle = true;  ///< false: calls wait at the server, a ping would wait for them
  Duration retry_min = std::chrono::milliseconds(50);
  Duration retry_max = std::chrono::seconds(2);
};

class Node {
 public:
  struct Events {
    /// Became up, or was up and is not any more; the reason is for logs.
    std::function<void(bool up, const std::string& reason)> changed;
  };

  Node(boost::asio::io_context& context, const Clock& clock, NodeOptions options,
       CallCounters& counters, std::uint64_t seed, Events events);
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  void start();
  /// Drops all calls without telling anybody.
  void stop() noexcept;
  /// Stops for good; calls without reply are told `disconnected`.
  void retire();
  [[nodiscard]] bool up() const noexcept;
  /// Connection::unsent().
  [[nodiscard]] std::size_t unsent() const noexcept {
    return connection_ ? connection_->unsent() : 0;
  }
  [[nodiscard]] CallError call(std::string command, Duration timeout, Callback callback);
  [[nodiscard]] const config::Address& address() const noexcept {
    return options_.connection.address;
  }
  /// Why it is not up; empty while it is.
  [[nodiscard]] const std::string& trouble() const noexcept { return trouble_; }

 private:
  void connect();
  void ended(const std::string& reason);
  void outcome(CallError error, Instant made);
  void arm_ping();
  void ping();
  void tell(const std::string& reason);

  boost::asio::io_context& context_;
  const Clock& clock_;
  const NodeOptions options_;
  CallCounters& counters_;
  Events events_;
  Backoff retry_;
  Timer retry_timer_, ping_timer_;
  std::shared_ptr<Connection> connection_;
  rules::StoreBreaker breaker_;
  std::optional<Instant> ready_at_;  ///< of the present connection
  Instant last_answer_{};
  std::string trouble_ = "not connected yet";
  bool was_up_ = false;
  bool stopped_ = true;
};

}  // namespace homeostat::redis
