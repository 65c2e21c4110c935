// A client's connection: reads requests, answers hits at once, hands
// everything else to an Exchange, keeps the order of pipelined requests, and
// defends itself against slow and broken peers.
//
// While it waits for a request it holds no buffer. Deadlines: header_timeout
// from the first byte to the end of a head, idle_timeout between requests;
// exchanges set their own.
// Thread safety: none; one worker. Ownership: registered with its worker;
// referenced by armed waits and its exchange.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "runtime/proxy/deadline_slots.hpp"
#include "runtime/proxy/deadline_wheel.hpp"
#include "runtime/proxy/exchange.hpp"
#include "runtime/proxy/pace.hpp"
#include "runtime/proxy/pattern_watch.hpp"
#include "runtime/proxy/request_context.hpp"
#include "runtime/proxy/stream.hpp"

namespace homeostat::proxy {

class Worker;

class ClientConnection final : public StreamOwner, public Deadline {
 public:
  ClientConnection(Worker& worker, std::string client_address);
  ~ClientConnection() override;

  void start(int descriptor, int family);
  [[nodiscard]] const std::string& client_address() const noexcept { return client_address_; }
  /// Of the peer itself (client_identity.hpp).
  [[nodiscard]] std::uint64_t address_key() const noexcept { return address_key_; }
  [[nodiscard]] Worker& worker() noexcept { return worker_; }
  [[nodiscard]] RequestContext& request() noexcept { return *request_; }
  [[nodiscard]] const Ref<RequestContext>& shared_request() const noexcept { return request_; }

  // -- for the exchange in charge ----------------------------------------------
  /// Another exchange takes over, and starts.
  void hand_over(Ref<Exchange> next);
  /// Another exchange takes over that is already under way.
  void replace_exchange(Ref<Exchange> next) { exchange_ = std::move(next); }
  /// The response is complete. `reusable`: framing lets the connection go on.
  void finish(bool reusable);
  /// The response cannot be completed: the client must notice.
  void abort();
  /// Whether the response must announce that the connection closes; then it will close,
  /// whatever happens until then (RFC 9112 section 9.6).
  [[nodiscard]] bool will_close() noexcept;
  /// This response is the connection's last.
  void close_afterwards() noexcept { close_after_ = true; }
  void arm_deadline(ClientWait wait, Duration after);
  void disarm_deadline(ClientWait wait);
  /// The request's own deadline, if it has one, for an exchange that waits for a
  /// response's head. Exact, where the other deadlines may come a tick late.
  void arm_request_deadline();
  void disarm_request_deadline();
  void watch_client() { stream.arm_next_readable(); }
  /// For on_client_readable while nothing of the client is wanted. True: it has gone. A
  /// client that ends its side counts as gone, be it that bytes of it are unread. Else it
  /// is watched on.
  [[nodiscard]] bool client_left();
  /// The socket takes no more for now: on_client_writable follows, or the end
  /// of the client's time (server.write_timeout).
  void await_room();
  /// The client took everything: it is not being waited for.
  void all_sent();

  // -- request body -------------------------------------------------------------
  enum class BodyEvent : std::uint8_t {
    piece,    ///< `piece` is a view into the buffer
    end,      ///< all of it was read; request().parser.trailers() holds trailers
    starved,  ///< nothing buffered: use the pieces, then read_body()
    error,    ///< framing broken or too large; body_error() says what
  };
  [[nodiscard]] BodyEvent next_body(std::string_view& piece);
  /// Reads more. REQUIRES: all pieces were used.
  [[nodiscard]] IoStatus read_body();
  /// Nothing was there: on_client_readable follows, or the deadline for `body`.
  void await_body();
  /// The body has ended, or it is not the client's turn to send it.
  void body_not_awaited();
  [[nodiscard]] const http::ParseError& body_error() const noexcept { return body_error_; }
  /// Below body_rate_min after a grace period of waiting: a slow-body attack.
  [[nodiscard]] bool body_too_slow() const noexcept;
  [[nodiscard]] bool body_complete() const noexcept { return body_complete_; }

  /// Bytes received and not yet parsed: pipelined requests, or tunnel data.
  [[nodiscard]] std::string_view unread() const noexcept;

  void on_readable() override;
  void on_writable() override;
  void on_deadline() override;
  /// Drain: closes now if no request is under way and none can be expected.
  void drain();
  void close();
  /// Since when it waits for a request of which nothing has come; Instant::max(): it does not.
  [[nodiscard]] Instant idle_since() const noexcept;
  /// Closes, for a newcomer. False: a request has just come.
  [[nodiscard]] bool give_way();

  Stream stream;

 private:
  enum class State : std::uint8_t { reading, serving, lingering, closed };

  void read_request();
  void process();
  [[nodiscard]] bool parse_head();
  void serve();
  void reject_head(const http::ParseError& error);
  void refuse_for_memory();
  void refuse_head(const http::ParseError& error);
  void next_request();
  void go_idle();
  void wait_for_last_request();
  void idle_too_long();
  void linger();
  void drain_input();
  void record_outcome();
  void watch_patterns(const telemetry::RequestRecord& record);
  void arm_wheel();
  void exchange_deadline();
  void request_deadline();
  [[nodiscard]] bool grow_input();

  Worker& worker_;
  const std::string client_address_;
  const std::uint64_t address_key_;
  State state_ = State::reading;
  Ref<RequestContext> request_;
  Ref<Exchange> exchange_;
  Buffer body_in_;
  http::ParseError body_error_;
  bool body_complete_ = false;
  bool close_after_ = false;
  bool head_started_ = false;
  bool processing_ = false;
  RequestRun run_;  ///< what the last requests had in common
  std::uint64_t served_ = 0;
  std::uint64_t lingered_ = 0;
  Instant idle_since_{};                 ///< accepted, or the end of the last response
  DeadlineSlots<ClientWait> deadlines_;  ///< while serving
  Pace body_pace_, send_pace_;           ///< of the request being served
  /// Made for the first request that has a deadline of its own.
  std::unique_ptr<boost::asio::basic_waitable_timer<std::chrono::steady_clock>> deadline_timer_;
  std::uint64_t deadline_turn_ = 0;  ///< tells a timer's shot from that of an earlier request
  bool deadline_armed_ = false;
};

}  // namespace homeostat::proxy
