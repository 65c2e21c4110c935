#include "runtime/proxy/body_collector.hpp"

#include "runtime/cache/key.hpp"
#include "runtime/proxy/local_response.hpp"
#include "runtime/proxy/serve_request.hpp"
#include "runtime/proxy/worker.hpp"

namespace homeostat::proxy {

bool BodyCollector::wanted(Worker& worker, const RequestContext& request) {
  const http::RequestHead& head = request.head();
  // Of several types or codings the application picks one; the key could name another.
  const bool plain = head.headers.count(http::HeaderId::content_type) <= 1 &&
                     head.headers.count(http::HeaderId::content_encoding) <= 1;
  const bool known =
      head.body == http::BodyKind::length ||
      (head.body == http::BodyKind::none && head.headers.has(http::HeaderId::content_length));
  return plain && head.method == http::Method::post && known && head.content_length <= body_max &&
         !head.expect_continue &&
         request.config->cache_rules().wants_body_hash(head.method_text, request.path) &&
         worker.has_body_memory(head.content_length);
}

void BodyCollector::start() {
  RequestContext& request = connection_->request();
  if (request.head().content_length == 0) return complete();
  request.body = connection_->worker().buffers().lend(request.head().content_length);
  collect();
}

void BodyCollector::collect() {
  const Ref<BodyCollector> keep(this);
  RequestContext& request = connection_->request();
  for (;;) {
    std::string_view piece;
    switch (connection_->next_body(piece)) {
      case ClientConnection::BodyEvent::piece: request.body.append(piece); continue;
      case ClientConnection::BodyEvent::end: complete(); return;
      case ClientConnection::BodyEvent::error: {
        const http::ParseError error = connection_->body_error();
        connection_->hand_over(make_error_response(*connection_, error.status, error.reason));
        return;
      }
      case ClientConnection::BodyEvent::starved: break;
    }
    switch (connection_->read_body()) {
      case IoStatus::ok: break;
      case IoStatus::would_block: connection_->await_body(); return;
      default:
        request.outcome.client_abort = true;
        connection_->abort();
        return;
    }
    if (connection_->body_too_slow()) {
      on_client_deadline(ClientWait::body);
      return;
    }
  }
}

void BodyCollector::complete() {
  RequestContext& request = connection_->request();
  connection_->body_not_awaited();
  // The same bytes mean something else under another type or coding.
  std::string text(request.head().headers.get(http::HeaderId::content_type));
  text += '\n';
  text += request.head().headers.get(http::HeaderId::content_encoding);
  text += '\n';
  text += request.body.view();
  request.body_hash = cache::sha256_hex(text);
  request.cache_request.body_hash = request.body_hash;
  serve_identified(*connection_);
}

void BodyCollector::on_client_deadline(ClientWait wait) {
  if (wait == ClientWait::body) {
    connection_->worker().counters().body_timeouts.fetch_add(1, std::memory_order_relaxed);
  }
  connection_->hand_over(
      make_error_response(*connection_, 408, "the request body did not arrive in time"));
}

}  // namespace homeostat::proxy
