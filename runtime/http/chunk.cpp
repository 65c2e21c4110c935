#include "runtime/http/chunk.hpp"

#include "runtime/http/forwarded.hpp"
#include "runtime/http/head_writer.hpp"

namespace homeostat::http {

ChunkHeader::ChunkHeader(std::size_t size) noexcept : first_(bytes_.size()) {
  bytes_[--first_] = '\n';
  bytes_[--first_] = '\r';
  do {
    bytes_[--first_] = "0123456789abcdef"[size & 0xfU];
    size >>= 4U;
  } while (size != 0);
}

void append_chunk(std::string& out, std::string_view data) {
  if (data.empty()) return;
  out.append(ChunkHeader(data.size()).text()).append(data).append(chunk_data_end);
}

bool allowed_in_trailer(HeaderId id) noexcept {
  static constexpr HeaderSet refused(
      HeaderId::age, HeaderId::authorization, HeaderId::cache_control, HeaderId::connection,
      HeaderId::content_encoding, HeaderId::content_length, HeaderId::content_range,
      HeaderId::content_type, HeaderId::cookie, HeaderId::date, HeaderId::expect, HeaderId::expires,
      HeaderId::forwarded, HeaderId::host, HeaderId::http2_settings, HeaderId::if_match,
      HeaderId::if_modified_since, HeaderId::if_none_match, HeaderId::if_range,
      HeaderId::if_unmodified_since, HeaderId::keep_alive, HeaderId::location,
      HeaderId::max_forwards, HeaderId::pragma, HeaderId::proxy_authenticate,
      HeaderId::proxy_authorization, HeaderId::proxy_connection, HeaderId::range,
      HeaderId::retry_after, HeaderId::set_cookie, HeaderId::set_cookie2, HeaderId::te,
      HeaderId::trailer, HeaderId::transfer_encoding, HeaderId::upgrade, HeaderId::vary,
      HeaderId::via, HeaderId::www_authenticate, HeaderId::x_forwarded_for,
      HeaderId::x_forwarded_host, HeaderId::x_forwarded_proto);
  return !is_proxy_statement(id) && !refused.contains(id);
}

void append_last_chunk(std::string& out, const HeaderTable& trailers) {
  out.append("0\r\n");
  HeadWriter writer(out);
  for (const Field& field : trailers) {
    if (allowed_in_trailer(field.id)) writer.field(field);
  }
  writer.end();
}

}  // namespace homeostat::http
