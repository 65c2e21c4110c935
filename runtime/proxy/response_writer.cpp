#include "runtime/proxy/response_writer.hpp"

#include "runtime/cache/cache_status.hpp"
#include "runtime/cache/client_fields.hpp"
#include "runtime/compress/variant.hpp"
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

bool changed_by_gzip(HeaderId id) noexcept {
  return id == HeaderId::etag || id == HeaderId::vary || id == HeaderId::accept_ranges;
}

void gzip_fields(std::string& out, std::string_view etag, std::string_view vary) {
  http::HeadWriter head(out);
  head.field(HeaderId::content_encoding, "gzip");
  if (!etag.empty()) weak_etag(out, etag);
  std::string merged;
  compress::append_vary(merged, vary);
  head.field(HeaderId::vary, merged);
}

std::string joined_vary(const http::HeaderTable& headers) {
  std::string all;
  headers.for_each_token(HeaderId::vary, [&](std::string_view token) {
    if (!all.empty()) all += ", ";
    all += token;
  });
  return all;
}

}  // namespace

void append_interim(const http::ResponseHead& head, std::string& text) {
  http::HeadWriter out(text);
  out.status_line(head.status);
  const http::HopByHopFilter filter(head.headers);
  for (const http::Field& field : head.headers) {
    if (filter.forwarded(field)) out.field(field);
  }
  out.end();
}

void ResponseWriter::choose_framing(const RequestContext& request, bool has_body,
                                    bool known_length) {
  if (!has_body) {
    framing_ = Framing::none;
  } else if (known_length && !gzip_) {
    framing_ = Framing::length;
  } else if (request.head().version_minor >= 1) {
    framing_ = Framing::chunked;
  } else {
    framing_ = Framing::close;
  }
}

void ResponseWriter::begin_gzip(int level) {
  if (level <= 0) return;
  encoder_ = worker_.gzip().acquire(level);
  gzip_ = encoder_.valid();
  if (gzip_) worker_.counters().gzip_streams.fetch_add(1, std::memory_order_relaxed);
}

void ResponseWriter::start_forwarded(const RequestContext& request, const http::ResponseHead& head,
                                     const ResponseExtras& extras, int gzip_level) {
  started_ = true;
  const bool has_body = head.body != http::BodyKind::none;
  if (has_body) begin_gzip(gzip_level);
  choose_framing(request, has_body, head.body == http::BodyKind::length);
  head_.clear();
  head_.reserve(head_reserve);
  http::HeadWriter out(head_);
  out.status_line(head.status,
                  head.reason.empty() ? http::reason_phrase(head.status) : head.reason);
  const http::HopByHopFilter filter(head.headers);
  const cache::ClientFields client(request.decision, request.head().headers,
                                   static_cast<int>(head.status), head.headers);
  for (const http::Field& field : head.headers) {
    if (!filter.forwarded(field) || field.id == HeaderId::content_length ||
        field.id == HeaderId::via || (gzip_ && changed_by_gzip(field.id)) || client.hides(field)) {
      continue;
    }
    out.field(field);
  }
  if (!client.cache_control().empty()) {
    out.field(HeaderId::cache_control, client.cache_control());
  }
  if (head.upgrade) {
    out.field(HeaderId::connection, "Upgrade");
    if (head.headers.has(HeaderId::upgrade)) {
      out.field(HeaderId::upgrade, head.headers.get(HeaderId::upgrade));
    }
  } else if (framing_ == Framing::length ||
             (!has_body && head.has_content_length && head.status != 204)) {
    out.field(HeaderId::content_length, head.content_length);
  }
  if (gzip_) gzip_fields(head_, head.headers.get(HeaderId::etag), joined_vary(head.headers));
  if (request.config->server().via) {
    http::append_via(out, head.headers, head.version_minor, worker_.pseudonym());
  }
  finish_head(request, extras, head.headers.has(HeaderId::date));
}

void ResponseWriter::start_stored(const RequestContext& request, const cache::ObjectHead& head,
                                  std::optional<std::uint64_t> length, const ResponseExtras& extras,
                                  int gzip_level) {
  started_ = true;
  const bool has_body = head.status != 204;
  if (has_body) begin_gzip(gzip_level);
  choose_framing(request, has_body, length.has_value());
  head_.clear();
  head_.reserve(head_reserve);
  http::HeadWriter out(head_);
  if (gzip_) {
    out.status_line(static_cast<unsigned>(head.status));
    std::string vary;
    head.for_each_field([&](std::string_view name, std::string_view value) {
      const HeaderId id = http::header_id(name);
      if (id == HeaderId::vary) vary += (vary.empty() ? "" : ", ") + std::string(value);
      if (!changed_by_gzip(id)) out.field(name, value);
    });
    gzip_fields(head_, head.etag(), vary);
  } else {
    head_ += head.block();
  }
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
  if (gzip_) {
    for (const std::string_view piece : pieces) {
      if (!encoder_.write(piece, encoded_)) return false;
    }
    // What arrived is passed on at once: a slow stream must not wait for zlib.
    if (!last && !encoder_.write({}, encoded_, compress::Flush::sync)) return false;
    if (last && !encoder_.finish(encoded_)) return false;
    const std::string_view all[] = {encoded_};
    add_framed(all);
  } else {
    add_framed(pieces);
  }
  if (last && framing_ == Framing::chunked) {
    if (trailers != nullptr && !trailers->empty()) {
      trailers_.clear();
      http::append_last_chunk(trailers_, *trailers);
      out_.add(trailers_);
    } else {
      out_.add(http::last_chunk);
    }
  }
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
