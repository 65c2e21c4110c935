#include "runtime/proxy/upstream_call.hpp"

#include <utility>

#include "runtime/proxy/upstream_pool.hpp"
#include "runtime/proxy/worker.hpp"

namespace homeostat::proxy {

const char* to_string(UpstreamError error) noexcept {
  switch (error) {
    case UpstreamError::connect: return "connection_refused";
    case UpstreamError::connect_timeout: return "connection_timeout";
    case UpstreamError::connection_limit: return "connection_limit_reached";
    case UpstreamError::timeout: return "http_response_timeout";
    case UpstreamError::reset: return "connection_terminated";
    case UpstreamError::protocol: return "http_protocol_error";
    case UpstreamError::body_timeout: return "connection_read_timeout";
    case UpstreamError::local: return "proxy_internal_error";
  }
  return "proxy_internal_error";
}

unsigned status_of(UpstreamError error) noexcept {
  switch (error) {
    case UpstreamError::connect_timeout:
    case UpstreamError::timeout:
    case UpstreamError::body_timeout: return 504;
    case UpstreamError::connection_limit:
    case UpstreamError::local: return 503;
    default: return 502;
  }
}

bool says_failing(const http::ResponseHead& head) noexcept {
  switch (head.status) {
    case 500:
    case 502:
    case 504: return true;
    // With Retry-After it is alive, and sheds load by itself.
    case 503: return !head.headers.has(http::HeaderId::retry_after);
    default: return false;
  }
}

bool is_event_stream(const http::ResponseHead& head) noexcept {
  return head.headers.get(http::HeaderId::content_type).starts_with("text/event-stream");
}

UpstreamCall::UpstreamCall(Worker& worker, UpstreamSink& sink, UpstreamRequest request)
    : worker_(worker), sink_(&sink), request_(std::move(request)) {}

UpstreamCall::~UpstreamCall() { let_go(false); }

// -- connecting ---------------------------------------------------------------

bool UpstreamCall::reuse(UpstreamTarget& target) {
  while (!fresh_only_) {
    Ref<UpstreamConnection> idle = worker_.upstream().take_idle(target);
    if (!idle) return false;
    // Closed meanwhile, or bytes that belong to no request: the next answer on
    // this connection could not be trusted. A drained one was empty after its
    // last answer and the loop has reported nothing since; the kernel is asked
    // again only for a request that could not be repeated if the server has just
    // closed.
    const bool known = idle->stream.drained() && repeatable();
    if (!known && idle->stream.peek() != IoStatus::would_block) {
      idle->close();
      continue;
    }
    connection_ = std::move(idle);
    return true;
  }
  return false;
}

void UpstreamCall::connect() {
  const Ref<UpstreamCall> keep(this);
  ++attempts_;
  set_ = worker_.upstream().set();
  dispatched_ = worker_.now();
  UpstreamTarget* chosen = set_->choose({.endpoint = request_.endpoint,
                                         .now = dispatched_,
                                         .avoid = target_,
                                         .turn = worker_.next_turn(),
                                         .unit = worker_.random_unit(),
                                         .repeatable = repeatable()});
  if (chosen == nullptr) {
    refused();
    return;
  }
  UpstreamTarget& target = *chosen;
  target_ = chosen;
  target.request_started();
  name_target();
  if (reuse(target)) {
    connection_->set_user(this);
    dispatch(dispatched_);
    return;
  }
  open();
}

/// A connection of its own to the chosen target.
void UpstreamCall::open() {
  UpstreamPool::Opened opened = worker_.upstream().open(*target_);
  if (opened.failure == UpstreamPool::OpenFailure::limit && choose_with_room()) {
    if (reuse(*target_)) {
      connection_->set_user(this);
      dispatch(worker_.now());
      return;
    }
    opened = worker_.upstream().open(*target_);
  }
  if (!opened.connection) {
    target_->request_ended();
    switch (opened.failure) {
      case UpstreamPool::OpenFailure::limit: fail({UpstreamError::connection_limit, {}}); break;
      case UpstreamPool::OpenFailure::local: connect_failed(UpstreamError::local); break;
      default: connect_failed(UpstreamError::connect);
    }
    return;
  }
  connection_ = std::move(opened.connection);
  connection_->set_user(this);
  arm(Wait::answer, set_->settings().connect_timeout);
}

/// The chosen one has as many connections as it may have; another may have fewer.
bool UpstreamCall::choose_with_room() {
  if (set_->targets().size() == 1) return false;
  UpstreamTarget* other = set_->choose({.endpoint = request_.endpoint,
                                        .now = worker_.now(),
                                        .avoid = target_,
                                        .turn = worker_.next_turn(),
                                        .unit = worker_.random_unit(),
                                        .repeatable = repeatable(),
                                        .with_room = true});
  if (other == nullptr) return false;
  target_->request_ended();
  target_ = other;
  target_->request_started();
  name_target();
  return true;
}

void UpstreamCall::name_target() {
  if (!request_.host_at) return;
  const std::string& host = target_->settings().host_header;
  request_.head.replace(*request_.host_at, request_.host_length, host);
  request_.host_length = host.size();
}

void UpstreamCall::on_upstream_connected(int error) {
  const Ref<UpstreamCall> keep(this);
  if (error != 0) {
    let_go(false);
    connect_failed(UpstreamError::connect);
    return;
  }
  dispatch(worker_.now());
}

// -- receiving ----------------------------------------------------------------

void UpstreamCall::on_upstream_readable() { pump(); }

void UpstreamCall::resume() {
  piece_count_ = 0;
  paused_ = false;
  if (over_) return;
  if (ended_) {
    finish();
    return;
  }
  if (!out_.empty()) arm_for_room();
  if (!pumping_) pump();
}

void UpstreamCall::pump() {
  const Ref<UpstreamCall> keep(this);
  if (pumping_ || over_) return;
  pumping_ = true;
  int reads = 0;
  while (!paused_ && !over_ && read_more()) {
    if (++reads == reads_per_turn) {
      arm_for_more();
      break;
    }
  }
  pumping_ = false;
}

bool UpstreamCall::read_more() {
  Buffer& in = connection_->in;
  if (in.capacity() < BufferPool::body_size) move_unread(worker_.buffers().lend_body());
  if (unparsed_ && !parse_all()) return false;
  if (in.empty()) {
    in.clear();
  } else {
    in.compact();
  }
  const std::size_t space = in.space().size();
  if (space == 0) {
    broken(UpstreamError::protocol);
    return false;
  }
  const IoResult result = connection_->stream.read(in.space());
  switch (result.status) {
    case IoStatus::would_block: arm_for_more(); return false;
    case IoStatus::error: broken(UpstreamError::reset); return false;
    case IoStatus::end: {
      const http::ParseStep step = connection_->parser->finish();
      if (step.event != http::ParseEvent::end) {
        broken(UpstreamError::reset);
        return false;
      }
      ended_ = true;
      deliver();
      return false;
    }
    case IoStatus::ok: break;
  }
  in.produced(result.bytes);
  if (!parse_all()) return false;
  // A short read emptied the socket: asking again would only say so.
  if (result.bytes < space) {
    arm_for_more();
    return false;
  }
  return true;
}

void UpstreamCall::move_unread(Buffer to) {
  Buffer& in = connection_->in;
  if (!in.empty()) to.append(in.view());
  in = std::move(to);
}

/// Waits for more of the response; delivery has taken the deadline away. A stream may be
/// silent for hours: meanwhile it holds no buffer, or a small one with the end of a chunk.
void UpstreamCall::arm_for_more() {
  if (head_received_) {
    arm_for_answer();
    const Buffer& in = connection_->in;
    if (in.empty()) {
      connection_->in.reset();
    } else if (in.capacity() > BufferPool::head_size && in.size() <= BufferPool::head_size / 4) {
      move_unread(worker_.buffers().lend_head());
    }
  }
  connection_->stream.arm_readable();
}

/// What the buffer holds, in as many deliveries as it takes; false when the sink is
/// busy or the call is over. Nobody would wake the call for bytes that are here already.
bool UpstreamCall::parse_all() {
  do {
    parse();
  } while (unparsed_ && !paused_ && !over_);
  return !paused_ && !over_;
}

void UpstreamCall::parse() {
  Buffer& in = connection_->in;
  bool head_now = false;
  while (piece_count_ < pieces_max && !ended_ && !over_) {
    const http::ParseStep step = connection_->parser->next(in.view());
    in.consume(step.consumed);
    if (step.event == http::ParseEvent::need_more) break;
    switch (step.event) {
      case http::ParseEvent::interim: take_interim(); break;
      case http::ParseEvent::head:
        head_now = true;
        take_head();
        if (!over_ && connection_->parser->head().upgrade) ended_ = true;  // the rest is a tunnel
        break;
      case http::ParseEvent::body: pieces_[piece_count_++] = step.body; break;
      case http::ParseEvent::end: ended_ = true; break;
      default: broken(UpstreamError::protocol, step.error.reason); return;
    }
  }
  unparsed_ = piece_count_ == pieces_max && !ended_;
  if (!over_ && (head_now || piece_count_ > 0 || ended_)) deliver();
}

void UpstreamCall::take_interim() {
  const http::ResponseHead& head = connection_->parser->head();
  sink_->on_upstream_interim(head);
  if (over_ || head.status != 100) return;
  continued_ = true;
  arm_for_answer();  // now it is the client's turn
}

void UpstreamCall::take_head() {
  head_received_ = true;
  const Instant now = answered_at_ = worker_.now();
  latency_ = now - dispatched_;
  const http::ResponseHead& head = connection_->parser->head();
  sized_ = head.has_content_length;
  // An answer before its turn, or a pause of this agent's, says nothing about how fast it is.
  const bool timed = deadlines_.armed(Wait::answer) && !worker_.wheel().stood_still_since(turn_);
  const std::optional<Duration> took = timed ? std::optional(now - turn_) : std::nullopt;
  set_->answered(*target_, request_.endpoint, says_failing(head), took, dispatched_, now);
  if (head.status == 503) {
    permit_.refused();
  } else if (head.upgrade || is_event_stream(head)) {
    // A stream would hold its slot for as long as it likes.
    lent_ = false;
    GateWaiter::cancel();  // nor does it wait to have it back
    if (over_) return;     // whoever got its turn may have ended this one
    if (!permit_.step_aside()) {
      turn_away(worker_.gate().streams_full(request_.priority_class));
      return;
    }
    if (over_) return;  // whoever got the slot may have ended this one
  } else if (took) {
    permit_.sample(*took);
  }
  sink_->on_upstream_head(head);
}

void UpstreamCall::deliver() {
  paused_ = true;
  if (deadlines_.armed(Wait::stream)) upstreams_turn_over(worker_.now());
  deadlines_.clear();  // from here the client's pace counts
  arm_wheel();
  if (!abandoned_) {
    sink_->on_upstream_data();
  } else if (ended_) {
    finish();
  } else {
    cancel();  // what it costs to take the rest of the body is not worth a connection
  }
}

void UpstreamCall::finish() {
  if (over_) return;
  const Ref<UpstreamCall> keep(this);
  end();
  const bool clean = connection_->parser->head().keep_alive && connection_->in.empty() &&
                     out_.empty() && (request_.body == http::BodyKind::none || body_ended_) &&
                     !request_.binds_connection;
  // The connection first: who gets the slot is to find it.
  let_go(clean);
  permit_.ignore();
}

UpstreamTunnelEnd UpstreamCall::release_connection() {
  over_ = true;
  deadlines_.clear();
  arm_wheel();
  connection_->set_user(nullptr);
  target_->request_ended();
  return {std::move(connection_), std::move(permit_)};
}

void UpstreamCall::let_go(bool reusable) {
  if (!connection_) return;
  target_->request_ended();
  deadlines_.clear();
  arm_wheel();
  connection_->set_user(nullptr);
  if (reusable) {
    connection_->note_served();
    worker_.upstream().give_back(std::move(connection_));
  } else {
    connection_->close();
    connection_.reset();
  }
}

void UpstreamCall::arm_wheel() {
  const Instant earliest = deadlines_.earliest();
  if (earliest == Instant::max()) {
    worker_.wheel().disarm(*connection_);
  } else {
    worker_.wheel().arm(*connection_, earliest);
  }
}

void UpstreamCall::arm(Wait wait, Duration after) {
  const Instant now = worker_.now();
  if (wait == Wait::answer) {
    upstreams_turn_over(now);
    turn_ = now;
    await_stream();
  }
  deadlines_.set(wait, now + after);
  arm_wheel();
}

void UpstreamCall::disarm(Wait wait) {
  if (!deadlines_.armed(wait)) return;
  if (wait == Wait::answer) upstreams_turn_over(worker_.now());
  deadlines_.clear(wait);
  arm_wheel();
}

}  // namespace homeostat::proxy
