#include "runtime/http/framing.hpp"

#include "runtime/http/ascii.hpp"

namespace homeostat::http {
namespace {

constexpr std::size_t length_digits_max = 18;  // below 2^63 with room to add

Framing refuse(std::string_view reason) noexcept {
  Framing framing;
  framing.error = reason;
  return framing;
}

}  // namespace

bool valid_connection(const HeaderTable& headers) noexcept {
  return !headers.any_field(HeaderId::connection, [](const Field& field) {
    return any_list_element(field.value,
                            [](std::string_view element) { return !is_token(element); });
  });
}

Framing declared_framing(const HeaderTable& headers, unsigned version_minor) noexcept {
  Framing framing;
  const bool has_coding = headers.has(HeaderId::transfer_encoding);
  framing.has_length = headers.has(HeaderId::content_length);
  if (!has_coding && !framing.has_length) return framing;
  if (has_coding && framing.has_length) return refuse("Content-Length with Transfer-Encoding");
  if (framing.has_length) {
    if (headers.count(HeaderId::content_length) > 1) return refuse("repeated Content-Length");
    const std::string_view text = headers.get(HeaderId::content_length);
    const auto length = parse_decimal(text);
    if (!length || text.size() > length_digits_max) return refuse("invalid Content-Length");
    framing.body = BodyKind::length;
    framing.length = *length;
    return framing;
  }
  if (version_minor == 0) return refuse("Transfer-Encoding on HTTP/1.0");
  if (headers.count(HeaderId::transfer_encoding) > 1) return refuse("repeated Transfer-Encoding");
  if (!iequals(headers.get(HeaderId::transfer_encoding), "chunked")) {
    return refuse("unsupported Transfer-Encoding");
  }
  framing.body = BodyKind::chunked;
  return framing;
}

bool wants_keep_alive(const HeaderTable& headers, unsigned version_minor) noexcept {
  if (!headers.has(HeaderId::connection)) return version_minor >= 1;
  if (headers.contains_token(HeaderId::connection, "close")) return false;
  return version_minor >= 1 || headers.contains_token(HeaderId::connection, "keep-alive");
}

bool wants_upgrade(const HeaderTable& headers, unsigned version_minor) noexcept {
  return version_minor >= 1 && headers.has(HeaderId::upgrade) &&
         headers.contains_token(HeaderId::connection, "upgrade") &&
         !headers.contains_token(HeaderId::upgrade, "h2c");
}

}  // namespace homeostat::http
