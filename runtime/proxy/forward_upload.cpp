// ForwardExchange and the request's body: a small one is taken in before the request
// asks for a place at the gate, the rest streams.
#include <algorithm>
#include <utility>

#include "runtime/proxy/forward_exchange.hpp"
#include "runtime/proxy/local_response.hpp"
#include "runtime/proxy/worker.hpp"

namespace homeostat::proxy {
namespace {

/// Larger bodies stream from the start.
constexpr std::uint64_t collected_max = 256 * 1024;
/// A client that needs longer streams what is left: it may wait for an answer to the
/// first half.
constexpr std::chrono::milliseconds collect_time{500};

}  // namespace

// -- collecting -------------------------------------------------------------------

/// While the body comes, nobody is kept waiting for it: neither a slot of the limit, nor
/// a connection, nor a thread of the application. One that is here already costs nothing.
bool ForwardExchange::collects_body() const {
  const RequestContext& request = connection_->request();
  const http::RequestHead& head = request.head();
  return head.body == http::BodyKind::length && request.body_hash.empty() &&
         head.content_length > connection_->unread().size() &&
         head.content_length <= collected_max && !head.expect_continue &&
         worker_.has_body_memory(head.content_length);
}

void ForwardExchange::start_collecting() {
  collecting_ = true;
  connection_->arm_deadline(ClientWait::answer, collect_time);
  collect_body();
}

void ForwardExchange::collect_body() {
  const Ref<ForwardExchange> keep(this);
  for (;;) {
    std::string_view piece;
    switch (connection_->next_body(piece)) {
      case ClientConnection::BodyEvent::piece: keep_piece(piece); continue;
      case ClientConnection::BodyEvent::end: body_collected(); return;
      case ClientConnection::BodyEvent::error: body_failed(); return;
      case ClientConnection::BodyEvent::starved: break;
    }
    if (!has_room_for_rest()) {
      body_collected();
      return;
    }
    switch (connection_->read_body()) {
      case IoStatus::ok: break;
      case IoStatus::would_block: connection_->await_body(); return;
      default: client_failed(); return;
    }
  }
}

/// Room is made as bytes come: who announces a body and does not send it holds nothing.
void ForwardExchange::keep_piece(std::string_view piece) {
  RequestContext& request = connection_->request();
  Buffer& body = request.body;
  if (body.space().size() < piece.size()) {
    const std::size_t wanted =
        std::max({body.size() + piece.size(), 4 * body.capacity(), BufferPool::head_size});
    Buffer larger =
        worker_.buffers().lend(std::min<std::size_t>(request.head().content_length, wanted));
    larger.append(body.view());
    body = std::move(larger);
  }
  body.append(piece);
}

bool ForwardExchange::has_room_for_rest() const {
  const RequestContext& request = connection_->request();
  return worker_.has_body_memory(request.head().content_length - request.body.size());
}

/// All of it, or what came in time.
void ForwardExchange::body_collected() {
  collecting_ = false;
  connection_->disarm_deadline(ClientWait::answer);
  connection_->body_not_awaited();
  begin();
}

// -- streaming --------------------------------------------------------------------

void ForwardExchange::on_upstream_wants_body() {
  const RequestContext& request = connection_->request();
  if (!request.body_hash.empty()) {  // collected before it came to this
    call_->send_whole_body(request.body.view());
    return;
  }
  if (request.body) call_->add_body(request.body.view());
  sending_body_ = true;
  pump_request_body();
}

void ForwardExchange::on_upstream_body_drained() { pump_request_body(); }

void ForwardExchange::pump_request_body() {
  const Ref<ForwardExchange> keep(this);
  while (sending_body_ && call_) {
    if (call_->body_room() == 0) {
      if (!flush_request_body()) return;
      continue;
    }
    std::string_view piece;
    const ClientConnection::BodyEvent event = connection_->next_body(piece);
    if (event == ClientConnection::BodyEvent::piece) {
      call_->add_body(piece);
      continue;
    }
    if (event == ClientConnection::BodyEvent::error) {
      body_failed();
      return;
    }
    if (event == ClientConnection::BodyEvent::end) {
      sending_body_ = false;
      call_->end_body(&connection_->request().parser.trailers());
      connection_->body_not_awaited();
      const Ref<UpstreamCall> call = call_;
      (void)call->flush_body();
      if (call_) connection_->watch_client();
      return;
    }
    if (!flush_request_body()) return;  // the pieces still point into the buffers
    connection_->request().body.reset();
    switch (connection_->read_body()) {
      case IoStatus::ok: break;
      case IoStatus::would_block: await_request_body(); return;
      default: client_failed(); return;
    }
    if (connection_->body_too_slow()) {
      on_client_deadline(ClientWait::body);
      return;
    }
  }
}

/// A client that was promised "100 Continue" is not late before it came.
void ForwardExchange::await_request_body() {
  if (call_->awaits_continue()) {
    connection_->stream.arm_readable();
  } else {
    connection_->await_body();
  }
}

/// False: on_upstream_body_drained continues. Meanwhile the client is not late.
bool ForwardExchange::flush_request_body() {
  if (call_->flush_body()) return true;
  connection_->body_not_awaited();
  return false;
}

void ForwardExchange::body_failed() {
  const http::ParseError error = connection_->body_error();
  if (call_) call_->cancel();
  call_.reset();
  if (response_begun()) {
    connection_->abort();
    return;
  }
  connection_->hand_over(make_error_response(*connection_, error.status, error.reason));
}

}  // namespace homeostat::proxy
