// Addresses and URLs as operators write them.
//
//   listen    127.0.0.1:8080, [::1]:8080, :8080 (every interface),
//             localhost:8080, unix:/run/homeostat.sock
//   upstream  http://host[:port], unix:/run/app.sock
//   Redis     redis://host[:port][/database], rediss:// with TLS, unix:/run/redis.sock
//   URL       http://host[:port]/path?query (alerts, hooks)
//
// TLS (https) is refused with its own message. Messages never quote a URL, which
// may hold a password.
//
// Thread safety: pure functions; nothing is resolved.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/settings/address_text.hpp"
#include "config/settings/redis.hpp"
#include "config/settings/upstream.hpp"
#include "config/units.hpp"

namespace homeostat::config {

[[nodiscard]] Parsed<Address> parse_listen_address(std::string_view text);
[[nodiscard]] Parsed<UpstreamTarget> parse_upstream(std::string_view text);
[[nodiscard]] Parsed<RedisServer> parse_redis_url(std::string_view text);
/// Nothing if `text` is a URL that can be called; else what is wrong.
[[nodiscard]] std::optional<std::string> check_http_url(std::string_view text);

/// 127.0.0.0/8, ::1, localhost or a Unix socket: not reachable from elsewhere.
[[nodiscard]] bool is_loopback(const Address& address);

/// "http://host:port" or "unix:/path".
[[nodiscard]] std::string to_url(const Address& address);
/// Scheme and authority of a URL without user; "/***" for any path or query.
[[nodiscard]] std::string redacted_url(std::string_view url);

}  // namespace homeostat::config
