// The request body half of ClientConnection.
#include <utility>

#include "runtime/proxy/client_connection.hpp"
#include "runtime/proxy/worker.hpp"

namespace homeostat::proxy {
namespace {

constexpr std::chrono::seconds body_rate_grace{10};

}  // namespace

ClientConnection::BodyEvent ClientConnection::next_body(std::string_view& piece) {
  if (body_complete_) return BodyEvent::end;
  Buffer& buffer = body_in_ ? body_in_ : request_->in;
  const http::ParseStep step = request_->parser.next(buffer.view());
  buffer.consume(step.consumed);
  switch (step.event) {
    case http::ParseEvent::body:
      piece = step.body;
      request_->outcome.request_bytes += piece.size();
      return BodyEvent::piece;
    case http::ParseEvent::end: body_complete_ = true; return BodyEvent::end;
    case http::ParseEvent::need_more: return BodyEvent::starved;
    default: body_error_ = step.error; return BodyEvent::error;
  }
}

IoStatus ClientConnection::read_body() {
  if (!body_in_) {
    // The head's views need `in` to stay: body bytes go elsewhere.
    const std::size_t ahead = request_->in.size();
    Buffer body = ahead < BufferPool::body_size ? worker_.buffers().lend_body()
                                                : worker_.buffers().lend(2 * ahead);
    body.append(request_->in.view());
    request_->in.consume(request_->in.size());
    body_in_ = std::move(body);
  } else {
    body_in_.compact();
  }
  const IoResult result = stream.read(body_in_.space());
  if (result.status == IoStatus::ok) {
    body_in_.produced(result.bytes);
    if (body_pace_.waiting()) body_pace_.end(worker_.now());
  } else if (body_in_.empty()) {
    body_in_.reset();  // whoever is waited for holds no buffer
  }
  return result.status;
}

void ClientConnection::await_body() {
  body_pace_.begin(worker_.now());
  arm_deadline(ClientWait::body, request_->config->server().body_timeout);
  stream.arm_readable();
}

void ClientConnection::body_not_awaited() {
  body_pace_.end(worker_.now());
  disarm_deadline(ClientWait::body);
}

bool ClientConnection::body_too_slow() const noexcept {
  const std::size_t rate = request_->config->server().body_rate_min;
  const Instant now = worker_.now();
  if (rate == 0 || body_pace_.waited(now) < body_rate_grace) return false;
  return !body_pace_.keeps_up(now, request_->outcome.request_bytes + body_in_.size(), rate);
}

std::string_view ClientConnection::unread() const noexcept {
  return body_in_ ? body_in_.view() : request_->in.view();
}

}  // namespace homeostat::proxy
