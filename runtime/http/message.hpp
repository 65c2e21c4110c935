// Parsed message heads, as views into the caller's bytes.
//
// Ownership: method_text, target, reason and the header table point into the
// input given to the parser; see parser.hpp for how long that must live.
// Thread safety: plain values.
// Source: RFC 9110 sections 9 and 15, RFC 9112 sections 3 to 6.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "runtime/http/header_table.hpp"

namespace homeostat::http {

enum class Method : std::uint8_t {
  get,
  head,
  post,
  put,
  delete_,
  options,
  patch,
  connect,
  trace,
  other
};

/// Case-sensitive, as RFC 9110 section 9.1 demands.
[[nodiscard]] Method method_from(std::string_view text) noexcept;
/// Upper-case name; empty for `other`.
[[nodiscard]] std::string_view method_name(Method method) noexcept;
/// RFC 9110 section 9.2.1; an unknown method is not safe.
[[nodiscard]] constexpr bool is_safe(Method method) noexcept {
  return method == Method::get || method == Method::head || method == Method::options ||
         method == Method::trace;
}
/// RFC 9110 section 9.2.2; an unknown method is not idempotent.
[[nodiscard]] constexpr bool is_idempotent(Method method) noexcept {
  return is_safe(method) || method == Method::put || method == Method::delete_;
}

/// How the end of the body is known.
enum class BodyKind : std::uint8_t { none, length, chunked, until_close };

struct RequestHead {
  Method method = Method::other;
  std::string_view method_text;
  std::string_view target;         ///< as received
  std::string_view host;           ///< the Host field, validated; empty only on HTTP/1.0
  std::uint8_t version_minor = 1;  ///< HTTP/1.0 or HTTP/1.1
  bool keep_alive = true;          ///< the client allows another request
  bool expect_continue = false;    ///< wants 100 before it sends the body
  bool upgrade = false;            ///< Upgrade with Connection: upgrade (never h2c)
  BodyKind body = BodyKind::none;  ///< none, length or chunked
  std::uint64_t content_length = 0;
  std::size_t fields_dropped = 0;  ///< ParseLimits::underscores
  HeaderTable headers;

  /// As before any request: no view of an earlier message survives.
  void clear() noexcept {
    method = Method::other;
    method_text = target = host = {};
    version_minor = 1;
    keep_alive = true;
    expect_continue = upgrade = false;
    body = BodyKind::none;
    content_length = 0;
    fields_dropped = 0;
    headers.clear();
  }
};

struct ResponseHead {
  std::uint16_t status = 0;  ///< 100..999
  std::string_view reason;   ///< may be empty
  std::uint8_t version_minor = 1;
  bool keep_alive = true;           ///< the connection may be used again after the body
  bool upgrade = false;             ///< what follows the head is a tunnel (101, or 2xx to CONNECT)
  BodyKind body = BodyKind::none;   ///< none for HEAD, 1xx, 204 and 304 whatever the fields say
  bool has_content_length = false;  ///< the field was there (also where body is none)
  std::uint64_t content_length = 0;
  HeaderTable headers;
};

/// Standard reason phrase (RFC 9110 section 15 and registry); "Unknown" otherwise.
[[nodiscard]] std::string_view reason_phrase(unsigned status) noexcept;

}  // namespace homeostat::http
