// The field names the data plane treats specially, as small integers.
//
// Lookup is case-insensitive, O(1) and allocation-free: one hash of length and
// three characters, one comparison of eight bytes at a time. Names that are not
// listed are HeaderId::other and are compared as text where that matters.
// Thread safety: everything is constant.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace homeostat::http {

// X(identifier, "Canonical-Name")
#define HOMEOSTAT_HEADER_LIST(X)                                \
  X(accept, "Accept")                                           \
  X(accept_charset, "Accept-Charset")                           \
  X(accept_encoding, "Accept-Encoding")                         \
  X(accept_language, "Accept-Language")                         \
  X(accept_ranges, "Accept-Ranges")                             \
  X(access_control_allow_origin, "Access-Control-Allow-Origin") \
  X(age, "Age")                                                 \
  X(allow, "Allow")                                             \
  X(alt_svc, "Alt-Svc")                                         \
  X(authorization, "Authorization")                             \
  X(cache_control, "Cache-Control")                             \
  X(cache_group_invalidation, "Cache-Group-Invalidation")       \
  X(cache_groups, "Cache-Groups")                               \
  X(cache_status, "Cache-Status")                               \
  X(cache_tag, "Cache-Tag")                                     \
  X(cdn_cache_control, "CDN-Cache-Control")                     \
  X(connection, "Connection")                                   \
  X(content_disposition, "Content-Disposition")                 \
  X(content_encoding, "Content-Encoding")                       \
  X(content_language, "Content-Language")                       \
  X(content_length, "Content-Length")                           \
  X(content_location, "Content-Location")                       \
  X(content_range, "Content-Range")                             \
  X(content_security_policy, "Content-Security-Policy")         \
  X(content_type, "Content-Type")                               \
  X(cookie, "Cookie")                                           \
  X(date, "Date")                                               \
  X(etag, "ETag")                                               \
  X(expect, "Expect")                                           \
  X(expires, "Expires")                                         \
  X(forwarded, "Forwarded")                                     \
  X(front_end_https, "Front-End-Https")                         \
  X(grpc_timeout, "grpc-timeout")                               \
  X(host, "Host")                                               \
  X(http2_settings, "HTTP2-Settings")                           \
  X(if_match, "If-Match")                                       \
  X(if_modified_since, "If-Modified-Since")                     \
  X(if_none_match, "If-None-Match")                             \
  X(if_range, "If-Range")                                       \
  X(if_unmodified_since, "If-Unmodified-Since")                 \
  X(keep_alive, "Keep-Alive")                                   \
  X(last_modified, "Last-Modified")                             \
  X(link, "Link")                                               \
  X(location, "Location")                                       \
  X(max_forwards, "Max-Forwards")                               \
  X(no_vary_search, "No-Vary-Search")                           \
  X(origin, "Origin")                                           \
  X(pragma, "Pragma")                                           \
  X(proxy_authenticate, "Proxy-Authenticate")                   \
  X(proxy_authentication_info, "Proxy-Authentication-Info")     \
  X(proxy_authorization, "Proxy-Authorization")                 \
  X(proxy_connection, "Proxy-Connection")                       \
  X(range, "Range")                                             \
  X(referer, "Referer")                                         \
  X(retry_after, "Retry-After")                                 \
  X(sec_websocket_key, "Sec-WebSocket-Key")                     \
  X(sec_websocket_version, "Sec-WebSocket-Version")             \
  X(server, "Server")                                           \
  X(set_cookie, "Set-Cookie")                                   \
  X(set_cookie2, "Set-Cookie2")                                 \
  X(strict_transport_security, "Strict-Transport-Security")     \
  X(surrogate_control, "Surrogate-Control")                     \
  X(surrogate_key, "Surrogate-Key")                             \
  X(te, "TE")                                                   \
  X(traceparent, "traceparent")                                 \
  X(tracestate, "tracestate")                                   \
  X(trailer, "Trailer")                                         \
  X(transfer_encoding, "Transfer-Encoding")                     \
  X(upgrade, "Upgrade")                                         \
  X(upgrade_insecure_requests, "Upgrade-Insecure-Requests")     \
  X(user_agent, "User-Agent")                                   \
  X(vary, "Vary")                                               \
  X(via, "Via")                                                 \
  X(warning, "Warning")                                         \
  X(www_authenticate, "WWW-Authenticate")                       \
  X(x_correlation_id, "X-Correlation-Id")                       \
  X(x_forwarded_for, "X-Forwarded-For")                         \
  X(x_forwarded_host, "X-Forwarded-Host")                       \
  X(x_forwarded_port, "X-Forwarded-Port")                       \
  X(x_forwarded_prefix, "X-Forwarded-Prefix")                   \
  X(x_forwarded_proto, "X-Forwarded-Proto")                     \
  X(x_forwarded_scheme, "X-Forwarded-Scheme")                   \
  X(x_forwarded_server, "X-Forwarded-Server")                   \
  X(x_forwarded_ssl, "X-Forwarded-Ssl")                         \
  X(x_host, "X-Host")                                           \
  X(x_http_host_override, "X-HTTP-Host-Override")               \
  X(x_http_method, "X-HTTP-Method")                             \
  X(x_http_method_override, "X-HTTP-Method-Override")           \
  X(x_method_override, "X-Method-Override")                     \
  X(x_original_host, "X-Original-Host")                         \
  X(x_original_url, "X-Original-URL")                           \
  X(x_real_ip, "X-Real-IP")                                     \
  X(x_request_deadline, "X-Request-Deadline")                   \
  X(x_request_id, "X-Request-Id")                               \
  X(x_rewrite_url, "X-Rewrite-URL")

enum class HeaderId : std::uint8_t {
  other = 0,  ///< any name not listed
#define HOMEOSTAT_HEADER_ENUM(id, text) id,
  HOMEOSTAT_HEADER_LIST(HOMEOSTAT_HEADER_ENUM)
#undef HOMEOSTAT_HEADER_ENUM
      count_  ///< number of identifiers, not a field
};

inline constexpr std::size_t header_id_count = static_cast<std::size_t>(HeaderId::count_);
static_assert(header_id_count <= 128, "HeaderSet and HeaderTable use two 64-bit words");

/// The identifier of a field name in any case; `other` if it has none.
/// The name should be a token: control characters may be taken for the
/// printable character 32 above.
[[nodiscard]] HeaderId header_id(std::string_view name) noexcept;

/// Canonical spelling; empty for `other`.
[[nodiscard]] std::string_view header_name(HeaderId id) noexcept;

/// A set of identifiers in two machine words.
class HeaderSet {
 public:
  constexpr HeaderSet() noexcept = default;
  template <class... Ids>
  explicit constexpr HeaderSet(HeaderId first, Ids... more) noexcept {
    insert(first);
    (insert(more), ...);
  }
  constexpr void insert(HeaderId id) noexcept { words_[word(id)] |= bit(id); }
  [[nodiscard]] constexpr bool contains(HeaderId id) const noexcept {
    return (words_[word(id)] & bit(id)) != 0;
  }
  constexpr void clear() noexcept { words_[0] = words_[1] = 0; }

 private:
  static constexpr std::size_t word(HeaderId id) noexcept {
    return static_cast<std::size_t>(id) >> 6;
  }
  static constexpr std::uint64_t bit(HeaderId id) noexcept {
    return std::uint64_t{1} << (static_cast<unsigned>(id) & 63U);
  }
  std::uint64_t words_[2] = {0, 0};
};

}  // namespace homeostat::http
