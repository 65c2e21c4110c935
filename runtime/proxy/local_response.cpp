#include "runtime/proxy/local_response.hpp"

#include <utility>

#include "runtime/http/head_writer.hpp"
#include "runtime/proxy/worker.hpp"

namespace homeostat::proxy {

LocalResponse::LocalResponse(ClientConnection& connection, std::string text,
                             cache::ObjectPtr object, std::uint64_t skip, bool reusable, bool full)
    : connection_(&connection),
      text_(std::move(text)),
      object_(std::move(object)),
      skip_(skip),
      reusable_(reusable),
      full_(full) {}

void LocalResponse::start() {
  if (full_) {
    await_room();
  } else {
    proceed();
  }
}

void LocalResponse::await_room() {
  connection_->arm_deadline(connection_->request().config->server().write_timeout);
  connection_->stream.arm_writable();
}

void LocalResponse::queue_parts() {
  if (!std::exchange(text_queued_, true)) out_.add(text_);
  if (!object_) return;
  const cache::Body& body = object_->body();
  for (; part_ < body.size() && !out_.full(); ++part_) {
    std::string_view bytes = body[part_].view();
    const std::size_t skipped = std::min<std::uint64_t>(skip_, bytes.size());
    skip_ -= skipped;
    bytes.remove_prefix(skipped);
    out_.add(bytes);
  }
}

void LocalResponse::proceed() {
  const Ref<LocalResponse> keep(this);
  for (;;) {
    if (out_.empty()) queue_parts();
    if (out_.empty()) {
      connection_->finish(reusable_);
      return;
    }
    switch (out_.flush(connection_->stream)) {
      case IoStatus::ok: break;
      case IoStatus::would_block: await_room(); return;
      default:
        connection_->request().outcome.client_abort = true;
        connection_->abort();
        return;
    }
  }
}

void LocalResponse::on_client_deadline() {
  connection_->worker().counters().write_timeouts.fetch_add(1, std::memory_order_relaxed);
  connection_->request().outcome.client_abort = true;
  connection_->abort();
}

void LocalResponse::on_client_gone() { out_.clear(); }

Ref<Exchange> make_error_response(ClientConnection& connection, unsigned status,
                                  std::string_view detail, std::string_view cache_status,
                                  std::string_view fields) {
  RequestContext& request = connection.request();
  Worker& worker = connection.worker();
  request.outcome.status = static_cast<int>(status);
  std::string body = R"({"type":"about:blank","title":")";
  body += http::reason_phrase(status);
  body += R"(","status":)";
  http::append_number(body, status);
  body += R"(,"detail":")";
  body += detail;
  body += "\"}\n";
  const http::RequestHead& head = request.head();
  const bool has_body = head.method != http::Method::head;
  // Unread request bytes make the connection's state uncertain.
  const bool reusable =
      !connection.will_close() && (head.body == http::BodyKind::none || connection.body_complete());
  std::string text;
  text.reserve(512);
  http::HeadWriter out(text);
  out.status_line(status)
      .field(http::HeaderId::date, worker.date())
      .field(http::HeaderId::content_type, "application/problem+json")
      .field(http::HeaderId::cache_control, "no-store")
      .field(http::HeaderId::content_length, body.size());
  // Refused before the cache was asked: it says so itself.
  out.field(http::HeaderId::cache_status,
            cache_status.empty() ? "homeostat; detail=refused" : cache_status);
  text += fields;
  if (!reusable) {
    out.field(http::HeaderId::connection, "close");
  } else if (head.version_minor == 0) {
    out.field(http::HeaderId::connection, "keep-alive");
  }
  out.end();
  if (has_body) {
    text += body;
    request.outcome.response_bytes = body.size();
  }
  return make_ref<LocalResponse>(connection, std::move(text), cache::ObjectPtr(), std::uint64_t{0},
                                 reusable);
}

}  // namespace homeostat::proxy
