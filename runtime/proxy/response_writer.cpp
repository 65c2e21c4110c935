#include "runtime/proxy/response_writer.hpp"

#include "runtime/cache/cache_status.hpp"
#include "runtime/cache/client_fields.hpp"
#include "runtime/http/accept_encoding.hpp"
#include "runtime/http/chunk.hpp"
#include "runtime/http/forwarded.hpp"
#include "runtime/http/head_writer.hpp"
#include "runtime/http/hop_by_hop.hpp"
#include "runtime/proxy/range_reply.hpp"
#include "runtime/proxy/request_context.hpp"
#include "runtime/proxy/worker.hpp"

namespace homeostat::proxy {
namespace {

using http::HeaderId;

constexpr std::size_t head_reserve = 768;  // most heads: one allocation instead of six

/// A strong validator would claim byte equality with the identity form.
void weak_etag(std::string& out, std::string_view etag) {
  http::HeadWriter head(out);
  if (etag.starts_with("W/")) {
    head.field(HeaderId::etag, etag);
  } else {
    std::string weak = "W/";
    weak += etag;
    head.field(HeaderId::etag, weak);
  }
}

/// Left out of an encoded response, or written anew.
bool changed_by_coding(HeaderId id, std::string_view name) noexcept {
  return id == HeaderId::etag || http::describes_coded_bytes(id, name);
}

http::HeaderTable without_digests(const http::HeaderTable& trailers) {
  http::HeaderTable kept;
  for (const http::Field& field : trailers) {
    if (!http::describes_coded_bytes(field.id, field.name)) kept.add(field.name, field.value);
  }
  return kept;
}

bool varies_by_coding(const http::HeaderTable& headers) noexcept {
  return headers.contains_token(HeaderId::vary, "Accept-Encoding") ||
         headers.contains_token(HeaderId::vary, "*");
}

/// The client asks about a form this agent encoded: the origin's 304 must name
/// the tag that form has.
bool validates_encoded(const RequestContext& request, const http::ResponseHead& head) {
  if (head.status != 304) return false;
  const std::string_view etag = head.headers.get(HeaderId::etag);
  if (etag.empty() || etag.starts_with("W/")) return false;
  const std::string weak = "W/" + std::string(etag);
  bool found = false;
  request.head().headers.for_each_token(HeaderId::if_none_match,
                                        [&](std::string_view tag) { found |= tag == weak; });
  return found;
}

}  // namespace

void append_interim(const http::ResponseHead& head, std::string& text) {
  http::HeadWriter out(text);
  out.status_line(head.status);
  const http::HopByHopFilter filter(head.headers);
  for (const http::Field& field : head.headers) {
    // Nothing of a 1xx may say that content follows (RFC 9110 section 8.6).
    if (field.id != HeaderId::content_length && filter.forwarded(field)) out.field(field);
  }
  out.end();
}

void ResponseWriter::choose_framing(const RequestContext& request, bool has_body,
                                    bool known_length) {
  if (!has_body) {
    framing_ = Framing::none;
  } else if (known_length && !rewrites()) {
    framing_ = Framing::length;
  } else if (request.head().version_minor >= 1) {
    framing_ = Framing::chunked;
  } else {
    framing_ = Framing::close;
  }
}

void ResponseWriter::begin_rewriting(const StreamCoding& coding, bool has_body,
                                     std::optional<std::uint64_t> length) {
  coding_ = coding;
  if (!has_body) return;
  if (coding.json.any()) tightener_ = std::make_unique<compress::JsonTightener>(coding.json);
  if (!coding.encodes()) return;
  encoder_ = worker_.encoders().acquire(coding.coding, coding.effort, length);
  if (!encoder_.valid()) coding_.coding = rules::Coding::identity;
}

/// Content-Encoding, ETag and Vary as the coding wants them; `varies`: Vary
/// names Accept-Encoding already.
void ResponseWriter::append_coding_fields(std::string_view etag, bool varies) {
  http::HeadWriter out(head_);
  if (coding_.encodes()) {
    out.field(HeaderId::content_encoding, rules::coding_name(coding_.coding));
  }
  if (coding_.changes_body() && !etag.empty()) weak_etag(head_, etag);
  if (coding_.vary && !varies) out.field(HeaderId::vary, "Accept-Encoding");
}

void ResponseWriter::start_forwarded(const RequestContext& request, const http::ResponseHead& head,
                                     const ResponseExtras& extras, const StreamCoding& coding) {
  started_ = true;
  const bool has_body = head.body != http::BodyKind::none;
  const bool known_length = head.body == http::BodyKind::length;
  begin_rewriting(coding, has_body,
                  known_length ? std::optional(head.content_length) : std::nullopt);
  choose_framing(request, has_body, known_length);
  const bool compresses =
      request.config->settings().compression.mode != config::CompressionSettings::Mode::off;
  const bool encoded_304 =
      (compresses || json_of(request).any()) && validates_encoded(request, head);
  head_.clear();
  head_.reserve(head_reserve);
  http::HeadWriter out(head_);
  out.status_line(head.status,
                  head.reason.empty() ? http::reason_phrase(head.status) : head.reason);
  const http::HopByHopFilter filter(head.headers);
  const bool via = request.config->server().via;
  const cache::ClientFields client(request.decision, request.head().headers,
                                   static_cast<int>(head.status), head.headers);
  for (const http::Field& field : head.headers) {
    if (!filter.forwarded(field) || field.id == HeaderId::content_length ||
        (via && field.id == HeaderId::via) || (encoded_304 && field.id == HeaderId::etag) ||
        (coding_.changes_body() && changed_by_coding(field.id, field.name)) ||
        client.hides(field)) {
      continue;
    }
    out.field(field);
  }
  if (!client.cache_control().empty()) {
    out.field(HeaderId::cache_control, client.cache_control());
  }
  if (!client.vary().empty()) out.field(HeaderId::vary, client.vary());
  if (head.upgrade) {
    out.field(HeaderId::connection, "Upgrade");
    if (head.headers.has(HeaderId::upgrade)) {
      out.field(HeaderId::upgrade, head.headers.get(HeaderId::upgrade));
    }
  } else if (framing_ == Framing::length || (!has_body && !coding_.changes_body() &&
                                             head.has_content_length && head.status != 204)) {
    out.field(HeaderId::content_length, head.content_length);
  }
  if (encoded_304) {
    weak_etag(head_, head.headers.get(HeaderId::etag));
    coding_.vary = compresses;
  }
  append_coding_fields(head.headers.get(HeaderId::etag), varies_by_coding(head.headers));
  if (via) {
    http::append_via(out, head.headers, head.version_minor, worker_.pseudonym());
  }
  finish_head(request, extras, head.headers.has(HeaderId::date));
}

void ResponseWriter::start_stored(const RequestContext& request, const cache::ObjectHead& head,
                                  std::optional<std::uint64_t> length, const ResponseExtras& extras,
                                  const StreamCoding& coding) {
  started_ = true;
  const bool has_body = head.status != 204;
  begin_rewriting(coding, has_body, length);
  choose_framing(request, has_body, length.has_value());
  head_.clear();
  head_.reserve(head_reserve);
  http::HeadWriter out(head_);
  if (coding_.changes_body()) {
    out.status_line(static_cast<unsigned>(head.status));
    head.for_each_field([&](std::string_view name, std::string_view value) {
      if (!changed_by_coding(http::header_id(name), name)) out.field(name, value);
    });
  } else {
    head_ += head.block();
  }
  append_coding_fields(head.etag(), head.varies_by_coding);
  if (framing_ == Framing::length) out.field(HeaderId::content_length, *length);
  if (request.config->server().via) {
    static const http::HeaderTable none;
    http::append_via(out, none, 1, worker_.pseudonym());
  }
  finish_head(request, extras, head.date.has_value());
}

void ResponseWriter::start_partial(const RequestContext& request, const cache::ObjectHead& head,
                                   const http::ByteRange& range, std::uint64_t length,
                                   const ResponseExtras& extras) {
  started_ = true;
  framing_ = Framing::length;
  head_.clear();
  append_partial_head(head, range, length, head_);
  http::HeadWriter out(head_);
  out.field(HeaderId::content_length, range.length);
  if (request.config->server().via) {
    static const http::HeaderTable none;
    http::append_via(out, none, 1, worker_.pseudonym());
  }
  finish_head(request, extras, head.date.has_value());
}

void ResponseWriter::finish_head(const RequestContext& request, const ResponseExtras& extras,
                                 bool has_date) {
  http::HeadWriter out(head_);
  if (!has_date) out.field(HeaderId::date, worker_.date());
  if (extras.age.has_value()) {
    head_ += "Age: ";
    cache::write_age(*extras.age, head_);
    head_ += "\r\n";
  }
  if (!extras.cache_status.empty()) out.field(HeaderId::cache_status, extras.cache_status);
  head_ += extras.fields;
  head_ += request.limit_fields;
  if (framing_ == Framing::chunked) out.field(HeaderId::transfer_encoding, "chunked");
  if (extras.close || framing_ == Framing::close) {
    out.field(HeaderId::connection, "close");
  } else if (request.head().version_minor == 0) {
    out.field(HeaderId::connection, "keep-alive");
  }
  out.end();
}

bool ResponseWriter::add(std::span<const std::string_view> pieces, bool last,
                         const http::HeaderTable* trailers) {
  frame_.clear();
  encoded_.clear();
  if (!head_added_) {
    head_added_ = true;
    out_.add(head_);
  }
  if (framing_ == Framing::none) return true;
  if (!rewrites()) {
    add_framed(pieces);
  } else if (!rewrite(pieces, last)) {
    return false;
  }
  if (last && framing_ == Framing::chunked) {
    if (trailers != nullptr && !trailers->empty()) {
      trailers_.clear();
      http::append_last_chunk(trailers_, rewrites() ? without_digests(*trailers) : *trailers);
      out_.add(trailers_);
    } else {
      out_.add(http::last_chunk);
    }
  }
  return true;
}

bool ResponseWriter::rewrite(std::span<const std::string_view> pieces, bool last) {
  if (tightener_ != nullptr) tighten(pieces, last);
  const std::string_view tight[] = {tight_};
  if (tightener_ != nullptr) pieces = tight;
  if (!encoder_.valid()) {
    add_framed(pieces);
    return true;
  }
  if (!encode(pieces, last)) return false;
  const std::string_view all[] = {encoded_};
  add_framed(all);
  return true;
}

void ResponseWriter::tighten(std::span<const std::string_view> pieces, bool last) {
  const Instant start = worker_.now();
  tight_.clear();
  for (const std::string_view piece : pieces) {
    json_in_ += piece.size();
    tightener_->write(piece, tight_);
  }
  const bool json = last && tightener_->finish(tight_);
  json_out_ += tight_.size();
  tightening_time_ += worker_.now() - start;
  if (!last) return;
  if (json) {
    worker_.compression().streamed(
        rules::Coding::identity, json_in_, json_out_,
        static_cast<std::uint64_t>(std::chrono::nanoseconds(tightening_time_).count()));
  } else {
    worker_.compression().not_json();
  }
}

bool ResponseWriter::encode(std::span<const std::string_view> pieces, bool last) {
  const Instant start = worker_.now();
  for (const std::string_view piece : pieces) {
    if (!encoder_.write(piece, encoded_)) return false;
  }
  // What arrived is passed on at once: a slow stream must not wait for the encoder.
  if (!last && !encoder_.write({}, encoded_, compress::Flush::sync)) return false;
  if (last && !encoder_.finish(encoded_)) return false;
  encoding_time_ += worker_.now() - start;
  if (!last) return true;
  const auto nanoseconds =
      static_cast<std::uint64_t>(std::chrono::nanoseconds(encoding_time_).count());
  worker_.compression().streamed(coding_.coding, encoder_.bytes_in(), encoder_.bytes_out(),
                                 nanoseconds);
  worker_.services().streams.costs.add(coding_.coding, coding_.effort, encoder_.bytes_in(),
                                       encoder_.bytes_out(), static_cast<double>(nanoseconds));
  return true;
}

void ResponseWriter::add_framed(std::span<const std::string_view> pieces) {
  std::size_t total = 0;
  for (const std::string_view piece : pieces) total += piece.size();
  if (total == 0) return;
  body_bytes_ += total;
  if (framing_ == Framing::chunked) {
    frame_ += http::ChunkHeader(total).text();
    out_.add(frame_);
  }
  for (const std::string_view piece : pieces) out_.add(piece);
  if (framing_ == Framing::chunked) out_.add(http::chunk_data_end);
}

}  // namespace homeostat::proxy
