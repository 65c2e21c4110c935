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
    connection_->await_room();
  } else {
    proceed();
  }
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
      case IoStatus::would_block: connection_->await_room(); return;
      default:
        connection_->request().outcome.client_abort = true;
        connection_->abort();
        return;
    }
  }
}

void LocalResponse::on_client_deadline(ClientWait wait) {
  if (wait == ClientWait::send) {
    connection_->worker().counters().write_timeouts.fetch_add(1, std::memory_order_relaxed);
  }
  connection_->request().outcome.client_abort = true;
  connection_->abort();
}

void LocalResponse::on_client_gone() { out_.clear(); }

namespace {

/// Unread request bytes make the connection's state uncertain.
bool may_go_on(ClientConnection& connection) {
  return !connection.will_close() &&
         (connection.request().head().body == http::BodyKind::none || connection.body_complete());
}

void end_head(http::HeadWriter& out, const http::RequestHead& request, bool reusable) {
  if (!reusable) {
    out.field(http::HeaderId::connection, "close");
  } else if (request.version_minor == 0) {
    out.field(http::HeaderId::connection, "keep-alive");
  }
  out.end();
}

/// Appends the whole response; returns whether the connection can go on.
bool write_error(ClientConnection& connection, const ErrorAnswer& answer, std::string& text) {
  RequestContext& request = connection.request();
  request.outcome.status = static_cast<int>(answer.status);
  const http::RequestHead& head = request.head();
  const std::string_view title = http::reason_phrase(answer.status);
  constexpr std::string_view begin = R"({"type":")";
  constexpr std::string_view then_title = R"(","title":")";
  constexpr std::string_view then_status = R"(","status":)";
  constexpr std::string_view then_detail = R"(,"detail":")";
  constexpr std::string_view then_members = "\"";
  constexpr std::string_view end = "}\n";
  constexpr std::size_t status_digits = 3;
  const std::size_t body_bytes = begin.size() + answer.type.size() + then_title.size() +
                                 title.size() + then_status.size() + status_digits +
                                 then_detail.size() + answer.detail.size() + then_members.size() +
                                 answer.members.size() + end.size();
  const bool reusable = may_go_on(connection);
  http::HeadWriter out(text);
  out.status_line(answer.status)
      .field(http::HeaderId::date, connection.worker().date())
      .field(http::HeaderId::content_type, "application/problem+json")
      .field(http::HeaderId::cache_control, "no-store")
      .field(http::HeaderId::content_length, body_bytes);
  // Refused before the cache was asked: it says so itself.
  out.field(http::HeaderId::cache_status,
            answer.cache_status.empty() ? "homeostat; detail=refused" : answer.cache_status);
  text += answer.fields;
  text += request.limit_fields;
  end_head(out, head, reusable);
  if (head.method == http::Method::head) return reusable;
  text += begin;
  text += answer.type;
  text += then_title;
  text += title;
  text += then_status;
  http::append_number(text, answer.status);
  text += then_detail;
  text += answer.detail;
  text += then_members;
  text += answer.members;
  text += end;
  request.outcome.response_bytes = body_bytes;
  return reusable;
}

}  // namespace

Ref<Exchange> make_error_response(ClientConnection& connection, unsigned status,
                                  std::string_view detail, std::string_view cache_status,
                                  std::string_view fields) {
  std::string text;
  text.reserve(512);
  const bool reusable = write_error(connection, {status, detail, cache_status, fields}, text);
  return make_ref<LocalResponse>(connection, std::move(text), cache::ObjectPtr(), std::uint64_t{0},
                                 reusable);
}

Ref<Exchange> make_options_response(ClientConnection& connection) {
  RequestContext& request = connection.request();
  request.outcome.status = 204;
  const bool reusable = may_go_on(connection);
  std::string text;
  http::HeadWriter out(text);
  out.status_line(204)
      .field(http::HeaderId::date, connection.worker().date())
      .field(http::HeaderId::allow, methods_forwarded);
  text += request.limit_fields;
  end_head(out, request.head(), reusable);
  return make_ref<LocalResponse>(connection, std::move(text), cache::ObjectPtr(), std::uint64_t{0},
                                 reusable);
}

void send_error(ClientConnection& connection, const ErrorAnswer& answer) {
  std::string& text = connection.worker().scratch();
  text.clear();
  const bool reusable = write_error(connection, answer, text);
  const iovec piece{text.data(), text.size()};
  const IoResult result = connection.stream.write({&piece, 1});
  if (result.status == IoStatus::ok && result.bytes == text.size()) {
    connection.finish(reusable);
  } else if (result.status == IoStatus::error) {
    connection.request().outcome.client_abort = true;
    connection.abort();
  } else {
    connection.hand_over(make_ref<LocalResponse>(connection, text.substr(result.bytes),
                                                 cache::ObjectPtr(), std::uint64_t{0}, reusable,
                                                 true));
  }
}

}  // namespace homeostat::proxy
