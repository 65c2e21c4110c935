// One request on its way to the upstream and its response on the way back:
// admission, choice of a connection, safe retries, timeouts, framing.
//
// The call talks to an UpstreamSink. Callbacks may come from inside start(),
// resume() and flush_body(); after on_upstream_end, on_upstream_failure or
// on_upstream_rejected none follows. Back-pressure: after on_upstream_data the
// call reads nothing until resume().
//
// Retries (RFC 9110 section 9.2.2): a request that was never sent may always go
// elsewhere; one that was sent is repeated only if its method is idempotent,
// it has no body, and not one byte of an answer arrived.
//
// Thread safety: none; one worker. Ownership: reference counted; the owner of
// the sink cancels the call before the sink dies.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/gate/gate.hpp"
#include "runtime/http/parser.hpp"
#include "runtime/proxy/deadline_slots.hpp"
#include "runtime/proxy/outgoing.hpp"
#include "runtime/proxy/recycled.hpp"
#include "runtime/proxy/upstream_connection.hpp"

namespace homeostat::proxy {

class Worker;
class UpstreamCall;

/// Everything needed to send a request, independent of the client's buffers.
struct UpstreamRequest {
  std::string head;          ///< serialised request line and fields
  bool head_method = false;  ///< HEAD: the response has no body
  bool idempotent = true;
  bool upgrade = false;
  /// Carries credentials that may come to stand for the connection: it serves nobody else.
  bool binds_connection = false;
  bool expect_continue = false;  ///< the client waits for 100 before it sends the body
  http::BodyKind body = http::BodyKind::none;
  rules::EndpointId endpoint = 0;
  std::uint8_t priority_class = 2;
  std::optional<Instant> deadline;  ///< the client's or the route's
  std::uint64_t tenant = 0;
  std::uint32_t weight = 1;
  gate::ConcurrencyCap cap;
  bool stream = false;  ///< stands aside from the start
  /// Fields of the head that say how much time is left, restated when it is sent.
  struct TimeLeft {
    std::size_t offset, length;  ///< of the value in `head`
    config::DeadlineFormat format;
    Instant until;
  };
  std::vector<TimeLeft> times_left;
  /// Where Host's value goes in `head`, if it is to be the chosen target's own.
  std::optional<std::size_t> host_at;
  std::size_t host_length = 0;  ///< of what is there now
};

enum class UpstreamError : std::uint8_t {
  connect,  ///< refused, unreachable
  connect_timeout,
  connection_limit,  ///< connections_max reached
  timeout,           ///< no response head in time
  reset,             ///< closed before or inside the response
  protocol,          ///< broken framing
  body_timeout,      ///< the body stalled
  local,             ///< nothing left to connect with; the upstream is not to blame
};

/// Proxy error types of RFC 9209 section 2.3, used in Proxy-Status and logs.
[[nodiscard]] const char* to_string(UpstreamError error) noexcept;
/// 502, 503 or 504.
[[nodiscard]] unsigned status_of(UpstreamError error) noexcept;

struct UpstreamFailure {
  UpstreamError error = UpstreamError::reset;
  std::string_view details;  ///< what was wrong with a response, if that is known; a literal
};

/// The application says that it is failing, not that the request was wrong.
[[nodiscard]] bool says_failing(const http::ResponseHead& head) noexcept;

/// text/event-stream: open for as long as it likes, so not a sample of anything.
[[nodiscard]] bool is_event_stream(const http::ResponseHead& head) noexcept;

class UpstreamSink {
 public:
  /// A permit came after a wait: is the answer still wanted? If not, the sink has
  /// cancelled the call.
  [[nodiscard]] virtual bool upstream_wanted() { return true; }
  virtual void on_upstream_rejected(const gate::Rejection& rejection) = 0;
  /// The head was sent; body pieces may follow. Only if the request has a body.
  virtual void on_upstream_wants_body() = 0;
  /// flush_body() had to wait and is done now.
  virtual void on_upstream_body_drained() = 0;
  virtual void on_upstream_interim(const http::ResponseHead& head) = 0;
  /// Views are valid during the call. on_upstream_data always follows.
  virtual void on_upstream_head(const http::ResponseHead& head) = 0;
  /// call.pieces() hold what arrived; call.ended() says whether that was all.
  virtual void on_upstream_data() = 0;
  virtual void on_upstream_failure(const UpstreamFailure& failure) = 0;

 protected:
  ~UpstreamSink() = default;
};

/// Takes the answer of a call whose client has gone: by default nothing of it.
class UpstreamHeir : public UpstreamSink {
 public:
  virtual ~UpstreamHeir() = default;
  [[nodiscard]] bool upstream_wanted() override { return false; }
  void on_upstream_rejected(const gate::Rejection&) override {}
  void on_upstream_wants_body() override {}
  void on_upstream_body_drained() override {}
  void on_upstream_interim(const http::ResponseHead&) override {}
  void on_upstream_head(const http::ResponseHead&) override {}
  void on_upstream_data() override {}
  void on_upstream_failure(const UpstreamFailure&) override {}
};

/// The upstream's end of a tunnel, and its place under a cap and among the streams.
struct UpstreamTunnelEnd {
  Ref<UpstreamConnection> connection;
  gate::Permit permit;
};

class UpstreamCall final : public RefCounted,
                           public Recycled<UpstreamCall>,
                           private UpstreamUser,
                           private gate::GateWaiter {
 public:
  static constexpr std::size_t pieces_max = 32;
  static constexpr int reads_per_turn = 16;  ///< then other connections get their turn

  UpstreamCall(Worker& worker, UpstreamSink& sink, UpstreamRequest request);
  ~UpstreamCall() override;

  void start();
  /// The sink has dealt with all pieces; read on.
  void resume();
  /// The sink waits for its client before it can go on. A slow one gives up the slot
  /// meanwhile (upstream_turn.cpp).
  void await_client();
  /// Ends the call without further callbacks.
  void cancel();
  /// The same for a client that has gone. Most applications work on a request to its
  /// end whoever waits for it: one that has it all keeps its place at the gate until it
  /// answers (upstream.finish_abandoned), so that the limit counts what is really at work.
  /// `heir` gets that answer, or the failure; true if there will be one.
  bool abandon(std::unique_ptr<UpstreamHeir> heir = nullptr);
  void set_sink(UpstreamSink& sink) noexcept { sink_ = &sink; }
  /// The upstream has the whole head.
  [[nodiscard]] bool head_sent() const noexcept { return head_sent_; }
  /// Waits for a permit.
  [[nodiscard]] bool queued() const noexcept { return gate::GateWaiter::waiting(); }

  // -- request body -----------------------------------------------------------
  /// Queues a piece; the bytes stay the caller's until drained.
  void add_body(std::string_view piece);
  /// Ends the body (with trailers for chunked bodies).
  void end_body(const http::HeaderTable* trailers);
  /// A body that is all at hand; what the socket does not take now goes out by
  /// itself. The bytes stay the caller's until the response head.
  void send_whole_body(std::string_view body);
  /// True when all was written; false: on_upstream_body_drained follows.
  [[nodiscard]] bool flush_body();
  /// The client need not send its body yet: 100 was neither received nor made
  /// unnecessary by a body that began.
  [[nodiscard]] bool awaits_continue() const noexcept {
    return request_.expect_continue && !continued_ && !body_started_ && !head_received_;
  }
  /// Whether that failure says nothing about the upstream: it need not send 100 (RFC 9110
  /// section 10.1.1), and may wait for a body that the client keeps back.
  [[nodiscard]] bool owes_nothing(UpstreamError error) const noexcept {
    return error == UpstreamError::timeout && awaits_continue();
  }
  /// Pieces that still fit before a flush; one place is kept for the end.
  [[nodiscard]] std::size_t body_room() const noexcept { return (out_.room() - 1) / 3; }

  // -- response ---------------------------------------------------------------
  [[nodiscard]] std::span<const std::string_view> pieces() const noexcept {
    return {pieces_.data(), piece_count_};
  }
  [[nodiscard]] bool ended() const noexcept { return ended_; }
  [[nodiscard]] const http::HeaderTable& trailers() const noexcept {
    return connection_->parser->trailers();
  }
  /// Dispatch to response head; zero before the head.
  [[nodiscard]] Duration latency() const noexcept { return latency_; }
  /// When the response's head was there.
  [[nodiscard]] Instant answered_at() const noexcept { return answered_at_; }
  [[nodiscard]] bool head_received() const noexcept { return head_received_; }
  [[nodiscard]] const UpstreamRequest& request() const noexcept { return request_; }

  /// After a head with `upgrade`: hands over what the call held; the call is over.
  [[nodiscard]] UpstreamTunnelEnd release_connection();

 private:
  // GateWaiter
  void on_admitted(gate::Permit permit) override;
  void on_rejected(const gate::Rejection& rejection) override;
  // UpstreamUser
  void on_upstream_connected(int error) override;
  void on_upstream_readable() override;
  void on_upstream_writable() override;
  void on_upstream_deadline() override;

  void begin(gate::Permit permit);
  void restate_times_left();
  void connect();
  void open();
  [[nodiscard]] bool choose_with_room();
  [[nodiscard]] bool reuse(UpstreamTarget& target);
  /// `now`: it has a connection since.
  void dispatch(Instant now);
  void sent();
  void arm_for_answer();
  void arm_for_room();
  void move_unread(Buffer to);
  void arm_for_more();
  void pump();
  [[nodiscard]] bool read_more();
  [[nodiscard]] bool parse_all();
  void parse();
  void take_interim();
  void take_head();
  void deliver();
  void finish();
  void connect_failed(UpstreamError error);
  void broken(UpstreamError error, std::string_view details = {});
  [[nodiscard]] bool may_repeat(UpstreamError error);
  void refused();
  void silent();
  void turn_away(const gate::Rejection& rejection);
  void begin_clients_turn();
  void clients_turn_over() noexcept {
    clients_turn_since_ = Instant::max();
    deadlines_.clear(Wait::client);
  }
  void client_too_slow();
  [[nodiscard]] bool regain_slot();
  void upstreams_turn_over(Instant now) noexcept;
  void await_stream();
  void goes_on_for_long();
  [[nodiscard]] bool repeatable() const noexcept {
    return request_.idempotent && request_.body == http::BodyKind::none;
  }
  void fail(UpstreamFailure failure);
  void log_failure(const UpstreamFailure& failure);
  void name_target();
  /// Nothing follows; an abandoned call is let go.
  void end();
  void let_go(bool reusable);
  /// Each direction has its own time, which runs while it is the upstream's turn.
  enum class Wait : std::uint8_t { answer, send, silence, client, stream, count_ };
  void arm(Wait wait, Duration after);
  void disarm(Wait wait);
  void arm_wheel();

  Worker& worker_;
  UpstreamSink* sink_;
  UpstreamRequest request_;
  gate::Permit permit_;
  std::shared_ptr<UpstreamSet> set_;
  Ref<UpstreamConnection> connection_;
  UpstreamTarget* target_ = nullptr;
  Outgoing out_;
  std::string frame_;  ///< chunk headers and trailers, stable while out_ uses them
  std::array<std::string_view, pieces_max> pieces_;
  std::size_t piece_count_ = 0;
  DeadlineSlots<Wait> deadlines_;
  Instant dispatched_{}, answered_at_{};
  Instant turn_{};                               ///< since when it is the upstream's turn to answer
  Instant clients_turn_since_ = Instant::max();  ///< max: it is not the client's turn
  Duration latency_{};
  Duration streamed_{};  ///< the upstream's own turns after the head
  bool sized_ = false;   ///< the head says how long the body is: no stream
  unsigned attempts_ = 0;
  std::optional<UpstreamFailure> lost_;  ///< how the last attempt ended
  std::size_t addresses_tried_ = 0;
  bool address_refused_ = false;  ///< one of them failed, and not for want of our own means
  bool fresh_only_ = false;
  bool head_sent_ = false;
  bool body_started_ = false;
  bool body_ended_ = false;
  bool body_waiting_ = false;
  bool continued_ = false;  ///< 100 was received
  bool head_received_ = false;
  bool ended_ = false;
  bool paused_ = false;
  bool pumping_ = false;
  bool unparsed_ = false;  ///< pieces_ was full before the buffer was empty
  bool lent_ = false;      ///< stands aside for its client, and comes back
  bool abandoned_ = false;
  std::unique_ptr<UpstreamHeir> heir_;  ///< of an abandoned call
  bool over_ = false;
};

}  // namespace homeostat::proxy
