// Splitting a request target (RFC 9112 section 3.2) without decoding it.
//
// Pure; all parts are views into the argument.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "runtime/http/message.hpp"

namespace homeostat::http {

enum class TargetForm : std::uint8_t { origin, absolute, authority, asterisk };

struct RequestTarget {
  TargetForm form = TargetForm::origin;
  std::string_view scheme;      ///< absolute form: "http" or "https", any case
  std::string_view authority;   ///< absolute and authority form: host[:port]
  std::string_view path;        ///< begins with '/', or "*"; if the absolute form has none: "/",
                                ///< but "*" for OPTIONS without a query
  std::string_view query;       ///< without '?'
  bool has_query = false;       ///< tells "/a?" from "/a"
  std::string_view path_query;  ///< what goes into an origin-form request line; when the absolute
                                ///< form has an empty path with a query it lacks the leading '/'
};

/// Nothing if the target does not fit the method (authority form only for
/// CONNECT, `*` only for OPTIONS), has a fragment, user information, another
/// scheme, or an authority that is not host[:port].
[[nodiscard]] std::optional<RequestTarget> parse_target(Method method,
                                                        std::string_view target) noexcept;

/// Whether servers differ in which resource a path names: it has a dot segment, an
/// empty segment, a backslash, or one of `/`, `\`, `%` and NUL encoded. REQUIRES: what
/// need not be encoded is not (normalise_percent).
[[nodiscard]] bool ambiguous_path(std::string_view path) noexcept;

/// Whether servers differ in where a path ends: it has a `;`, or one of `;`, `?`, `#`, line
/// feed and carriage return encoded. To some, `/account;a.css` is `/account`. REQUIRES: as
/// above.
[[nodiscard]] bool delimited_path(std::string_view path) noexcept;

/// host[:port] as Host and authorities may have it: a name, IPv4 address or
/// bracketed IPv6 address, port 0..65535. Not empty; no user information.
[[nodiscard]] bool valid_authority(std::string_view text) noexcept;

/// The authority that counts: the target's own if it has one (RFC 9112 section
/// 3.2.2), else the Host field.
[[nodiscard]] inline std::string_view effective_host(const RequestTarget& target,
                                                     std::string_view host_field) noexcept {
  return target.authority.empty() ? host_field : target.authority;
}

}  // namespace homeostat::http
