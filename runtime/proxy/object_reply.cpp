#include "runtime/proxy/object_reply.hpp"

#include <array>
#include <utility>

#include "runtime/cache/preconditions.hpp"
#include "runtime/http/head_writer.hpp"
#include "runtime/proxy/client_connection.hpp"
#include "runtime/proxy/failure_response.hpp"
#include "runtime/proxy/local_response.hpp"
#include "runtime/proxy/range_reply.hpp"
#include "runtime/proxy/stored_form.hpp"
#include "runtime/proxy/worker.hpp"

namespace homeostat::proxy {
namespace {

constexpr std::size_t vectors_max = 16;  // larger bodies go on in an exchange

/// Age, Cache-Status, Via and connection fields, and the empty line.
void append_dynamic_fields(ClientConnection& connection, const StoredForm& form,
                           const cache::CacheStatus& status, bool tell_age, std::string& out) {
  const cache::ObjectHead& head = form.object->head();
  RequestContext& request = connection.request();
  Worker& worker = connection.worker();
  if (tell_age) [[likely]] {
    out += "Age: ";
    cache::write_age(head.freshness.age(request.started), out);
    out += "\r\n";
  }
  out += "Cache-Status: ";
  cache::write_cache_status(status, out);
  if (request.config->server().via) {
    out += "\r\nVia: 1.1 ";
    out += worker.pseudonym();
  }
  if (form.vary) out += "\r\nVary: Accept-Encoding";
  if (!request.limit_fields.empty()) [[unlikely]] {
    const std::string_view lines = request.limit_fields;
    out += "\r\n";
    out += lines.substr(0, lines.size() - 2);  // its last line ends below
  }
  if (!head.date.has_value()) {
    out += "\r\nDate: ";
    out += worker.date();
  }
  if (connection.will_close()) {
    out += "\r\nConnection: close";
  } else if (request.head().version_minor == 0) {
    out += "\r\nConnection: keep-alive";
  }
  out += "\r\n\r\n";
}

struct Reply {
  std::string_view head;  ///< prebuilt; empty: all in dynamic
  std::string_view dynamic;
  const cache::Object* body = nullptr;
};

void send(ClientConnection& connection, const Reply& reply, const cache::ObjectPtr& owner) {
  std::array<iovec, vectors_max> vectors;
  std::size_t count = 0;
  std::uint64_t total = 0;
  const auto push = [&](std::string_view bytes) {
    if (bytes.empty()) return;
    vectors[count++] = {const_cast<char*>(bytes.data()), bytes.size()};
    total += bytes.size();
  };
  push(reply.head);
  push(reply.dynamic);
  bool all = true;
  if (reply.body != nullptr) {
    for (const cache::BodyPart& part : reply.body->body()) {
      if (count == vectors_max) {
        all = false;
        break;
      }
      push(part.view());
    }
  }
  const IoResult result = connection.stream.write({vectors.data(), count});
  if (result.status == IoStatus::ok && result.bytes == total && all) {
    connection.finish(true);
    return;
  }
  if (result.status == IoStatus::error) {
    connection.request().outcome.client_abort = true;
    connection.abort();
    return;
  }
  // The rest goes out when the socket has room again.
  const std::uint64_t head_bytes = reply.head.size() + reply.dynamic.size();
  std::string text;
  std::uint64_t skip = 0;
  if (result.bytes < head_bytes) {
    text.reserve(head_bytes - result.bytes);
    text += reply.head;
    text += reply.dynamic;
    text.erase(0, result.bytes);
  } else {
    skip = result.bytes - head_bytes;
  }
  cache::ObjectPtr body;
  if (reply.body != nullptr) body = owner;
  const bool full = result.status == IoStatus::would_block || result.bytes < total;
  connection.hand_over(
      make_ref<LocalResponse>(connection, std::move(text), std::move(body), skip, true, full));
}

}  // namespace

void reply_with_object(ClientConnection& connection, cache::ObjectPtr object,
                       const cache::CacheStatus& status, telemetry::CacheResult result,
                       bool tell_age) {
  RequestContext& request = connection.request();
  if (cache::fails_own_condition(request.decision, request.head().headers, object->status(),
                                 &object->head())) {
    request.outcome.cache = result;
    reply_condition_failed(connection, status);
    return;
  }
  const StoredForm form = choose_form(connection, std::move(object));
  const cache::ObjectPtr& chosen = form.object;
  std::string& dynamic = connection.worker().scratch();
  dynamic.clear();
  request.outcome.cache = result;
  const bool not_modified = cache::evaluate_preconditions(request.head().headers, chosen->head()) ==
                            cache::Precondition::not_modified;
  if (request.decision.range && !form.whole && !not_modified) {
    const http::ByteRanges ranges =
        ranges_of(request, chosen->head(), chosen->body_bytes(), form.coded);
    if (ranges.kind() == http::ByteRanges::Kind::unsatisfiable) {
      cache::write_cache_status(status, dynamic);
      reply_unsatisfiable(connection, chosen->body_bytes(), dynamic);
      return;
    }
    if (ranges.kind() == http::ByteRanges::Kind::partial) {
      append_dynamic_fields(connection, form, status, tell_age, dynamic);
      reply_with_ranges(connection, chosen, ranges, dynamic);
      return;
    }
  }
  Reply reply;
  if (not_modified) {
    cache::write_not_modified(chosen->head(), dynamic);
    request.outcome.status = 304;
  } else {
    reply.head = chosen->wire_head();
    request.outcome.status = chosen->status();
    if (request.head().method != http::Method::head) {
      reply.body = chosen.get();
      request.outcome.response_bytes = chosen->body_bytes();
      if (form.saved_bytes > 0) {
        connection.worker().compression().variant_sent(chosen->head().coding, form.saved_bytes);
      }
    }
  }
  append_dynamic_fields(connection, form, status, tell_age, dynamic);
  reply.dynamic = dynamic;
  send(connection, reply, chosen);
}

}  // namespace homeostat::proxy
