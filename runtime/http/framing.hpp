// What follows a head: the body's delimitation and the connection's future
// (RFC 9112 sections 6.1 to 6.3, 9.3). Strict: a head that two recipients could
// read in two ways is an error. Pure.
#pragma once

#include <cstdint>
#include <string_view>

#include "runtime/http/header_table.hpp"
#include "runtime/http/message.hpp"

namespace homeostat::http {

struct Framing {
  BodyKind body = BodyKind::none;
  bool has_length = false;
  std::uint64_t length = 0;
  std::string_view error;  ///< not empty: refuse the message
};

/// RFC 9110 section 7.6.1: whether Connection is a list of tokens. Asked of requests alone:
/// servers that write parameters into it are common, and nothing hangs on it.
[[nodiscard]] bool valid_connection(const HeaderTable& headers) noexcept;

/// Content-Length and Transfer-Encoding; `none` if neither is there.
[[nodiscard]] Framing declared_framing(const HeaderTable& headers, unsigned version_minor) noexcept;

/// Whether the Connection field and the version let the connection persist.
[[nodiscard]] bool wants_keep_alive(const HeaderTable& headers, unsigned version_minor) noexcept;

/// Whether an upgrade is asked for (or granted): Upgrade listed in Connection,
/// HTTP/1.1, and a protocol other than h2c, which would carry further requests
/// past every check.
[[nodiscard]] bool wants_upgrade(const HeaderTable& headers, unsigned version_minor) noexcept;

}  // namespace homeostat::http
