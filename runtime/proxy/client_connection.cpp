#include "runtime/proxy/client_connection.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "runtime/proxy/client_identity.hpp"
#include "runtime/proxy/local_response.hpp"
#include "runtime/proxy/serve_request.hpp"
#include "runtime/proxy/worker.hpp"

namespace homeostat::proxy {
namespace {

constexpr int pipelined_per_turn = 32;  // then other connections get their turn

}  // namespace

ClientConnection::ClientConnection(Worker& worker, std::string client_address)
    : stream(*this, worker.context().get_executor()),
      worker_(worker),
      client_address_(std::move(client_address)),
      address_key_(proxy::address_key(client_address_)) {
  worker_.remember(*this);
  worker_.telemetry().connection_opened();
}

ClientConnection::~ClientConnection() {
  if (state_ != State::closed) worker_.place_free();
  worker_.telemetry().connection_closed();
  worker_.forget(*this);
}

void ClientConnection::start(int descriptor, int family) {
  stream.assign(descriptor, family);
  if (family != AF_UNIX) {
    const int on = 1;
    ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  idle_since_ = worker_.now();
  go_idle();
}

void ClientConnection::on_readable() {
  switch (state_) {
    case State::reading: read_request(); break;
    case State::serving: {
      const Ref<Exchange> keep = exchange_;
      if (keep) keep->on_client_readable();
      break;
    }
    case State::lingering: drain_input(); break;
    case State::closed: break;
  }
}

void ClientConnection::on_writable() {
  const Ref<Exchange> keep = exchange_;
  if (keep) keep->on_client_writable();
}

// -- reading a head -------------------------------------------------------------

void ClientConnection::go_idle() {
  state_ = State::reading;
  head_started_ = false;
  if (request_ && request_->in.empty()) {
    worker_.take_back(std::move(request_));
  }
  stream.arm_next_readable();
  if (worker_.draining()) {
    wait_for_last_request();
  } else {
    worker_.wheel().arm(*this, idle_since_ + worker_.config()->server().idle_timeout);
  }
}

void ClientConnection::read_request() {
  worker_.refresh_policy();
  if (!request_) request_ = worker_.lend_request();
  Buffer& in = request_->in;
  if (!in) {
    if (!worker_.has_head_memory(BufferPool::head_size)) {
      refuse_for_memory();
      return;
    }
    in = worker_.buffers().lend_head();
  }
  const IoResult result = stream.read(in.space());
  switch (result.status) {
    case IoStatus::ok: in.produced(result.bytes); break;
    case IoStatus::would_block:
      if (in.empty()) {
        go_idle();
      } else {
        stream.arm_readable();
      }
      return;
    default: close(); return;
  }
  process();
}

/// False: the client was told why not.
bool ClientConnection::grow_input() {
  Buffer& in = request_->in;
  const std::size_t wanted = worker_.config()->server().header_bytes_max + 1024;
  if (in.size() < in.capacity()) {
    in.compact();
    return true;
  }
  if (in.capacity() >= wanted) {
    reject_head({431, "request header is too large"});
    return false;
  }
  const std::size_t next = std::min(wanted, 4 * in.capacity());
  if (!worker_.has_head_memory(next)) {
    refuse_for_memory();
    return false;
  }
  Buffer larger = worker_.buffers().lend(next);
  larger.append(in.view());
  in = std::move(larger);
  return true;
}

/// True when a head is complete and valid.
bool ClientConnection::parse_head() {
  Buffer& in = request_->in;
  const http::ParseStep step = request_->parser.next(in.view());
  in.consume(step.consumed);
  switch (step.event) {
    case http::ParseEvent::head: return true;
    case http::ParseEvent::need_more:
      if (in.space().empty() && !grow_input()) return false;
      if (!head_started_) {
        head_started_ = true;
        worker_.wheel().arm(*this, worker_.now() + worker_.config()->server().header_timeout);
      }
      stream.arm_readable();
      return false;
    default: reject_head(step.error); return false;
  }
}

void ClientConnection::process() {
  if (processing_) return;
  const Ref<ClientConnection> keep(this);
  processing_ = true;
  for (int turn = 0; state_ == State::reading && request_ && !request_->in.empty(); ++turn) {
    if (turn == pipelined_per_turn) {
      boost::asio::post(worker_.context(), [keep] {
        if (keep->state_ == State::reading && keep->request_) keep->process();
      });
      processing_ = false;
      return;
    }
    if (!parse_head()) {
      processing_ = false;
      return;
    }
    serve();
  }
  processing_ = false;
  if (state_ == State::reading) go_idle();
}

void ClientConnection::reject_head(const http::ParseError& error) {
  worker_.counters().bad_requests.fetch_add(1, std::memory_order_relaxed);
  refuse_head(error);
}

void ClientConnection::refuse_for_memory() {
  worker_.counters().memory_refusals.fetch_add(1, std::memory_order_relaxed);
  refuse_head({503, "the memory for requests is used up"});
}

void ClientConnection::refuse_head(const http::ParseError& error) {
  worker_.telemetry().request_started();
  request_->config = worker_.config();
  request_->started = worker_.now();
  close_after_ = true;
  body_complete_ = false;
  deadlines_.clear();
  body_pace_ = send_pace_ = Pace();
  worker_.wheel().disarm(*this);
  state_ = State::serving;
  hand_over(make_error_response(*this, error.status, error.reason));
}

// -- serving --------------------------------------------------------------------

void ClientConnection::serve() {
  state_ = State::serving;
  ++served_;
  const http::RequestHead& head = request_->head();
  request_->config = worker_.config();
  request_->started = worker_.now();
  body_complete_ = false;
  if (head.fields_dropped != 0) [[unlikely]] {
    worker_.counters().fields_dropped.fetch_add(head.fields_dropped, std::memory_order_relaxed);
  }
  const config::ServerSettings& server = request_->config->server();
  close_after_ = !head.keep_alive || (server.requests_per_connection_max != 0 &&
                                      served_ >= server.requests_per_connection_max);
  deadlines_.clear();
  body_pace_ = send_pace_ = Pace();
  if (server.total_timeout.count() > 0) {
    deadlines_.set(ClientWait::total, request_->started + server.total_timeout);
  }
  arm_wheel();
  worker_.telemetry().request_started();
  serve_request(*this);
}

void ClientConnection::hand_over(Ref<Exchange> next) {
  for (const ClientWait wait : {ClientWait::answer, ClientWait::body, ClientWait::send}) {
    disarm_deadline(wait);
  }
  disarm_request_deadline();
  exchange_ = std::move(next);
  const Ref<Exchange> keep = exchange_;
  keep->start();
}

bool ClientConnection::will_close() noexcept {
  close_after_ = close_after_ || worker_.draining() || worker_.policy().admission.stop_keep_alive;
  return close_after_;
}

void ClientConnection::finish(bool reusable) {
  if (state_ != State::serving) return;
  const Ref<ClientConnection> keep(this);
  const Ref<Exchange> ending = std::move(exchange_);
  record_outcome();
  deadlines_.clear();
  disarm_request_deadline();
  if (!body_complete_ && request_->parser.head().body == http::BodyKind::none) {
    std::string_view ignored;
    body_complete_ = next_body(ignored) == BodyEvent::end;
  }
  // Not because the agent began to drain meanwhile: the client was not told.
  if (!reusable || close_after_ || !body_complete_) {
    linger();
    return;
  }
  next_request();
}

void ClientConnection::next_request() {
  const std::string_view rest = unread();
  if (rest.empty()) {
    worker_.take_back(std::move(request_));
  } else if (request_->shared()) {
    // A fill still reads the head: it keeps the context, its bytes stay put.
    Ref<RequestContext> fresh = worker_.lend_request();
    fresh->in = worker_.buffers().lend(std::max(rest.size(), BufferPool::head_size));
    fresh->in.append(rest);
    request_ = std::move(fresh);
  } else {
    if (body_in_) request_->in = std::move(body_in_);
    request_->in.compact();
    request_->parser.reset(worker_.config()->request_limits());
    request_->clear();
  }
  body_in_.reset();
  head_started_ = false;
  state_ = State::reading;
  process();
}

void ClientConnection::abort() {
  if (state_ != State::serving) return;
  const Ref<ClientConnection> keep(this);
  record_outcome();
  worker_.counters().aborted_responses.fetch_add(1, std::memory_order_relaxed);
  stream.abort();
  close();
}

}  // namespace homeostat::proxy
