// One pipelined connection to one Redis server, from connecting to its end.
//
// Setting up: connect, TLS, AUTH, SELECT and a PING, all within `connect_timeout`;
// ready when the server has answered, so that one that only listens never is.
// Calls are written at once if nothing is on its way, else together with the next
// write. Replies come in the order of the calls. A call whose time is over is
// answered with `timeout`, and its reply, when it comes, is dropped. If nothing at
// all has been read for `stall_max` while a reply was due, the connection is given
// up: a server that answers nobody.
//
// Callbacks run on the event loop and may do anything, close() included. They run
// exactly once, except after close(), which drops them.
//
// Thread safety: none; one event loop. Ownership: shared with its own operations.
// Bounds: calls_max calls without reply, queue_bytes_max bytes not yet sent.
#pragma once

#include <array>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "config/settings/redis.hpp"
#include "runtime/ports/clock.hpp"
#include "runtime/redis/call.hpp"
#include "runtime/redis/reply.hpp"
#include "runtime/redis/transport.hpp"

namespace homeostat::redis {

using Timer = boost::asio::basic_waitable_timer<std::chrono::steady_clock>;

struct ConnectionOptions {
  config::Address address;
  std::string user, password;
  unsigned database = 0;
  std::shared_ptr<TlsContext> tls;  ///< null: plain
  Duration connect_timeout = std::chrono::seconds(1);
  Duration stall_max = std::chrono::seconds(1);
  std::size_t calls_max = 1024;
  std::size_t queue_bytes_max = 32 * config::mebibyte;
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  struct Events {
    std::function<void()> ready;
    /// The end, with its reason; nothing follows. Unanswered calls have been told.
    std::function<void(const std::string& reason)> ended;
    /// After every call, made at `made`, that was answered or timed out.
    std::function<void(CallError error, Instant made)> outcome;
  };

  [[nodiscard]] static std::shared_ptr<Connection> make(boost::asio::io_context& context,
                                                        const Clock& clock,
                                                        ConnectionOptions options,
                                                        CallCounters& counters);

  void start(Events events);
  [[nodiscard]] bool ready() const noexcept { return state_ == State::ready; }
  /// Anything but `none`: refused, and `callback` will not run.
  [[nodiscard]] CallError call(std::string command, Duration timeout, Callback callback);
  /// Bytes of calls that wait to be sent, or are on their way out.
  [[nodiscard]] std::size_t unsent() const noexcept { return waiting_.size() + writing_.size(); }
  /// Ends it: calls without reply are told `disconnected`.
  void end(const std::string& reason);
  /// Ends it without telling anybody.
  void close() noexcept;

 private:
  enum class State : std::uint8_t { idle, connecting, ready, closed };
  struct Pending {
    Instant made{}, deadline{};
    Callback callback;  // empty: timed out
  };
  struct Token {};

 public:
  Connection(Token, boost::asio::io_context& context, const Clock& clock, ConnectionOptions options,
             CallCounters& counters);

 private:
  void connected(boost::system::error_code error);
  void set_up();
  void set_up_with(std::string command, const char* what);
  void became_ready();
  void enqueue(std::string command, Duration timeout, Callback callback);
  void write();
  void read();
  void received(std::size_t bytes);
  void deliver(Reply reply);
  void arm_timer(Instant deadline);
  void check_deadlines();

  const Clock& clock_;
  const ConnectionOptions options_;
  CallCounters& counters_;
  Transport transport_;
  Timer timer_;
  Events events_;
  State state_ = State::idle;
  ReplyReader replies_;
  std::deque<Pending> pending_;
  std::string waiting_, writing_;  // commands not yet sent, and on their way
  bool write_under_way_ = false;
  Instant heard_{};     // when something was read last, or the first due call was made
  Instant timer_at_{};  // when the timer will fire; zero: not armed
  Instant set_up_until_{};
  std::array<char, 16384> buffer_{};
};

}  // namespace homeostat::redis
