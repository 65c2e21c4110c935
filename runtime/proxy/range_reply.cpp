#include "runtime/proxy/range_reply.hpp"

#include <algorithm>
#include <random>
#include <utility>

#include "runtime/cache/preconditions.hpp"
#include "runtime/http/head_writer.hpp"
#include "runtime/proxy/local_response.hpp"
#include "runtime/proxy/worker.hpp"

namespace homeostat::proxy {
namespace {

using http::HeaderId;
using Kind = http::ByteRanges::Kind;

void append_fields(const cache::ObjectHead& head, bool with_type, std::string& out) {
  http::HeadWriter writer(out);
  writer.status_line(206);
  head.for_each_field([&](std::string_view name, std::string_view value) {
    const HeaderId id = http::header_id(name);
    // Digests of the content are of the whole (RFC 9530 section 2); Repr-Digest stays true.
    const bool replaced = id == HeaderId::content_length || id == HeaderId::content_range ||
                          http::iequals(name, "Content-Digest") ||
                          http::iequals(name, "Content-MD5");
    if (!replaced && (with_type || id != HeaderId::content_type)) writer.field(name, value);
  });
}

/// Unpredictable, so that no body can contain it, by accident or on purpose.
std::string make_boundary() {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string boundary = "homeostat-";
  std::random_device device;
  std::uint64_t bits = (std::uint64_t{device()} << 32U) | device();
  for (int i = 0; i < 16; ++i, bits >>= 4U) boundary += digits[bits & 15U];
  return boundary;
}

struct Multipart {
  std::string text;  ///< part headers and the closing line, in order
  std::vector<RangeResponse::Turn> turns;
  std::uint64_t bytes = 0;
};

Multipart make_parts(const cache::Object& object, const http::ByteRanges& ranges,
                     std::string_view boundary) {
  Multipart parts;
  for (const http::ByteRange& range : ranges.ranges()) {
    const std::size_t before = parts.text.size();
    parts.text += parts.turns.empty() ? "--" : "\r\n--";
    parts.text += boundary;
    parts.text += "\r\n";
    if (!object.head().content_type().empty()) {
      http::HeadWriter(parts.text).field(HeaderId::content_type, object.head().content_type());
    }
    parts.text += "Content-Range: ";
    http::append_content_range(parts.text, range, object.body_bytes());
    parts.text += "\r\n\r\n";
    parts.turns.push_back({parts.text.size() - before, range.offset, range.length});
    parts.bytes += range.length;
  }
  const std::size_t before = parts.text.size();
  parts.text += "\r\n--";
  parts.text += boundary;
  parts.text += "--\r\n";
  parts.turns.push_back({parts.text.size() - before, 0, 0});
  parts.bytes += parts.text.size();
  return parts;
}

}  // namespace

http::ByteRanges ranges_of(const RequestContext& request, const cache::ObjectHead& head,
                           std::uint64_t length, bool coded) {
  const http::HeaderTable& fields = request.head().headers;
  if (!request.decision.range || head.status != 200 || !cache::range_applies(fields, head, coded)) {
    return {};
  }
  return http::ByteRanges::parse(fields.get(HeaderId::range), length);
}

void append_partial_head(const cache::ObjectHead& head, const http::ByteRange& range,
                         std::uint64_t length, std::string& out) {
  append_fields(head, true, out);
  out += "Content-Range: ";
  http::append_content_range(out, range, length);
  out += "\r\n";
}

void reply_unsatisfiable(ClientConnection& connection, std::uint64_t length,
                         std::string_view cache_status) {
  std::string fields = "Content-Range: ";
  http::append_unsatisfied_range(fields, length);
  fields += "\r\n";
  connection.hand_over(
      make_error_response(connection, 416, "no byte of the range exists", cache_status, fields));
}

void reply_with_ranges(ClientConnection& connection, cache::ObjectPtr object,
                       const http::ByteRanges& ranges, std::string_view fields) {
  RequestOutcome& outcome = connection.request().outcome;
  outcome.status = 206;
  std::string text;
  std::vector<RangeResponse::Turn> turns;
  if (ranges.ranges().size() == 1) {
    const http::ByteRange& range = ranges.ranges().front();
    append_partial_head(object->head(), range, object->body_bytes(), text);
    http::HeadWriter(text).field(HeaderId::content_length, range.length);
    text += fields;
    turns.push_back({text.size(), range.offset, range.length});
    outcome.response_bytes = range.length;
  } else {
    const std::string boundary = make_boundary();
    Multipart parts = make_parts(*object, ranges, boundary);
    append_fields(object->head(), false, text);
    http::HeadWriter(text)
        .field(HeaderId::content_type, "multipart/byteranges; boundary=" + boundary)
        .field(HeaderId::content_length, parts.bytes);
    text += fields;
    parts.turns.front().text += text.size();
    text += parts.text;
    turns = std::move(parts.turns);
    outcome.response_bytes = parts.bytes;
  }
  connection.hand_over(
      make_ref<RangeResponse>(connection, std::move(text), std::move(turns), std::move(object)));
}

RangeResponse::RangeResponse(ClientConnection& connection, std::string text,
                             std::vector<Turn> turns, cache::ObjectPtr object)
    : connection_(&connection),
      text_(std::move(text)),
      turns_(std::move(turns)),
      object_(std::move(object)) {}

/// As much of this turn's body as fits into the queue.
void RangeResponse::queue_body(Turn& turn) {
  std::uint64_t at = 0;
  for (const cache::BodyPart& part : object_->body()) {
    const std::uint64_t end = at + part.size;
    if (turn.length > 0 && turn.offset < end) {
      if (out_.full()) return;
      const auto skip = static_cast<std::size_t>(turn.offset - at);
      const auto size =
          static_cast<std::size_t>(std::min<std::uint64_t>(turn.length, part.size - skip));
      out_.add(part.view().substr(skip, size));
      turn.offset += size;
      turn.length -= size;
    }
    at = end;
  }
}

void RangeResponse::queue() {
  for (; turn_ < turns_.size() && !out_.full(); ++turn_) {
    Turn& turn = turns_[turn_];
    out_.add(std::string_view(text_).substr(text_sent_, turn.text));
    text_sent_ += std::exchange(turn.text, 0);
    queue_body(turn);
    if (turn.length > 0) return;
  }
}

void RangeResponse::proceed() {
  const Ref<RangeResponse> keep(this);
  for (;;) {
    if (out_.empty()) queue();
    if (out_.empty()) {
      connection_->finish(true);
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

void RangeResponse::on_client_deadline(ClientWait wait) {
  if (wait == ClientWait::send) {
    connection_->worker().counters().write_timeouts.fetch_add(1, std::memory_order_relaxed);
  }
  connection_->request().outcome.client_abort = true;
  connection_->abort();
}

}  // namespace homeostat::proxy
